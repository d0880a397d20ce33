"""What attacks on a set come to: accuracies stage by stage, and what is suspicious."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict

import numpy as np

from advlib.attacks import checks
from advlib.attacks.found import Found
from advlib.attacks.problem import CLEAN
from advlib.attacks.stages import Suite
from advlib.numbers import wilson


class Verdict:
    """Sums over windows of what was found."""

    def __init__(self, suite: Suite):
        """Begin with nothing."""
        self._revised = dict.fromkeys(("images", "clean", "robust"), 0)
        self.suite = suite
        self.images = self.clean = self.robust = self.shown = self.classes = 0
        self.zero_gradients = 0
        self.findings: list[checks.Finding] = []
        self._fooled = dict.fromkeys((stage.name for stage in suite.stages), 0)
        self._costs: dict[str, dict] = {name: {} for name in self._fooled}

    def add(self, found: Found, excluded: np.ndarray | None = None) -> None:
        """Count a window's images.

        excluded: which of them a revised benchmark leaves out, (n,) bool; None where there is none.
        """
        if excluded is not None:
            kept = {"images": ~excluded, "clean": found.by != CLEAN, "robust": found.robust}
            for name, which in kept.items():
                self._revised[name] += int((which & ~excluded).sum())
        self.images += len(found)
        self.classes = found.clean_logits.shape[1]
        self.clean += int((found.by != CLEAN).sum())
        self.robust += int(found.robust.sum())
        self.shown += int((found.picture_logits.argmax(1) == found.label).sum())
        self.zero_gradients += found.zero_gradients
        self.findings += [finding for finding in found.findings if finding not in self.findings]
        for name in self._fooled:
            self._fooled[name] += int((found.by == name).sum())
            for key, value in found.costs.get(name, {}).items():
                self._costs[name][key] = self._costs[name].get(key, 0) + value

    def stages(self) -> list[dict]:
        """A row for each stage: attack, images that it attacked and fooled, what is left, costs."""
        rows, left = [], self.clean
        for name, fooled in self._fooled.items():
            row = {"attack": name, "images": left, "fooled": fooled}
            left -= fooled
            zeros = {"seconds": 0.0, "forwards": 0, "backwards": 0}
            rows.append(row | _share("accuracy", left, self.images) | zeros | self._costs[name])
        return rows

    def document(self) -> dict:
        """Accuracies with 95 % intervals, stages, and what is suspicious about the classifier.

        picture_accuracy: on the 8-bit pictures of what the attacks left.
        """
        findings = self.findings + checks.chance(self.clean, self.images, self.classes)
        if self.zero_gradients:
            findings.append(checks.zero_gradients(self.zero_gradients))
        after = {row["attack"]: row["accuracy"] for row in self.stages()}
        findings += checks.after({CLEAN: self.clean / self.images, **after})
        return {
            "images": self.images,
            **_share("clean_accuracy", self.clean, self.images),
            **_share("accuracy", self.robust, self.images),
            "picture_accuracy": self.shown / self.images,
            **self._revision(),
            "stages": self.stages(),
            "warnings": [asdict(finding) for finding in _once(findings)],
        }

    def _revision(self) -> dict[str, dict]:
        """The same accuracies without the images that a revised benchmark leaves out."""
        count = self._revised["images"]
        if not count:
            return {}
        return {
            "revised": {
                "images": count,
                **_share("clean_accuracy", self._revised["clean"], count),
                **_share("accuracy", self._revised["robust"], count),
            }
        }


def _share(name: str, part: int, count: int) -> dict[str, float]:
    low, high = wilson(part, count)
    return {name: part / count, f"{name}_low": low, f"{name}_high": high}


def _once(items: Iterable) -> list:
    items = list(items)
    return [item for i, item in enumerate(items) if item not in items[:i]]


def rows(document: Mapping) -> list[dict]:
    """A row for each stage of a verdict, after one for the images as they are."""
    images, clean = document["images"], document["clean_accuracy"]
    row = {"attack": CLEAN, "images": images, "fooled": images - round(images * clean)}
    row |= {f"accuracy{end}": document[f"clean_accuracy{end}"] for end in ("", "_low", "_high")}
    return [row | {"seconds": 0.0, "forwards": images, "backwards": 0}, *document["stages"]]
