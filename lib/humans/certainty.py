"""How sure shares of invalid and deceptive images are: by images, judges, thresholds, chance."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from advlib.humans.judgements import KINDS
from advlib.humans.panel import NONE, Panel
from advlib.humans.rules import DECEPTIVE, categories, valid_images
from advlib.humans.settings import DRAWS, Rule

LEVEL = 0.95  # of intervals
COLUMNS = (
    *("case", "judges", "images", "invalid", "invalid_share", "invalid_share_low"),
    *("invalid_share_high", "deceptive", "deceptive_share", "deceptive_share_low"),
    "deceptive_share_high",
)


@dataclass(frozen=True)
class Shares:
    """Of a rule on a panel: images, the invalid among them, and the deceptive among those."""

    images: int
    invalid: int
    deceptive: int

    @property
    def invalid_share(self) -> float:
        return self.invalid / self.images

    @property
    def deceptive_share(self) -> float:
        """Of the invalid images; NaN where there are none."""
        return self.deceptive / self.invalid if self.invalid else np.nan


def shares(panel: Panel, rule: Rule, times: np.ndarray | None = None) -> Shares:
    """What a rule says of a panel, each of whose images stands for `times`, (n,), or for 1."""
    times = np.ones(len(panel), int) if times is None else times
    valid = valid_images(rule, panel, times)
    kinds = categories(panel, valid)
    return Shares(int(times.sum()), int(times[~valid].sum()), int(times[kinds == DECEPTIVE].sum()))


def over_images(
    panel: Panel, rule: Rule, draws: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Shares of invalid and, among those, of deceptive images, each (draws,), in draws of as many
    images with replacement; the whole rule is applied again in each.
    """
    answers = [panel.label[:, None], panel.prediction[:, None], panel.guess, panel.higher]
    _, first, times = np.unique(
        np.concatenate(answers, 1), axis=0, return_index=True, return_counts=True
    )
    distinct = panel.take(first)  # images with the same answers are one case
    drawn = rng.multinomial(len(panel), times / len(panel), size=draws)
    if rule.judges_images_alone:
        valid = valid_images(rule, distinct)
        deceptive = categories(distinct, valid) == DECEPTIVE
        return _as_shares(drawn @ ~valid, drawn @ deceptive, len(panel))
    return _as_shares(*_counts(shares(distinct, rule, row) for row in drawn), len(panel))


def _counts(found: Iterable[Shares]) -> tuple[np.ndarray, np.ndarray]:
    """Invalid and deceptive images, (n,) each."""
    counts = np.array([(s.invalid, s.deceptive) for s in found]).reshape(-1, 2)
    return counts[:, 0], counts[:, 1]


def _as_shares(
    invalid: np.ndarray, deceptive: np.ndarray, count: int
) -> tuple[np.ndarray, np.ndarray]:
    none = np.full(len(invalid), np.nan)
    return invalid / count, np.divide(deceptive, invalid, out=none, where=invalid > 0)


def interval(values: np.ndarray) -> tuple[float | None, float | None]:
    """The central LEVEL of values; None, None where there are none."""
    finite = values[np.isfinite(values)]
    if not len(finite):
        return None, None
    low, high = np.quantile(finite, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def by_chance(panel: Panel, rng: np.random.Generator) -> Panel:
    """The panel with every answer replaced by a class drawn evenly; confidences stay."""
    drawn = rng.integers(len(panel.classes), size=panel.guess.shape)
    return replace(panel, guess=np.where(panel.answered, drawn, NONE))


def chance_shares(
    panel: Panel, rule: Rule, draws: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """As `over_images`, for panels that guess."""
    some = (shares(by_chance(panel, rng), rule) for _ in range(draws))
    return _as_shares(*_counts(some), len(panel))


def rows(
    panel: Panel,
    rule: Rule,
    draws: int = DRAWS,
    seed: int = 0,
    tick: Callable[[], object] = lambda: None,
) -> Iterator[dict]:
    """A row, by COLUMNS, for the rule as it is, without each judge, with people or models alone,
    along its thresholds, and for a panel that guesses.

    tick: called after each row.  Intervals are over images, by the bootstrap; of the guessing
    panel they are over its guesses.
    """
    rng = np.random.default_rng(seed)

    def row(case: str, some: Panel, how: Rule) -> dict:
        found = shares(some, how)
        drawn = over_images(some, how, draws, rng)
        tick()
        return _row(case, some, found.invalid, found.deceptive, *drawn)

    yield row("rule", panel, rule)
    everyone = np.arange(len(panel.judges))
    for judge, name in enumerate(panel.judges):
        rest = panel.only(everyone[everyone != judge])
        if rest.judges and _enough(rest, rule):
            yield row(f"without {name}", rest, rule)
    for kind, who in zip(KINDS, (panel.people, ~panel.people), strict=True):
        if 0 < who.sum() < len(who) and _enough(some := panel.only(everyone[who]), rule):
            yield row(f"{kind} judges only", some, rule)
    for case, how in _along_thresholds(panel, rule):
        yield row(case, panel, how)
    invalid, deceptive = chance_shares(panel, rule, max(draws, 1), rng)
    tick()
    share = float(invalid.mean()) * len(panel)
    wrong = float(np.nan_to_num(deceptive * invalid).mean()) * len(panel)
    yield _row("guessing panel", panel, share, wrong, invalid, deceptive)


def count(panel: Panel, rule: Rule) -> int:
    """How many rows there will be, about."""
    return 4 + len(panel.judges) + len(list(_along_thresholds(panel, rule)))


def _row(
    case: str,
    panel: Panel,
    invalid: float,
    deceptive: float,
    invalid_draws: np.ndarray,
    deceptive_draws: np.ndarray,
) -> dict:
    bounds = (*interval(invalid_draws), *interval(deceptive_draws))
    share = deceptive / invalid if invalid else None
    values = (
        *(case, len(panel.judges), len(panel), invalid, invalid / len(panel), *bounds[:2]),
        *(deceptive, share, *bounds[2:]),
    )
    return dict(zip(COLUMNS, values, strict=True))


def _enough(panel: Panel, rule: Rule) -> bool:
    """Whether a panel has as many judges as the rule asks for."""
    return rule.rule != "paper" or rule.agree <= len(panel.judges)


def _along_thresholds(panel: Panel, rule: Rule) -> Iterator[tuple[str, Rule]]:
    """The rule with other thresholds, each with its name."""
    if rule.rule == "paper":
        for agree in range(1, len(panel.judges) + 1):
            for confident in range(int(panel.people.sum()) + 1):
                if (agree, confident) != (rule.agree, rule.confident):
                    other = replace(rule, agree=agree, confident=confident)
                    yield f"agree {agree}, confident {confident}", other
    elif rule.rule == "dawid-skene":
        for posterior in (0.25, 0.5, 0.75, 0.9, 0.99):
            if abs(posterior - rule.posterior) > 1e-12:
                yield f"posterior {posterior:g}", replace(rule, posterior=posterior)
