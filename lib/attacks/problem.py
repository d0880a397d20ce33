"""Images under attack: who is left, what fools the classifier, and what did it."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from advlib.attacks.checks import Finding
from advlib.attacks.draws import Draws
from advlib.attacks.oracle import Oracle
from advlib.errors import DataError

NEVER = 1 << 30  # a place that no class has
CLEAN = "clean"  # what fooled a classifier that is wrong on the image itself


class Problem:
    """n images, the lanes, and what attacks have found for each.

    images: (n, c, h, w) float32 in [0, 1].  label: (n,) int64.  norm, eps: of the ball about each.
    clean: (n, k), the classifier's own logits.
    robust: (n,) bool, not fooled so far.  adversarial: like images; the image itself where
    nothing had to fool the classifier, and where nothing did, unless an attack kept its last try.
    logits: (n, k), of `adversarial`.
    by: n texts, which attack fooled it: "clean" where none was needed, "" where none did.
    """

    def __init__(
        self, oracle: Oracle, images: Tensor, label: Tensor, norm: str, eps: float, draws: Draws
    ):
        self.oracle, self.images, self.label = oracle, images, label
        self.norm, self.eps, self.draws = norm, eps, draws
        self.clean = oracle.judge(images)
        self.robust = self.clean.argmax(1) == label
        self.adversarial, self.logits = images.clone(), self.clean.clone()
        self.by = ["" if right else CLEAN for right in self.robust.tolist()]
        self._won = torch.full_like(label, NEVER)  # the lowest place of the tries that fooled
        self.attack = ""  # which one is running
        self.name, self.first = "the classifier", 0  # of the network; number of the first image
        self.findings: list[Finding] = []
        self.zero_gradients = 0  # most images whose gradient vanished where a DLR run began
        self.tick: Callable[[int], None] = lambda left: None  # before every step of `left` lanes

    @property
    def classes(self) -> int:
        """How many there are."""
        return self.clean.shape[1]

    def left(self) -> Tensor:
        """The lanes that nothing has fooled yet, (m,) in rising order."""
        return self.robust.nonzero()[:, 0]

    def targets(self, lanes: Tensor, rank: int) -> Tensor:
        """The class in place `rank` of each image's clean logits, (m,); 1 is the highest."""
        return self.clean[lanes].sort(1).indices[:, -rank]

    def rows(self, lanes: Tensor, places: Sequence[int]) -> tuple[Tensor, Tensor, Tensor]:
        """Several tries at each image at once: lane, place and class aimed at of each, (rows,).

        places: of classes among the clean logits.  Lanes (m,) are tried in this order of places.
        """
        place = torch.tensor(places, device=lanes.device).repeat_interleave(len(lanes))
        aims = [self.targets(lanes, place) for place in places]
        return lanes.repeat(len(places)), place, torch.cat(aims)

    def claim(
        self, lanes: Tensor, candidates: Tensor, keep: bool = False, place: Tensor | None = None
    ) -> Tensor:
        """Which candidates, (m, c, h, w), really fool the classifier, (m,) bool; they are kept.

        The attack sees to it that they are inside the ball.  keep: keep the others too.
        place: (m,) of several tries at an image at once; that of the lowest place is kept, as if
        they had been made in their order.
        Raises DataError for logits that are no numbers.
        """
        logits = self.oracle.judge(candidates)
        self.demand(logits.isfinite().all(1), lanes)
        fooled = logits.argmax(1) != self.label[lanes]
        chosen = fooled
        if place is not None:
            self._won.scatter_reduce_(0, lanes[fooled], place[fooled], "amin")
            chosen = fooled & (place == self._won[lanes])
        self._record(lanes, candidates, chosen, logits, keep)
        return fooled

    def demand(self, finite: Tensor, lanes: Tensor) -> None:
        """DataError unless the logits for the attacked images of the lanes (m,) were all finite."""
        if not finite.all():
            number = self.first + int(lanes[~finite][0])
            raise DataError(
                f"{self.name}: its logits for image {number}, attacked with {self.attack}, are no "
                "finite numbers"
            )

    def open(self, lanes: Tensor, place: Tensor) -> Tensor:
        """Which tries still matter, (m,) bool: nothing at their place or a lower one has fooled."""
        return place < self._won[lanes]

    def record(self, lanes: Tensor, candidates: Tensor, fooled: Tensor) -> None:
        """Take over the verdict of another, (m,) bool, on candidates (m, c, h, w)."""
        self._record(lanes, candidates, fooled, self.oracle.judge(candidates), False)

    def _record(
        self, lanes: Tensor, candidates: Tensor, fooled: Tensor, logits: Tensor, keep: bool
    ) -> None:
        won = lanes[fooled]
        self.robust[won] = False
        kept = slice(None) if keep else fooled
        self.adversarial[lanes[kept]], self.logits[lanes[kept]] = candidates[kept], logits[kept]
        for lane in won.tolist():
            self.by[lane] = self.attack

    def flat(self, count: int) -> None:
        """`count` images had no gradient where a run began."""
        self.zero_gradients = max(self.zero_gradients, count)

    def find(self, finding: Finding) -> None:
        """Keep something suspicious about the classifier, once."""
        if finding not in self.findings:
            self.findings.append(finding)
