"""A researcher's own network, named as `module:name`: its code is run.

Checkpoints are read without running anything in them; here whatever the module does at its import,
and the network at each call, is done with the user's rights.
"""

import contextlib
import hashlib
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

from advlib.errors import DataError
from advlib.models import zoo
from advlib.models.imported import drop, kind_of, modules_of, network_of, running

PIXELS = {"unit": (1.0, 0.0), "signed": (2.0, -1.0), "bytes": (255.0, 0.0)}  # scale, offset


class Adapted(nn.Module):
    """A network that takes images in [0, 1], whatever it takes inside.

    Called with float images (n, c, h, w) in [0, 1]; gives logits (n, k), float32, on the device
    of the images.

    Raises DataError where the network fails, or returns no float tensor (n, k) with k >= 2.
    """

    network: Callable[[Tensor], Any]
    mean: Tensor | None
    std: Tensor | None

    def __init__(
        self,
        name: str,
        network: Callable[[Tensor], Any],
        pixels: str = "unit",
        normalisation: str | None = None,
    ):
        """Wrap a network; arguments and errors as those of load_callable."""
        super().__init__()
        self.name, self.network = name, network
        self.scale, self.offset = _choice("pixels", pixels, PIXELS)
        rows = _choice("normalisation", normalisation or "none", zoo.NORMALISATIONS)
        if normalisation in (None, "none"):
            rows = (None, None)
        elif pixels != "unit":
            raise DataError(
                f"normalisation: found {normalisation}, which is of pixels in [0, 1], with pixels "
                f"{pixels}; expected one or the other"
            )
        for field, row in zip(("mean", "std"), rows, strict=True):
            value = None if row is None else torch.tensor(row).view(-1, 1, 1)
            self.register_buffer(field, value, persistent=False)
        self.dtype = _dtype(network)

    def forward(self, images: Tensor) -> Tensor:
        given = self._given(images)
        with running(self.name, f"called with {kind_of(given)}", "logits"):
            output = self.network(given)
        return _logits(self.name, output, images)

    def _given(self, images: Tensor) -> Tensor:
        """What the network takes, of images in [0, 1]."""
        if self.scale != 1:
            images = images * self.scale + self.offset
        if self.mean is not None and self.std is not None:
            if images.shape[1] != len(self.mean):
                raise DataError(
                    f"{self.name}: images: found channels: {images.shape[1]}; expected "
                    f"{len(self.mean)}, as the normalisation has"
                )
            images = (images - self.mean) / self.std
        # a copy, for networks that change what they are given
        return images.to(self.dtype, copy=True)


def load_callable(
    spec: str,
    *,
    normalisation: str | None = None,
    pixels: str = "unit",
    device: str | torch.device = "cpu",
) -> tuple[Adapted, dict]:
    """A network that Python code holds or makes, taking images in [0, 1], and its description.

    THE CODE OF THE MODULE IS RUN, at once and at each call, unlike that of checkpoints.

    spec: `package.module:name`, imported from the current directory, else as it is
    installed; its code, and no other, may import what stands beside it.
    The name, which may have dots, is that of a torch.nn.Module; of a class or function that needs
    no argument, is called, and returns a Module or a function; or of a function of one argument,
    images, which is the network.
    pixels: the values it takes, "unit" [0, 1], "signed" [-1, 1], "bytes" [0, 255] (floats).
    normalisation: a key of zoo.NORMALISATIONS, whose mean is subtracted from pixels in [0, 1]
    before they are divided by its std; only with pixels "unit".

    A Module is moved to the device, put into evaluation mode, and asks for no gradients by its
    weights.  Modules that a function names directly, bound or global, are too, except that they
    stay where they are.  What the code prints, when it is loaded or called, goes to standard error.

    The description: `format` "callable", `model` the spec, `kind` "module", "made" (by a call) or
    "function", `pixels`, `normalisation`, and `training_mode_left_on`, whether any module was in
    training mode.

    Raises DataError, one line, where there is no such network, importing or making it fails, or
    an option is wrong; what it returns is looked at when it is called (see Adapted, probe).
    """
    with torch.enable_grad():  # for which attacks ask: scripts that evaluate switch it off
        network, kind = network_of(spec)
    left_on = False
    for module in modules_of(network):
        left_on |= any(part.training for part in module.modules())
        module.eval().requires_grad_(False)
    adapted = Adapted(spec, network, pixels, normalisation).eval()
    return adapted.to(device), {
        "format": "callable",
        "model": spec,
        "kind": kind,
        "pixels": pixels,
        "normalisation": normalisation or "none",
        "training_mode_left_on": left_on,
    }


