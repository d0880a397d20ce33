"""advfid: how far the images of a set are from real ones, as FID and by other features."""

import time

import click

from advlib import cli
from advlib.quality.settings import QualitySettings
from advlib.settings import when_given

STOPPED = (  # what to say of a measurement that a signal stopped, without --save and with it
    "with --save its work would have been kept",
    "its work is kept beside the file of --save, and the same command line goes on",
)


@click.command(cls=cli.Tool)
@click.argument("images", metavar="SET")
@click.argument("reference", required=False)
@cli.setting_options(QualitySettings)
@click.option("--save", metavar="FILE", help="Keep the statistics of SET, in an .npz file.")
@cli.option(
    "--sheet",
    metavar="FILE",
    callback=cli.check_figure_suffix,
    applies=when_given("memorised"),
    help="Picture of the images nearest to those of REFERENCE, beside these: .png, .svg or .pdf.",
)
@cli.option(
    "--record",
    is_flag=True,
    applies=when_given("reference"),
    help="Note the distance in the index of SET, where advtrain finds it.",
)
@click.option("--device", metavar="DEVICE", help="cpu, cuda or cuda:1. [default: a GPU, if any]")
@cli.format_option
def main(images, reference, save, sheet, record, device, output_format, **options):
    """Print the Frechet distance of the images of SET from those of REFERENCE.

    Each is a set of shards, its name, .tar files in brace notation or folder; or a file of
    statistics, .npz, as --save and EDM's fid.py write it. SET may be "-", standard input. Under
    torchrun the ranks share the images.
    """
    settings = cli.take_settings(QualitySettings, options)
    if sheet == "-":
        raise click.UsageError("--sheet: standard output has the row; name a file")
    if reference is None and save is None:
        raise click.UsageError("nothing to do: name a REFERENCE to compare with, or --save FILE")
    from advlib.jobs.files import cannot_write
    from advlib.jobs.ranks import join, leave
    from advlib.jobs.signals import Signalled, StopRequest
    from advlib.quality import measurement
    from advlib.quality.statistics import save_statistics

    begun = time.monotonic()
    ranks = join(device)
    asked = StopRequest()
    work = measurement.Measurement(settings, ranks, asked)
    specs = [images] if reference is None else [images, reference]
    try:
        sides = cli.quality_sides(work, specs, save)
    except Signalled as signalled:
        if ranks.first:
            cli.note(f"stopped; {STOPPED[save is not None]}")
        leave()
        return 128 + signalled.number
    leave()
    if not ranks.first:
        return 0
    cli.note_each(measurement.remarks(sides))
    if save is not None:
        with cannot_write(save):
            save_statistics(save, sides[0].statistics)
    if reference is None:
        return 0
    found = measurement.compare(*sides, settings)
    row = found.row
    if sheet is not None:
        cli.draw_copies(sheet, images, reference, sides[0], found)
    if record:
        cli.record_quality(images, row)
    history = measurement.joint_history(sides, cli.history_entry())
    if output_format != "json":
        cli.write_rows([row], output_format, history)
        return 0
    document = measurement.document(*sides, row)
    about = {"device": cli.device_name(ranks), "versions": cli.versions("torch")}
    seconds = time.monotonic() - begun
    cli.write_document({"history": history, **document, **about, "seconds": seconds})
    return 0
