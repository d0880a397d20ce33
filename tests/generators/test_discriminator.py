"""Discriminators from files, and samples that they guide, against the public code."""

import pickle

import pytest
import torch
from reference import DG, assert_near, denoiser
from test_adm_encoder import HEADS, LABEL, TIME, tensors
from tiny import write_generators

from advlib.errors import DataError
from advlib.generators.adm_encoder import ADMEncoder
from advlib.generators.discriminator import (
    head_name,
    load_discriminator,
    parse_head,
    save_discriminator,
)
from advlib.generators.guidance import Guidance
from advlib.generators.solvers.heun import Heun
from advlib.generators.solvers.solver import Field
from advlib.generators.time_schedules import levels
from advlib.jobs.files import file_sha256
from advlib.jobs.tensorfile import load_tensors, save_tensors


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


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """A head of ours on the maps of a tiny generator, as saved."""
    folder = tmp_path_factory.mktemp("own")
    write_generators(folder)
    torch.manual_seed(1)
    head = ADMEncoder(parse_head("adm-32x1", (16, 8, 8), 10))
    about = {"extractor": {"kind": "generator", "sha256": file_sha256(folder / "edm.st")}}
    save_discriminator(folder / "own.st", head, about)
    return folder, head


def test_ours_are_read_as_they_were_written(own):
    folder, head = own
    found = load_discriminator(folder / "own.st", folder / "edm.st")
    images = torch.from_numpy(DG["x"])
    with torch.no_grad():
        maps = found.extractor(images, TIME)
        expected = torch.sigmoid(head(maps, TIME, LABEL)[:, 0])
        torch.testing.assert_close(found.probability(images, TIME, LABEL), expected)
    found.require_fit("own.st", (3, 16, 16), 10)
    assert head_name(found.head.spec) == "adm-32x1"


def test_ours_know_their_extractor(own):
    folder, _ = own
    with pytest.raises(
        DataError, match=r"pfgmpp\.st: SHA-256 begins with \w{12}; .*own\.st judges"
    ):
        load_discriminator(folder / "own.st", folder / "pfgmpp.st")
    with pytest.raises(DataError, match=r"nothing\.st: no such file; expected an encoder of ADM"):
        load_discriminator(folder / "own.st", folder / "nothing.st")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"version": 2}, "of format advdiscriminator, version 2; expected"),
        ({"extractor": None}, "extractor: found None; expected its sha256"),
        ({"head": {"width": 32}}, "head: found {'width': 32}; expected counts: channels, side"),
        ({"width": 48}, "width: found 48; expected 32 or a multiple of 64"),
        ({"side": 0}, "found 1 blocks on 16 maps of side 0"),
        ({"width": 64}, r"time_embed\.0\.weight: .* expected floats of"),
        ({"classes": 0}, r"label_emb\.weight: not of this network; expected a discriminator"),
    ],
)
def test_damaged_documents_are_refused(own, tmp_path, changed, said):
    folder, _ = own
    tensors, document = load_tensors(folder / "own.st", "advdiscriminator")
    inside = {key: value for key, value in changed.items() if key in document["head"]}
    document = document | ({"head": document["head"] | inside} if inside else changed)
    save_tensors(tmp_path / "x.st", tensors, "advdiscriminator", document)
    with pytest.raises(DataError, match=said):
        load_discriminator(tmp_path / "x.st", folder / "edm.st")


@pytest.mark.parametrize(
    ("name", "maps", "said"),
    [
        ("ddpmpp-32", (16, 8, 8), "network: found 'ddpmpp-32'; expected adm-128"),
        ("adm-96", (16, 8, 8), "width: found 96; expected 32 or a multiple of 64"),
        ("adm-0", (16, 8, 8), "width: found 0"),
        ("adm-32x0", (16, 8, 8), "found 0 blocks"),
        ("adm-32", (16, 8, 4), "its maps are 8x4; expected squares"),
    ],
)
def test_heads_that_cannot_be_are_refused(name, maps, said):
    with pytest.raises(DataError, match=said):
        parse_head(name, maps, 10)


def test_the_official_head_has_its_parameters():
    """3.40M, of the public file: 512 maps of 8x8, 1000 classes."""
    with torch.device("meta"):
        head = ADMEncoder(parse_head("adm-128", (512, 8, 8), 1000))
    assert sum(p.numel() for p in head.parameters()) == pytest.approx(3.40e6, abs=5e3)
