"""A folder in which cases of the contract are tried, each on the same files."""

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from conftest import environment
from contracts.contract import TEXTS, Case, Outcome

STANDING = {"socket": "socket", "loop": "loop", "full.png": "full", "full.npz": "full"}


class Bench:
    """Tries cases in a folder of its own, in which each finds the same files.

    folder: new.  files: the folder whose files each case finds, in the folder `here` of it.
    """

    def __init__(self, folder: Path, files: Path | None = None):
        self.folder, self.files, self.here = folder, files, folder / "here"
        self._name, self._server = "", None
        if files:
            shutil.copytree(files, self.here)
        else:
            self.here.mkdir(parents=True)
        for name, content in STANDING.items():
            put(self.here / name, content)

    def __enter__(self) -> "Bench":
        return self

    def __exit__(self, *error: object) -> None:
        if self._server:
            self._server.communicate()

    def run(
        self,
        words: Sequence[str],
        stdin: str = os.devnull,
        stdout: str | None = None,
        closed: Sequence[int] = (),
    ) -> tuple[int, str, str]:
        """Exit status, standard output and standard error of a command line."""
        request = {"words": words, "folder": str(self.here), "stdin": stdin, "closed": closed}
        server = self._server_of(words[0])
        assert server.stdin and server.stdout
        print(json.dumps(request | {"stdout": stdout}), file=server.stdin, flush=True)
        status, *texts = json.loads(server.stdout.readline())
        return (status, *(text.encode("latin-1").decode("utf-8", "replace") for text in texts))

    def _server_of(self, name: str) -> subprocess.Popen:
        """The server of a command, which holds no more modules than that needs: forks are cheap."""
        if self._server is None or self._name != name:
            self.__exit__()
            self._name = name
            self._server = subprocess.Popen(
                [sys.executable, Path(__file__).with_name("fork_server.py")],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=environment()
                | {"OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
                | {"PYTHONPATH": str(Path(__file__).parents[1])},
                text=True,
            )
        return self._server

    def prepare(self, case: Case) -> None:
        """Change the files as the case has it."""
        for name, content in case.files.items():
            put(self.here / name, content)

    def attempt(self, case: Case) -> Outcome:
        """Try a case; the files are as before afterwards."""
        self.prepare(case)
        before = _state(self.folder)
        status, out, err = self.run(case.words, case.stdin, case.stdout, case.closed)
        after = _state(self.folder)
        changed = sorted(
            name for name in before.keys() | after.keys() if before.get(name) != after.get(name)
        )
        texts = {
            name: (self.folder / name).read_text("utf-8", "replace")
            for name in changed
            if name.endswith(TEXTS) and name in after and (self.folder / name).is_file()
        }
        for name in sorted({*changed, *(f"here/{name}" for name in case.files)}):
            self._restore(name)
        return Outcome(case, status, out, err, tuple(changed), texts)

    def _restore(self, name: str) -> None:
        """Make a file or folder, by its name in the whole folder, what it was in the beginning."""
        put(self.folder / name, None)
        inside = Path(name).relative_to("here") if name.startswith("here/") else None
        if inside and str(inside) in STANDING:
            put(self.here / inside, STANDING[str(inside)])
        elif self.files and inside and (self.files / inside).is_dir():
            shutil.copytree(self.files / inside, self.here / inside)
        elif self.files and inside and (self.files / inside).exists():
            shutil.copy(self.files / inside, self.here / inside)


def put(path: Path, content: Callable[[], bytes] | str | None) -> None:
    """Put something in the place of what is at a path.

    A file of some bytes; "folder"; "socket"; "loop", a link to itself; "full", a link to a device
    that takes no byte; None for nothing.
    """
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
    if callable(content):
        path.write_bytes(content())
    elif content == "folder":
        path.mkdir()
    elif content == "socket":
        before = Path.cwd()
        os.chdir(path.parent)  # the system takes short names of sockets alone
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(path.name)
        os.chdir(before)
    elif content == "loop":
        path.symlink_to(path.name)
    elif content == "full":
        path.symlink_to("/dev/full")


def _state(folder: Path) -> dict[str, tuple]:
    """What tells whether a file was written, of all files and folders, by their names."""
    found: dict[str, tuple] = {}
    waiting = [str(folder)]
    while waiting:
        for entry in os.scandir(waiting.pop()):
            about = entry.stat(follow_symlinks=False)
            name = os.path.relpath(entry.path, folder)
            if entry.is_dir(follow_symlinks=False):
                found[name] = (about.st_ino,)
                waiting.append(entry.path)
            else:
                found[name] = (about.st_ino, about.st_size, about.st_mtime_ns)
    return found
