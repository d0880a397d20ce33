"""Checkpoints of others: the study, RobustBench, pyautoattack."""

import json
from pathlib import Path

import pytest
import torch
from other_networks import CIFAR10, DeepMind, cifar_resnet, deepmind
from safetensors.torch import save_file
from torch.nn import functional

from advlib.errors import DataError
from advlib.models import zoo
from advlib.models.checkpoints import load


def prefixed(state, prefix):
    return {prefix + key: value for key, value in state.items()}


@pytest.fixture
def images():
    return torch.rand(4, 3, 32, 32, generator=torch.Generator().manual_seed(1))


def same(ours, theirs):
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(("depth", "width", "classes"), [(10, 1, 10), (16, 2, 10), (10, 3, 7)])
@pytest.mark.parametrize("activation", ["silu", "relu"])
@pytest.mark.parametrize("prefix", ["", "module.", "module.0.", "model.", "_orig_mod.module."])
def test_wideresnets_of_robustbench(tmp_path, images, depth, width, classes, activation, prefix):
    theirs = deepmind(depth, width, classes, getattr(functional, activation), buffers=True)
    torch.save(prefixed(theirs.state_dict(), prefix), tmp_path / "w.pt")
    name = f"wrn-{depth}-{width}" + ("-relu" if activation == "relu" else "")
    ours, said = load(tmp_path / "w.pt", name)
    same(ours(images), theirs(images))
    assert said == {
        "format": "robustbench",
        "model": name,
        "classes": classes,
        "channels": 3,
        "image_size": 32,
        "activation": activation,
        "mean": list(CIFAR10[0]),
        "std": list(CIFAR10[1]),
        "assumed": ["image_size"],
    }


def test_training_mode_gradients_and_running_statistics_agree_too(tmp_path, images):
    theirs = deepmind(16, 2)
    torch.save(theirs.state_dict(), tmp_path / "w.pt")
    ours, _ = load(tmp_path / "w.pt")
    inputs = [images.clone().requires_grad_() for _ in range(2)]
    for network, x in zip((ours, theirs), inputs, strict=True):
        functional.cross_entropy(network.train()(x), torch.arange(4)).backward()
    same(inputs[0].grad, inputs[1].grad)
    same(ours.norm.running_var, theirs.batchnorm.running_var)
    same(ours.groups[1][0].norm2.running_mean, theirs.layer[1].block[0].batchnorm_1.running_mean)
    same(ours.stem.weight.grad, theirs.init_conv.weight.grad)
    assert ours.norm.num_batches_tracked == 1


def test_the_studys_file(tmp_path, images):
    averaged, current = deepmind(10, 2), deepmind(10, 2, seed=1)
    content = {
        "model_state_dict": prefixed(averaged.state_dict(), "module.0."),
        "unaveraged_model_state_dict": prefixed(current.state_dict(), "module.0."),
        "epoch": 7,
    }
    torch.save(content, tmp_path / "weights-best.pt")
    ours, said = load(tmp_path / "weights-best.pt")
    same(ours(images), averaged(images))
    assert (said["format"], said["model"]) == ("study", "wrn-10-2")
    assert said["assumed"] == ["activation", "mean", "std", "image_size"]
    same(load(tmp_path / "weights-best.pt", current=True)[0](images), current(images))
    # what is in memory no longer hangs on the file
    (tmp_path / "weights-best.pt").write_bytes(b"")
    same(ours(images), averaged(images))


@pytest.mark.parametrize("wrap", [lambda s: {"state_dict": s}, lambda s: s])
@pytest.mark.parametrize("zipped", [True, False])
def test_other_wrappings_and_halves(tmp_path, images, wrap, zipped):
    theirs = deepmind(10, 1)
    state = {k: v for k, v in theirs.half().state_dict().items() if "num_batches" not in k}
    torch.save(wrap(state), tmp_path / "w.pt", _use_new_zipfile_serialization=zipped)
    ours, _ = load(tmp_path / "w.pt")
    assert ours.stem.weight.dtype == torch.float32
    assert ours.norm.num_batches_tracked == 0
    same(ours(images), theirs.float()(images))


def test_safetensors_of_others(tmp_path, images):
    theirs = deepmind(10, 1)
    save_file(theirs.state_dict(), tmp_path / "w.safetensors")
    same(load(tmp_path / "w.safetensors")[0](images), theirs(images))


