"""advattack: attack a classifier, and keep the images that fool it."""

import contextlib
import hashlib
import json
import os
import sys
import time

import click

from advlib import cli

DRAWS = ("keyed", "library")


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
    "--attack", default="autoattack", show_default=True, metavar="ATTACK",
    help="autoattack, autoattack-plus or autoattack-rand; some of its attacks, as apgd-ce,square; "
    "pgd; the study's pgd40-cw or train-pgd10.",
)  # fmt: skip
@click.option(
    "--norm", type=click.Choice(["Linf", "L2", "L1"], case_sensitive=False), default="Linf",
    show_default=True, help="In which EPS is measured.",
)  # fmt: skip
@click.option("--eps", metavar="EPS", help="Radius of the ball. [default: 8/255; L2 0.5; L1 12]")
@cli.pgd_options
@cli.seed_option
@click.option("--first", type=click.IntRange(min=1), metavar="N", help="The first N images alone.")
@click.option(
    "--engine", type=click.Choice(["fast", "reference"]), default="fast", show_default=True,
    help="reference: the AutoAttack library itself, untouched.",
)  # fmt: skip
@click.option(
    "--draws", type=click.Choice(DRAWS), default=DRAWS[0], show_default=True,
    help="Random numbers: of each image alone, or as the library draws them.",
)  # fmt: skip
@cli.network_options
@click.option(
    "--pixels", type=click.Choice(["unit", "signed", "bytes"]),
    help="Values that a module:name takes: [0, 1], [-1, 1], [0, 255]. [default: unit]",
)  # fmt: skip
@click.option(
    "--batch", type=click.IntRange(min=1), default=256, show_default=True, metavar="N",
    help="Images at once, on each rank.",
)  # fmt: skip
@click.option("--fooled", is_flag=True, help="Keep only the images that are misclassified.")
@click.option(
    "--layout", type=click.Choice(["chunk", "sample"]),
    help="Layout to write. [default: sample up to 10000 images, else chunk]",
)  # fmt: skip
@cli.layout_options
@click.option(
    "-o", "--output", metavar="NAME",
    help="Name of the shard set to write, as data/attacked; one file, as x.tar; - for standard "
    "output. [default: write none]",
)  # fmt: skip
@click.option(
    "--verdict", "verdict_file", metavar="FILE",
    help="File for the verdict, as JSON. [default: NAME.verdict.json]",
)  # fmt: skip
@click.option(
    "--entry", multiple=True, callback=_entry, metavar="FIELD=VALUE",
    help="A field of the RobustBench entry, as venue=...; may be repeated.",
)  # fmt: skip
@click.option(
    "--format", "output_format", type=click.Choice(["json", "csv", "table", "robustbench"]),
    help="Of the verdict on standard output. [default: table on a terminal, json elsewhere]",
)  # fmt: skip
def main(network, sets, output, verdict_file, output_format, entry, **options):
    """Attack NETWORK on the images of a set, and print how many it withstands.

    NETWORK is a checkpoint, or Python code as module:name, which is run. SET is a set's name, its
    .tar files or its folder; "-" or nothing means standard input. Killed, the same command line
    goes on. Under torchrun the ranks share the images.
    """
    from advlib.training import parallel

    if entry and output_format != "robustbench":
        raise click.UsageError("--entry goes with --format robustbench")
    if output_format == "robustbench" and options["attack"].lower() != "autoattack":
        raise click.UsageError(
            f"--attack {options['attack']}: a RobustBench entry is of autoattack"
        )
    if output == "-" and output_format:
        raise click.UsageError("--format: standard output is the shards; see --verdict")
    folder = os.path.dirname(verdict_file or "")
    if folder and not os.path.isdir(folder):
        raise click.UsageError(f"{folder}: no such folder to write into")
    ranks = parallel.join(options["device"])
    if ranks.device.type == "cpu":
        parallel.keep_memory()
    if ranks.ranks > 1 and output in (None, "-"):
        raise click.UsageError("several ranks need -o NAME, beside which they keep what they did")
    begun = time.monotonic()
    with cli.seekable(sets) as source:
        job, about = _job(network, source, ranks, output, options)
        verdict_file = verdict_file or (output and output != "-" and f"{output}.verdict.json")
        identity = {"job": job.identity, "output": about.pop("output")}
        document = _finished(verdict_file, output, identity)
        if document is None:
            shared = job.store is not None
            with contextlib.ExitStack() as stack:
                # what is wrong with its options is said before hours of attacks
                writer = _writer(output, job, source, options, about.pop("history"))
                if not shared:
                    from advlib.attacks.store import Store

                    job.store = Store(stack.enter_context(cli.temporary_folder()))
                job.begin()
                if ranks.first:
                    job.report = stack.enter_context(cli.attack_meter(job.count))
                job.run()
                ranks.wait()
                if ranks.first:
                    found = _write(job, source, writer, options["fooled"])
                    document = {
                        "history": cli.history_with(about.pop("description"), source), **about,
                        **found, "seconds": time.monotonic() - begun, "identity": identity,
                    }  # fmt: skip
                    _keep(verdict_file, document)
                    job.store.remove()
        elif ranks.first:
            cli.note(f"{verdict_file} says that this is done")
            job.store.remove()  # a kill may have left it
        ranks.wait()
        parallel.leave()
    if ranks.first:
        for warning in document["warnings"]:
            cli.note(f"{warning['text']} Advice: {warning['advice']}")
        if output == "-":
            cli.note(f"robust accuracy {document['accuracy']:.2%} of {document['images']} images")
        else:
            _print(document, output_format, entry)


