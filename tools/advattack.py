"""advattack: attack a classifier, and keep the images that fool it."""

import contextlib
import json
import os
import sys
import time
from dataclasses import asdict

import click

from advlib import cli

DRAWS = ("keyed", "library")
OF_SHARDS = ("fooled", "layout", "chunk", "shard")
MEASURED = ("eps", "clean_acc", "autoattack_acc")  # of a RobustBench entry


def _entry(context, param, value):
    found = {}
    for item in value:
        key, equals, text = item.partition("=")
        if not (key and equals):
            raise click.BadParameter(f"found {item!r}; expected FIELD=VALUE, as venue='ICML 2024'")
        found[key] = text
    return found


@click.command(cls=cli.Tool)
@click.argument("network")
@cli.sets_argument
@click.option(
    "--attack",
    default="autoattack",
    show_default=True,
    metavar="ATTACK",
    help="autoattack, autoattack-plus or autoattack-rand; some of its attacks, as apgd-ce,square; "
    "pgd; the study's pgd40-cw or train-pgd10.",
)
@click.option(
    "--norm",
    type=click.Choice(["Linf", "L2", "L1"], case_sensitive=False),
    default="Linf",
    show_default=True,
    help="In which EPS is measured.",
)
@click.option("--eps", metavar="EPS", help="Radius of the ball. [default: 8/255; L2 0.5; L1 12]")
@cli.pgd_options
@cli.seed_option
@click.option("--first", type=click.IntRange(min=1), metavar="N", help="The first N images alone.")
@click.option(
    "--engine",
    type=click.Choice(["fast", "reference"]),
    default="fast",
    show_default=True,
    help="reference: the AutoAttack library itself, untouched.",
)
@click.option(
    "--draws",
    type=click.Choice(DRAWS),
    default=DRAWS[0],
    show_default=True,
    help="Random numbers: of each image alone, or as the library draws them.",
)
@cli.network_options
@click.option(
    "--pixels",
    type=click.Choice(["unit", "signed", "bytes"]),
    help="Values that a module:name takes: [0, 1], [-1, 1], [0, 255]. [default: unit]",
)
@click.option(
    "--batch",
    type=click.IntRange(min=1),
    default=256,
    show_default=True,
    metavar="N",
    help="Images at once, on each rank.",
)
@click.option("--fooled", is_flag=True, help="Keep only the images that are misclassified.")
@cli.layout_options("sample up to 10000 images, else chunk")
@click.option(
    "-o",
    "--output",
    metavar="NAME",
    help="Name of the shard set to write, as data/attacked; one file, as x.tar; - for standard "
    "output. [default: write none]",
)
@click.option(
    "--verdict",
    "verdict_file",
    metavar="FILE",
    help="File for the verdict, as JSON. [default: NAME.verdict.json]",
)
@click.option(
    "--entry",
    multiple=True,
    callback=_entry,
    metavar="FIELD=VALUE",
    help="A field of the RobustBench entry, as venue=...; may be repeated.",
)
@click.option(
    "--format",
    "output_format",
    type=click.Choice(["json", "csv", "table", "robustbench"]),
    help="Of the verdict on standard output. [default: table on a terminal, json elsewhere]",
)
def main(network, sets, output, verdict_file, output_format, entry, **options):
    """Attack NETWORK on the images of a set, and print how many it withstands.

    NETWORK is a checkpoint, or Python code as module:name, which is run. SET is a set's name, its
    .tar files or its folder; "-" or nothing means standard input. Killed, the same command line
    goes on. Under torchrun the ranks share the images.
    """
    from advlib.jobs.memory import enough_memory, keep_memory
    from advlib.jobs.ranks import join, leave

    _check(options, output, verdict_file, output_format, entry)
    ranks = join(options["device"])
    if ranks.device.type == "cpu":
        keep_memory()
    if ranks.ranks > 1 and output in (None, "-"):
        raise click.UsageError("several ranks need -o NAME, beside which they keep what they did")
    if ranks.ranks > 1 and (not sets or "-" in sets):
        raise click.UsageError("several ranks need a set in files, not standard input")
    verdict_file = verdict_file or (output and output != "-" and f"{output}.verdict.json")
    told: list[dict] = []  # warnings
    with contextlib.ExitStack() as stack:
        source = stack.enter_context(cli.seekable(sets))
        if output not in (None, "-") and cli.same_set(output, source.paths):
            raise click.UsageError(f"-o {output}: is the set that is attacked; give another name")
        if verdict_file and os.path.isdir(verdict_file):
            raise click.UsageError(f"{verdict_file}: is a folder; expected a file for the verdict")
        with enough_memory(f"{network}: there is no memory for it on {ranks.device}"):
            job, about = _job(network, source, ranks, _store(output, stack), options)
        document = cli.finished(verdict_file, output, about["identity"])
        if document is None:
            job.warn = lambda finding: _warn(asdict(finding), told)
            document = _attack(job, source, ranks, output, options, about)
            if ranks.first:
                cli.keep_verdict(verdict_file, document)
                job.store.remove()
        elif ranks.first:
            cli.note(f"{verdict_file} says that this is done")
            job.store.clear_up(job.identity)
        ranks.wait()
        leave()
    if ranks.first:
        for warning in document["warnings"]:
            _warn(warning, told)
        if output == "-":
            cli.note(f"robust accuracy {document['accuracy']:.2%} of {document['images']} images")
        else:
            _print(document, output_format, entry)


