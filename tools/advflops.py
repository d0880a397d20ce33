"""advflops: parameters and FLOPs of models, of a training step, of a whole run, of sampling."""

import click

from advlib import cli
from advlib.settings import when_absent
from advlib.training.recipe import Recipe


@click.command(cls=cli.Tool)
@click.argument("names", nargs=-1, metavar="[MODEL]...")
@click.option(
    "--models",
    "study",
    type=click.Choice(["paper"]),
    help="Add the models of the study's Table 2.",
)
@click.option(
    "--image-size",
    type=cli.Whole(min=1),
    default=32,
    show_default=True,
    metavar="PIXELS",
    help="Height and width of an image of 3 channels.",
)
@click.option(
    "--classes",
    type=cli.Whole(min=1),
    default=10,
    show_default=True,
    metavar="N",
    help="Classes of the data set.",
)
@cli.setting_options(Recipe, ["attack_steps"])
@click.option(
    "--evaluations",
    type=cli.Whole(min=1),
    metavar="N",
    help="Evaluations of a generator's network for an image. [default: 35]",
)
@click.option(
    "--generated",
    type=cli.NUMBERS,
    default=[],
    metavar="M[,...]",
    help="Images to be sampled of a generator: add the FLOPs of that.",
)
@cli.option(
    "--samples",
    type=cli.NUMBERS,
    default=[],
    metavar="D[,...]",
    help="Training images, repeats included: add the FLOPs of a whole run.",
    applies=when_absent("budgets"),
)
@click.option(
    "--flops",
    "budgets",
    type=cli.FLOPS,
    default=[],
    metavar="FLOPS[,...]",
    help="Training budgets: add the images that they suffice for.",
)
@click.option(
    "--measure",
    is_flag=True,
    help="Count on the real network and step with PyTorch's counter, not by the closed form.",
)
@cli.format_option
def main(
    names,
    study,
    image_size,
    classes,
    attack_steps,
    evaluations,
    generated,
    samples,
    budgets,
    measure,
    output_format,
):
    """Print the parameters of models and the FLOPs of training them.

    MODEL is wrn-DEPTH-WIDTH, as wrn-28-10, with SiLU; wrn-28-10-relu; resnet-18; or a generator,
    as ddpmpp-128 or ncsnpp-128, whose FLOPs of sampling are printed too.
    """
    from advlib.generators.spec import is_name
    from advlib.models import flops, zoo
    from advlib.training.flops import counted

    names = [*names, *(zoo.PAPER if study else ())]
    if not names:
        raise click.UsageError("no model: name one, as wrn-28-10, or give --models paper")
    generators = [name for name in names if is_name(name)]
    runs = {"samples": samples, "budgets": budgets, "image_size": image_size, "classes": classes}
    if generators and len(generators) < len(names):
        raise click.UsageError("found networks of both kinds; expected classifiers or generators")
    if generators:
        from advlib.generators.flops import EVALUATIONS, generator_rows

        if attack_steps != Recipe.attack_steps:
            raise click.UsageError("--attack-steps: goes with classifiers")
        evaluations = evaluations or EVALUATIONS
        rows = generator_rows(generators, evaluations=evaluations, generated=generated, **runs)
    else:
        if evaluations or generated:
            given = "--evaluations" if evaluations else "--generated"
            raise click.UsageError(f"{given}: goes with generators, as ddpmpp-128")
        count = counted if measure else None
        rows = flops.flops_rows(names, attack_steps=attack_steps, count=count, **runs)
    cli.write_rows(rows, output_format, [cli.history_entry()])
