"""The folder of a training run: its log, its files, and the two states it may go on from."""

import contextlib
import hashlib
import json
import os
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import nn

from advlib.errors import OnAllRanksError
from advlib.jobs.agreement import require_same_work, require_shared_folder
from advlib.jobs.files import cannot_write, lock_folder, sync_folder
from advlib.jobs.log import Log
from advlib.jobs.ranks import Ranks
from advlib.jobs.state import load_state, save_state
from advlib.jobs.tensorfile import DamagedError
from advlib.jobs.training_log import LOG

STATE, OLDER, NEW = "state.safetensors", "state-older.safetensors", "state-new.safetensors"


class RunFolder:
    """Reads on all ranks, writes on the first.  CannotError where it cannot be written into."""

    def __init__(self, path: str, ranks: Ranks, of_today: Callable[[dict], dict] = lambda job: job):
        """A folder that is there, for all ranks the same.

        of_today: brings the job that an older program's state holds into today's form.
        """
        self.path, self.ranks, self.first = path, ranks, ranks.first
        self._of_today = of_today
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
        self,
        networks: Mapping[str, nn.Module],
        optimiser: torch.optim.Optimizer,
        job: dict,
        say: Callable[[str], None],
    ) -> dict | None:
        """Put back the last saved state, and return its facts; None where there is none.

        Where that one is damaged, or a kill came before it had its name, the older one is taken.
        say: told of that.
        Raises OnAllRanksError unless all ranks see the same folder, are at the same job and find
        the same state.
        """
        require_shared_folder(self.path, self.ranks)
        require_same_work(job, self.ranks)

        def read(name: str) -> dict | None:
            return load_state(self._path(name), networks, optimiser, job, self._of_today)

        why = f"{self._path(STATE)} is not there"
        try:
            found = read(STATE)
        except DamagedError as err:
            if not self.has_older:
                raise
            found, why = None, str(err).partition(";")[0]
        if found is None and self.has_older:
            say(f"{why}; going on from {OLDER}, the state before it")
            found = read(OLDER)
        self._require_one_state(found)
        return found

    def _require_one_state(self, facts: dict | None) -> None:
        digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
        mine = f"a state of {facts['order']['images']} images ({digest[:8]})" if facts else "none"
        states = self.ranks.of_all(mine)
        for rank, state in enumerate(states):
            if state != states[0]:
                raise OnAllRanksError(
                    f"{self.path}: rank 0 finds {states[0]}, rank {rank} {state}: all machines"
                    " must see the same folder"
                )

    @property
    def has_older(self) -> bool:
        """Whether there is a state that was saved before the last one."""
        return os.path.exists(self._path(OLDER))

    def go_back(self) -> None:
        """Give the last state up for the older one."""
        if self.first:
            with cannot_write(self._path(STATE)):
                os.replace(self._path(OLDER), self._path(STATE))
                sync_folder(self.path)

    def forget_older(self) -> None:
        """Remove the older state, which a finished run has no use for."""
        for name in (OLDER, NEW) if self.first else ():
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._path(name))

    def save(
        self, networks: Mapping[str, nn.Module], optimiser: torch.optim.Optimizer, facts: dict
    ) -> None:
        """Save the state, which knows of the log what is written by now; keep the one before."""
        if self._log:
            facts = facts | {"log": self._log.settle()}
            with cannot_write(self._path(STATE)):
                save_state(self._path(NEW), networks, optimiser, facts)
                if os.path.exists(self._path(STATE)):
                    os.replace(self._path(STATE), self._path(OLDER))
                os.replace(self._path(NEW), self._path(STATE))
                sync_folder(self.path)

    def write(self, name: str, how: Callable[[str], None]) -> None:
        """Have a file of that name written by `how`, which is given its path."""
        if self.first:
            with cannot_write(self._path(name)):
                how(self._path(name))

    def _path(self, name: str) -> str:
        return os.path.join(self.path, name)
