"""What the adv* commands do, as a library; a room (sub-package) per stage of a study.

The names in STABLE are the ones that others may build on: advlib(3) describes them.  Each is
imported when it is first asked for, so `import advlib` costs next to nothing.  Importing a room
imports none of its siblings, so that a command pays only for what it uses.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # the same names as in the table, for type checkers and editors
    from advlib.attacks.attack import Attacked as Attacked
    from advlib.attacks.attack import attack as attack
    from advlib.errors import CannotError as CannotError
    from advlib.errors import DataError as DataError
    from advlib.laws.fitting.fit import fit as fit
    from advlib.laws.library import Fit as Fit
    from advlib.laws.library import read_fit as read_fit
    from advlib.models.checkpoints import load as load_checkpoint  # noqa: F401
    from advlib.shards.batches import ReadBatches as ReadBatches
    from advlib.shards.batches import read_batches as read_batches
    from advlib.shards.reader import ShardSet as ShardSet
    from advlib.shards.reader import open_set as open_shards  # noqa: F401

__version__ = "0.1.0"

STABLE = {  # name: module that holds it, and after a colon what it is called there if otherwise
    "Attacked": "advlib.attacks.attack",
    "CannotError": "advlib.errors",
    "DataError": "advlib.errors",
    "Fit": "advlib.laws.library",
    "ReadBatches": "advlib.shards.batches",
    "ShardSet": "advlib.shards.reader",
    "attack": "advlib.attacks.attack",
    "fit": "advlib.laws.fitting.fit",
    "load_checkpoint": "advlib.models.checkpoints:load",
    "open_shards": "advlib.shards.reader:open_set",
    "read_batches": "advlib.shards.batches",
    "read_fit": "advlib.laws.library",
}


def __getattr__(name: str) -> Any:
    """Import one of the stable names (PEP 562)."""
    if name not in STABLE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, _, attribute = STABLE[name].partition(":")
    value = globals()[name] = getattr(import_module(module), attribute or name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *STABLE})
