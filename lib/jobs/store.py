"""The folder of a job under way: files of tensors with JSON, whole or not at all."""

import contextlib
import json
import os
import shutil
from collections.abc import Mapping

from torch import Tensor

from advlib.documents import difference
from advlib.errors import CannotError, DataError
from advlib.jobs.files import cannot_write, lock_folder, write_json
from advlib.jobs.tensorfile import load_tensors, save_tensors

JOB = "job.json"


class Store:
    """A folder of one job.  CannotError where it cannot be made or written into."""

    def __init__(self, folder: str, key: str, work: str, redone: str):
        """The folder, which `settle` makes if it is not there.

        key: of the JSON in its files, as "advattack".  work: what is done there, for messages, as
        "attack".  redone: what happens if a damaged file is removed, as "its images are attacked
        anew".
        """
        self.folder, self.key, self.work = folder, key, work
        self._advice = f"; remove it, and {redone}"
        self._lock = contextlib.ExitStack()

    def settle(self, identity: Mapping, settings: dict, first: bool) -> dict:
        """The settings of the job in this folder; `settings`, which are kept, if it is new.

        A job that has nothing done yet is new, and gives way to one of another identity.
        identity: JSON that says what the job is.  first: whether this process writes them, and
        keeps others off the folder until `release`.
        Raises DataError where the folder is of a job of another identity, CannotError where
        another process is at it.
        """
        wanted = json.loads(json.dumps(identity))
        with cannot_write(self.folder):
            os.makedirs(self.folder, exist_ok=True)
            if first:
                self._lock.enter_context(lock_folder(self.folder))
        try:
            with open(self._path(JOB), encoding="utf-8") as file:
                found = json.load(file)
            other = difference(found["identity"], wanted)
            kept: dict | None = found["settings"]
        except FileNotFoundError:
            other, kept = "", None
        except (ValueError, KeyError, TypeError, AttributeError) as err:
            raise DataError(f"{self._path(JOB)}: damaged: {err}; remove the folder") from None
        if kept is not None and any(n.endswith(".safetensors") for n in os.listdir(self.folder)):
            if not other:
                return kept
            raise DataError(
                f"{self.folder}: of another {self.work}, {other}: remove it, or give another"
                " name with -o"
            )
        if first:
            with cannot_write(self._path(JOB)):
                write_json(self._path(JOB), {"identity": wanted, "settings": settings})
        return settings

    def write(self, name: str, tensors: Mapping[str, Tensor], about: Mapping) -> None:
        """Keep tensors, with JSON about them."""
        with cannot_write(self._path(name)):
            save_tensors(self._path(name), tensors, self.key, about)

    def read(self, name: str) -> tuple[dict[str, Tensor], dict] | None:
        """What was written; None where nothing was.

        Raises DataError for a damaged file.
        """
        path = self._path(name)
        if not os.path.exists(path):
            return None
        tensors, about = load_tensors(path, self.key, self._advice)
        if about is None:
            raise DataError(f"{path}: not of this kind of work{self._advice}")
        return tensors, about

    def drop(self, name: str) -> None:
        """Remove a file, if it is there."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._path(name))

    def remove(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.release()

    def clear_up(self, identity: Mapping) -> None:
        """Remove the folder of a finished job, which a kill may have left, and no other job's."""
        wanted = json.loads(json.dumps(identity))
        with (
            # damaged, not there, or another process at work in it
            contextlib.suppress(OSError, CannotError, ValueError, KeyError, TypeError),
            lock_folder(self.folder),
            open(self._path(JOB), encoding="utf-8") as file,
        ):
            if not difference(json.load(file)["identity"], wanted):
                shutil.rmtree(self.folder, ignore_errors=True)

    def release(self) -> None:
        """Let other processes into the folder."""
        self._lock.close()

    def _path(self, name: str) -> str:
        return os.path.join(self.folder, name)