def test_normalisation_is_the_files_else_the_callers_else_by_classes(tmp_path):
    path = tmp_path / "w.pt"
    torch.save(DeepMind(10, 1, 100).state_dict(), path)
    _, said = load(path)
    assert (said["mean"], said["std"]) == tuple(map(list, zoo.NORMALISATIONS["cifar100"]))
    _, said = load(path, normalisation="svhn")
    assert said["mean"] == [0.5] * 3
    assert "mean" not in said["assumed"]
    with pytest.raises(DataError, match="normalisation: found 'mnist'"):
        load(path, normalisation="mnist")
    state = DeepMind(10, 1, buffers=True).state_dict()
    torch.save(state | {"mean": state["mean"] * 0 + 0.25}, path)
    assert load(path)[1]["mean"] == [0.25] * 3
    with pytest.raises(DataError, match="has its own"):
        load(path, normalisation="svhn")
    del state["std"]
    torch.save(state, path)
    with pytest.raises(DataError, match="std: found nothing"):
        load(path)


def test_the_resnet_that_pyautoattack_ships(images):
    package = pytest.importorskip("pyautoattack")
    path = Path(package.__file__).parent / "examples" / "model_test.pt"
    weights = torch.load(path, map_location="cpu", weights_only=True)
    ours, said = load(path, "resnet-18")
    same(ours(images), cifar_resnet(weights, images))
    assert (said["format"], said["model"], said["std"]) == ("pyautoattack", "resnet-18", [1.0] * 3)


def changed(state, **changes):
    for key, value in changes.items():
        if value is None:
            del state[key]
        else:
            state[key] = value
    return state


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: changed(s, **{"logits.bias": None}), r"logits.bias: not there; expected shape"),
        (
            lambda s: changed(s, **{"layer.1.block.0.conv_0.weight": torch.rand(32, 16, 1, 1)}),
            r"layer.1.block.0.conv_0.weight: found shape \(32, 16, 1, 1\); expected "
            r"\(32, 16, 3, 3\) for wrn-10-1 with 10 classes",
        ),
        (lambda s: changed(s, extra=torch.rand(1)), "extra: not part of wrn-10-1"),
        (lambda s: changed(s, epoch=3), "epoch: found int; expected a tensor"),
        (lambda s: changed(s, **{"logits.weight": torch.rand(10)}), "expected 2 dimensions"),
        (
            lambda s: changed(s, **{"layer.0.block.0.conv_0.weight": torch.rand(9, 16, 3, 3)}),
            "expected a multiple of 16",
        ),
        (lambda s: prefixed(s, "1."), "a second normalisation"),
        (lambda s: prefixed(s, "backbone."), "no network known here"),
        (lambda s: {"conv1.weight": torch.rand(1)}, r"known here \(it starts with conv1"),
        (lambda s: {}, "starts with nothing"),
        (lambda s: {"model_state_dict": 3}, "model_state_dict: expected a dictionary"),
        (lambda s: [1, 2], "holds a list; expected a dictionary"),
    ],
)
def test_files_that_do_not_fit_are_refused(tmp_path, change, message):
    torch.save(change(dict(DeepMind(10, 1).state_dict())), tmp_path / "w.pt")
    with pytest.raises(DataError, match=message):
        load(tmp_path / "w.pt")


def test_files_of_another_model_are_refused(tmp_path):
    torch.save(DeepMind(10, 1).state_dict(), tmp_path / "w.pt")
    for wanted, message in (
        ({"model": "wrn-28-10"}, "holds wrn-10-1; expected wrn-28-10"),
        ({"model": "resnet-18"}, "expected resnet-18"),
        ({"classes": 100}, "classes: found 10; expected 100"),
        ({"current": True}, "unaveraged_model_state_dict: not there"),
    ):
        with pytest.raises(DataError, match=message):
            load(tmp_path / "w.pt", **wanted)


def test_commands_say_what_a_file_does_not(bad, wrong):
    torch.save(DeepMind(10, 1).state_dict(), wrong / "bare.pt")
    done = bad("bare.pt few --first 2 --attack pgd --attack-steps 1")
    assert json.loads(done.stdout)["network"]["assumed"] == ["activation", "mean", "std"]
    for found in (done, bad.adveval("bare.pt few --first 2 --attack none")):
        assert found.stderr.count("note: bare.pt: does not say its activation silu, mean [") == 1
    done = bad("bare.pt few --first 2 --attack pgd --attack-steps 1 --normalisation none")
    assert "does not say its activation silu: " in done.stderr
    done = bad("robust.st few --first 2 --attack pgd --attack-steps 1")
    assert "does not say" not in done.stderr
