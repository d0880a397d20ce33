"""The fit document, advfit(5): what `advfit` writes and every consumer of a fit reads, checked."""

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

from advlib.documents import parse_first_json
from advlib.errors import DataError
from advlib.file_kinds import HEAD, file_kind
from advlib.laws.fit import PUBLISHED_LINE, Fit, K, Member
from advlib.laws.form import Form
from advlib.laws.forms import APPROACHES, form_of
from advlib.numbers import FAR, can_compute

FORMAT, VERSION = "advfit", 1
FARTHEST = 1e300  # amplitude; fits go to e^690 or e^-690, a little less far
STEEPEST = 100.0  # exponent, and size of a parameter of either sign; fits go to a tenth of it
EXPECTED = "expected a fit that advfit wrote"


def parse_fits(data: bytes, name: str) -> list[Fit]:
    """The fits in a file's bytes: one document or several, one after another."""
    if kind := file_kind(data[:HEAD]):
        raise DataError(f"{name}: {kind}; {EXPECTED}")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise DataError(f"{name}: not UTF-8 text; {EXPECTED}") from None
    if not text.strip():
        raise DataError(f"{name}: empty; did the command before the pipe fail?")
    return [checked_fit(document, name) for document in _documents(name, text)]


def _documents(name: str, text: str) -> Iterator[object]:
    at, end = 0, len(text)
    while True:
        while at < end and text[at].isspace():
            at += 1
        if at == end:
            return
        try:
            document, at = parse_first_json(text, at)
        except json.JSONDecodeError as err:
            raise DataError(f"{name}:{err.lineno}: not JSON: {err.msg}; {EXPECTED}") from None
        except ValueError as err:
            raise DataError(f"{name}: not JSON: {err}; {EXPECTED}") from None
        yield document


def checked_fit(document: object, name: str = "fit") -> Fit:
    """A fit from its document, a parsed JSON object; `name` is for messages.

    Raises DataError naming the field, what was found and what was expected.  advfit(5) says what a
    document written by hand may leave out.
    """
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        found = document.get("format") if isinstance(document, dict) else type(document).__name__
        raise DataError(f"{name}: {EXPECTED}, found {found!r}")
    if document.get("version", VERSION) != VERSION:
        raise DataError(f"{name}: version {document['version']!r} of advfit(5); expected {VERSION}")
    approach = document.get("approach")
    if type(approach) is not int or approach not in APPROACHES:
        wanted = ", ".join(map(str, APPROACHES[:-1])) + f" or {APPROACHES[-1]}"
        raise DataError(f"{name}: approach {approach!r}; expected {wanted}")
    form = form_of(approach, str(document.get("variant", "")))
    parameters = _parameters(name, form, document.get("parameters"))
    reference = _number(name, "reference_fid", document.get("reference_fid", 0.0), low=0.0)
    best = _best(name, form, parameters, reference, document.get("accuracy_line", PUBLISHED_LINE))
    k = _number(name, "k", document.get("k", K), above=0.0)
    residuals = _residuals(name, document.get("residuals", []))
    draws = _draws(name, document.get("draws"), form, best, reference, residuals)
    fids = _fids(name, document.get("datasets", []))
    _require_history(name, document.get("history", []))
    fit = Fit(name, document, form, k, best, draws, fids)
    for fid in fids.values():
        fit.require_law(fid)
    return fit


def _require_history(name: str, found: object) -> None:
    if not isinstance(found, list) or not all(isinstance(entry, dict) for entry in found):
        raise DataError(f"{name}: history: found {found!r:.40}; expected a list of objects")


def _best(
    name: str, form: Form, parameters: dict[str, float], reference: float, line: object
) -> Member:
    if not isinstance(line, dict):
        raise DataError(f"{name}: accuracy_line: expected slope and intercept, found {line!r:.40}")
    slope = _number(name, "accuracy_line.slope", line.get("slope"))
    if not slope < 0:
        raise DataError(f"{name}: accuracy_line.slope: found {slope:g}; expected a number below 0")
    intercept = _number(name, "accuracy_line.intercept", line.get("intercept"))
    return Member(_at_zero(form, parameters, reference), slope, intercept)


def _at_zero(form: Form, parameters: dict[str, float], reference: float) -> dict[str, float]:
    return form.at_zero(parameters, reference) if form.at_zero and reference else parameters