def weights_sha256(model: Adapted) -> str:
    """A hash of the weights and buffers of the modules that `load_callable` finds in a network."""
    out = hashlib.sha256()
    for module in modules_of(model.network):
        for name, value in module.state_dict().items():
            if isinstance(value, Tensor):
                out.update(f"{name} {value.dtype} {tuple(value.shape)}\n".encode())
                out.update(
                    value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data
                )
    return out.hexdigest()


def backward_pass(model: Any) -> contextlib.AbstractContextManager:
    """Where gradients come back through a network: an Adapted one's own code may run there too.

    Raises DataError, within, where that fails; of any other network errors pass as they are.
    """
    if isinstance(model, Adapted):
        return running(model.name, "its gradient by the images")
    return contextlib.nullcontext()


def probe(
    model: Callable[[Tensor], Tensor],
    image_shape: Iterable[int],
    device: str | torch.device = "cpu",
    *,
    gradient: bool = True,
) -> int:
    """How many classes a network has, found by asking it for three grey images, then one.

    image_shape: channels, height, width.  gradient: whether attacks will need one by the images.

    Raises DataError as Adapted does, where logits are no finite numbers, where the counts of
    classes differ, or without a gradient.
    """
    name = getattr(model, "name", None) or "model"
    grey = torch.linspace(0, 1, 5, device=device)[1:4].view(3, 1, 1, 1).expand(3, *image_shape)
    counts = []
    for images in (grey.clone(), grey[:1].clone()):
        with torch.set_grad_enabled(gradient):
            logits = _logits(name, model(images.requires_grad_(gradient)), images)
        if not (finite := logits.isfinite()).all():
            worst = logits[~finite][0].item()
            raise DataError(
                f"{name}: found logit {worst} for a grey image; expected finite numbers"
            )
        counts.append(logits.shape[1])
    if counts[0] != counts[1]:
        raise DataError(
            f"{name}: found {counts[0]} classes for three images, {counts[1]} for one; "
            "expected the same"
        )
    if gradient:
        found: tuple[Tensor | None, ...] = (None,)
        if logits.requires_grad:
            with backward_pass(model):
                found = torch.autograd.grad(logits.sum(), images, allow_unused=True)
        if found[0] is None:
            raise DataError(
                f"{name}: its logits have no gradient by the images; expected a network that "
                "computes them in torch, without no_grad or detach"
            )
    return counts[0]


def _dtype(network: Callable) -> torch.dtype:
    """What a network computes in: of its weights where these agree, else float32."""
    weights = network.parameters() if isinstance(network, nn.Module) else ()
    kinds = {weight.dtype for weight in weights if weight.is_floating_point()}
    return kinds.pop() if len(kinds) == 1 else torch.float32


def _logits(name: str, output: Any, images: Tensor) -> Tensor:
    """The output as float32 on the images' device; DataError unless it is float (n, k >= 2)."""
    if isinstance(output, Tensor) and output.is_floating_point():
        shape = tuple(output.shape)
        if len(shape) == 2 and shape[0] == len(images) and shape[1] >= 2:
            return output.to(images.device, torch.float32)
    drop(output)
    raise DataError(
        f"{name}: returned {kind_of(output)} for {len(images)} images; "
        f"expected logits, floats ({len(images)}, classes), of 2 classes or more"
    )


def _choice(what: str, found: str, choices: dict) -> Any:
    if found not in choices:
        raise DataError(f"{what}: found {found!r}; expected {', '.join(choices)}")
    return choices[found]
