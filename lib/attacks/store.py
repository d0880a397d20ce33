"""What a job under way leaves in its folder: files of tensors with JSON, whole or not at all."""

import contextlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping

from torch import Tensor

from advlib.errors import CannotError, DataError
from advlib.files import atomic_write

JOB = "job.json"
ABOUT = "advattack"  # the key of a file's JSON


class Store:
    """A folder of one job.  All methods raise CannotError where the disk does not do."""

    def __init__(self, folder: str):
        """The folder, which `settle` makes if it is not there."""
        self.folder = folder

    def settle(self, identity: Mapping, settings: dict, first: bool) -> dict:
        """The settings of the job in this folder; `settings`, which are kept, if it is new.

        identity: JSON that says what the job is.  first: whether this process writes them.
        Raises DataError where the folder is of a job of another identity.
        """
        wanted = json.loads(json.dumps(identity))
        with self._failing(self.folder):
            os.makedirs(self.folder, exist_ok=True)
        try:
            with open(self._path(JOB), encoding="utf-8") as file:
                found = json.load(file)
            other = different(found["identity"], wanted)
            kept = found["settings"]
        except FileNotFoundError:
            if first:
                document = json.dumps({"identity": wanted, "settings": settings}).encode()
                with self._failing(self._path(JOB)), atomic_write(self._path(JOB)) as file:
                    file.write(document)
            return settings
        except (ValueError, KeyError, TypeError, AttributeError) as err:
            raise DataError(f"{self._path(JOB)}: damaged: {err}; remove the folder") from None
        if other:
            raise DataError(f"{self.folder}: of another attack, {other}: remove it, or give another"
                            " name with -o")  # fmt: skip
        return kept

    def write(self, name: str, tensors: Mapping[str, Tensor], about: Mapping) -> None:
        """Keep tensors, with JSON about them."""
        from safetensors.torch import save

        plain = {key: value.detach().cpu().contiguous().clone() for key, value in tensors.items()}
        with self._failing(self._path(name)), atomic_write(self._path(name)) as file:
            file.write(save(plain, {ABOUT: json.dumps(about)}))

    def read(self, name: str) -> tuple[dict[str, Tensor], dict] | None:
        """What was written; None where nothing was.

        Raises DataError for a damaged file.
        """
        from safetensors import SafetensorError, safe_open

        path = self._path(name)
        if not os.path.exists(path):
            return None
        try:
            with safe_open(path, "pt") as file:
                about = json.loads(file.metadata()[ABOUT])
                return {key: file.get_tensor(key) for key in file.keys()}, about  # noqa: SIM118
        except (SafetensorError, ValueError, TypeError, KeyError) as err:
            raise DataError(
                f"{path}: damaged: {err}; remove it, and its images are attacked anew"
            ) from None

    def drop(self, name: str) -> None:
        """Remove a file, if it is there."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._path(name))

    def remove(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _path(self, name: str) -> str:
        return os.path.join(self.folder, name)

    @contextlib.contextmanager
    def _failing(self, path: str) -> Iterator[None]:
        try:
            yield
        except OSError as err:
            raise CannotError(f"{path}: {err.strerror}") from err


def different(found: Mapping, wanted: Mapping) -> str:
    """In words, the first setting in which two differ; "" where none does."""
    for key in dict.fromkeys([*wanted, *found]):
        its, mine = found.get(key), wanted.get(key)
        if isinstance(its, dict) and isinstance(mine, dict):
            if inner := different(its, mine):
                return inner
        elif its != mine:
            return f"with {key} {its}; this one has {mine}"
    return ""
