"""Attention checks: who passed how many, and the answers without those who did not look."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from advlib.errors import DataError
from advlib.humans.judgements import Judgements
from advlib.humans.panel import Panel


def passed(judgements: Judgements) -> dict[str, float]:
    """The share of attention checks that each judge passed; 1 for one who was shown none."""
    met: dict[str, list[bool]] = {}
    for check in judgements.checks:
        met.setdefault(check.judge, []).append(check.right)
    return {name: float(np.mean(met.get(name, [True]))) for name in judgements.judges()}


def leave_out(judgements: Judgements, least: float) -> tuple[Judgements, dict[str, float]]:
    """The answers of judges who passed at least that share, and the shares of the others.

    Raises DataError where nobody is left.
    """
    gone = {name: share for name, share in passed(judgements).items() if share < least}
    answers = tuple(a for a in judgements.answers if a.judge not in gone)
    if not answers:
        raise DataError(f"attention: no judge passed {least:.0%} of the attention checks")
    return replace(judgements, answers=answers), gone


def weighted(panel: Panel, shares: Mapping[str, float]) -> Panel:
    """The panel in which an answer counts as much as the share of checks that its judge passed."""
    return replace(panel, weight=np.array([shares[name] for name in panel.judges]))
