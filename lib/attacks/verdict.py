"""What attacks on a set come to: accuracies stage by stage, a RobustBench entry, fields of shards.

Sources: RobustBench's model_info files (RobustBench/robustbench); fields as in advshards(5).
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from fractions import Fraction

import numpy as np
import torch

from advlib.attacks import balls, checks
from advlib.attacks.found import Found
from advlib.attacks.problem import CLEAN
from advlib.attacks.suites import Suite
from advlib.numbers import wilson
from advlib.shards.chunk import Chunk, object_array

# what a RobustBench entry must have, in its order, and what of it nobody but its author knows
ENTRY = (
    "link",
    "name",
    "authors",
    "additional_data",
    "number_forward_passes",
    "dataset",
    "venue",
    "architecture",
    "eps",
    "clean_acc",
    "reported",
    "autoattack_acc",
)
THEIRS = ("link", "name", "authors", "additional_data", "venue")
MAY = ("footnote", "unreliable", "external")


class Verdict:
    """Sums over windows of what was found."""

    def __init__(self, suite: Suite):
        """Begin with nothing."""
        self.suite = suite
        self.images = self.clean = self.robust = self.shown = self.classes = 0
        self.zero_gradients = 0
        self.findings: list[checks.Finding] = []
        self._fooled = dict.fromkeys((stage.name for stage in suite.stages), 0)
        self._costs: dict[str, dict] = {name: {} for name in self._fooled}

    def add(self, found: Found) -> None:
        """Count a window's images."""
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
            "stages": self.stages(),
            "warnings": [asdict(finding) for finding in _once(findings)],
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


def entry(document: Mapping, eps: Fraction, given: Mapping[str, str]) -> tuple[dict, list[str]]:
    """A RobustBench model_info entry, and the names of its fields that are still empty.

    document: a verdict of AutoAttack.  given: fields that only
    the model's author knows, and any that shall be otherwise; "true", "false" and numbers are
    taken as such.
    """
    percent = "{:.2f}".format
    known = {
        "number_forward_passes": 1,
        "dataset": document["dataset"],
        "architecture": document["model"],
        "eps": str(eps) if document["attack"]["norm"] == "Linf" else f"{float(eps):g}",
        "clean_acc": percent(100 * document["clean_accuracy"]),
        "reported": percent(100 * document["accuracy"]),
        "autoattack_acc": percent(100 * document["accuracy"]),
    }
    said = {key: _value(text) for key, text in given.items()}
    made = {key: said.get(key, known.get(key)) for key in ENTRY} | said
    return made, [key for key in ENTRY if made[key] is None]


def _value(text: str) -> str | bool | int:
    if text in ("true", "false"):
        return text == "true"
    return int(text) if text.isdecimal() else text


def chunk(found: Found, source: Chunk, norm: str, fooled: bool) -> Chunk:
    """The images of a window with what was found, as a set of attacked images holds them.

    source: the same images, with their keys and fields.  fooled: only those that are misclassified.
    """
    clean = source.image.astype(np.float32) / np.float32(255)
    perturbation = torch.from_numpy(found.adversarial.astype(np.float64) - clean)
    fields = {
        "adversarial": found.adversarial,
        "attack": object_array(found.by.tolist()),
        "clean_logits": found.clean_logits,
        "clean_prediction": found.clean_logits.argmax(1).astype(np.int64),
        "logits": found.logits,
        "perturbation": balls.size(perturbation, norm).numpy(),
        "picture_fools": found.picture_logits.argmax(1) != found.label,
        "prediction": found.logits.argmax(1).astype(np.int64),
    }
    whole = Chunk(source.image, source.label, source.key, {**source.fields, **fields})
    return whole.take(np.flatnonzero(~found.robust)) if fooled else whole
