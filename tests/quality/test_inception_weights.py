"""FID's Inception: random weights in each form of file give what other packages' networks do."""

import os
import pickle
import warnings
import zipfile

import nvidia
import official_format
import pytest
import torch
from pytorch_fid.inception import InceptionV3, fid_inception_v3
from torch.nn import functional
from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

from advlib.errors import CannotError, DataError
from advlib.quality import inception_weights
from advlib.quality.features import open_features
from advlib.quality.inception_network import InceptionNetwork
from advlib.quality.inception_weights import find_weights, load_inception
from advlib.quality.resize import resize_tensorflow

CPU = torch.device("cpu")
FORMS = ("weights.pth", "legacy.pth", "script.pt", "traced.pt", "nvidia.pkl")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with pytorch-fid's network, of random weights, in each form of file."""
    folder = tmp_path_factory.mktemp("inception")
    torch.manual_seed(0)
    state = _random_state()
    torch.save(state, folder / "weights.pth")
    torch.save(state, folder / "legacy.pth", _use_new_zipfile_serialization=False)
    groups = {}
    for name, value in state.items():
        prefix, _, part = name.rpartition(".")
        groups.setdefault(prefix.rpartition(".")[0], {})[part] = value
    groups.pop("")  # the classifier
    convolutions = []
    for name in groups:
        bn = {k.rpartition(".")[2]: v for k, v in state.items() if k.startswith(f"{name}.bn.")}
        weight = state[f"{name}.conv.weight"]
        convolutions.append((weight, bn["bias"], bn["running_mean"], bn["running_var"]))
    network = nvidia.Network(convolutions)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.save(torch.jit.script(network), folder / "script.pt")
        torch.jit.save(torch.jit.trace(network, torch.zeros(1)), folder / "traced.pt")
    held = official_format.Persistent("InceptionV3", network)
    (folder / "nvidia.pkl").write_bytes(official_format.as_pkl(held))
    return folder


def _random_state():
    """Weights by the names of pytorch-fid, such that features vary and do not vanish."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pytorch_fid.inception.load_state_dict_from_url", lambda *a, **k: {})
        patch.setattr(torch.nn.Module, "load_state_dict", lambda self, state: None)
        network = fid_inception_v3()
    state = network.state_dict()
    for name, value in state.items():
        if name.endswith("conv.weight"):
            value.normal_(std=(2 / value[0].numel()) ** 0.5)
        elif name.endswith("running_var"):
            value.uniform_(0.5, 1.5)
        elif name.endswith(("bn.bias", "running_mean")):
            value.normal_(std=0.1)
        elif name.endswith("bn.weight"):
            value.fill_(1.0)
    return state


def images():
    return torch.randint(0, 256, (2, 3, 32, 32), generator=torch.Generator().manual_seed(1))


@pytest.fixture(scope="module")
def expected(folder):
    """Features of two images by torch-fidelity, and by pytorch-fid without its own resizing."""
    path = str(folder / "weights.pth")
    theirs = FeatureExtractorInceptionV3("inception", ["2048"], path)
    with torch.no_grad():
        (features,) = theirs(images().byte())
    return features


@pytest.mark.parametrize("name", FORMS)
def test_each_form_gives_torch_fidelitys_features(folder, expected, name):
    network = load_inception(str(folder / name))
    found = network((resize_tensorflow(images().float(), 299) - 128) / 128)
    assert expected.std() > 0.01
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-3)


def test_the_extractor_is_torch_fidelitys_and_the_same_from_each_form(folder, expected):
    said = set()
    for name in FORMS:
        features = open_features("inception", (32, 32, 3), CPU, str(folder / name))
        said.add(features.about["weights_sha256"])
    found = features(images().byte().permute(0, 2, 3, 1))
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-3)
    assert len(said) == 1 and features.column == "fid"


def test_pytorch_fids_network_gives_the_same(folder, monkeypatch):
    state = torch.load(folder / "weights.pth")
    monkeypatch.setattr("pytorch_fid.inception.load_state_dict_from_url", lambda *a, **k: state)
    image = torch.rand(1, 3, 40, 40)
    larger = functional.interpolate(image, (299, 299), mode="bilinear")
    with torch.no_grad():
        theirs = InceptionV3().eval()(image)[0][:, :, 0, 0]
    found = load_inception(str(folder / "weights.pth"))(2 * larger - 1)
    torch.testing.assert_close(found, theirs, atol=1e-4, rtol=1e-3)


class Evil:
    def __reduce__(self):
        return os.mkdir, ("made",)


def test_code_in_a_file_is_not_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with open("evil.pth", "wb") as file:
        pickle.dump({"conv.weight": Evil()}, file)
    with zipfile.ZipFile("evil.pt", "w") as archive:
        archive.writestr("evil/data.pkl", pickle.dumps(Evil(), 2))
        archive.writestr("evil/code/__torch__.py", "")
    with pytest.raises(DataError, match=r"evil.pth: not .*: names posix.mkdir, .* was run"):
        load_inception("evil.pth")
    with pytest.raises(DataError, match=r"evil.pt: names posix.mkdir, which was not run"):
        load_inception("evil.pt")
    assert not os.path.exists("made")


def test_other_networks_and_damage_are_said(folder, tmp_path):
    state = torch.load(folder / "weights.pth")
    for change, said in (
        (lambda s: s.pop("Mixed_6c.branch_pool.conv.weight"), "branch_pool: weight: found nothing"),
        (lambda s: s.update({"Conv2d_1a_3x3.bn.bias": torch.zeros(3)}), "found shape (3,)"),
        (lambda s: s.update({"classifier.mood": torch.zeros(3)}), "classifier.mood: FID's"),
        (lambda s: s["Conv2d_1a_3x3.bn.bias"].fill_(torch.nan), "numbers that no network has"),
        (lambda s: s.clear(), "0 convolutions with a batch norm; FID's Inception has 94"),
    ):
        other = {name: value.clone() for name, value in state.items()}
        change(other)
        torch.save(other, tmp_path / "other.pth")
        with pytest.raises(DataError, match=r"other\.pth: ") as err:
            load_inception(str(tmp_path / "other.pth"))
        assert said in str(err.value)
    for name in ("weights.pth", "script.pt", "nvidia.pkl"):
        data = (folder / name).read_bytes()
        (tmp_path / name).write_bytes(data[: len(data) // 2])
        with pytest.raises(DataError, match="damaged or cut short"):
            load_inception(str(tmp_path / name))
    torch.save([1, 2], tmp_path / "list.pth")
    with pytest.raises(DataError, match=r"list\.pth: not the weights of FID's Inception; expected"):
        load_inception(str(tmp_path / "list.pth"))


def test_weights_are_fetched_once_and_checked(folder, tmp_path, monkeypatch):
    monkeypatch.setattr("torch.hub.get_dir", lambda: str(tmp_path / "hub"))
    monkeypatch.setattr(inception_weights, "URL", (folder / "weights.pth").as_uri())
    with pytest.raises(DataError, match="its SHA-256 is"):
        find_weights()
    assert list(tmp_path.glob("hub/checkpoints/*")) == []
    digest = inception_weights.file_sha256(folder / "weights.pth")
    monkeypatch.setattr(inception_weights, "SHA256", digest)
    path = find_weights()
    monkeypatch.setattr(inception_weights, "URL", "file:///nowhere")
    assert find_weights() == path
    os.unlink(path)
    with pytest.raises(CannotError, match="could not be fetched"):
        find_weights()


def test_the_network_has_94_convolutions():
    assert len(InceptionNetwork().convolutions()) == 94
