"""advscore: who is how accurate on attacked images, and without the invalid ones."""

import click

from advlib import cli
from advlib.settings import when_absent, when_given

MODES = ("benchmark", "pairs", "classwise", "confusion")  # in place of accuracies


def _mode(name, help, *applies):
    """The option of a mode; one excludes the others."""
    others = when_absent(*(mode for mode in MODES if mode != name))
    return cli.option(f"--{name}", is_flag=True, help=help, applies=(*others, *applies))


@click.command(cls=cli.Tool)
@cli.judgements_argument
@_mode("benchmark", "Network and judges on the whole test set, with and without invalid images.")
@_mode("pairs", "McNemar's test between every two, and between clean and attacked images.")
@_mode("classwise", "Accuracy by class.")
@_mode("confusion", "How often which class was given to which.")
@cli.option(
    "--images",
    type=cli.Count(),
    metavar="N",
    applies=(*when_given("benchmark"), *when_absent("verdict")),
    help="Images of the whole test set; those not judged, the network gets right.",
)
@cli.option(
    "--verdict",
    metavar="FILE",
    applies=when_given("benchmark"),
    help="What advattack printed of the whole test set, in place of --images.",
)
@cli.option(
    "--validity",
    type=click.File("rb"),
    metavar="TABLE",
    applies=when_given("benchmark"),
    help="What advvalid printed: adds the benchmark without the invalid images.",
)
@cli.panel_options
@cli.draws_options(applies=when_absent("pairs", "classwise", "confusion"))
@cli.format_option
def main(
    tables,
    images,
    verdict,
    validity,
    columns,
    class_names,
    attention,
    draws,
    seed,
    output_format,
    **modes,
):
    """Print how accurate judges and network are, before and after the attack.

    JUDGEMENTS are answers as advquiz and advjudge give them, advjudge(5); "-" or nothing means
    standard input.
    """
    if modes["benchmark"] and images is None and verdict is None:
        raise click.UsageError("--benchmark: name its size by --images N or --verdict FILE")
    from advlib.humans import benchmark, scores
    from advlib.humans.panel import panel_of, panels_of
    from advlib.humans.validity import read_validity

    answers = cli.read_answers(tables, columns, class_names, attention)
    panels = panels_of(answers)
    history = [cli.history_entry()]
    if modes["benchmark"]:
        panel, robust = panel_of(answers), None
        if verdict is not None:
            images, robust, before = cli.read_verdict(verdict)
            history = [*before, *history]
        valid = None
        if validity is not None:
            table = read_validity(validity, cli.stream_name(validity))
            valid = benchmark.valid_mask(panel, table)
        rest = benchmark.images_not_judged(panel, int(images), robust)
        rows = benchmark.rows(panel, rest, valid, draws, seed)
    elif modes["pairs"]:
        rows = benchmark.pair_rows(panels)
    elif modes["classwise"]:
        rows = scores.class_rows(panels)
    elif modes["confusion"]:
        rows = scores.confusion_rows(panels)
    else:
        rows = scores.accuracy_rows(panels, draws, seed)
    cli.write_rows(rows, output_format, history)
