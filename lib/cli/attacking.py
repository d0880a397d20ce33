"""What advattack says and asks for beside its settings: files, ranks, progress, warnings."""

import contextlib
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import click

from advlib.cli.images import open_writer, temporary_folder
from advlib.cli.networks import device_name, versions
from advlib.cli.output import note, write_document, write_rows
from advlib.cli.verdicts import same_set

if TYPE_CHECKING:
    from advlib.attacks.job import Job
    from advlib.attacks.progress import Progress
    from advlib.jobs.ranks import Ranks

SAMPLES = 10_000  # images up to which each has files of its own, unless asked otherwise


def entry_fields(
    context: click.Context, param: click.Parameter, value: Sequence[str]
) -> dict[str, str]:
    """FIELD=VALUE, as often as given, of a RobustBench entry."""
    from advlib.attacks.robustbench import MEASURED

    found = {}
    for item in value:
        key, equals, text = item.partition("=")
        if not (key and equals):
            raise click.BadParameter(f"found {item!r}; expected FIELD=VALUE, as venue='ICML 2024'")
        if key in MEASURED:
            raise click.BadParameter(f"{key}: is measured")
        found[key] = text
    return found


def verdict_path(path: str | None, output: str | None) -> str | None:
    """The file of the verdict: as given, or beside the set that is written; None for none.

    Raises UsageError where no file can be written there.
    """
    if path == "-":
        raise click.UsageError("--verdict -: standard output is the verdict without it")
    folder = os.path.dirname(path or "")
    if folder and not os.path.isdir(folder):
        raise click.UsageError(f"{folder}: no such folder to write into")
    path = path or (f"{output}.verdict.json" if output not in (None, "-") else None)
    if path and os.path.isdir(path):
        raise click.UsageError(f"{path}: is a folder; expected a file for the verdict")
    return path


def join_ranks(device: str | None, sets: Sequence[str], output: str | None) -> "Ranks":
    """Join the ranks of torchrun, which need files to read and to keep what they did."""
    from advlib.jobs.memory import keep_memory
    from advlib.jobs.ranks import join

    ranks = join(device)
    if ranks.device.type == "cpu":
        keep_memory()
    if ranks.ranks > 1 and output in (None, "-"):
        raise click.UsageError("several ranks need -o NAME, beside which they keep what they did")
    if ranks.ranks > 1 and (not sets or "-" in sets):
        raise click.UsageError("several ranks need a set in files, not standard input")
    return ranks


@contextlib.contextmanager
def job_folder(output: str | None, paths: Sequence[str]) -> Iterator[str]:
    """Where a job keeps what it did: a hidden folder beside the set to be written, or nowhere long.

    paths: of the set that is read; UsageError where `output` would take its place.
    """
    if output is None or output == "-":
        with temporary_folder() as folder:
            yield folder
        return
    if same_set(output, paths):
        raise click.UsageError(f"-o {output}: is the set that is attacked; give another name")
    folder, base = os.path.split(output)
    yield os.path.join(folder, f".{base}.attack")


def attacked_writer(output: str, job: "Job", history: list[dict], form: Mapping[str, Any]) -> Any:
    """What writes attacked images; form: `layout`, `chunk` and `shard` as asked for."""
    return open_writer(
        output,
        form["layout"] or ("sample" if job.count <= SAMPLES else "chunk"),
        job.source.shape,
        None,
        history,
        chunk=form["chunk"],
        shard=form["shard"],
        class_names=job.source.class_names,
        classes=job.source.classes,
    )


def attack_document(
    job: "Job",
    network: str,
    description: Mapping[str, Any],
    history: list[dict],
    found: Mapping[str, Any],
) -> dict[str, Any]:
    """The verdict, as it is printed.

    network: as named.  description: of the network.  found: by advlib.attacks.request.attack_set.
    """
    plain = {key: value for key, value in description.items() if key != "history"}
    return {
        "history": history,
        "network": {"path": network, **plain},
        "model": description["model"],
        "dataset": job.source.name,
        "attack": job.suite.settings,
        "batch": job.oracle.batch,
        "device": device_name(job.ranks),
        "versions": versions("torch", "pyautoattack"),
        **found,
    }


def stopped_attack(output: str | None) -> str:
    """What to say of an attack that a signal stopped."""
    if output in (None, "-"):
        return "stopped; with -o NAME its work would have been kept"
    return f"stopped; its work is kept beside {output}, and the same command line goes on"


class Warnings:
    """Says what is suspicious about a network, each thing once."""

    def __init__(self) -> None:
        self._said: list[Mapping[str, str]] = []

    def say(self, warning: Any) -> None:
        """A finding of advlib.attacks.checks, or the same as JSON holds it."""
        warning = warning if isinstance(warning, Mapping) else asdict(warning)
        if warning not in self._said:
            self._said.append(warning)
            note(f"{warning['text']} Advice: {warning['advice']}")


def say_revised(document: Mapping[str, Any], asked: bool) -> None:
    """Say what is left without the images of `--exclude`; asked: whether it is given."""
    found = document.get("revised") if asked else None
    if found:
        note(
            f"without {document['images'] - found['images']} images: robust accuracy"
            f" {found['accuracy']:.2%} of {found['images']}"
        )
    elif asked:
        note("was done before without --exclude; adveval --exclude counts the images it wrote")


def print_verdict(
    document: Mapping[str, Any], output_format: str | None, entry: Mapping[str, str]
) -> None:
    """The verdict on standard output.  entry: given fields of a RobustBench entry."""
    from advlib.attacks import robustbench, verdict

    if output_format is None:
        output_format = "table" if sys.stdout.isatty() else "json"
    if output_format == "json":
        write_document(dict(document))
    elif output_format == "robustbench":
        eps = Fraction(document["attack"]["eps_text"])
        made, empty = robustbench.entry(document, eps, entry)
        if empty:
            note(f"the entry lacks {', '.join(empty)}: give them with --entry FIELD=VALUE")
        note(f"the entry is of {document['images']} images; RobustBench has all test images")
        print(json.dumps(made, indent=2))
    else:
        write_rows(verdict.rows(document), output_format, document["history"])


@contextlib.contextmanager
def attack_meter(total: int) -> Iterator[Callable[["Progress"], None]]:
    """Progress of an attack on `total` images: a bar on a terminal, a line a stage elsewhere."""
    context = click.get_current_context().find_root()
    if (context.obj or {}).get("quiet"):
        yield lambda progress: None
        return
    if not sys.stderr.isatty():
        before = [""]

        def line(progress: "Progress") -> None:
            if progress.stage != before[0]:
                before[0] = progress.stage
                click.echo(f"{context.info_name}: {_in_words(progress, total)}", err=True)

        yield line
        return
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn
    from rich.progress import Progress as Bar

    columns = (BarColumn(), TextColumn("{task.description}"), TextColumn("{task.fields[time]}"))
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=1.0, time="")
        begun = bar.get_time()

        def tick(progress: Any) -> None:
            left, spent = progress.remaining, bar.get_time() - begun
            done = 0.0 if left is None else spent / (spent + left)
            time = "" if left is None else f"{_duration(left)} left"
            bar.update(task, completed=done, description=_in_words(progress, total), time=time)

        yield tick


def _in_words(progress: "Progress", total: int) -> str:
    of = "all" if progress.seen == total else f"{progress.seen} of {total}"
    return (
        f"{progress.stage}: images left {progress.left}; robust accuracy so far"
        f" {progress.robust / progress.seen:.2%} of {of} images"
    )


def _duration(seconds: float) -> str:
    """As 1:02:03."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
