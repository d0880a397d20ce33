"""The folder of a run: its log, its checkpoints, and the state it goes on from."""

import contextlib
import os
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import nn

from advlib.jobs.files import cannot_write, lock_folder
from advlib.jobs.log import Log
from advlib.jobs.state import load_state, save_state
from advlib.models.checkpoints import save
from advlib.models.network import Classifier
from advlib.training.recipe import as_documented

STATE, LOG, LAST, BEST = "state.safetensors", "log.jsonl", "last.safetensors", "best.safetensors"


class RunFolder:
    """Reads on all ranks, writes on the first.  CannotError where it cannot be written into."""

    def __init__(self, path: str, first: bool):
        """A folder that is there.  first: whether this process is the first rank."""
        self.path, self.first = path, first
        self._log: Log | None = None

    def lock(self) -> AbstractContextManager[None]:
        """Keep the folder to this run's ranks while a block lasts; see lock_folder."""
        return lock_folder(self.path) if self.first else contextlib.nullcontext()

    def open_log(self, size: int) -> None:
        """Begin the log, or go on with its first `size` bytes."""
        if self.first:
            self._log = Log(self._path(LOG), size)

    def log(self, event: str, **values: Any) -> None:
        """Append a row to the log."""
        if self._log:
            self._log.write(event, **values)

    def close_log(self) -> None:
        """Close the log, if it was opened."""
        if self._log:
            self._log.close()

    def load(
        self, networks: Mapping[str, nn.Module], optimiser: torch.optim.Optimizer, job: dict
    ) -> dict | None:
        """Put back the saved state, and return its facts; None where there is none."""
        return load_state(self._path(STATE), networks, optimiser, job, _job_of_today)

    def save(
        self, networks: Mapping[str, nn.Module], optimiser: torch.optim.Optimizer, facts: dict
    ) -> None:
        """Save the state, which knows of the log what is written by now."""
        if self._log:
            facts = facts | {"log": self._log.settle()}
            with cannot_write(self._path(STATE)):
                save_state(self._path(STATE), networks, optimiser, facts)

    def checkpoint(self, name: str, averaged: Classifier, current: Classifier, about: dict) -> None:
        """Write both networks under a name, LAST or BEST."""
        if self.first:
            with cannot_write(self._path(name)):
                save(self._path(name), averaged, about, current)

    def _path(self, name: str) -> str:
        return os.path.join(self.path, name)


def _job_of_today(job: dict) -> dict:
    """A job as an older state holds it, in today's form."""
    return job | {"recipe": as_documented(job["recipe"])}
