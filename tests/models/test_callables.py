"""A researcher's own network by `module:name`, asked for logits and gradients."""

import gc
import warnings

import pytest
import torch
from own_code import refused, writing
from torch import nn

from advlib.errors import DataError
from advlib.models.callables import Adapted, load_callable, probe


@pytest.fixture
def own(tmp_path, monkeypatch):
    """Write a module into the current directory, under a name of its own; returns the name."""
    with writing(tmp_path, monkeypatch) as write:
        yield write


KINDS = {
    "net = Net()": "module",
    "net = Net": "made",
    "net = lambda: Net()": "made",
    "net = lambda classes=3: Net(classes)": "made",
    "net = functools.partial(Net, 3)": "made",
    "inner = Net()\ndef net(images): return inner(images)": "function",
    "inner = Net()\ndef net(images, scale=1): return inner(images)": "function",
    "inner = Net()\nnet = inner.forward": "function",
    "net = functools.partial(lambda inner, x: inner(x), Net())": "function",
    """
    class Holder:
        def __init__(self): self.inner = Net()
        def __call__(self, images): return self.inner(images)
    net = Holder
    """: "function",
    """
    class Holder:
        def __init__(self): self.inner = Net()
        def ask(self, images): return self.inner(images)
    net = Holder().ask
    """: "function",
    """
    def net():
        inner = Net()
        return lambda images: inner(images)
    """: "function",
    """
    def twice(function):
        @functools.wraps(function)
        def inner(*args): return 2 * function(*args)
        return inner
    held = Net()
    @twice
    def net(images): return held(images)
    """: "function",
}


@pytest.mark.parametrize(("code", "kind"), KINDS.items())
def test_every_kind_gives_the_logits_of_the_network_in_evaluation_mode(own, code, kind):
    spec = f"{own(code)}:net"
    model, description = load_callable(spec)
    images = torch.rand(5, 3, 2, 2)
    logits = model(images)
    assert logits.shape == (5, 3)
    assert torch.equal(model(images), logits)  # dropout is off
    assert description == {
        "format": "callable",
        "model": spec,
        "kind": kind,
        "pixels": "unit",
        "normalisation": "none",
        "training_mode_left_on": True,
    }
    assert not logits.requires_grad  # nor do its weights ask for gradients
    assert probe(model, (3, 2, 2)) == 3


def test_an_import_that_switches_gradients_off_leaves_them_on(own):
    model, _ = load_callable(f"{own('torch.set_grad_enabled(False)')}:Net")
    assert torch.is_grad_enabled()
    assert probe(model, (3, 2, 2)) == 3


ASYNC = [
    "async def net(images): return images",
    "async def net(): return Net()",
    "async def net(images): yield images",
    "class net:\n    async def __call__(self, images): return images",
    "class inner(Net):\n    async def forward(self, images): return images\nnet = inner()",
    "class net(Net):\n    async def forward(self, images): return images",
    "async def inner(size, images): return images\nnet = functools.partial(inner, 3)",
    "async def inner(images): return images\ndef net(): return inner",
    "async def inner(images): return images\ndef net(images): return inner(images)",
]


@pytest.mark.parametrize("code", ASYNC)
def test_what_must_be_awaited_is_refused_without_a_word_of_python(own, code):
    name = own(code)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(DataError, match=r"async|coroutine") as caught:
            probe(load_callable(f"{name}:net")[0], (3, 2, 2))
        gc.collect()
    assert "\n" not in str(caught.value)


def test_training_mode_is_reported_only_where_it_was_on(own):
    name = own("""
        whole = Net().eval()
        part = Net().eval()
        part.drop.train()
        def function(images): return whole(images)
        def plain(images): return images.flatten(1)
    """)
    left_on = {
        part: load_callable(f"{name}:{part}")[1]["training_mode_left_on"]
        for part in ("whole", "part", "function", "plain")
    }
    assert left_on == {"whole": False, "part": True, "function": False, "plain": False}


@pytest.mark.parametrize(
    ("options", "lowest", "highest"),
    [
        ({}, 0, 1),
        ({"pixels": "signed"}, -1, 1),
        ({"pixels": "bytes"}, 0, 255),
        ({"normalisation": "svhn"}, -1, 1),
        ({"normalisation": "none", "pixels": "bytes"}, 0, 255),
        (
            {"normalisation": "cifar10"},
            [-0.4914 / 0.2471, -0.4822 / 0.2435, -0.4465 / 0.2616],
            [0.5086 / 0.2471, 0.5178 / 0.2435, 0.5535 / 0.2616],
        ),
    ],
)
def test_the_network_is_given_the_range_it_takes(own, options, lowest, highest):
    model, _ = load_callable(f"{own('')}:Pixels", **options)
    for value, expected in ((0.0, lowest), (1.0, highest)):
        found = model(torch.full((2, 3, 2, 2), value)).view(2, 3, 4)
        expected = torch.tensor(expected, dtype=torch.float32).expand(3)[None, :, None]
        torch.testing.assert_close(found, expected.expand(2, 3, 4), atol=1e-6, rtol=1e-6)


