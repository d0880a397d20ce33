"""What attacks found for some images."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np
import torch
from torch import Tensor

from advlib.attacks.checks import Finding
from advlib.attacks.problem import Problem
from advlib.shards.augmentation import to_float
from advlib.shards.pictures import eight_bits

ARRAYS = ("number", "label", "adversarial", "clean_logits", "logits", "picture_logits")


@dataclass(frozen=True)
class Found:
    """What attacks found for n images: arrays (n, ...).

    number: place in the set, int64.  label: int64.  adversarial: (n, h, w, c) float32 in [0, 1], as
    the attack left it: see Problem.
    clean_logits, logits, picture_logits: (n, k) float32, of the image, of `adversarial`, and of
    its 8-bit picture.  by: texts, the attack; "clean" where none was needed, "" where none fooled.
    costs: of each stage `seconds`, `forwards` and `backwards` (images).
    zero_gradients: most images whose gradient was zero where a run began.
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

    def rest(self) -> dict:
        """All but those arrays, as JSON holds it."""
        return {
            "by": self.by.tolist(),
            "costs": self.costs,
            "zero_gradients": self.zero_gradients,
            "findings": [asdict(finding) for finding in self.findings],
        }

    @classmethod
    def read(cls, tensors: Mapping[str, Tensor], rest: Mapping) -> "Found":
        """From what `tensors` and `rest` gave."""
        arrays = {name: tensors[name].numpy() for name in ARRAYS}
        findings = [Finding(**finding) for finding in rest["findings"]]
        return cls(
            **arrays,
            by=np.array(rest["by"], object),
            costs=rest["costs"],
            findings=findings,
            zero_gradients=rest["zero_gradients"],
        )

    @classmethod
    def of(cls, problem: Problem, number: np.ndarray, costs: dict[str, dict]) -> "Found":
        """What is found for a problem's images, (n,) `number` in their set, at the end."""
        adversarial = np.ascontiguousarray(problem.adversarial.permute(0, 2, 3, 1).cpu().numpy())
        problem.oracle.during = "as the 8-bit picture of what attacks made of it"
        seen = to_float(torch.from_numpy(eight_bits(adversarial)).to(problem.images.device))
        clean, logits, shown = (
            value.float().cpu().numpy()
            for value in (
                problem.clean,
                problem.logits,
                problem.oracle.exact_logits(seen.contiguous(), problem.number),
            )
        )
        return cls(
            number=number,
            label=problem.label.cpu().numpy(),
            adversarial=adversarial,
            clean_logits=clean,
            logits=logits,
            picture_logits=shown,
            by=np.array(problem.by, object),
            costs=costs,
            findings=problem.findings,
            zero_gradients=problem.zero_gradients,
        )
