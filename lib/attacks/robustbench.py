"""A RobustBench model_info entry of a verdict of AutoAttack.

Source: the files in model_info of RobustBench/robustbench.
"""

from collections.abc import Mapping
from fractions import Fraction

# the fields that an entry must have, in its order
ENTRY = (
    "link",
    "name",
    "authors",
    "additional_data",
    "number_forward_passes",
    "dataset",
    "venue",
    "architecture",
    "eps",
    "clean_acc",
    "reported",
    "autoattack_acc",
)
MEASURED = ("eps", "clean_acc", "autoattack_acc")  # which nobody may give otherwise


def entry(document: Mapping, eps: Fraction, given: Mapping[str, str]) -> tuple[dict, list[str]]:
    """A RobustBench model_info entry, and the names of its fields that are still empty.

    document: a verdict of AutoAttack.  given: fields that only
    the model's author knows, and any that shall be otherwise; "true", "false" and numbers are
    taken as such.
    """
    percent = "{:.2f}".format
    known = {
        "number_forward_passes": 1,
        "dataset": document["dataset"],
        "architecture": document["model"],
        "eps": str(eps) if document["attack"]["norm"] == "Linf" else f"{float(eps):g}",
        "clean_acc": percent(100 * document["clean_accuracy"]),
        "reported": percent(100 * document["accuracy"]),
        "autoattack_acc": percent(100 * document["accuracy"]),
    }
    said = {key: _value(text) for key, text in given.items()}
    made = {key: said.get(key, known.get(key)) for key in ENTRY} | said
    return made, [key for key in ENTRY if made[key] is None]


def _value(text: str) -> str | bool | int:
    if text in ("true", "false"):
        return text == "true"
    return int(text) if text.isascii() and text.isdecimal() else text
