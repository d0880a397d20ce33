"""Evaluations of the averaged network in the course of a run.

Source: Bartoldson et al. 2024, Sec. 3.1: the learning curve is of averaged weights under PGD-40 on
the CW loss, and the checkpoint with the best robust accuracy on validation images is kept.
"""

import time
from typing import Any

from torch import nn

from advlib.attacks.oracle import NotFiniteError
from advlib.attacks.settings import PGD
from advlib.documents import difference
from advlib.errors import DataError
from advlib.evaluation.scores import mean_scores
from advlib.jobs.precision import computing
from advlib.jobs.ranks import Ranks
from advlib.jobs.soundness import DivergedError
from advlib.shards.reader import ShardSet
from advlib.training.plan import Evaluations
from advlib.training.recipe import Recipe

TESTED = 512  # images a rank attacks at once, at most


class Evaluator:
    """Scores of one network, as plan and epoch ask for them."""

    def __init__(
        self,
        network: nn.Module,
        plan: Evaluations,
        recipe: Recipe,
        ranks: Ranks,
        seed: int,
        batch: int,
    ):
        """batch: images that a rank trains on at once: what makes room there, makes it here."""
        self.network, self.plan, self.ranks, self.epochs = network, plan, ranks, recipe.epochs
        self._attack = PGD(eps=recipe.eps)
        self._how = {"seed": seed, "batch": min(TESTED, batch), "name": "the averaged network"}

    def go_on(self, before: dict[str, Any] | None, finished: bool) -> str:
        """What to say of a run that goes on, whose evaluations were as `before`; "" if nothing.

        before: from `Evaluations.document`; None where an older program saved the state.
        Raises DataError where the run is finished and evaluations asked for were not made.
        """
        # without a word of the precision, a state is older than the choice
        other = before and _otherwise({"eval_precision": "fp32", **before}, self.plan.document())
        if other and finished:
            raise DataError(
                f"the run is finished, and was evaluated {other}: score its checkpoints with"
                " adveval"
            )
        return f"evaluations so far were {other}" if other else ""

    def test(self, epoch: int) -> dict[str, Any] | None:
        """Scores on the test images after an epoch, 0 for before training; None if not due."""
        if self.plan.test is None or epoch not in self.plan.at:
            return None
        return self._scores(self.plan.test, self.plan.images)

    def validation(self, epoch: int) -> dict[str, Any] | None:
        """Scores on the validation images after an epoch; None if not due."""
        if self.plan.validation is None:
            return None
        if epoch % self.plan.validate_every and epoch != self.epochs:
            return None
        return self._scores(self.plan.validation, None)

    def _scores(self, shards: ShardSet, most: int | None) -> dict[str, Any]:
        begun = time.monotonic()
        try:
            with computing(self.plan.precision, self.ranks.device.type):
                found = mean_scores(
                    self.network, shards, self._attack, self.ranks, most=most, **self._how
                )
        except NotFiniteError as err:
            raise DivergedError(str(err)) from None
        return {"seconds": time.monotonic() - begun, **found}


def _otherwise(before: dict[str, Any], now: dict[str, Any]) -> str:
    """In words, how evaluations were made that are asked for otherwise now; "" if they are not."""
    for name in ("test", "validation"):  # of which the documents hold digests
        its, mine = before.get(name), now.get(name)
        if its != mine and its is None:
            return f"on no {name} images"
        if its != mine:
            return f"on {'other ' if mine else ''}{name} images" + ("" if mine else ", now on none")
    return difference(before, now)
