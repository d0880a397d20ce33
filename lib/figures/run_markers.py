"""Runs as points: which part each played in the fit, and how a point says so.

advfit(5) gives each run behind a fit a role: fitted, not fitted (a data set that the fit did not
use), left out (underfit), held out.  A table that the user names has runs without one.
"""

import numpy as np

from advlib.figures import canvas
from advlib.figures.style import GREY
from advlib.runs.table import Table

MARKERS = {"fitted": "o", "run": "o", "not fitted": "s", "left out": "X", "held out": "D"}
FILLED = ("fitted", "run")


def roles_of(table: Table) -> np.ndarray:
    """The role of each row, (n,); "run" in a table without roles."""
    return np.array(table["role"] if "role" in table else ["run"] * len(table), dtype=object)


def role_label(role: str) -> str:
    """A role in a legend."""
    return role if role == "run" else f"run, {role}"


def marker_style(role: str, color) -> dict:
    """How Axes.plot draws runs of that role."""
    return {
        "linestyle": "",
        "marker": MARKERS.get(role, "o"),
        "markersize": 3,
        "markeredgewidth": 0.7,
        "color": color,
        "markerfacecolor": color if role in FILLED else "white",
    }


def role_legend(table: Table) -> list:
    """Legend entries for the roles in a table."""
    roles = dict.fromkeys(roles_of(table).tolist())
    return [canvas.legend_entry(role_label(role), **marker_style(role, GREY)) for role in roles]
