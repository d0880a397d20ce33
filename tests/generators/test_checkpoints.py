"""Generators written and read again, and read from the official forms."""

import json

import pytest
import torch
from official_format import as_pkl, as_pt, content
from reference import FORMS, network
from safetensors.torch import load_file, save_file

from advlib.errors import DataError
from advlib.generators import checkpoints
from advlib.generators.noise import Noise
from advlib.generators.preconditioning import Denoiser
from advlib.generators.spec import parse

NOISES = {"ddpmpp": Noise(), "ncsnpp": Noise(2048)}


def same(found, made):
    mine, its = found.state_dict(), made.state_dict()
    assert [*mine] == [*its]
    return all(torch.equal(mine[name], value) for name, value in its.items())


@pytest.mark.parametrize("form", FORMS)
def test_a_generator_is_read_as_it_was_written(form, tmp_path):
    made = network(form, "pfgmpp" if form == "ncsnpp" else "edm")
    checkpoints.save(tmp_path / "g.st", made, NOISES[form], {"history": [{"a": 1}]})
    found = checkpoints.load(tmp_path / "g.st")
    assert same(found.denoiser, made) and not found.denoiser.training
    assert (found.noise, found.spec) == (NOISES[form], made.spec)
    assert found.denoiser.kind == made.kind
    assert found.description["history"] == [{"a": 1}]
    checkpoints.save(tmp_path / "h.st", made, NOISES[form], {"history": [{"a": 1}]})
    assert (tmp_path / "h.st").read_bytes() == (tmp_path / "g.st").read_bytes()


@pytest.mark.parametrize("way", [as_pkl, as_pt, lambda held: as_pt(held, older=True)])
@pytest.mark.parametrize(
    ("form", "class_name", "kind", "init"),
    [
        ("ddpmpp", "EDMPrecond", "edm", {}),
        ("ddpmpp", "EDMPrecond_EncoderDecoder", "edm", {}),
        ("ddpmpp", "ECMPrecond", "ect", {}),
        ("ncsnpp", "EDMPrecond", "pfgmpp", {"pfgmpp": True, "D": 2048}),
    ],
)
def test_official_files_are_read(way, form, class_name, kind, init, tmp_path):
    (tmp_path / "g").write_bytes(way(content(network(form), class_name, **init)))
    found = checkpoints.load(tmp_path / "g")
    assert same(found.denoiser, network(form))
    assert (found.denoiser.kind, found.noise.dimensions) == (kind, init.get("D"))
    assert found.spec == network(form).spec


def test_training_states_and_sids_single_key_are_read(tmp_path):
    made = network("ddpmpp")
    (tmp_path / "net.pt").write_bytes(as_pt(content(made, key="net")))
    (tmp_path / "sid.pkl").write_bytes(as_pkl({"ema": content(made)["ema"]}))
    for name in ("net.pt", "sid.pkl"):
        assert same(checkpoints.load(tmp_path / name).denoiser, made)


def test_tensors_alone_need_pfgmpps_dimensions(tmp_path):
    made = network("ncsnpp")
    (tmp_path / "g.pt").write_bytes(as_pt({"ema": dict(made.state_dict())}))
    assert checkpoints.load(tmp_path / "g.pt").denoiser.kind == "edm"
    found = checkpoints.load(tmp_path / "g.pt", dimensions=2048)
    assert (found.denoiser.kind, found.noise.dimensions) == ("pfgmpp", 2048)
    (tmp_path / "h.pt").write_bytes(as_pt(content(made, pfgmpp=True, D=128)))
    with pytest.raises(DataError, match=r"dimensions: found 128; expected 2048"):
        checkpoints.load(tmp_path / "h.pt", dimensions=2048)


def test_networks_of_any_size_are_known_by_their_tensors(tmp_path):
    for name, shape, classes in (("ddpmpp-8x2", (1, 28, 28), 0), ("ncsnpp-12", (3, 32, 32), 100)):
        made = Denoiser(parse(name, shape, classes))
        (tmp_path / "g.pt").write_bytes(as_pt({"ema": dict(made.state_dict())}))
        assert checkpoints.load(tmp_path / "g.pt").spec == made.spec


@pytest.mark.parametrize(
    ("held", "why"),
    [
        ({"loss_fn": None}, "no network under ema or net"),
        ({"ema": 3}, "no network under ema or net"),
        ({"ema": {"weight": torch.zeros(3)}}, r"no tensor model.enc"),
        ([], "no network"),
    ],
)
def test_pickles_of_other_things_are_refused(held, why, tmp_path):
    (tmp_path / "g.pt").write_bytes(as_pt(held))
    with pytest.raises(DataError, match=rf"g.pt: {why}.*: not a network of EDM"):
        checkpoints.load(tmp_path / "g.pt")


def test_a_network_of_another_class_is_refused(tmp_path):
    (tmp_path / "g.pkl").write_bytes(as_pkl(content(network("ddpmpp"), "VPPrecond")))
    with pytest.raises(DataError, match=r"g.pkl: a 'VPPrecond'; expected EDMPrecond"):
        checkpoints.load(tmp_path / "g.pkl")


def edited(path, change, **about):
    """The file with its tensors and JSON changed."""
    tensors = load_file(path)
    change(tensors)
    made = network("ddpmpp")
    document = {"format": "advgenerator", "version": 1, **checkpoints.describe(made, Noise())}
    save_file(tensors, path, {"advgenerator": json.dumps(document | about)})


LAST = "model.dec.16x16_aux_conv.bias"


@pytest.mark.parametrize(
    ("change", "about", "why"),
    [
        (lambda t: t.pop(LAST), {}, f"{LAST}: missing"),
        (lambda t: t.update(more=torch.zeros(2)), {}, "more: not of this network"),
        (lambda t: t.update({LAST: torch.zeros(4)}), {}, rf"{LAST}: torch.float32 of \(4,\)"),
        (lambda t: t.update({LAST: torch.zeros(3).long()}), {}, f"{LAST}: torch.int64"),
        (lambda t: t[LAST].fill_(torch.nan), {}, f"{LAST}: holds NaN"),
        (len, {"version": 2}, "of format advgenerator, version 2; expected advgenerator, 1"),
        (len, {"kind": "vp"}, "kind: found 'vp'"),
        (len, {"dimensions": 128}, "dimensions: found 128 with kind edm"),
        (len, {"network": {"form": "ddpmpp"}}, "shape: found None"),
        (
            len,
            {"class_names": ["a", 3]},
            r"class_names: found \['a', 3\]; expected a list of texts",
        ),
        (len, {"history": "made"}, "history: found 'made'; expected a list of objects"),
    ],
)
def test_a_changed_file_is_refused_in_one_line(change, about, why, tmp_path):
    path = tmp_path / "g.st"
    checkpoints.save(path, network("ddpmpp"), Noise())
    edited(path, change, **about)
    with pytest.raises(DataError, match=rf"g.st: {why}"):
        checkpoints.load(path)


def test_files_cut_short_or_not_there_are_refused(tmp_path):
    path = tmp_path / "g.st"
    checkpoints.save(path, network("ddpmpp"), Noise())
    path.write_bytes(path.read_bytes()[:5000])
    for name, why in (
        ("g.st", "damaged or cut short"),
        ("no.st", "no such file"),
        (".", "no such"),
    ):
        with pytest.raises(DataError, match=why):
            checkpoints.load(tmp_path / name)
