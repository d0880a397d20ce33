"""Weights of FID's Inception network, from the files in which people have them.

    state dict    pytorch-fid's pt_inception-2015-12-05-6726825d.pth, which is torch-fidelity's
                  weights-inception-2015-12-05-6726825d.pth too: TensorFlow's names as torchvision
                  spells them, Mixed_5b.branch5x5_1.bn.running_mean
    TorchScript   NVIDIA's inception-2015-12-05.pt: layers.mixed.tower.conv.beta
    pickle        NVIDIA's inception-v3-2015-12-05.pkl, which EDM's fid.py fetches; the same names

No code in them is run.  All name the convolutions in one order, that of TensorFlow's graph, so that
a file is read by that order, and every shape is checked.
"""

import contextlib
import hashlib
import os
import urllib.request
from collections.abc import Mapping
from http.client import HTTPException
from typing import Any

import torch
from torch import Tensor

from advlib.errors import CannotError, DataError
from advlib.generators.restricted_pickle import Kept, read_pickle, tensors_of
from advlib.jobs.files import atomic_write, cannot_write, file_sha256
from advlib.quality.inception_network import Convolution, InceptionNetwork
from advlib.quality.torchscript import is_torchscript, read_tensors

URL = (
    "https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/"
    "pt_inception-2015-12-05-6726825d.pth"
)
SHA256 = "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2"  # of the file there
# names that other packages give it in the cache of torch.hub
NAMES = ("pt_inception-2015-12-05-6726825d.pth", "weights-inception-2015-12-05-6726825d.pth")
TIMEOUT = 60  # seconds without a byte
CLASSIFIER = ("fc.", "output.")  # before the names of what follows the features
# how files call the parts of a convolution and its batch norm: torchvision, and NVIDIA
TORCHVISION = {
    "conv.weight": "weight",
    "bn.weight": "scale",
    "bn.bias": "shift",
    "bn.running_mean": "mean",
    "bn.running_var": "variance",
}
NVIDIA = {"weight": "weight", "beta": "shift", "mean": "mean", "var": "variance"}
IGNORED = "num_batches_tracked"


def load_inception(path: str) -> InceptionNetwork:
    """The network with the weights of a file, float32 on the CPU in evaluation mode.

    Raises DataError for a file that is not there, is of another kind or network, or is damaged;
    OSError where it cannot be read.
    """
    network = InceptionNetwork()
    found = _grouped(path, _read(path))
    wanted = network.convolutions()
    if len(found) != len(wanted):
        raise DataError(
            f"{path}: {len(found)} convolutions with a batch norm; FID's Inception has"
            f" {len(wanted)}"
        )
    with torch.no_grad():
        for (name, parts), layer in zip(found.items(), wanted, strict=True):
            _fill(f"{path}: {name}", parts, layer)
    return network.eval().requires_grad_(False)


def find_weights() -> str:
    """The path of the weights, which are fetched if no cache holds them; checked by their digest.

    Looked at are the caches of torch.hub, where torch-fidelity and pytorch-fid put theirs.
    Raises CannotError where they are not there and cannot be fetched.
    """
    folder = os.path.join(torch.hub.get_dir(), "checkpoints")
    for name in NAMES:
        path = os.path.join(folder, name)
        if os.path.exists(path):
            _check_digest(path, file_sha256(path))
            return path
    path = os.path.join(folder, NAMES[0])
    try:
        with urllib.request.urlopen(URL, timeout=TIMEOUT) as answer:
            data = answer.read()
    except (OSError, HTTPException) as err:
        raise CannotError(
            f"the weights of Inception could not be fetched ({err}); name a file that has them with"
            f" --inception, or put {URL} into {folder}"
        ) from None
    _check_digest(URL, hashlib.sha256(data).hexdigest())
    with cannot_write(path):
        os.makedirs(folder, exist_ok=True)
        with atomic_write(path) as file:
            file.write(data)
    return path


def _check_digest(where: str, found: str) -> None:
    if found != SHA256:
        raise DataError(f"{where}: its SHA-256 is {found}; expected {SHA256}")


def _read(path: str) -> Mapping[str, Tensor]:
    """The tensors of a file by name, in its order."""
    if not os.path.isfile(path):
        raise DataError(f"{path}: no such file; expected the weights of FID's Inception")
    if is_torchscript(path):
        return read_tensors(path)
    content: Any
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, MemoryError):
        raise
    except Exception:  # of many kinds, on bytes that are no weights
        content = _read_nvidias(path)
    if isinstance(content, Kept):
        with contextlib.suppress(ValueError):
            content = tensors_of(content)
    tensors = isinstance(content, dict) and all(isinstance(v, Tensor) for v in content.values())
    if not tensors:
        raise DataError(
            f"{path}: not the weights of FID's Inception; expected those of pytorch-fid,"
            " torch-fidelity or NVIDIA"
        )
    return content


def _read_nvidias(path: str) -> Any:
    """What NVIDIA's pickle holds."""
    try:
        return read_pickle(path)
    except DataError as err:
        why = str(err).removeprefix(f"{path}: ")
        if not why.endswith("was run"):  # a name that was refused is worth saying
            why = "damaged or cut short, or of another kind"
        raise DataError(f"{path}: not the weights of FID's Inception: {why}") from None


def _grouped(path: str, tensors: Mapping[str, Tensor]) -> dict[str, dict[str, Tensor]]:
    """By the name of each convolution, in order: its parts, as TORCHVISION calls them."""
    found: dict[str, dict[str, Tensor]] = {}
    names = NVIDIA if any(name.endswith(".beta") for name in tensors) else TORCHVISION
    for name, tensor in tensors.items():
        if name.startswith(CLASSIFIER) or name.endswith(IGNORED):
            continue
        ending = next((e for e in names if name.endswith("." + e)), None)
        if ending is None:
            raise DataError(f"{path}: {name}: FID's Inception has no such weights")
        found.setdefault(name.removesuffix("." + ending), {})[names[ending]] = tensor
    return found


def _fill(where: str, parts: Mapping[str, Tensor], layer: Convolution) -> None:
    """Put the parts of a convolution into its place; a batch norm without scale has 1."""
    targets = {
        "weight": layer.conv.weight,
        "scale": layer.bn.weight,
        "shift": layer.bn.bias,
        "mean": layer.bn.running_mean,
        "variance": layer.bn.running_var,
    }
    for part, target in targets.items():
        assert target is not None  # of a batch norm that keeps statistics
        value = parts.get(part)
        if value is None and part == "scale":
            target.fill_(1)
            continue
        if value is None or value.shape != target.shape:
            found = "nothing" if value is None else f"shape {tuple(value.shape)}"
            raise DataError(f"{where}: {part}: found {found}; expected {tuple(target.shape)}")
        if not value.isfinite().all() or (part == "variance" and (value < 0).any()):
            raise DataError(f"{where}: {part}: holds numbers that no network has")
        target.copy_(value)
