"""The commands of pyproject.toml and their options, for tests that hold for all of them."""

import contextlib
import gc
import importlib
import os
import shlex
import signal
import sys
import tomllib
import warnings
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import click
from click.testing import CliRunner, Result

ROOT = Path(__file__).parents[1]
SCRIPTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
COMMANDS = sorted(SCRIPTS)


@cache
def command_of(name: str) -> click.Command:
    """The click command behind a command's name."""
    module, _, attribute = SCRIPTS[name].partition(":")
    return getattr(importlib.import_module(module), attribute)


def options_of(name: str) -> dict[str, click.Option]:
    """The options of a command by every spelling, --help included."""
    command = command_of(name)
    context = click.Context(command, info_name=name, **command.context_settings)
    return {
        spelling: param
        for param in command.get_params(context)
        if isinstance(param, click.Option)
        for spelling in (*param.opts, *param.secondary_opts)
    }


@contextlib.contextmanager
def inside(folder: Path) -> Iterator[Callable[..., Result]]:
    """Run command lines in a folder, in this process: that saves the start of a process each.

    run("advls -q train", status=0) runs one without a shell and checks its exit status.
    """

    def run(line: str, status: int = 0, **extra) -> Result:
        name, *words = shlex.split(line)
        sys.argv = [name, *words]
        with warnings.catch_warnings():
            # click leaves a file open where it then refuses the options; a process ends there
            warnings.simplefilter("ignore", ResourceWarning)
            done = CliRunner().invoke(command_of(name), words, prog_name=name, **extra)
            if isinstance(done.exception, SystemExit):
                done.exc_info = done.exception = None
                gc.collect(0)
        assert done.exit_code == status, (line, done.exit_code, done.stderr, done.exception)
        return done

    # a command gives SIGPIPE back to the system, and may look for modules where it runs
    before = Path.cwd(), sys.argv, sys.path[:], signal.getsignal(signal.SIGPIPE)
    os.chdir(folder)
    try:
        yield run
    finally:
        os.chdir(before[0])
        sys.argv, sys.path[:] = before[1], before[2]
        signal.signal(signal.SIGPIPE, before[3])