def test_gradients_come_back_through_the_range(own):
    model, _ = load_callable(f"{own('')}:Pixels", pixels="bytes")
    images = torch.rand(2, 3, 2, 2, requires_grad=True)
    model(images).sum().backward()
    assert images.grad.eq(255).all()


@pytest.mark.parametrize("kind", ["double", "half", "bfloat16"])
def test_networks_of_another_precision_are_asked_in_it(own, kind):
    model, _ = load_callable(f"{own(f'net = Net().{kind}()')}:net")
    logits = model(torch.rand(4, 3, 2, 2))
    assert logits.dtype == torch.float32
    given = load_callable(f"{own(f'net = lambda x: x.{kind}().flatten(1)')}:net")[0]
    assert given(torch.rand(4, 3, 2, 2)).dtype == torch.float32


def test_a_network_that_changes_what_it_is_given_changes_no_images(own):
    model, _ = load_callable(f"{own('net = lambda x: x.sub_(0.5).flatten(1)')}:net")
    images = torch.rand(2, 3, 2, 2)
    before = images.clone()
    found = model(images)
    assert torch.equal(images, before)
    assert torch.equal(found, (before - 0.5).flatten(1))
    assert probe(model, (3, 2, 2)) == 12  # nor does it fail on images that ask for gradients


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("(x.flatten(1), x)", r"returned a tuple of 2 for 2 images; expected logits"),
        ("{'logits': x}", r"returned a dict of 1"),
        ("None", r"returned None"),
        ("Net()", r"returned a Net"),
        ("x.flatten(1).argmax(1)", r"returned int64 \(2,\)"),
        ("x.flatten(1)[:, :1]", r"returned float32 \(2, 1\)"),
        ("x", r"returned float32 \(2, 3, 2, 2\)"),
        ("x.flatten(1)[:1]", r"returned float32 \(1, 12\)"),
        ("nn.Linear(5, 2)(x)", r"called with float32 \(2, 3, 2, 2\): RuntimeError: .*line \d+\)"),
    ],
)
def test_networks_that_give_no_logits(own, body, words):
    name = own(f"def net(x): return {body}")
    with pytest.raises(DataError, match=rf"^{name}:net: {words}"):
        load_callable(f"{name}:net")[0](torch.full((2, 3, 2, 2), 0.5))


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("x.flatten(1).squeeze(0)", r"returned float32 \(12,\) for 1 images"),
        ("x.flatten(1)[:, : 2 + len(x)]", "found 5 classes for three images, 3 for one"),
        ("x.detach().flatten(1)", "no gradient by the images"),
        ("x.flatten(1) / 0", "found logit inf for a grey image; expected finite numbers"),
        ("torch.ones(len(x), 2, requires_grad=True)", "no gradient by the images"),
    ],
)
def test_probing_finds_what_a_batch_does_not(own, body, words):
    name = own(f"def net(x): return {body}")
    model, _ = load_callable(f"{name}:net")
    with pytest.raises(DataError, match=words):
        probe(model, (3, 2, 2))


def test_networks_without_gradients_are_probed_on_request(own):
    model, _ = load_callable(f"{own('net = lambda x: x.detach().flatten(1)')}:net")
    assert probe(model, (3, 2, 2), gradient=False) == 12


def test_any_network_can_be_probed():
    assert probe(nn.Sequential(nn.Flatten(), nn.Linear(3, 4)), [3, 1, 1]) == 4


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"pixels": "percent"}, "pixels: found 'percent'; expected unit, signed, bytes"),
        ({"normalisation": "imagenet"}, "normalisation: found 'imagenet'; expected cifar10"),
        ({"normalisation": "cifar10", "pixels": "bytes"}, "with pixels bytes; expected one or"),
    ],
)
def test_options_that_are_wrong(own, options, words):
    assert words in refused(f"{own('')}:Net", **options)


def test_normalisation_is_of_three_channels(own):
    spec = f"{own('')}:Pixels"
    grey = torch.rand(2, 1, 4, 4)
    assert "found channels: 1; expected 3" in refused(spec, grey, normalisation="cifar10")
    assert load_callable(spec, normalisation="none")[0](grey).shape == (2, 16)


def test_memory_that_runs_out_is_not_called_bad_input():
    def greedy(images):
        raise torch.OutOfMemoryError("CUDA out of memory")

    with pytest.raises(torch.OutOfMemoryError):
        Adapted("greedy", greedy)(torch.rand(1, 3, 2, 2))
