"""Makes files of the form of the official checkpoints, by which reading them is tested.

Objects are pickled as the public code's decorator does it: their class's source, name and state,
behind the name of a function that runs the source; here it runs nothing.
"""

import io
import pickle
import sys
import types
from contextlib import contextmanager

import torch
from torch import nn


class EasyDict(dict):
    """Pickled as dnnlib.util.EasyDict."""

    __getattr__ = dict.__getitem__


EasyDict.__module__, EasyDict.__qualname__ = "dnnlib.util", "EasyDict"


def _reconstruct_persistent_obj(meta):
    raise AssertionError("the official reader would run code here")


_reconstruct_persistent_obj.__module__ = "torch_utils.persistence"


class Persistent:
    """A module as the public code pickles it."""

    def __init__(self, class_name, module, **init):
        self.class_name, self.module, self.init = class_name, module, init

    def __reduce__(self):
        state = {
            "training": False,
            "_parameters": dict(self.module._parameters),
            "_buffers": dict(self.module._buffers),
            "_modules": {n: wrapped(m) for n, m in self.module._modules.items()},
            "_init_args": (),
            "_init_kwargs": EasyDict(self.init),
        }
        meta = EasyDict(
            type="class",
            version=6,
            module_src="raise SystemExit('this is run')",
            class_name=self.class_name,
            state=state,
        )
        return _reconstruct_persistent_obj, (meta,)


def wrapped(module):
    """A module of the network as the official one would be pickled."""
    if module is None:
        return None
    if type(module) is nn.Linear:
        return module
    if type(module) in (nn.ModuleDict, nn.Sequential):
        copy = type(module)()
        copy._modules = {name: wrapped(part) for name, part in module._modules.items()}
        return copy
    return Persistent(type(module).__name__, module)


@contextmanager
def importable():
    """The names of the public code's modules can be pickled."""
    made = {}
    for name, holder in (
        ("torch_utils.persistence", _reconstruct_persistent_obj),
        ("dnnlib.util", EasyDict),
    ):
        package, _, _ = name.partition(".")
        made[package], made[name] = types.ModuleType(package), types.ModuleType(name)
        setattr(made[name], holder.__name__, holder)
    sys.modules.update(made)
    try:
        yield
    finally:
        for name in made:
            del sys.modules[name]


def content(denoiser, class_name="EDMPrecond", key="ema", **init):
    """What an official file of a network holds."""
    network = Persistent(class_name, denoiser, img_resolution=16, dropout=0.13, **init)
    return {
        key: network,
        "loss_fn": Persistent("EDMLoss", nn.Module(), P_mean=-1.2),
        "augment_pipe": None,
        "dataset_kwargs": EasyDict(class_name="training.dataset.ImageFolderDataset"),
    }


def as_pkl(held):
    """The bytes of a .pkl."""
    with importable():
        return pickle.dumps(held)


def as_pt(held, *, older=False):
    """The bytes of a .pt, as torch.save writes it today, or did."""
    file = io.BytesIO()
    with importable():
        torch.save(held, file, _use_new_zipfile_serialization=not older)
    return file.getvalue()
