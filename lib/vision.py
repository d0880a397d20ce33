"""The way in to torchvision: `from advlib.vision import torchvision`, inside functions.

Importing this module imports torch, which takes seconds.  Beside a build of PyTorch that misses
the libraries which torchvision's compiled operators need (its CPU build beside the ordinary wheel),
importing torchvision fails for want of two operators that nothing here uses; declaring them is
enough.  Source of the schemas: torchvision, csrc/ops/nms.cpp and csrc/ops/quantized/cpu/qnms.cpp.

Raises ModuleNotFoundError where torch or torchvision is not installed.
"""

import contextlib
import importlib.util
import sys
from pathlib import Path
from typing import Any

SCHEMAS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)


def _missing_schemas() -> Any:
    """A torch.library.Library that declares them and must be kept; None where they are there."""
    import torch

    package = importlib.util.find_spec("torchvision")
    if package is None or package.origin is None or "torchvision" in sys.modules:
        return None
    # a second definition is an error too, so what torchvision would load is tried first
    for compiled in Path(package.origin).parent.glob("_C.*"):
        with contextlib.suppress(OSError):
            torch.ops.load_library(compiled)
    if hasattr(torch.ops.torchvision, "nms"):
        return None
    library = torch.library.Library("torchvision", "DEF")
    for schema in SCHEMAS:
        library.define(schema)
    return library


_LIBRARY = _missing_schemas()  # the schemas go when it does
import torchvision  # noqa: E402, F401
