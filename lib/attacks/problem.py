"""Images under attack: which are left, what fools the classifier, and which attack did it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor

from advlib.attacks import balls
from advlib.attacks.checks import Finding
from advlib.attacks.draws import Draws
from advlib.attacks.oracle import Oracle

NEVER = 1 << 30  # a place that no class has
CLEAN = "clean"  # what fooled a classifier that is wrong on the image itself
KEPT = ("robust", "adversarial", "logits")  # tensors that a problem under way goes on from


class Problem:
    """n images, the lanes, and what attacks have found for each.

    images: (n, c, h, w) float32 in [0, 1].  label: (n,) int64.  norm, eps: of the ball about each.
    clean: (n, k), the classifier's own logits.
    robust: (n,) bool, not fooled so far.  adversarial: like images; the image itself where
    nothing had to fool the classifier, and where nothing did, unless an attack kept its last try.
    logits: (n, k), of `adversarial`.
    by: n texts, which attack fooled it: "clean" where none was needed, "" where none did.
    attack: name of the one that is running.  findings: what is suspicious about the classifier.
    zero_gradients: most images whose gradient was zero where a run began.
    number: (n,) int64, of the images in their set, for messages.
    """

    def __init__(
        self,
        oracle: Oracle,
        images: Tensor,
        label: Tensor,
        norm: str,
        eps: float,
        draws: Draws,
        *,
        first: int = 0,
        watch: "Callable[[Problem, int], None]" = lambda problem, left: None,
    ):
        """Ask for the clean logits, and begin with all images that they get right.

        Whether they are logits at all is for checks.check_logits to say.
        first: number of the first image in its set.  watch: called before every step
        of an attack with the count of lanes that the step is for.
        """
        self.oracle, self.images, self.label = oracle, images, label
        self.norm, self.eps, self.draws = norm, eps, draws
        self.clean = oracle.first_logits(images)
        self.robust = self.clean.argmax(1) == label
        self.adversarial, self.logits = images.clone(), self.clean.clone()
        self.by = ["" if right else CLEAN for right in self.robust.tolist()]
        self.attack = ""
        self.findings: list[Finding] = []
        self.zero_gradients = 0
        self._lowest_place = torch.full_like(label, NEVER)  # of the tries that fooled
        self.number = first + torch.arange(len(images), device=label.device)
        self._watch = watch

    @property
    def classes(self) -> int:
        """How many there are."""
        return self.clean.shape[1]

    def begin(self, attack: str, number: int) -> None:
        """An attack begins on the lanes that are left.

        number: of the attack, by which its random numbers are known.
        """
        self.attack = attack
        self.oracle.during = f"attacked with {attack}"
        self.draws.begin(number, self.left())

    def tick(self, left: int) -> None:
        """A step begins that is for so many lanes."""
        self._watch(self, left)

    def left(self) -> Tensor:
        """The lanes that nothing has fooled yet, (m,) in rising order."""
        return self.robust.nonzero()[:, 0]

    def targets(self, lanes: Tensor, rank: int) -> Tensor:
        """The class in place `rank` of each image's clean logits, (m,); 1 is the highest."""
        return self.clean[lanes].sort(1).indices[:, -rank]

    def tries(self, lanes: Tensor, places: Sequence[int]) -> tuple[Tensor, Tensor, Tensor]:
        """Several tries at each image at once: lane, place and class aimed at of each, (tries,).

        places: of classes among the clean logits.  Lanes (m,) are tried in this order of places.
        """
        place = torch.tensor(places, device=lanes.device).repeat_interleave(len(lanes))
        aims = [self.targets(lanes, place) for place in places]
        return lanes.repeat(len(places)), place, torch.cat(aims)

    def claim(
        self, lanes: Tensor, candidates: Tensor, keep: bool = False, place: Tensor | None = None
    ) -> Tensor:
        """Ask the classifier itself which candidates, (m, c, h, w), fool it, (m,) bool.

        Those are recorded.
        keep: keep candidates that do not fool it too.
        place: (m,) of several tries at an image at once; that of the lowest place is kept, as if
        they had been made in their order.
        Raises as `_judged` does.
        """
        logits = self._judged(lanes, candidates)
        fooled = logits.argmax(1) != self.label[lanes]
        chosen = fooled
        if place is not None:
            self._lowest_place.scatter_reduce_(0, lanes[fooled], place[fooled], "amin")
            chosen = fooled & (place == self._lowest_place[lanes])
        self._record(lanes, candidates, chosen, logits, keep)
        return fooled

    def still_counts(self, lanes: Tensor, place: Tensor) -> Tensor:
        """Which of several tries still count, (m,) bool: none at their or a lower place fooled."""
        return place < self._lowest_place[lanes]

    def accept(self, lanes: Tensor, candidates: Tensor, fooled: Tensor) -> None:
        """Record the candidates (m, c, h, w) that fool by another's verdict and by the classifier.

        fooled: (m,) bool, the other's verdict.  Raises as `_judged` does.
        """
        logits = self._judged(lanes, candidates)
        agreed = fooled & (logits.argmax(1) != self.label[lanes])
        self._record(lanes, candidates, agreed, logits, False)

    def _judged(self, lanes: Tensor, candidates: Tensor) -> Tensor:
        """The classifier's own logits (m, k) for candidates, whichever attack they come from.

        Raises CannotError for candidates outside their balls or [0, 1], and NotFiniteError for
        logits that are no numbers.
        """
        number = self.number[lanes]
        balls.require_inside(
            self.images[lanes], candidates, self.norm, self.eps, number, self.attack
        )
        return self.oracle.exact_logits(candidates, number)

    def _record(
        self, lanes: Tensor, candidates: Tensor, fooled: Tensor, logits: Tensor, keep: bool
    ) -> None:
        won = lanes[fooled]
        self.robust[won] = False
        kept = slice(None) if keep else fooled
        self.adversarial[lanes[kept]], self.logits[lanes[kept]] = candidates[kept], logits[kept]
        for lane in won.tolist():
            self.by[lane] = self.attack

    def note_zero_gradients(self, lanes: Tensor) -> None:
        """These lanes, (m,), of which one may come often, had no gradient where a run began."""
        self.zero_gradients = max(self.zero_gradients, len(lanes.unique()))

    def add_finding(self, finding: Finding) -> None:
        """Keep something suspicious about the classifier, once."""
        if finding not in self.findings:
            self.findings.append(finding)

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """What `restore` goes on from: tensors, and the rest as JSON holds it."""
        rest = {
            "by": self.by,
            "zero_gradients": self.zero_gradients,
            "findings": [asdict(finding) for finding in self.findings],
        }
        return {name: getattr(self, name) for name in KEPT}, rest

    def restore(self, tensors: Mapping[str, Tensor], rest: Mapping[str, Any]) -> None:
        """Take up what `state` gave of a problem of the same images."""
        self.robust, self.adversarial, self.logits = (tensors[name] for name in KEPT)
        self.by, self.zero_gradients = rest["by"], rest["zero_gradients"]
        self.findings = [Finding(**finding) for finding in rest["findings"]]
