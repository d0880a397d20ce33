"""A process that has the imports of commands done, and runs each command line in a fork of itself.

    python tests/contracts/fork_server.py

A request is a line of JSON on standard input, a `Request`; its answer, on standard output, is a
line [exit status, standard output, standard error], the latter two in Latin-1; the status is that
of subprocess, negative for a signal.
"""

import atexit
import contextlib
import gc
import importlib
import json
import os
import resource
import signal
import sys
import tempfile
from collections.abc import Callable
from typing import BinaryIO, TypedDict

from commands import command_of

COMPUTING, WAITING = 60, 300  # seconds of a processor and of a clock that a command line may take
PROCESSES = 20  # that it may start
MEMORY = 8 << 30  # bytes of address space that it may take, most of them PyTorch's code


class Request(TypedDict):
    words: list[str]  # the command and its arguments
    folder: str  # where it runs
    stdin: str  # file that is its standard input
    stdout: str | None  # file that is its standard output; None for one whose content is answered
    closed: list[int]  # standard streams that are closed, by number


def serve() -> None:
    """Answer requests until there are no more."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what an import prints is no answer
    for line in sys.stdin:
        request: Request = json.loads(line)
        command_of(request["words"][0])
        with contextlib.ExitStack() as stack:
            files = [stack.enter_context(tempfile.TemporaryFile()) for _ in range(3)]
            child = os.fork()
            if not child:
                _become(request, *files)
            status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            _kill_group(child)
            *texts, loaded = [file.seek(0) or file.read().decode("latin-1") for file in files]
        print(json.dumps([status, *texts]), file=answers, flush=True)
        _import(loaded.split())


def _import(names: list[str]) -> None:
    """Import modules that a fork had to import, in its order, so that those to come find them."""
    for name in names:
        with contextlib.suppress(Exception):  # some import only within others
            importlib.import_module(name)
    if names:
        gc.collect()
        gc.freeze()  # else the forks would copy the pages of all objects when they collect


def _kill_group(leader: int) -> None:
    """End the processes that a command left, as where it was killed."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(leader, signal.SIGKILL)


def _become(request: Request, out: BinaryIO, err: BinaryIO, loaded: BinaryIO) -> None:
    """Be the process that a shell would have started; never comes back.

    loaded: takes the names of the modules that were imported meanwhile.
    """
    status, before = 70, set(sys.modules)
    try:
        os.setpgid(0, 0)
        signal.alarm(WAITING)
        resource.setrlimit(resource.RLIMIT_CPU, (COMPUTING, COMPUTING))
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        os.chdir(request["folder"])
        stdin = os.open(request["stdin"], os.O_RDONLY)
        stdout = os.open(request["stdout"], os.O_WRONLY) if request["stdout"] else out.fileno()
        for number, handle in enumerate((stdin, stdout, err.fileno())):
            os.dup2(handle, number)
        os.close(stdin)
        os.close(stdout)
        for number, name in enumerate(("stdin", "stdout", "stderr")):
            closed = number in request["closed"]
            if closed:
                os.close(number)
            stream = None if closed else _stream(number)
            setattr(sys, name, stream)
            setattr(sys, f"__{name}__", stream)
        sys.addaudithook(_count_processes())
        name, *words = sys.argv = request["words"]
        sys.path.insert(0, "")
        command_of(name).main(words, name)
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    finally:
        atexit._run_exitfuncs()
        new = (name for name in list(sys.modules) if name not in before and _is_packages(name))
        loaded.write(" ".join(new).encode())
        loaded.flush()
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(AttributeError, OSError, ValueError):
                stream.flush()
        os._exit(status)


def _is_packages(name: str) -> bool:
    """Whether a module is of an installed package or of Python, not of the folder of the case."""
    origin = getattr(getattr(sys.modules[name], "__spec__", None), "origin", None)
    return bool(origin) and not str(origin).startswith(os.getcwd())


def _count_processes() -> Callable[[str, tuple], None]:
    """A hook that ends a process which starts too many others, before they fill the machine."""
    started = 0

    def count(event: str, args: tuple) -> None:
        nonlocal started
        started += event in ("os.fork", "os.posix_spawn", "subprocess.Popen")
        if started > PROCESSES:
            os.kill(os.getpid(), signal.SIGKILL)

    return count


def _stream(number: int):
    """A standard stream as Python opens it."""
    if number == 0:
        return open(0, errors="surrogateescape", closefd=False)
    errors = "surrogateescape" if number == 1 else "backslashreplace"
    return open(number, "w", errors=errors, closefd=False)


if __name__ == "__main__":
    serve()
