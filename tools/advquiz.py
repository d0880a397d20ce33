"""advquiz: a folder of pages on which people say what they see in attacked images."""

import click

from advlib import cli
from advlib.humans.quiz.settings import WRITES, QuizSettings
from advlib.settings import when_given


@click.command(cls=cli.Tool)
@click.argument("names", nargs=-1, metavar="[SET]...")
@cli.option("-o", "--output", metavar="FOLDER", applies=WRITES, help="Folder to write.")
@cli.setting_options(QuizSettings)
@cli.option(
    "--no-feedback",
    applies=WRITES,
    is_flag=True,
    help="Show scores at the end alone, not after each pair.",
)
@cli.option(
    "--own-orders",
    applies=WRITES,
    is_flag=True,
    help="Another order of the images for each participant, not one for all.",
)
@cli.option(
    "--smooth", applies=WRITES, is_flag=True, help="Scale pictures smoothly, not dot by dot."
)
@cli.option(
    "--title", applies=WRITES, metavar="TEXT", help="Heading. [default: What is in the picture?]"
)
@cli.option(
    "--consent",
    applies=WRITES,
    type=click.File("rb"),
    metavar="FILE",
    help="Text of the consent; empty lines part paragraphs.",
)
@cli.option(
    "--definitions",
    applies=WRITES,
    type=click.File("rb"),
    metavar="FILE",
    help="What classes mean, as JSON: {name: text}. [default: the paper's for CIFAR-10]",
)
@cli.option(
    "--completion-url",
    "completion",
    applies=WRITES,
    metavar="URL",
    help="Where to go on once the answers are saved, as to Prolific.",
)
@cli.option(
    "--check",
    is_flag=True,
    help="SET are files of answers: print for each person and page what is complete, which checks "
    "failed, and times that cannot be.",
)
@cli.option(
    "--format",
    "output_format",
    type=click.Choice(["csv", "json", "table"]),
    applies=when_given("check"),
    help="Output format of --check. [default: table on a terminal, csv elsewhere]",
)
@cli.pixels_option
def main(names, output, title, consent, definitions, completion, check, **options):
    """Write pages on which people say what they see in attacked images, then in clean ones.

    SET is a set of attacked images, its name, .tar files or folder; "-" or nothing means standard
    input. The pages need no server and send nothing; answers are saved as CSV, advjudge(5).
    """
    output_format = options.pop("output_format")
    looks = {name: options.pop(name) for name in ("smooth", "own_orders")}
    looks["feedback"] = not options.pop("no_feedback")
    settings = cli.take_settings(QuizSettings, options)
    if check:
        cli.check_answers(names, output_format)
        return
    if output is None:
        raise click.UsageError("nothing to write: name a folder with -o")
    from advlib.humans.quiz.folder import write_quiz

    source = cli.open_images(names)
    words = cli.quiz_words(title, consent, definitions, completion)
    with cli.meter(source.count) as tick, cli.option_names():
        study = write_quiz(
            source,
            output,
            settings,
            words,
            **looks,
            history=[*source.history, cli.history_entry()],
            tick=tick,
        )
    pages, images = len(study["pages"]), sum(study["pages"])
    cli.note(f"{images} images on {pages} pages; open {output}/index.html")
