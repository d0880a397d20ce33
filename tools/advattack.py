"""advattack: attack a classifier, and keep the images that fool it."""

import contextlib

import click

from advlib import cli
from advlib.attacks.settings import AttackSettings
from advlib.settings import Rule, when, when_given

ON_OUTPUT = Rule(
    lambda found: found["output"] != "-", "standard output is the shards; see --verdict"
)
OF_AUTOATTACK = Rule(
    lambda found: found["output_format"] != "robustbench" or found["attack"] == "autoattack",
    "a RobustBench entry is of --attack autoattack",
)


@click.command(cls=cli.Tool)
@click.argument("network")
@cli.sets_argument
@cli.setting_options(AttackSettings, steps="--attack-steps", loss="--attack-loss")
@click.option("--first", type=cli.Whole(min=1), metavar="N", help="The first N images alone.")
@cli.exclude_option
@cli.network_options
@cli.pixel_values_option
@click.option(
    "--batch",
    type=cli.Whole(min=1),
    default=256,
    show_default=True,
    metavar="N",
    help="Images at once, on each rank.",
)
@cli.option(
    "--fooled",
    is_flag=True,
    applies=when_given("output"),
    help="Keep only the images that are misclassified.",
)
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
@cli.option(
    "--entry",
    multiple=True,
    callback=cli.entry_fields,
    metavar="FIELD=VALUE",
    applies=when(output_format="robustbench"),
    help="A field of the RobustBench entry, as venue=...; may be repeated.",
)
@cli.option(
    "--format",
    "output_format",
    type=click.Choice(["json", "csv", "table", "robustbench"]),
    applies=(ON_OUTPUT, OF_AUTOATTACK),
    help="Of the verdict on standard output. [default: table on a terminal, json elsewhere]",
)
@cli.pixels_option
def main(network, sets, first, batch, output, verdict_file, output_format, entry, **options):
    """Attack NETWORK on the images of a set, and print how many it withstands.

    NETWORK is a checkpoint, or Python code as module:name, which is run. SET is a set's name, its
    .tar files or its folder; "-" or nothing means standard input. Killed, the same command line
    goes on. Under torchrun the ranks share the images.
    """
    settings = cli.take_settings(AttackSettings, options)
    verdict_file = cli.verdict_path(verdict_file, output)
    written = {name: options.pop(name) for name in ("fooled", "layout", "chunk", "shard")}
    from advlib.attacks.job import attack_store
    from advlib.attacks.request import attack_job, attack_set
    from advlib.jobs.memory import enough_memory
    from advlib.jobs.ranks import leave
    from advlib.jobs.signals import Signalled, StopRequest

    exclusion = cli.exclusion(options.pop("exclude"))
    asked = StopRequest()
    ranks, pixels = cli.join_ranks(options.pop("device"), sets, output), options.pop("pixels")
    warnings = cli.Warnings()
    with contextlib.ExitStack() as stack:
        source = stack.enter_context(cli.seekable(sets))
        store = attack_store(stack.enter_context(cli.job_folder(output, source.paths)))
        stack.callback(store.release)
        with enough_memory(f"{network}: there is no memory for it on {ranks.device}"):
            model, description, classes = cli.open_network(
                network, source, ranks.device, pixels, options
            )
            with cli.option_names():
                job = attack_job(
                    settings,
                    model,
                    source,
                    ranks,
                    store,
                    name=network,
                    classes=classes,
                    network=cli.network_identity(network, description, model),
                    batch=batch,
                    first=first,
                    stop=asked.check,
                    versions=cli.job_versions("torch", "pyautoattack"),
                )
        identity = {"job": job.identity, "output": written}
        document = cli.finished(verdict_file, output, identity)
        if document is None:
            history = cli.history_with(description, source)
            # what is wrong with its options is said before hours of attacks
            writer = output and cli.attacked_writer(output, job, history[:-1], written)
            fooled = written["fooled"]
            excluded = exclusion and exclusion.mask_of_set(source, job.count)
            try:
                with asked.listening():
                    found = attack_set(
                        job,
                        writer,
                        fooled=fooled,
                        meter=cli.attack_meter,
                        warn=warnings.say,
                        excluded=excluded,
                    )
            except Signalled:
                if ranks.first:
                    cli.note(cli.stopped_attack(output))
                leave()
                return asked.status
            if found is not None:
                cli.say_not_met(exclusion, source)
                if fooled and found["accuracy"] == 1:
                    cli.note("no image is misclassified, so no shards are written")
                document = cli.attack_document(job, network, description, history, found)
                document |= {"shards": cli.shards_digest(output), "identity": identity}
                cli.keep_verdict(verdict_file, document)
                store.remove()
        elif ranks.first:
            cli.say_done(verdict_file, document, job.versions)
            store.clear_up(job.begun_as)
        ranks.wait()
        leave()
    if not ranks.first:
        return 0
    for warning in document["warnings"]:
        warnings.say(warning)
    cli.say_revised(document, exclusion is not None)
    if output == "-":
        cli.note(f"robust accuracy {document['accuracy']:.2%} of {document['images']} images")
    else:
        cli.print_verdict(document, output_format, entry)
    return 0
