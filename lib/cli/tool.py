"""The click command class of every tool: one-line errors, exit statuses, signals."""

import os
import signal
import sys

import click

from advlib import __version__
from advlib.errors import CannotError, DataError


class Tool(click.Command):
    """A command whose errors are one line.

    Exit status: 0 done; 1 it could not be done; 2 the input or the options are wrong;
    130 interrupted.  A closed pipe ends the process with SIGPIPE, as it ends cat(1).
    """

    def __init__(self, *args, **extra):
        super().__init__(*args, **extra)
        self.params += [
            click.Option(
                ["--quiet", "-q"], is_flag=True, expose_value=False, is_eager=True,
                callback=_set("quiet"), help="No notes on standard error; errors stay.",
            ),
            click.Option(
                ["--debug"], is_flag=True, expose_value=False, is_eager=True,
                callback=_set("debug"), help="Show the traceback of an error.",
            ),
        ]  # fmt: skip
        click.version_option(__version__, message="%(prog)s %(version)s")(self)
        self.context_settings.setdefault("help_option_names", ["-h", "--help"])

    def main(self, args=None, prog_name=None, **extra):
        name = prog_name or os.path.basename(sys.argv[0])
        if hasattr(signal, "SIGPIPE"):
            signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        state = {"debug": "--debug" in (sys.argv if args is None else args)}
        extra.pop("standalone_mode", None)
        try:
            status = super().main(args, name, standalone_mode=False, **extra)
            sys.stdout.flush()
            sys.exit(status if isinstance(status, int) else 0)
        except click.exceptions.Abort:
            status, message = 130, None
        except click.ClickException as err:
            status, message = 2, err.format_message()
        except DataError as err:
            status, message = 2, str(err)
        except CannotError as err:
            status, message = 1, str(err)
        except OSError as err:
            where = f"{err.filename}: " if err.filename else ""
            status, message = 1, f"{where}{err.strerror or err}"
        except MemoryError:
            status, message = 1, "out of memory"
        except Exception as err:
            status, message = 1, f"internal error: {type(err).__name__}: {err} (see --debug)"
        if state["debug"] and status != 130:
            import traceback

            traceback.print_exc()
        if message:
            click.echo(f"{name}: {' '.join(message.split())}", err=True)
        _drop_unwritten_output()
        sys.exit(status)


def _set(key):
    def callback(context, _, value):
        context.ensure_object(dict)[key] = value

    return callback


def _drop_unwritten_output():
    """Keep the interpreter from flushing, and failing, once more at exit."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
