"""The columns of a runs table, advruns(5): names, types, ranges; and the official study's names."""

import math
from collections.abc import Callable
from dataclasses import dataclass

REQUIRED = ("params", "samples", "loss")  # columns of a table that laws are fitted to
TEXT = "text"
NUMBER = "number"
DISTANCE = "fd_"  # begins the name of a distance by other features than FID's


@dataclass(frozen=True)
class Column:
    """A known column.  `low` and `high` bound its numbers; `open_low` excludes `low` itself."""

    name: str
    kind: str = NUMBER
    low: float = 0.0
    high: float = math.inf
    open_low: bool = True
    may_be_empty: bool = True

    @property
    def expected(self) -> str:
        """The range in words, for messages."""
        if math.isfinite(self.high):
            return f"a number from {self.low:g} to {self.high:g}"
        return (
            f"a number above {self.low:g}" if self.open_low else f"a number, {self.low:g} or above"
        )


COLUMNS = {
    column.name: column
    for column in (
        Column("run", TEXT, may_be_empty=False),
        Column("model", TEXT),
        Column("dataset", TEXT),
        Column("fid", open_low=False),
        Column("params", may_be_empty=False),
        Column("samples", may_be_empty=False),
        Column("planned_samples"),
        Column("flops"),
        Column("loss"),
        Column("loss_error", open_low=False),
        Column("accuracy", high=1.0, open_low=False),
        Column("autoattack", high=1.0, open_low=False),
        Column("clean_accuracy", high=1.0, open_low=False),
        Column("clean_loss", open_low=False),
    )
}


def column_of(name: str) -> Column | None:
    """What is known of a column by its name: of ours, and of distances that advfid prints."""
    if name.startswith(DISTANCE):
        return Column(name, open_low=False)
    return COLUMNS.get(name)


@dataclass(frozen=True)
class Layout:
    """How the columns of a table become ours: `names` maps theirs to ours, `scale` multiplies."""

    names: dict[str, str]
    scale: dict[str, float]
    derive: Callable[[dict], None] | None = None


def _official(columns: dict) -> None:
    """Samples = data_precise x train_fraction; EDM's sets are called vanilla there."""
    columns["samples"] = columns.pop("samples") * columns.pop("train_fraction")
    if "dataset" in columns:
        columns["dataset"] = [
            "edm" + name[len("vanilla") :] if name.startswith("vanilla") else name
            for name in columns["dataset"]
        ]


OFFICIAL = Layout(
    names={
        "config": "run",
        "model": "model",
        "data_source": "dataset",
        "FID": "fid",
        "params": "params",
        "data_precise": "samples",
        "data": "planned_samples",
        "train_fraction": "train_fraction",
        "flops": "flops",
        "CW_test_loss": "loss",
        "CW_test_acc": "accuracy",
        "auto_attack": "autoattack",
        "clean_test_acc": "clean_accuracy",
        "clean_test_loss": "clean_loss",
    },
    scale={"params": 1e6, "samples": 1e6, "planned_samples": 1e6, "autoattack": 0.01},
    derive=_official,
)
OFFICIAL_MARKS = {"config", "data_precise", "train_fraction", "CW_test_loss"}
EXTRA = {"train_fraction": Column("train_fraction", high=1.0, may_be_empty=False)}


def layout_of(header: list[str], renames: dict[str, str]) -> Layout:
    """The layout of a table with `header`; `renames` maps our names to theirs (`--columns`)."""
    if not renames and set(header) >= OFFICIAL_MARKS:
        return OFFICIAL
    return Layout(names={theirs: ours for ours, theirs in renames.items()}, scale={})
