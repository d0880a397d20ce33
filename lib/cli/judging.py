"""What advjudge prints, and the network that it asks."""

import contextlib
import io
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any

from advlib.cli.images import meter
from advlib.cli.networks import open_network
from advlib.cli.output import history_entry, note, printed_into, stream_rows, write_rows
from advlib.cli.sampling import EVERY, sampling_meter
from advlib.humans import judges

if TYPE_CHECKING:
    from collections.abc import Callable

    from advlib.humans.judgements import Answer
    from advlib.humans.judges import Asked

AT_ONCE = 1000  # rows
SOON = 1.0  # seconds after which a long table is said to be read
TOOLBOX = "model-vs-human"  # the format of its tables


def print_answers(
    answers: "Iterable[Answer]", output_format: str | None, output: str | None, asked: "Asked"
) -> None:
    """Print answers, into the file `output` if one is named; nothing where one of them is wrong."""
    with printed_into(output):
        shown = sys.stdout.isatty()
        if output_format is None:
            output_format = "table" if shown else "csv"
        if judges.JUDGES[asked.kind].sort in (judges.FORMAT, judges.TABLE):
            answers = _counted(answers)
        rows = _rows(answers, output_format)
        if output_format in ("json", "table") or shown:
            kind = "csv" if output_format == TOOLBOX else output_format
            history = asked.source.history if asked.seen else []
            write_rows(rows, kind, [*history, history_entry()])
            return
        whole = io.StringIO()
        with contextlib.redirect_stdout(whole):
            stream_rows(iter(lambda: list(islice(rows, AT_ONCE)), []))
        sys.stdout.write(whole.getvalue())


def _counted(answers: "Iterable[Answer]") -> "Iterator[Answer]":
    """The answers; how many there were is said soon, and then from time to time."""
    due = time.monotonic() + SOON
    for number, answer in enumerate(answers, 1):
        if number % AT_ONCE == 0 and time.monotonic() > due:
            note(f"{number} answers so far")
            due = time.monotonic() + EVERY
        yield answer


def _rows(answers: "Iterable[Answer]", output_format: str) -> Iterator[dict[str, Any]]:
    from advlib.humans.tables import model_vs_human

    counts: dict[str, int] = {}
    number = 0
    for number, answer in enumerate(answers, 1):
        counts[answer.status] = counts.get(answer.status, 0) + 1
        toolbox = output_format == TOOLBOX
        yield model_vs_human.row(answer, number - 1) if toolbox else answer.row()
    if without := {name: n for name, n in counts.items() if name != "answered"}:
        listed = ", ".join(f"{n} {name}" for name, n in without.items())
        note(f"{number} answers, of which {sum(without.values())} name no class: {listed}")


def judging_meter(kind: str) -> "Callable[..., Any]":
    """Progress of a judge of that kind on standard error, given how many there are and are done."""
    what = "answers" if kind == "chat" else "images"

    def begin(total: int | None, done: int) -> Any:
        return meter(None) if total is None else sampling_meter(total, done, what)

    return begin


def judging_options(options: Mapping[str, Any], sets: Iterable[str]) -> dict[str, Any]:
    """What judges need of a command's options: see advlib.humans.judges.

    open_network and choose_device wait until they are called, as they load PyTorch.
    """

    def choose_device() -> Any:
        from advlib.jobs import devices

        return devices.choose_device(options["device"])

    def network(spec: str, source: Any) -> "tuple[Callable, int, Any]":
        device = choose_device()
        known = {name: options[name] for name in ("model", "normalisation", "current")}
        model, _, classes = open_network(
            spec, source, device, options["pixels"], known, attacked=False
        )
        return model, classes, device

    kept = {name: options[name] for name in ("batch", "higher", "columns")}
    return {**kept, "sets": tuple(sets), "open_network": network, "choose_device": choose_device}
