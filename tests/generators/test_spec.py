"""Networks by name for images of any size that they divide; widths that group norm divides."""

import pytest
import torch

from advlib.errors import DataError
from advlib.generators.preconditioning import Denoiser
from advlib.generators.spec import NetworkSpec, parse


@pytest.mark.parametrize(
    ("name", "count"), [("ddpmpp-128", 55_735_299), ("ncsnpp-128", 56_400_643)]
)
def test_official_networks_have_their_parameters(name, count):
    with torch.device("meta"):
        made = Denoiser(parse(name, (3, 32, 32), 10))
    assert sum(p.numel() for p in made.parameters()) == count


@pytest.mark.parametrize("form", ["ddpmpp", "ncsnpp"])
@pytest.mark.parametrize(("side", "levels"), [(4, 2), (6, 2), (8, 3), (28, 3), (30, 2)])
def test_images_of_any_even_side_go_through(form, side, levels):
    spec = parse(f"{form}-4x1", (1, side, side), 0)
    assert len(spec.levels) == levels and side // 2 in spec.levels
    with torch.no_grad():
        found = Denoiser(spec).eval()(torch.randn(2, 1, side, side), 1.0)
    assert found.shape == (2, 1, side, side) and found.isfinite().all()


@pytest.mark.parametrize("shape", [(3, 2, 2), (3, 9, 9), (3, 8, 16), (2, 8, 8)])
def test_other_images_are_refused(shape):
    with pytest.raises(DataError, match=r"takes squares|channels"):
        parse("ddpmpp-4x1", shape, 0)


@pytest.mark.parametrize("form", ["ddpmpp", "ncsnpp"])
def test_a_width_is_refused_just_where_torch_would_refuse_it(form):
    refused = set()
    for width in range(4, 140, 4):
        try:
            spec = parse(f"{form}-{width}x1", (3, 8, 8), 0)
        except DataError as err:
            assert str(err).startswith(f"width: found {width}, of which group norm makes no even")
            refused.add(width)
            continue
        with torch.device("meta"):
            Denoiser(spec)
    assert {36, 68, 132} <= refused and not refused & {4, 32, 64, 96, 128}
    with pytest.raises(DataError, match=r"width: found 132, .* expected 128 or 160"):
        parse(f"{form}-132", (3, 32, 32), 0)
    known = NetworkSpec(form, (3, 8, 8), width=32, multipliers=(1, 3), blocks=1).document()
    with pytest.raises(DataError, match="width: found 68"):
        NetworkSpec.of(known | {"width": 68})


def test_refusals_are_torchs_own(monkeypatch):
    """Every width that is refused fails in torch too, so no good one is."""
    monkeypatch.setattr(NetworkSpec, "_groups_divide", lambda self, width: True)
    for width in (36, 68, 132):
        spec = parse(f"ddpmpp-{width}x1", (3, 8, 8), 0)
        with torch.device("meta"), pytest.raises(ValueError, match="divisible"):
            Denoiser(spec)
