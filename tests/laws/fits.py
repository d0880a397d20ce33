"""Fits for tests: the settings of a command, but no draws unless asked for."""

from advlib.laws.fitting import documents
from advlib.laws.fitting.selection import canonical_order
from advlib.laws.fitting.settings import Settings
from advlib.laws.fitting.stages import Fitted
from advlib.laws.forms import fitting_module, form_of
from advlib.runs.table import Table


def ordered(rows: Table) -> Table:
    """The rows in the order in which laws are fitted to them."""
    return rows.take(canonical_order(rows))


def fit(approach, rows, **settings) -> Fitted:
    """A law fitted to all rows of a table."""
    chosen = Settings(**{"bootstrap": 0, **settings})
    return fitting_module(form_of(approach, chosen.variant)).fit(ordered(rows), chosen)


def document(rows, approach=3, notes=None, **settings) -> dict:
    """The fit document of a table; its remarks are added to `notes`."""
    chosen = Settings(**{"bootstrap": 0, **settings})
    (made,) = documents.documents(rows, approach, chosen, notes)
    return made
