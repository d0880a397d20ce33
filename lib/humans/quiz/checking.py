"""Answers of people held to what a study needs: complete, attentive, in times that can be."""

import json
import statistics
from collections.abc import Iterator, Sequence

from advlib.errors import DataError
from advlib.humans.judgements import HUMAN, Answer, Judgements

FAST = 0.15  # seconds: nobody tells pictures apart and chooses in less
SLOW = 60.0  # seconds: somebody was away
COLUMNS = (
    *("judge", "page", "answers", "trials", "complete", "checks", "checks_passed"),
    *("fast", "slow", "median_seconds", "undone", "pauses", "study"),
)


def rows(judgements: Judgements) -> Iterator[dict]:
    """A row, by COLUMNS, for each person and page, in order of appearance.

    trials: how many questions the page has, answers: those that were answered, attention checks
    included.  fast, slow: answers in less than FAST, more than SLOW seconds.  undone: answers that
    were taken back.
    Raises DataError for answers that are not of advquiz's page, or of several studies.
    """
    people = [a for a in (*judgements.answers, *judgements.checks) if a.kind == HUMAN]
    for answer in people:
        for column in ("page", "trials", "study"):
            if not answer.more.get(column):
                raise DataError(
                    f"{answer.place}: column {column!r}: empty; expected what advquiz's page saved"
                )
    studies = list(dict.fromkeys(answer.more["study"] for answer in people))
    if len(studies) > 1:
        place = next(a.place for a in people if a.more["study"] == studies[1])
        raise DataError(f"{place}: of study {studies[1]}; those before it are of {studies[0]}")
    groups: dict[tuple[str, str], list[Answer]] = {}
    for answer in people:
        groups.setdefault((answer.judge, answer.more["page"]), []).append(answer)
    for (judge, page), answers in groups.items():
        yield dict(zip(COLUMNS, (judge, page, *_sums(answers)), strict=True))


def _sums(answers: Sequence[Answer]) -> tuple:
    trials = {_count(answer) for answer in answers}
    if len(trials) > 1:
        raise DataError(f"{answers[0].place}: column 'trials': differs within a page")
    checks = [answer for answer in answers if answer.check]
    times = [answer.seconds for answer in answers if answer.seconds is not None]
    events = [event for answer in answers for event in _events(answer)]
    return (
        *(len(answers), *trials, len(answers) == next(iter(trials))),
        *(len(checks), sum(check.right for check in checks)),
        *(sum(time < FAST for time in times), sum(time > SLOW for time in times)),
        statistics.median(times) if times else None,
        *(sum("undone" in event for event in events), sum("undone" not in e for e in events)),
        answers[0].more["study"],
    )


def _count(answer: Answer) -> int:
    text = answer.more["trials"]
    if not (text.isascii() and text.isdecimal()):
        raise DataError(f"{answer.place}: column 'trials': found {text!r:.40}; expected a count")
    return int(text)


def _events(answer: Answer) -> list[dict]:
    try:
        found = json.loads(answer.more.get("events") or "[]")
    except ValueError:
        found = None
    if not isinstance(found, list) or not all(isinstance(event, dict) for event in found):
        raise DataError(f"{answer.place}: column 'events': no list in JSON; expected one")
    return found
