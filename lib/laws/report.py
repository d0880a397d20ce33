"""What a fit says, for people: its parameters as rows, and remarks before anyone believes it."""

from advlib.laws.document import read_fit


def parameter_rows(document: dict) -> list[dict]:
    """A fit's parameters as rows: value, 95 % interval, unit, whether the data determine it."""
    fit = read_fit("fit", document)
    found = {}
    for stage in document.get("stages", ()):
        found |= stage["parameters"]
    dataset = document["datasets"][0]["dataset"] if fit.approach == 1 else ""
    rows = []
    for name, value in fit.best.parameters.items():
        low, high = fit.interval(lambda member, name=name: member.parameters[name])
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
    out, fit = [], read_fit("fit", document)
    for stage in document.get("stages", ()):
        reached, starts = stage["starts_at_minimum"], stage["starts"]
        where = f"approach {document['approach']}, {stage['name']}"
        if reached < 0.5 * starts:
            out.append(f"{where}: only {reached} of {starts} starts came to the lowest objective")
        loose = [
            f"{name} (known only together with {entry['partner']})"
            for name, entry in stage["parameters"].items()
            if not _determined(fit, name, entry)
        ]
        if loose:
            out.append(
                f"{where}: the runs do not determine {', '.join(loose)}: the 95 % range spans over "
                "a factor of ten, or holds zero"
            )
    for entry in document.get("datasets", ()):
        if entry.get("r2") is not None and entry["r2"] < 0.5 and entry["fitted"]:
            name = f" on {entry['dataset']}" if entry["dataset"] else ""
            out.append(
                f"approach {document['approach']} {document['variant']}: R2{name} is "
                f"{entry['r2']:.2f}: the law does not describe these runs, and its intervals do "
                "not know that"
            )
    return out


def _determined(fit, name, entry) -> bool:
    """Whether neither the curvature at the minimum nor the draws leave a factor of ten open, or for
    a parameter of either sign hold zero.
    """
    if not entry["determined"] or not fit.draws:
        return entry["determined"]
    low, high = fit.interval(lambda member: member.parameters[name])
    return low * high > 0 if entry["of"] == "value" else high <= 10 * low
