"""The click command class of every tool: one-line errors, exit statuses, signals."""

import contextlib
import errno
import logging
import os
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Iterator, Sequence
from typing import Any, NoReturn

import click
from click.core import ParameterSource

from advlib import __version__, settings
from advlib.cli.streams import prepare_streams
from advlib.errors import CannotError, DataError, OnAllRanksError, one_line
from advlib.jobs.signals import Signalled, raise_signals

# Modules of the packages that only some commands need, by the extra that installs them
IMAGES = ("h5py", "pyautoattack", "safetensors", "torch", "torchvision")
JUDGES = ("httpx",)
ADVICE = {
    **dict.fromkeys(IMAGES, "install advtools[images], as make install IMAGES=1 does"),
    **dict.fromkeys(JUDGES, "install advtools[judges]"),
}
AFTER_FIRST = 5.0  # seconds that other ranks leave torchrun to end them


class Tool(click.Command):
    """A command whose errors are one line.

    Exit status: 0 done; 1 it could not be done; 2 the input or the options are wrong;
    130 interrupted; 143, 129 stopped by SIGTERM, SIGHUP.  A closed pipe ends the process with
    SIGPIPE, as it ends cat(1).
    """

    def __init__(self, *args: Any, **extra: Any):
        super().__init__(*args, **extra)
        self.params += [
            click.Option(
                ["--quiet", "-q"],
                is_flag=True,
                expose_value=False,
                is_eager=True,
                callback=_be_quiet,
                help="No notes on standard error; errors stay.",
            ),
            click.Option(
                ["--debug"],
                is_flag=True,
                expose_value=False,
                is_eager=True,
                help="Show the traceback of an error.",
            ),
        ]
        click.version_option(__version__, message="%(prog)s %(version)s")(self)
        self.context_settings.setdefault("help_option_names", ["-h", "--help"])

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        self._refuse_empty(ctx, args)
        rest = super().parse_args(ctx, args)
        self._refuse_unused(ctx)
        return rest

    def _refuse_empty(self, ctx: click.Context, args: list[str]) -> None:
        """UsageError for an option whose value is no character, as an unset variable leaves it."""
        if ctx.resilient_parsing:
            return
        given, *_ = self.make_parser(ctx).parse_args(list(args))
        for param in self.params:
            value = given.get(param.name or "")
            if isinstance(param, click.Option) and (value == "" or "" in _listed(value)):
                raise click.UsageError(f"{max(param.opts, key=len)}: found nothing", ctx)

    def _refuse_unused(self, ctx: click.Context) -> None:
        """UsageError for the first option on the command line that does nothing beside the rest."""
        if ctx.resilient_parsing:
            return
        params = {param.name: param for param in self.params}

        def spelled(name: str) -> str:
            param = params[name]
            return param.opts[0] if isinstance(param, click.Option) else param.make_metavar(ctx)

        for name, param in params.items():
            given = ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE
            conditions = getattr(param, "applies", ()) if given else ()
            if why := settings.unmet(conditions, ctx.params, spelled):
                raise click.UsageError(f"{spelled(name)}: {why}", ctx)

    def main(  # type: ignore[override]  # it ends the process, as click's does by default
        self, args: Sequence[str] | None = None, prog_name: str | None = None, **extra: Any
    ) -> NoReturn:
        prepare_streams()
        name = prog_name or os.path.basename(sys.argv[0])
        if hasattr(signal, "SIGPIPE"):
            signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        signals = raise_signals()
        debug = "--debug" in (sys.argv if args is None else args)
        extra.pop("standalone_mode", None)
        try:
            with _silent_libraries(debug):
                status = super().main(args, name, standalone_mode=False, **extra)
            sys.stdout.flush()
            sys.exit(status if isinstance(status, int) else 0)
        except (Exception, Signalled) as err:
            # within an import, what a signal raises may come out as an error of another kind
            status, message = _signalled(signals) or _ending(err)
            on_all = isinstance(err, OnAllRanksError)
            if debug:
                traceback.print_exception(err)
        if signals and os.environ.get("RANK", "0") != "0":  # the first rank says it
            sys.exit(status)
        if (of_rank := _wait_for_the_first()) and on_all:
            sys.exit(status)
        name += of_rank
        click.echo(f"{name}: {one_line(message)}", err=True)
        _drop_unwritten_output()
        sys.exit(status)


def _listed(value: Any) -> list | tuple:
    return value if isinstance(value, list | tuple) else ()


@contextlib.contextmanager
def _silent_libraries(debug: bool) -> Iterator[None]:
    """Print no warnings of libraries, which are no line of ours, unless Python is asked to."""
    if debug or sys.warnoptions:
        yield
        return
    logged = logging.root.manager.disable
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")  # of torch's own lines, not by Python
    with warnings.catch_warnings():
        warnings.showwarning = lambda *about, **extra: None
        logging.disable()
        try:
            yield
        finally:
            logging.disable(logged)


def _signalled(seen: Sequence[int]) -> tuple[int, str] | None:
    """Exit status and message of the first of some signals."""
    if not seen:
        return None
    number = seen[0]
    name = signal.Signals(number).name
    return 128 + number, "interrupted" if name == "SIGINT" else f"stopped by {name}"


def _ending(err: BaseException) -> tuple[int, str]:
    """Exit status and message of an error."""
    match err:
        case click.exceptions.Abort():  # Ctrl-C
            return 130, "interrupted"
        case click.ClickException():
            return 2, err.format_message()
        case DataError():
            return 2, str(err)
        case CannotError():
            return 1, str(err)
        case OSError(errno=errno.EBADF):
            return 1, "standard input or output is closed"
        case OSError():
            return 1, f"{err.filename}: {err.strerror}" if err.filename else err.strerror or str(
                err
            )
        case MemoryError():
            return 1, "out of memory"
        case ModuleNotFoundError() if (missing := (err.name or "").partition(".")[0]) in ADVICE:
            return 1, f"{missing} is not installed; {ADVICE[missing]}"
    return 1, f"internal error: {type(err).__name__}: {err} (see --debug)"


def _wait_for_the_first() -> str:
    """What to add to a command's name before an error: nothing but on ranks other than the first.

    What is wrong with input or options is so on all ranks.  torchrun ends the others as soon as the
    first has failed: they wait for that, and a line of theirs is of what only they met.
    """
    rank = os.environ.get("RANK", "0")
    if rank == "0":
        return ""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # a command may have set it to finish its step
    time.sleep(AFTER_FIRST)
    return f": rank {rank}"


def _be_quiet(context: click.Context, param: click.Parameter, value: bool) -> None:
    context.ensure_object(dict)["quiet"] = value


def _drop_unwritten_output() -> None:
    """Keep the interpreter from flushing, and failing, once more at exit."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
