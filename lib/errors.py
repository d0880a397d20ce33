"""The two ways in which work ends without a result, and how text from files is shown."""


def printable(text: str) -> str:
    r"""Text that a terminal shows and never obeys: what cannot be seen is escaped as Python does.

    Control characters, line ends, marks that turn the direction of writing, and bytes of file names
    that are no text become \x1b, \n, \u202e and the like.
    """
    if text.isprintable():
        return text
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text
    )


def one_line(text: str) -> str:
    """A message as one line of printable text."""
    return printable(" ".join(text.split()))


class _LineError(Exception):
    """An error whose message is one printable line, whatever names from files are in it."""

    def __init__(self, message: str):
        super().__init__(printable(" ".join(str(message).splitlines())))


class DataError(_LineError):
    """The input or the options are wrong, and the user can mend them: exit status 2.

    The message is one line: which file and line or field, what was found, what was expected.
    """


class CannotError(_LineError):
    """The input is right but the job cannot be done (disk full, no convergence): exit status 1."""


class OnAllRanksError(CannotError):
    """As CannotError, and met by all ranks of a job alike: the first one says it."""
