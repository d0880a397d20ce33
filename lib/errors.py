"""The two ways in which work ends without a result."""


class _LineError(Exception):
    """An error whose message is one line, whatever names of files and fields are in it."""

    def __init__(self, message: str):
        super().__init__(" ".join(str(message).splitlines()))


class DataError(_LineError):
    """The input or the options are wrong, and the user can mend them: exit status 2.

    The message is one line: which file and line or field, what was found, what was expected.
    """


class CannotError(_LineError):
    """The input is right but the job cannot be done (disk full, no convergence): exit status 1."""
