"""The two ways in which work ends without a result."""


class DataError(Exception):
    """The input or the options are wrong, and the user can mend them: exit status 2.

    The message is one line: which file and line or field, what was found, what was expected.
    """


class CannotError(Exception):
    """The input is right but the job cannot be done (disk full, no convergence): exit status 1."""
