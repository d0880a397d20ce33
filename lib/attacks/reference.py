"""The AutoAttack library itself, untouched: what the faster path is compared with."""

import logging
from dataclasses import replace

import torch
from torch import Tensor

from advlib.attacks.checks import UNUSED, finding
from advlib.attacks.oracle import finite
from advlib.attacks.problem import Problem
from advlib.attacks.stages import Carry, Round, Suite
from advlib.models.callables import backward_pass

LOGGER = "auto-attack"  # the library's


class _Warnings(logging.Handler):
    """Keeps what the library warns of with the images' problem."""

    def __init__(self, problem: Problem):
        super().__init__(logging.WARNING)
        self.problem = problem

    def emit(self, record: logging.LogRecord) -> None:
        found = finding(record.getMessage())
        if found.name != UNUSED:
            self.problem.add_finding(found)


def referred(suite: Suite) -> Suite:
    """The suite with the library's own run in the place of every stage.

    From the suite's seed it begins anew at each batch of each attack.

    Raises ValueError for a suite of attacks that the library does not have.
    """
    if suite.version is None:
        raise ValueError(f"{suite.name} is not an attack of the library")
    stages = [
        replace(stage, rounds=(_library(suite, stage.name),), cost=stage.cost * len(stage.rounds))
        for stage in suite.stages
    ]
    return replace(suite, stages=tuple(stages))


def _library(suite: Suite, attack: str) -> Round:
    def run(problem: Problem, carry: Carry) -> Carry:
        from pyautoattack import AutoAttack

        lanes = problem.left()
        model = _Counted(problem)
        custom = suite.version == "custom"
        library = AutoAttack(
            model,
            norm=suite.norm,
            eps=suite.eps,
            seed=suite.seed,
            version=suite.version,
            device=problem.images.device,
            attacks=[attack] if custom else None,
        )
        # no more targets than there are other classes, of which the library does not think
        library.apgd_targeted.n_target_classes = suite.aims.get("apgd-t", 1)
        library.fab.n_target_classes = suite.aims.get("fab-t", 1)
        # the images that are left are those that the library would take on from the stage before,
        # in the same batches
        library.attacks_to_run = [attack]
        logger, handler = logging.getLogger(LOGGER), _Warnings(problem)
        logger.addHandler(handler)
        propagate, logger.propagate = logger.propagate, False
        try:
            with backward_pass(problem.oracle.exact):
                made, guess = library.run_standard_evaluation(
                    problem.images[lanes], problem.label[lanes], batch_size=problem.oracle.batch
                )
        finally:
            logger.removeHandler(handler)
            logger.propagate = propagate
        made = made.clamp(0, 1)  # by rounding it may be outside
        problem.accept(lanes, made, guess != problem.label[lanes])
        return {}

    return run


class _Counted(torch.nn.Module):
    """The classifier, each of whose images is counted and reported."""

    def __init__(self, problem: Problem):
        super().__init__()
        # how many are left changes at the end alone: the library does not tell before
        self.problem, self.left = problem, len(problem.left())

    def forward(self, images: Tensor) -> Tensor:
        oracle = self.problem.oracle
        oracle.pulse()
        oracle.forwards += len(images)
        self.problem.tick(self.left)
        if images.requires_grad:
            images = images.view_as(images)
            images.register_hook(lambda gradient: self._hold("gradient", gradient, images))
        logits = oracle.exact(images)
        self._hold("logits", logits, images)
        return logits

    @torch.no_grad()
    def _hold(self, what: str, values: Tensor, images: Tensor) -> None:
        """Hold an answer to be finite, as Oracle does, where the library asks about an image."""
        right = finite(values) | ~finite(images)  # it goes on from points that are none
        if not right.all():
            centres = self.problem.images.flatten(1)
            # the library does not say which image a point belongs to: its ball is the nearest
            at = torch.cdist(images[~right][:1].flatten(1), centres, p=1).argmin()
            self.problem.oracle.hold(what, values[~right][:1], self.problem.number[at][None])
            self.problem.oracle.check()
