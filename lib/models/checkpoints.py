"""Weights in files: ours, and those of others, read without running anything in them.

Ours is a safetensors file, whose metadata holds one JSON document, the description.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path

import torch

from advlib.errors import DataError
from advlib.file_kinds import PICKLE, ZIP, path_kind
from advlib.jobs.tensorfile import load_tensors, save_tensors
from advlib.models import other_checkpoints, zoo
from advlib.models.network import Classifier, build, decimals

FORMAT, VERSION = "advcheckpoint", 1
CURRENT = "current."  # before the names of weights that are not averaged
STUDY, STUDY_CURRENT = "model_state_dict", "unaveraged_model_state_dict"
# how torch says that a file is whole and asks for more than weights
TORCH = ("", ZIP, PICKLE)  # kinds of files that torch.save writes, and unknown ones
REFUSED = re.compile(r"Unsupported (global|class|function|type)|TorchScript|Trying to ", re.I)
# what a description must hold, beside the normalisation, to build its network
FIELDS = {"model": str, "classes": int, "image_size": int}


def save(
    path: str | os.PathLike,
    module: Classifier,
    description: Mapping,
    current: Classifier | None = None,
) -> None:
    """Write weights under `path`, all of them or nothing; the same weights give the same bytes.

    module: the network to be used, for a training run the averaged one.  current: the one being
    trained, where the file shall hold both.  description: what JSON can hold, as step and
    history; what `module.describe()` says is added.

    Raises OSError where the file cannot be written; ValueError for a number that is not finite
    in the description.
    """
    document = {"format": FORMAT, "version": VERSION, **description, **module.describe()}
    tensors = module.state_dict()
    for key, value in current.state_dict().items() if current is not None else ():
        tensors[CURRENT + key] = value
    save_tensors(path, tensors, FORMAT, document)


def load(
    path: str | os.PathLike,
    model: str | None = None,
    *,
    classes: int | None = None,
    image_size: int | None = None,
    normalisation: str | None = None,
    current: bool = False,
) -> tuple[Classifier, dict]:
    """The network in a file, float32 on the CPU in evaluation mode, and its description.

    Read are our files; the study's weights-best.pt and state-last.pt; RobustBench's WideResNets
    of the study's kind (`init_conv`, `layer.0.block.0`, ...); and pyautoattack's ResNet-18.  What
    model a file holds is read off its tensors.

    model, classes, image_size (pixels): what is expected.  A file of others does not say
    activation, image size and, often, normalisation: those are as given here, or SiLU, 32, and the
    values for CIFAR-10, or for CIFAR-100 at 100 classes; ResNet-18 has no normalisation.
    normalisation: a key of zoo.NORMALISATIONS, for a file of others that has none.
    current: take the weights that are not averaged.

    The description: what Classifier.describe returns; `format`, which is "advcheckpoint" with all
    that `save` was given, or "study", "robustbench", "pyautoattack", and then `assumed`, a list
    of what neither file nor caller said.

    Raises DataError, one line, for a file that is not there, no checkpoint, damaged, of another
    model, or pickled with code, which is not run; OSError where the file cannot be read.
    """
    wanted = other_checkpoints.Wanted(
        zoo.parse(model) if model else None, classes, image_size, normalisation
    )
    path = Path(path)
    try:
        with path.open("rb") as file:
            start = file.read(9)
    except FileNotFoundError:
        raise DataError(f"{path}: no such file; expected a network") from None
    except (IsADirectoryError, NotADirectoryError):
        raise DataError(f"{path}: is a folder, or in a file; expected a network") from None
    if start[8:] == b"{":
        tensors, about = load_tensors(path, FORMAT)
    else:
        tensors, about = _read_torch(path, is_zip=start.startswith(b"PK")), None
    if about is not None:
        module, description = _ours(path, tensors, about, current, normalisation)
    else:
        module, description = _theirs(path, tensors, current, wanted)
    _check(path, module, wanted)
    return module.eval(), description | module.describe()


def _read_torch(path: Path, is_zip: bool) -> dict:
    try:
        # mapped: of the study's file, half of which are other weights, only what is used is read
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=is_zip)
    except (OSError, MemoryError):
        raise
    except Exception as err:  # of many kinds, on bytes that are no checkpoint
        if REFUSED.search(str(err)):
            raise DataError(
                f"{path}: pickled with code or foreign objects, which was not run; "
                "expected weights alone"
            ) from None
        kind = path_kind(path)
        found = kind if kind not in TORCH else "not a checkpoint, or damaged or cut short"
        raise DataError(f"{path}: {found}; expected safetensors or torch weights") from None
    if not isinstance(content, dict):
        kind = type(content).__name__
        raise DataError(f"{path}: holds a {kind}; expected a dictionary of weights")
    return content


def _theirs(path: Path, content: dict, current: bool, wanted) -> tuple[Classifier, dict]:
    key = next((key for key in (STUDY, "state_dict") if key in content), None)
    if current:
        if key != STUDY or STUDY_CURRENT not in content:
            raise DataError(f"{path}: {STUDY_CURRENT}: not there; expected weights not averaged")
        key = STUDY_CURRENT
    tensors = content[key] if key else content
    if not isinstance(tensors, dict):
        raise DataError(f"{path}: {key}: expected a dictionary of weights")
    module, said = other_checkpoints.read_network(path, tensors, wanted)
    if key in (STUDY, STUDY_CURRENT):
        said["format"] = "study"
    return module, said


def _ours(path: Path, tensors: dict, about: dict, current: bool, normalisation) -> tuple:
    description = _description(path, about)
    if normalisation:
        raise DataError(f"{path}: normalisation: the file has its own; leave the option out")
    if current and not any(key.startswith(CURRENT) for key in tensors):
        raise DataError(f"{path}: {CURRENT}*: not there; expected weights not averaged")
    try:
        with torch.device("meta"):
            module = build(*(description[field] for field in [*FIELDS, "mean", "std"]))
    except DataError as err:
        raise DataError(f"{path}: {err}") from None
    prefix = CURRENT if current else ""
    chosen = {key: value for key, value in tensors.items() if key.startswith(CURRENT) == current}
    other_checkpoints.fill(path, module, chosen, {key: prefix + key for key in module.state_dict()})
    for field in ("mean", "std"):
        if decimals(getattr(module, field)) != decimals(torch.tensor(description[field])):
            raise DataError(f"{path}: {field}: the description and the weights differ")
    return module, description


def _description(path: Path, description: dict) -> dict:
    if description.get("format") != FORMAT:
        raise DataError(f"{path}: the description is not of the format {FORMAT}")
    if description.get("version") != VERSION:
        found = description.get("version")
        raise DataError(f"{path}: found version {found!r} of {FORMAT}; expected {VERSION}")
    for field, kind in FIELDS.items():
        value = description.get(field)
        if type(value) is not kind:
            raise DataError(f"{path}: {field}: found {value!r}; expected {kind.__name__}")
    for field in ("mean", "std"):
        value = description.get(field)
        if not (isinstance(value, list) and all(type(item) in (int, float) for item in value)):
            raise DataError(f"{path}: {field}: found {value!r}; expected a list of numbers")
        description[field] = [float(item) for item in value]
    return description


def _check(path: Path, module: Classifier, wanted: other_checkpoints.Wanted) -> None:
    """DataError where the network is not the wanted one."""
    for field in ("model", "classes", "image_size"):
        found, expected = getattr(module, field), getattr(wanted, field)
        if expected not in (None, found):
            if field == "model":
                found, expected = found.name, expected.name
            raise DataError(
                f"{path}: {field.replace('_', ' ')}: found {found}; expected {expected}"
            )
