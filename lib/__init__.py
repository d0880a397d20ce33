"""Everything the adv* commands do; a room (sub-package) per stage of the study.

Importing a room imports none of its siblings, so that a command pays only for what it uses.  The
names below are the stable library of the page advlib(3), each imported when it is first asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # the same names as in the table, for type checkers and editors
    from advlib.errors import CannotError as CannotError
    from advlib.errors import DataError as DataError

__version__ = "0.1.0"

STABLE = {  # name: module that holds it
    "CannotError": "advlib.errors",
    "DataError": "advlib.errors",
}


def __getattr__(name: str) -> Any:
    """Import one of the stable names (PEP 562)."""
    if name not in STABLE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(STABLE[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *STABLE})