def _warn(warning: dict, told: list[dict]) -> None:
    """Say what is suspicious about the network, once."""
    if warning not in told:
        told.append(warning)
        cli.note(f"{warning['text']} Advice: {warning['advice']}")


def _check(options: dict, output, verdict_file, output_format, entry: dict) -> None:
    """UsageError for options that do not go together."""
    attack = options["attack"].lower()
    if output is None and (given := [key for key in OF_SHARDS if options[key]]):
        raise click.UsageError(f"--{given[0]} goes with -o")
    if measured := [key for key in entry if key in MEASURED]:
        raise click.UsageError(f"--entry {measured[0]}: is measured")
    if entry and output_format != "robustbench":
        raise click.UsageError("--entry goes with --format robustbench")
    if output_format == "robustbench" and attack != "autoattack":
        raise click.UsageError(f"--attack {attack}: a RobustBench entry is of autoattack")
    if output == "-" and output_format:
        raise click.UsageError("--format: standard output is the shards; see --verdict")
    if verdict_file == "-":
        raise click.UsageError("--verdict -: standard output is the verdict without it")
    folder = os.path.dirname(verdict_file or "")
    if folder and not os.path.isdir(folder):
        raise click.UsageError(f"{folder}: no such folder to write into")


def _store(output: str | None, stack: contextlib.ExitStack):
    """Where the job keeps what it did: beside the shards, or nowhere for long."""
    from advlib.attacks.job import attack_store

    if output in (None, "-"):
        return attack_store(stack.enter_context(cli.temporary_folder()))
    folder, base = os.path.split(output)
    store = attack_store(os.path.join(folder, f".{base}.attack"))
    stack.callback(store.release)
    return store


def _job(network: str, source, ranks, store, options: dict):
    """The job, which has not begun, and what its verdict says of it beforehand."""
    from advlib.attacks.job import Job
    from advlib.attacks.oracle import CPU_WIDTH, Oracle
    from advlib.models.folding import folded

    names = ("model", "normalisation", "current")
    model, description, classes = cli.open_network(
        network, source, ranks.device, options["pixels"], {name: options[name] for name in names}
    )
    chosen, settings = _suite(source, classes, options)
    reference, library = options["engine"] == "reference", settings["draws"] == "library"
    if not reference:
        model.requires_grad_(False)
    batch = options["batch"]
    oracle = Oracle(
        model,
        None if reference else folded(model),
        batch,
        CPU_WIDTH if ranks.device.type == "cpu" else batch,
    )
    count = min(source.count, options["first"] or source.count)
    identity = {
        "set": source.digest,
        "images": count,
        "attack": settings,
        "network": cli.network_identity(network, description, model),
    }
    job = Job(
        source,
        chosen,
        oracle,
        count,
        options["seed"],
        store,
        identity,
        ranks.device,
        ranks.rank,
        ranks.ranks,
        library,
        network,
    )
    plain = {key: value for key, value in description.items() if key != "history"}
    written = {name: options[name] for name in OF_SHARDS}
    about = {
        "history": cli.history_with(description, source),
        "network": {"path": network, **plain},
        "model": description["model"],
        "dataset": source.name,
        "attack": settings,
        "batch": batch,
        "device": cli.device_name(ranks),
        "versions": cli.versions("torch", "pyautoattack"),
        "identity": {"job": identity, "output": written},
    }
    return job, about


