"""Extractors: the maps of encoders, generators and classifiers, from files of any of them."""

import pickle

import pytest
import torch
from official_format import as_pkl, content
from reference import DG, assert_near, network
from safetensors.torch import save_file
from test_adm_encoder import HEADS, TIME, tensors
from tiny import write_generators

from advlib.errors import DataError
from advlib.generators.extractor import load_extractor
from advlib.generators.guidance import vp_level, vp_scale
from advlib.models import checkpoints as classifiers
from advlib.models.network import build

TAU = torch.tensor([0.02, 0.1, 0.5, 1.0])


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("extractors")
    write_generators(folder)
    torch.save(tensors("extractor"), folder / "adm.pt")
    torch.manual_seed(0)
    classifiers.save(folder / "wrn.st", build("wrn-10-1", 10, 16), {})
    return folder


def test_adms_are_the_public_codes(files):
    found = load_extractor(files / "adm.pt", HEADS)
    assert found.kind == "adm" and found.shape == (3, 16, 16)
    with torch.no_grad():
        assert_near(found(torch.from_numpy(DG["x"]), TIME), DG["feature"])
    assert found.maps() == DG["feature"].shape[1:]


def test_generators_are_asked_at_the_level_of_the_time(files):
    """Of 16x16, 8x8 and 4x4 the maps of 8x8, of what the network's own encoder sees at sigma."""
    found, made = load_extractor(files / "edm.st"), network("ddpmpp")
    x, level = torch.randn(4, 3, 16, 16), vp_level(TAU)
    seen = []
    hook = made.model.enc["8x8_block0"].register_forward_hook(
        lambda layer, given, maps: seen.append(maps)
    )
    with torch.no_grad():
        made(x, level)
        maps = found(vp_scale(level).reshape(-1, 1, 1, 1) * x, TAU)
    hook.remove()
    torch.testing.assert_close(maps, seen[0], rtol=1e-4, atol=1e-4)
    assert found.kind == "generator" and found.maps() == (16, 8, 8)


def test_official_generators_are_extractors(files, tmp_path):
    (tmp_path / "edm.pkl").write_bytes(as_pkl(content(network("ddpmpp"))))
    official, ours = (load_extractor(path) for path in (tmp_path / "edm.pkl", files / "edm.st"))
    images = torch.randn(4, 3, 16, 16)
    with torch.no_grad():
        torch.testing.assert_close(official(images, TAU), ours(images, TAU))


def test_residual_encoders_of_generators_are_extractors_too(files):
    assert load_extractor(files / "pfgmpp.st").maps() == (16, 8, 8)


def test_classifiers_give_what_they_pool(files):
    found, made = load_extractor(files / "wrn.st"), classifiers.load(files / "wrn.st")[0]
    images = torch.rand(4, 3, 16, 16)
    with torch.no_grad():
        maps = found(2 * images - 1, TAU)
        torch.testing.assert_close(made.classify(maps), made(images))
    assert found.kind == "classifier" and found.maps() == maps.shape[1:]


@pytest.mark.parametrize("name", ["adm.pt", "edm.st", "wrn.st"])
def test_images_have_gradients_and_weights_none(files, name):
    found = load_extractor(files / name, HEADS)
    images = torch.randn(4, 3, 16, 16, requires_grad=True)
    found(images, TAU).square().sum().backward()
    assert images.grad.abs().sum() > 0
    assert not found.training and all(p.grad is None for p in found.parameters())


def test_files_that_are_none_are_refused(files, tmp_path):
    def said(name, content=None):
        if content is not None:
            (tmp_path / name).write_bytes(content)
        with pytest.raises(DataError) as caught:
            load_extractor(tmp_path / name)
        return str(caught.value)

    assert "nowhere.pt: no such file; expected an encoder of ADM, a gen" in said("nowhere.pt")
    assert "not an encoder of ADM" in said("list.pt", pickle.dumps([1]))
    save_file({"a": torch.zeros(1)}, tmp_path / "other.st", {"advdiscriminator": "{}"})
    assert "other.st: holds advdiscriminator; expected an encoder of ADM" in said("other.st")
    save_file({"a": torch.zeros(1)}, tmp_path / "bare.st")
    assert "bare.st: holds tensors; expected" in said("bare.st")
    whole = (files / "edm.st").read_bytes()
    assert "damaged or cut short" in said("cut.st", whole[: len(whole) // 2])
