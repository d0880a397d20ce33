"""A training run of many steps in a folder, whatever it trains: goes on, saves, stops, goes back.

A run's folder holds `log.jsonl` and `state.safetensors`, from which it goes on, beside what it
makes.  Killed at any moment and run again, it ends with the same weights; on CPUs of one kind, with
as many ranks, with the same bits.  A run that diverges goes back once to the state before the last.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import nn

from advlib.jobs.agreement import Agreement
from advlib.jobs.memory import enough_memory
from advlib.jobs.meter import StepMeter
from advlib.jobs.ranks import Ranks
from advlib.jobs.run_folder import RunFolder
from advlib.jobs.soundness import DivergedError


class SteppedRun(ABC):
    """A run in a folder; `train` begins it, or goes on, to its end.

    A subclass sets, before `train`: optimiser; meter; job, JSON that says what the run is; steps,
    how many it has; save_every, seconds between saves.
    """

    optimiser: torch.optim.Optimizer
    meter: StepMeter
    job: dict[str, Any]
    steps: int

    def __init__(
        self,
        folder: RunFolder,
        ranks: Ranks,
        stop: Callable[[], bool],
        tick: Callable[[dict], None],
        say: Callable[[str], None],
    ):
        """Prepare a run.

        stop: asked after each step whether to save and leave.  tick: called with each row of the
        log, and after each step with the event "progress", which has `step` and `samples`.
        say: told, on the first rank, what a user should know.
        """
        self.folder, self.ranks, self.stop, self.tick = folder, ranks, stop, tick
        self.say = say if ranks.first else lambda text: None
        self.agreement = Agreement(ranks)
        self.step = 0

    @property
    @abstractmethod
    def save_every(self) -> float:
        """Seconds between saves."""

    @abstractmethod
    def networks(self) -> Mapping[str, nn.Module]:
        """The networks that going on needs, by name."""

    @abstractmethod
    def facts(self) -> dict[str, Any]:
        """What else going on needs, as JSON: with `order`, where reading the images stands."""

    @abstractmethod
    def restore(self, facts: dict[str, Any]) -> None:
        """Go on from what `facts` gave: sets `step`."""

    @abstractmethod
    def header(self) -> dict[str, Any]:
        """The header of the log."""

    @abstractmethod
    def batches(self) -> Iterable[Any]:
        """The part of this rank of every batch, from step `step` on."""

    @abstractmethod
    def update(self, batch: Any) -> None:
        """Take a step."""

    @abstractmethod
    def require_sound(self) -> None:
        """DivergedError unless what would be kept is finite."""

    @abstractmethod
    def images_seen(self) -> int:
        """Training images seen so far."""

    @abstractmethod
    def memory_advice(self) -> str:
        """What to say where memory ends."""

    @abstractmethod
    def before_steps(self) -> None:
        """What a new run does after its header."""

    @abstractmethod
    def after_step(self) -> None:
        """What is due after a step, as rows of the log."""

    def train(self) -> bool:
        """Train or resume; True if finished, False if stopped.

        Raises DataError where the folder holds another run, CannotError where it cannot go on: a
        loss or weights that are no numbers, no memory, a full disk, folders that differ between
        ranks.
        """
        with self.folder.lock(), enough_memory(self.memory_advice()):
            try:
                if self._take_up():
                    return True
                return self._steps_or_once_more()
            finally:
                self.folder.close_log()

    def _take_up(self) -> bool:
        """Go on from the saved state, or begin; whether the run is finished."""
        facts = self.folder.load(self.networks(), self.optimiser, self.job, self.say)
        if facts:
            self.meter.restore(facts["sums"], facts["reported"])
            self.restore(facts)
            if self.step >= self.steps:
                return True
        self.folder.open_log(facts["log"] if facts else 0)
        if not facts:
            self.write("header", **self.header())
            self.before_steps()
        self.agreement.begin(self.step)
        self.meter.start_clock()
        return False

    def _steps_or_once_more(self) -> bool:
        """As `_steps`; where the run diverges, once more from the state before the last."""
        try:
            return self._steps()
        except DivergedError as err:
            if not self.ranks.any(self.folder.has_older):
                raise
            self.say(f"{err}; going back to the state before the last one")
        self.folder.close_log()
        self.folder.go_back()
        self.ranks.wait()
        self._take_up()
        return self._steps()

    def _steps(self) -> bool:
        """Take steps to the end, True, or until asked to stop, False."""
        for batch in self.batches():
            if self.step >= self.steps:
                break
            self.update(batch)
            self.step += 1
            self.tick({"event": "progress", "step": self.step, "samples": self.images_seen()})
            self.after_step()
            if self._save_or_stop():
                return False
        self.write("end", step=self.step, samples=self.images_seen())
        self._save()
        self.folder.forget_older()
        return True

    def _save_or_stop(self) -> bool:
        """Save where it is time to, or where a rank was asked to stop; whether one was."""
        stop, save = self.agreement.ask(self.step, self.stop(), self.save_every)
        if save:
            self._save()
        return stop

    def _save(self) -> None:
        """Save all that going on from here needs; DivergedError where nothing good came of it."""
        self.require_sound()
        facts = {
            "job": self.job,
            "sums": self.meter.totals(),
            "reported": self.meter.reported,
            **self.facts(),
        }
        self.folder.save(self.networks(), self.optimiser, facts)
        self.agreement.saved()
        self.ranks.wait()

    def write(self, event: str, **values: Any) -> None:
        """Append a row to the log, and show it."""
        self.folder.log(event, **values)
        self.tick({"event": event, **values})
