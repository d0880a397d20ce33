"""What a fit says, for people: its parameters as rows, and remarks before anyone believes it."""

from typing import Any

from advlib.laws.document import checked_fit
from advlib.laws.fit import Fit

DESCRIBES = 0.5  # R2 on a data set below which a law does not describe it
OFTEN = 0.5  # share of the starts that should come to the minimum


def parameter_rows(document: dict) -> list[dict]:
    """A fit's parameters as rows: value, 95 % interval, unit, whether the data determine it."""
    fit = checked_fit(document)
    found: dict[str, Any] = {}
    for stage in document.get("stages", ()):
        found |= stage["parameters"]
    dataset = "" if fit.form.surface else document["datasets"][0]["dataset"]
    rows = []
    for name, value in fit.best.parameters.items():
        low, high = fit.interval_of(name)
        rows.append(
            {
                "approach": fit.approach,
                "variant": document["variant"],
                "dataset": dataset,
                "parameter": name,
                "value": value,
                "value_low": low,
                "value_high": high,
                "determined": _determined(fit, name, found[name]) if name in found else None,
                "unit": document["units"][name],
            }
        )
    return rows


def remarks(document: dict) -> list[str]:
    """What a user should know before believing the fit."""
    fit = checked_fit(document)
    stages = document.get("stages", ())
    return [remark for stage in stages for remark in _stage_remarks(fit, stage)] + [
        _poor_description(document, entry)
        for entry in document.get("datasets", ())
        if entry.get("r2") is not None and entry["r2"] < DESCRIBES and entry["fitted"]
    ]


def _stage_remarks(fit: Fit, stage: dict[str, Any]) -> list[str]:
    """Of a minimum that few starts came to, and of parameters that the runs do not determine."""
    out = []
    reached, starts = stage["starts_at_minimum"], stage["starts"]
    where = f"approach {fit.approach}, {stage['name']}"
    if reached < OFTEN * starts:
        out.append(f"{where}: only {reached} of {starts} starts came to the lowest objective")
    bounds = stage.get("at_bounds", {})
    if best := [f"{n} at {fit.best.parameters[n]:.4g}" for n in bounds if bounds[n]["best"]]:
        out.append(f"{where}: {', '.join(best)}: a bound of the search, which may hide a lower end")
    if drawn := [f"{n} in {e['draws']:.1%}" for n, e in bounds.items() if e["draws"]]:
        out.append(f"{where}: of the draws, at a bound of the search: {', '.join(drawn)}")
    if share := stage.get("floor_held", {}).get("draws"):
        out.append(f"{where}: of {share:.1%} of the draws the floor is held at 0")
    loose = [
        f"{name} (known only together with {entry['partner']})"
        for name, entry in stage["parameters"].items()
        if not _determined(fit, name, entry)
    ]
    if loose:
        out.append(
            f"{where}: the runs do not determine {', '.join(loose)}: the 95 % range spans over a "
            "factor of ten, or holds zero"
        )
    return out


def _poor_description(document: dict, entry: dict[str, Any]) -> str:
    name = f" on {entry['dataset']}" if entry["dataset"] else ""
    return (
        f"approach {document['approach']} {document['variant']}: R2{name} is {entry['r2']:.2f}: "
        "the law does not describe these runs, and its intervals do not know that"
    )


def _determined(fit: Fit, name: str, entry: dict[str, Any]) -> bool:
    """Whether neither the curvature at the minimum nor the draws leave a factor of ten open, or for
    a parameter of either sign hold zero.
    """
    if not entry["determined"] or not fit.draws:
        return entry["determined"]
    low, high = fit.interval_of(name)
    assert low is not None and high is not None  # there are draws
    return low * high > 0 if entry["of"] == "value" else high <= 10 * low