def _parameters(name: str, form: Form, found: object) -> dict[str, float]:
    if not isinstance(found, dict):
        raise DataError(f"{name}: parameters: expected names and numbers, found {found!r:.40}")
    for key in found:
        if key not in form.names:
            wanted = ", ".join(form.names)
            raise DataError(f"{name}: parameters.{key}: not of approach {form.approach} ({wanted})")
    names = form.names
    if form.quality == "optional" and not form.knows_quality(found):
        names = form.names_without_quality
    return _checked(name, "parameters", form, found, names)


def _checked(
    name: str, label: str, form: Form, found: Mapping[str, Any], names: tuple[str, ...]
) -> dict[str, float]:
    """The numbers of a law, of the sign that the form asks for."""
    out = {}
    for key in names:
        parameter, value = form.parameter(key), found.get(key)
        sign = parameter.sign
        above = 0.0 if sign == "positive" else None
        low = 0.0 if sign == "nonnegative" else None
        # amplitudes of steep laws are far from 1, and laws take their logarithms
        far = sign == "positive" and parameter.unit != "1"
        out[key] = _number(name, f"{label}.{key}", value, low=low, above=above, far=far)
        if (parameter.unit == "1" or sign == "either") and abs(out[key]) > STEEPEST:
            raise DataError(
                f"{name}: {label}.{key}: found {value!r:.40}; expected a number of {STEEPEST:g} or"
                " less in size"
            )
    return out


def _residuals(name: str, found: object) -> list[float]:
    if not isinstance(found, list):
        raise DataError(f"{name}: residuals: expected a list of numbers, found {found!r:.40}")
    return [_number(name, "residuals", value) for value in found]


def _draws(
    name: str, found: object, form: Form, best: Member, reference: float, residuals: list[float]
) -> list[Member]:
    if not found:
        return []
    if not isinstance(found, dict) or not all(isinstance(v, list) for v in found.values()):
        raise DataError(f"{name}: draws: expected a list of numbers per parameter")
    for key in best.parameters:
        if key not in found:
            raise DataError(f"{name}: draws: no list for parameter {key}")
    if len({len(values) for values in found.values()}) != 1:
        raise DataError(f"{name}: draws: lists of different lengths")
    count = len(found[next(iter(best.parameters))])
    line = {"slope": [best.slope] * count, "intercept": [best.intercept] * count} | {
        key: [_number(name, f"draws.{key}", value) for value in values]
        for key, values in found.items()
        if key in ("slope", "intercept")
    }
    scatter = _in_mixed_order(residuals, count)
    names, out = tuple(best.parameters), []
    for i in range(count):
        law = _checked(name, "draws", form, {key: found[key][i] for key in names}, names)
        law = _at_zero(form, law, reference)
        out.append(Member(law, line["slope"][i], line["intercept"][i], scatter[i], drawn=True))
    return out


def _in_mixed_order(residuals: list[float], count: int) -> list[float]:
    """A residual for each draw: all in turn, in steps that mix rows of one data set with others."""
    residuals = residuals or [0.0]
    step = next((s for s in (7, 11, 13) if math.gcd(s, len(residuals)) == 1), 17)
    return [residuals[step * i % len(residuals)] for i in range(count)]


def _fids(name: str, found: object) -> dict[str, float]:
    if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
        raise DataError(f"{name}: datasets: expected a list of objects with dataset and fid")
    pairs = [
        (str(row.get("dataset", "")), _number(name, "datasets.fid", row["fid"], low=0.0))
        for row in found
        if row.get("fid") is not None
    ]
    return dict(sorted(pairs, key=lambda pair: pair[1]))


def _number(
    name: str,
    label: str,
    found: object,
    low: float | None = None,
    above: float | None = None,
    far: bool = False,
) -> float:
    """A number that formulas compute with; far: whose logarithm they take first."""
    if (
        isinstance(found, int | float)
        and not isinstance(found, bool)
        and (can_compute(found) or (far and 1 / FARTHEST < found < FARTHEST))
    ):
        number = float(found)
        inside = (low is None or number >= low) and (above is None or number > above)
        if inside:
            return number
    if isinstance(found, int | float) and not isinstance(found, bool) and found:
        reach = FARTHEST if far else FAR
        if not 1 / reach < abs(found) < reach:
            raise DataError(
                f"{name}: {label}: found {found!r:.40}; expected a number between"
                f" {1 / reach:g} and {reach:g} in size"
            )
    bound = f" of {low:g} or above" if low is not None else ""
    bound = f" above {above:g}" if above is not None else bound
    shown = "nothing" if found is None else f"{found!r:.40}"
    raise DataError(f"{name}: {label}: found {shown}; expected a number{bound}")