def _job(network: str, source, ranks, output: str | None, options: dict):
    """The job, which has not begun, and what its verdict says of it beforehand."""
    import numpy as np

    from advlib.attacks.job import Job
    from advlib.attacks.oracle import Oracle
    from advlib.attacks.reference import referred
    from advlib.attacks.store import Store
    from advlib.attacks.suites import PRESETS, suite
    from advlib.models.folding import folded

    norm, attack, reference = options["norm"], options["attack"], options["engine"] == "reference"
    attack = attack.lower()
    eps = cli.parse_radius(options["eps"], norm, int(np.prod(source.shape)))
    pgd = {key: options[key] for key in ("steps", "step_size", "loss") if options[key] is not None}
    if attack == "pgd":
        pgd.setdefault("step_size", float(eps) / 4)
    elif attack in PRESETS and (pgd or norm != "Linf"):
        what = "has its own steps" if pgd else "is of Linf"
        raise click.UsageError(f"{attack} {what}; give others with --attack pgd")
    names = ("model", "normalisation", "current")
    model, description, classes = cli.open_network(
        network, source, ranks.device, options["pixels"], {name: options[name] for name in names}
    )
    chosen = suite(
        attack, norm, float(eps), classes, pgd_options=pgd, restarts=options["restarts"],
        targets=options["targets"] or 0,
    )  # fmt: skip
    library = options["draws"] == "library" or reference
    if library and chosen.version is None:
        raise click.UsageError(f"--attack {attack}: the AutoAttack library has no such attack")
    if reference:
        chosen = referred(chosen, options["seed"])
    else:
        model.requires_grad_(False)
    count = min(source.count, options["first"] or source.count)
    settings = chosen.settings | {
        "eps_text": str(eps), "seed": options["seed"], "engine": options["engine"],
        "draws": "library" if library else "keyed",
    }  # fmt: skip
    if library:  # whose outcome depends on it
        settings["batch"] = options["batch"]
    identity = {
        "set": source.digest, "images": count, "network": _digest(network, description),
        "attack": settings,
    }  # fmt: skip
    folder, base = os.path.split(output or "")
    keeps = output not in (None, "-")
    job = Job(
        source, chosen, Oracle(model, None if reference else folded(model), options["batch"]),
        count, options["seed"], Store(os.path.join(folder, f".{base}.attack")) if keeps else None,
        identity, ranks.device, ranks.rank, ranks.ranks, library, network,
    )  # fmt: skip
    plain = {key: value for key, value in description.items() if key != "history"}
    about = {
        "network": {"path": network, **plain}, "model": description["model"],
        "dataset": source.name, "attack": settings, "batch": options["batch"],
        "device": cli.device_name(ranks), "versions": cli.versions("torch", "pyautoattack"),
        "description": description, "history": cli.history_with(description, source)[:-1],
        "output": {name: options[name] for name in ("fooled", "layout", "chunk", "shard")},
    }  # fmt: skip
    return job, about


def _digest(network: str, description: dict) -> dict:
    """What tells a network from others: its description, and the hash of its file or code."""
    known = {key: value for key, value in description.items() if key != "history"}
    code = sys.modules.get(network.partition(":")[0])
    path = network if os.path.exists(network) else getattr(code, "__file__", None)
    if not path:
        return known
    with open(path, "rb") as file:
        return {"sha256": hashlib.file_digest(file, "sha256").hexdigest(), **known}


def _finished(path: str | None, output: str | None, identity: dict) -> dict | None:
    """The verdict of the same work, if it was done before."""
    if not path or not output or output == "-":
        return None
    try:
        with open(path, encoding="utf-8") as file:
            document = json.load(file)
    except (OSError, ValueError):
        return None
    if document.get("identity") != json.loads(json.dumps(identity)):
        return None
    none = identity["output"]["fooled"] and document["accuracy"] == 1
    return document if none or os.path.exists(f"{output}.index.json") else None


def _writer(output: str | None, job, source, options: dict, history: list):
    """What will write the shards, not yet begun; None where there shall be none."""
    if not output:
        return None
    return cli.open_writer(
        output, options["layout"] or ("sample" if job.count <= 10_000 else "chunk"), None, history,
        chunk=options["chunk"], shard=options["shard"], class_names=source.class_names,
        classes=source.classes,
    )  # fmt: skip


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


def _keep(path: str | None, document: dict) -> None:
    from advlib.errors import CannotError

    if not path:
        return
    try:
        with cli.atomic_write(path) as file:
            file.write(cli.document_text(document).encode())
    except OSError as err:
        raise CannotError(f"{path}: {err.strerror}") from err


def _print(document: dict, output_format: str | None, entry: dict) -> None:
    from fractions import Fraction

    if output_format is None:
        output_format = "table" if sys.stdout.isatty() else "json"
    if output_format == "json":
        cli.write_document(document)
    elif output_format == "robustbench":
        from advlib.attacks import verdict

        eps = Fraction(document["attack"]["eps_text"])
        made, empty = verdict.entry(document, eps, entry)
        if empty:
            cli.note(f"the entry lacks {', '.join(empty)}: give them with --entry FIELD=VALUE")
        print(json.dumps(made, indent=2))
    else:
        cli.write_rows(_rows(document), output_format, document["history"])


def _rows(document: dict) -> list[dict]:
    """A row for each stage, after one for the images as they are."""
    images, clean = document["images"], document["clean_accuracy"]
    row = {"attack": "clean", "images": images, "fooled": images - round(images * clean)}
    row |= {f"accuracy{end}": document[f"clean_accuracy{end}"] for end in ("", "_low", "_high")}
    return [row | {"seconds": 0.0, "forwards": images, "backwards": 0}, *document["stages"]]
