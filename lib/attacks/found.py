"""What attacks found for some images."""

from dataclasses import asdict, dataclass

import numpy as np
import torch
from torch import Tensor

from advlib.attacks.checks import Finding

ARRAYS = ("number", "label", "adversarial", "clean_logits", "logits", "picture_logits")


@dataclass(frozen=True)
class Found:
    """What attacks found for n images: arrays (n, ...).

    number: place in the set, int64.  label: int64.  adversarial: (n, h, w, c) float32 in [0, 1], as
    the attack left it: see Problem.
    clean_logits, logits, picture_logits: (n, k) float32, of the image, of `adversarial`, and of
    its 8-bit picture.  by: texts, the attack; "clean" where none was needed, "" where none fooled.
    costs: of each stage `seconds`, `forwards` and `backwards` (images).
    zero_gradients: most images whose gradient vanished where a run with a DLR loss began.
    """

    number: np.ndarray
    label: np.ndarray
    adversarial: np.ndarray
    clean_logits: np.ndarray
    logits: np.ndarray
    picture_logits: np.ndarray
    by: np.ndarray
    costs: dict[str, dict]
    findings: list[Finding]
    zero_gradients: int

    def __len__(self) -> int:
        return len(self.number)

    @property
    def robust(self) -> np.ndarray:
        """Whether nothing fooled the classifier, (n,)."""
        return self.by == ""

    def tensors(self) -> dict[str, Tensor]:
        """The arrays of numbers."""
        return {name: torch.from_numpy(getattr(self, name)) for name in ARRAYS}

    def about(self) -> dict:
        """The rest, as JSON holds it."""
        return {
            "by": self.by.tolist(),
            "costs": self.costs,
            "zero_gradients": self.zero_gradients,
            "findings": [asdict(finding) for finding in self.findings],
        }

    @classmethod
    def of(cls, tensors: dict[str, Tensor], about: dict) -> "Found":
        """From what `tensors` and `about` gave."""
        arrays = {name: tensors[name].numpy() for name in ARRAYS}
        by = np.array(about["by"], object)
        return cls(**arrays, by=by, **findings_of(about))


def findings_of(about: dict) -> dict:
    """Costs, findings and zero gradients out of JSON."""
    findings = [Finding(**finding) for finding in about["findings"]]
    rest = {name: about[name] for name in ("costs", "zero_gradients")}
    return {**rest, "findings": findings}
