"""Discriminators from files, and samples that they guide, against the public code."""

import pickle

import pytest
import torch
from reference import DG, assert_near, denoiser
from test_adm_encoder import HEADS, LABEL, TIME, tensors

from advlib.errors import DataError
from advlib.generators.discriminator import load_discriminator
from advlib.generators.guidance import Guidance
from advlib.generators.solvers.heun import Heun
from advlib.generators.solvers.solver import Field
from advlib.generators.time_schedules import levels


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dg")
    for name in ("extractor", "discriminator"):
        torch.save(tensors(name), folder / f"{name}.pt")
    return folder


@pytest.fixture(scope="module")
def judge(files):
    return load_discriminator(files / "discriminator.pt", files / "extractor.pt", HEADS)


def test_probabilities_are_the_public_codes(judge):
    images = torch.from_numpy(DG["x"])
    with torch.no_grad():
        assert_near(judge.probability(images, TIME, LABEL), DG["discriminator_probability"])


def test_the_term_and_the_log_ratio_are_the_public_codes(judge):
    x, level = torch.from_numpy(DG["guidance_x"]), torch.from_numpy(DG["guidance_sigma"])
    guidance = Guidance(judge.of(LABEL))
    term = guidance(x, level)
    assert_near(term * level.reshape(-1, 1, 1, 1), DG["guidance"])
    assert_near(guidance.ratio, DG["guidance_log_ratio"])


@pytest.mark.parametrize(
    ("key", "settings"),
    [
        ("sample_unguided", None),
        ("sample_w1_1", {"weight": 1.0}),
        ("sample_w1_2", {"weight": 2.0}),
        ("sample_w1_1_boosting", {"weight": 1.0, "boosting": True}),
    ],
)
def test_guided_samples_are_the_public_codes(judge, key, settings):
    noise = torch.from_numpy(DG["noise"]).double()
    guide = settings and Guidance(judge.of(LABEL), **settings)
    solver = Heun(noise=lambda step: noise[step])
    if settings and settings.get("boosting"):
        solver = Heun(churn=guide, noise=lambda step: noise[step])
    steps = [*levels("karras", int(DG["num_steps"])).tolist(), 0.0]
    start = steps[0] * torch.from_numpy(DG["latents"])
    found = solver.end(Field(denoiser("ddpmpp", LABEL), guide), start, steps)
    assert_near(found, DG[key], 3e-4)


def test_files_that_are_none_or_do_not_go_together_are_refused(files, tmp_path):
    one, other = files / "discriminator.pt", files / "extractor.pt"
    with pytest.raises(DataError, match=r"judges 3 maps of side 16 by 10 values; expected one"):
        load_discriminator(other, other, HEADS)
    with pytest.raises(DataError, match=r"nowhere\.pt: no such file"):
        load_discriminator(one, tmp_path / "nowhere.pt", HEADS)
    (tmp_path / "list.pt").write_bytes(pickle.dumps([1]))
    with pytest.raises(DataError, match=r"list\.pt: .*not an encoder of ADM"):
        load_discriminator(one, tmp_path / "list.pt", HEADS)
    broken = tensors("discriminator")
    del broken["out.0.bias"]
    torch.save(broken, tmp_path / "broken.pt")
    with pytest.raises(DataError, match=r"out\.0\.bias: missing; expected an encoder of ADM"):
        load_discriminator(tmp_path / "broken.pt", other, HEADS)
    broken = tensors("discriminator") | {"out.0.bias": torch.full((32,), float("nan"))}
    torch.save(broken, tmp_path / "broken.pt")
    with pytest.raises(DataError, match=r"out\.0\.bias: holds NaN"):
        load_discriminator(tmp_path / "broken.pt", other, HEADS)


def test_what_the_generator_makes_must_fit(judge):
    judge.require_fit("d.pt", (3, 16, 16), 10)
    with pytest.raises(DataError, match="takes images of 16x16x3; the generator makes 32x32x3"):
        judge.require_fit("d.pt", (3, 32, 32), 10)
    with pytest.raises(DataError, match="knows 10 classes; the generator has 11"):
        judge.require_fit("d.pt", (3, 16, 16), 11)
