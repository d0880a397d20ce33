"""Which attacked images are still what their label says, by the rule of a panel.

Each rule says of every image of a Panel whether it is valid; RULES lists them.
"""

from collections.abc import Callable, Iterator

import numpy as np

from advlib.errors import DataError
from advlib.humans.dawid_skene import dawid_skene
from advlib.humans.panel import NONE, Panel
from advlib.humans.settings import Rule

VALID, DECEPTIVE, AMBIGUOUS = CATEGORIES = ("valid", "deceptive", "ambiguous")


def assumes(rule: Rule, panel: Panel) -> Iterator[str]:
    """What decides the outcome on this panel and is not among its answers, in words."""
    if not panel.people.any():
        yield "no judge is a person: an image counts as deceptive by most of all judges"
    elif rule.rule == "paper" and rule.confident and not panel.stated[:, panel.people].any():
        yield "people stated no confidence, so none counts as higher"
    if rule.rule == "paper" and (few := int((panel.answered.sum(1) < rule.agree).sum())):
        yield f"{few} images have fewer than {rule.agree} answers"
    if none := int((~panel.answered.any(1)).sum()):
        yield f"{none} images have no answer and count as invalid"


def require_enough(rule: Rule, panel: Panel) -> None:
    """DataError where the panel has fewer judges than the rule asks for."""
    if rule.rule == "paper" and rule.agree > len(panel.judges):
        raise DataError(
            f"agree: {rule.agree} judges must give the label; the answers are of"
            f" {len(panel.judges)} ({', '.join(panel.judges)})"
        )


def valid_images(rule: Rule, panel: Panel, times: np.ndarray | None = None) -> np.ndarray:
    """Which images are valid, (n,) bool.

    times: (n,), how many images with the same answers each stands for; 1 for None.
    Raises as `require_enough`.
    """
    require_enough(rule, panel)
    return RULES[rule.rule](panel, rule, np.ones(len(panel)) if times is None else times)


def _paper(panel: Panel, rule: Rule, times: np.ndarray) -> np.ndarray:
    agrees = panel.agrees
    valid = agrees.sum(1) >= rule.agree
    if rule.confident:
        valid |= (agrees & panel.higher)[:, panel.people].sum(1) >= rule.confident
    return valid


def _majority(panel: Panel, rule: Rule, times: np.ndarray) -> np.ndarray:
    answered = panel.answered @ panel.weight
    return (panel.agrees @ panel.weight) * 2 > answered + ROUNDING


def _dawid_skene(panel: Panel, rule: Rule, times: np.ndarray) -> np.ndarray:
    used = panel.answered.any(1) & (times > 0)
    valid = np.zeros(len(panel), bool)
    if used.any():
        found = dawid_skene(panel.guess[used], len(panel.classes), times[used]).posterior
        valid[used] = found[np.arange(len(found)), panel.label[used]] >= rule.posterior
    return valid


ROUNDING = 1e-9  # of sums of weights
RULES: dict[str, Callable[[Panel, Rule, np.ndarray], np.ndarray]] = {
    "paper": _paper,
    "majority": _majority,
    "dawid-skene": _dawid_skene,
}


def categories(panel: Panel, valid: np.ndarray) -> np.ndarray:
    """VALID, DECEPTIVE or AMBIGUOUS for each image, (n,) str.

    valid: (n,) bool.  An invalid image is deceptive where the network and more than half of the
    people who saw it give the same wrong class; of all judges, where none is a person.
    """
    who = panel.people if panel.people.any() else np.ones(len(panel.judges), bool)
    fooled = (panel.guess[:, who] == panel.prediction[:, None]) & panel.answered[:, who]
    wrong = (panel.prediction != panel.label) & (panel.prediction != NONE)
    deceived = wrong & (2 * fooled.sum(1) > panel.answered[:, who].sum(1))
    return np.where(valid, VALID, np.where(deceived, DECEPTIVE, AMBIGUOUS))