def _suite(source, classes: int, options: dict):
    """The attacks that the options name, and all that decides their outcome, as JSON holds it."""
    import numpy as np

    from advlib.attacks.reference import referred
    from advlib.attacks.settings import PRESETS
    from advlib.attacks.suites import suite

    norm, attack, engine = options["norm"], options["attack"].lower(), options["engine"]
    eps = cli.parse_radius(options["eps"], norm, int(np.prod(source.shape)))
    pgd = {key: options[key] for key in ("steps", "step_size", "loss") if options[key] is not None}
    if attack == "pgd":
        pgd.setdefault("step_size", float(eps) / 4)  # as 2/255 is of 8/255
    elif attack in PRESETS and (pgd or norm != "Linf"):
        what = "has its own steps" if pgd else "is of Linf"
        raise click.UsageError(f"{attack} {what}; give others with --attack pgd")
    chosen = suite(
        attack,
        norm,
        float(eps),
        classes,
        pgd_options=pgd,
        restarts=options["restarts"],
        targets=options["targets"] or 0,
    )
    draws = "library" if engine == "reference" else options["draws"]
    if draws == "library" and chosen.version is None:
        raise click.UsageError(f"--attack {attack}: the AutoAttack library has no such attack")
    settings = {"eps_text": str(eps), "seed": options["seed"], "engine": engine, "draws": draws}
    if draws == "library":  # whose outcome depends on it
        settings["batch"] = options["batch"]
    settings = chosen.settings | settings
    return (referred(chosen, options["seed"]) if engine == "reference" else chosen), settings


def _attack(job, source, ranks, output: str | None, options: dict, about: dict) -> dict | None:
    """Attack, write the shards, and return the verdict; None on ranks other than the first."""
    begun = time.monotonic()
    # what is wrong with its options is said before hours of attacks
    writer = _writer(output, job, source, options, about["history"][:-1])
    job.begin()
    ranks.wait()
    with contextlib.ExitStack() as stack:
        if ranks.first:
            job.report = stack.enter_context(cli.attack_meter(job.count))
        job.run()
        ranks.wait()
    if not ranks.first:
        return None
    found = _write(job, source, writer, options["fooled"])
    ended = {"seconds": time.monotonic() - begun, "shards": cli.shards_digest(output)}
    identity = about.pop("identity")
    return {**about, **found, **ended, "identity": identity}


def _writer(output: str | None, job, source, options: dict, history: list):
    """What will write the shards, not yet begun; None where there shall be none."""
    if not output:
        return None
    return cli.open_writer(
        output,
        options["layout"] or ("sample" if job.count <= 10_000 else "chunk"),
        None,
        history,
        chunk=options["chunk"],
        shard=options["shard"],
        class_names=source.class_names,
        classes=source.classes,
    )


def _write(job, source, writer, fooled: bool) -> dict:
    """Write the shards, and return what the attacks came to."""
    from advlib.attacks import verdict

    tally = verdict.Verdict(job.suite)
    if writer and fooled and all(found.robust.all() for found in job.results()):
        cli.note("no image is misclassified, so no shards are written")
        writer = None
    with writer or contextlib.nullcontext():
        for found in job.results():
            tally.add(found)
            if writer:
                chunk = source.read(found.number)
                chunk = verdict.chunk(found, chunk, job.suite.norm, fooled)
                if len(chunk):
                    writer.write(chunk)
    return tally.document()


def _print(document: dict, output_format: str | None, entry: dict) -> None:
    from fractions import Fraction

    from advlib.attacks import verdict

    if output_format is None:
        output_format = "table" if sys.stdout.isatty() else "json"
    if output_format == "json":
        cli.write_document(document)
    elif output_format == "robustbench":
        eps = Fraction(document["attack"]["eps_text"])
        made, empty = verdict.entry(document, eps, entry)
        if empty:
            cli.note(f"the entry lacks {', '.join(empty)}: give them with --entry FIELD=VALUE")
        cli.note(f"the entry is of {document['images']} images; RobustBench has all test images")
        print(json.dumps(made, indent=2))
    else:
        cli.write_rows(verdict.rows(document), output_format, document["history"])
