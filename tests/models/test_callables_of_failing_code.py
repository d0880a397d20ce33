"""A researcher's code that fails, ends the process or prints, forward or backward."""

import io
import sys

import pytest
import torch
from own_code import writing

import advlib
from advlib.errors import CannotError, DataError
from advlib.models.callables import load_callable, probe

IMAGES, LABELS = torch.full((4, 3, 2, 2), 0.5), torch.zeros(4, dtype=torch.int64)
CODE = """
class Held(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x): return x.clone()
    @staticmethod
    def backward(ctx, gradient):
        {backward}
        return gradient
def net(x):
    {forward}
    return Held.apply(x).flatten(1)
"""
ENDS = {
    "raise ValueError('no such thing')": "ValueError: no such thing",
    "import sys; sys.exit(0)": "SystemExit: 0",
    "raise SystemExit": "SystemExit",
    "raise GeneratorExit": "GeneratorExit",
}


@pytest.fixture
def own(tmp_path, monkeypatch):
    with writing(tmp_path, monkeypatch) as write:
        yield (
            lambda **parts: (
                f"{write(CODE.format_map({'forward': 'pass', 'backward': 'pass'} | parts))}:net"
            )
        )


@pytest.mark.parametrize(("code", "cause"), ENDS.items())
def test_whatever_it_raises_is_one_line_that_names_its_file(own, code, cause):
    spec = own(forward=code)
    with pytest.raises(DataError, match=rf"^{spec}: called with float32 .*: {cause} \(.*line \d+"):
        load_callable(spec)[0](IMAGES)
    spec = own(backward=code)
    with pytest.raises(DataError, match=rf"^{spec}: its gradient by the images: {cause} \(.*line"):
        probe(load_callable(spec)[0], (3, 2, 2))


@pytest.mark.parametrize("engine", ["fast", "reference"])
@pytest.mark.parametrize("attack", ["apgd-ce", "fab-t"])
@pytest.mark.parametrize("code", [*ENDS, "gradient = gradient[:1]"])
def test_no_attack_ends_as_if_all_were_done_where_a_gradient_fails(own, code, attack, engine):
    model, _ = load_callable(own(backward=code))
    with pytest.raises(DataError, match="its gradient by the images: "):
        advlib.attack(model, IMAGES, LABELS, attack=attack, engine=engine)


@pytest.mark.parametrize("where", ["forward", "backward"])
def test_what_it_prints_goes_to_standard_error(own, where, monkeypatch):
    shown, told = io.StringIO(), io.StringIO()
    monkeypatch.setattr(sys, "stdout", shown)
    monkeypatch.setattr(sys, "stderr", told)
    assert probe(load_callable(own(**{where: "print('looking')"}))[0], (3, 2, 2)) == 12
    assert shown.getvalue() == ""
    assert told.getvalue().startswith("looking\n")


@pytest.mark.parametrize("where", ["forward", "backward"])
@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("raise torch.OutOfMemoryError('CUDA out of memory')", torch.OutOfMemoryError),
        ("raise KeyboardInterrupt", KeyboardInterrupt),
        ("from advlib.errors import CannotError; raise CannotError('full')", CannotError),
    ],
)
def test_what_is_no_fault_of_the_code_passes(own, where, code, kind):
    with pytest.raises(kind):
        probe(load_callable(own(**{where: code}))[0], (3, 2, 2))
