"""advjudge: have a model judge images, or take over what people said of them."""

import contextlib

import click

from advlib import cli
from advlib.humans import judges
from advlib.humans.chat.settings import CHAT, ChatSettings
from advlib.settings import Rule, when_absent, when_given

LOOKS = judges.of_sort(judges.CHAT, judges.NETWORK)
OF_ANSWERS = Rule(
    lambda found: not (found["dry_run"] and found["output_format"] == "model-vs-human"),
    "a dry run gives no answers, of which alone model-vs-human is",
)
NETWORK = judges.of_sort(judges.NETWORK)


def _price(context, param, value):
    if value is not None and len(value) != 2:
        raise click.BadParameter("expected two numbers, of tokens sent and answered, as 2.5,10")
    return value


@click.command(cls=cli.Tool)
@click.argument("judge")
@cli.sets_argument
@cli.option(
    "--condition",
    type=click.Choice(["adversarial", "clean", "both"]),
    applies=LOOKS,
    help="What is shown of each image. [default: of attacked images adversarial to a chat model, "
    "both to a network]",
)
@cli.option(
    "--name",
    metavar="NAME",
    applies=judges.of_sort(judges.CHAT, judges.NETWORK, judges.TABLE),
    help="Of the judge, where a table of answers has no column for it. [default: MODEL, or JUDGE]",
)
@cli.setting_options(ChatSettings)
@cli.option(
    "--answers",
    "answers_file",
    metavar="FILE",
    applies=CHAT,
    help="Keep replies in FILE, and take those that it holds. [default: OUTPUT.answers.jsonl]",
)
@cli.option(
    "--dry-run",
    is_flag=True,
    applies=(*CHAT, *when_absent("batch_export", "batch_import")),
    help="Count requests, tokens and cost instead; nothing is asked.",
)
@cli.option(
    "--price",
    type=cli.Numbers(closed=True),
    callback=_price,
    metavar="SENT,ANSWERED",
    applies=when_given("dry_run"),
    help="Of a million tokens that are sent, and that are answered.",
)
@cli.option(
    "--batch-export",
    metavar="FILE",
    applies=(*CHAT, *when_absent("batch_import", "output")),
    help="Write the requests as a batch file instead, for OpenAI or vllm run-batch.",
)
@cli.option(
    "--batch-import",
    type=click.File("rb"),
    metavar="FILE",
    applies=CHAT,
    help="Take replies from the output of a batch; nothing is asked.",
)
@cli.option(
    "--higher",
    type=cli.Count(0, 1, closed=True),
    default=judges.PROBABLE,
    show_default=True,
    metavar="P",
    applies=NETWORK,
    help="Least probability of a guess whose confidence is higher.",
)
@cli.network_options(applies=NETWORK)
@cli.pixel_values_option(applies=NETWORK)
@cli.option(
    "--batch",
    type=cli.Whole(min=1),
    default=256,
    show_default=True,
    metavar="N",
    applies=NETWORK,
    help="Images at once.",
)
@cli.columns_option(applies=judges.of_sort(judges.TABLE))
@click.option(
    "-o", "--output", metavar="FILE", help="File for the table. [default: standard output]"
)
@cli.option(
    "--format",
    "output_format",
    type=click.Choice(["csv", "json", "table", "model-vs-human"]),
    applies=(*when_absent("batch_export"), OF_ANSWERS),
    help="Output format. [default: table on a terminal, csv elsewhere]",
)
@cli.pixels_option
def main(
    judge,
    sets,
    condition,
    name,
    answers_file,
    dry_run,
    price,
    batch_export,
    batch_import,
    output,
    output_format,
    **options,
):
    """Print what JUDGE says of the images of a set, one answer a row.

    JUDGE is chat:MODEL, a model on a server; a network, as a checkpoint, module:name, whose code is
    run, or efficientnet-lite0; or a table of answers, cifar10h:FILE, model-vs-human:FILE or
    table:FILE. SET is a set's name, its .tar files or its folder; "-" or nothing means standard
    input, and with a table no set. Killed, the same command line goes on.
    """
    settings = cli.take_settings(ChatSettings, options)
    from advlib.humans.judges import chat
    from advlib.jobs.signals import StopRequest, broken_pipes_raise

    kind, rest = judges.split_name(judge)
    stop = StopRequest()
    if answers_file is None and output not in (None, "-"):
        answers_file = f"{output}.answers.jsonl"
    asked = judges.Asked(
        kind,
        rest,
        lambda: cli.open_images(sets),
        name=name,
        condition=condition,
        say=cli.note,
        meter=cli.judging_meter(kind),
        stop=lambda: bool(stop),
        chat=settings,
        answers_file=answers_file,
        options=cli.judging_options(options, sets),
    )
    with cli.option_names():
        if dry_run:
            row = chat.cost(asked, price)
            with cli.printed_into(output):
                cli.write_rows([row], output_format, [*asked.source.history, cli.history_entry()])
            return 0
        if batch_export:
            with cli.atomic_write(batch_export) as file:
                count = chat.export(asked, file)
            cli.note(f"{batch_export}: {count} requests")
            return 0
        if batch_import:
            answers = chat.take_in(asked, batch_import, batch_import.name)
        else:
            with contextlib.ExitStack() as stack:
                if kind == "chat":
                    stack.enter_context(stop.listening())
                    stack.enter_context(broken_pipes_raise())
                answers = judges.judge(asked)
    if stop:
        cli.note(f"stopped; replies are kept in {answers_file}, and the same command line goes on")
        return stop.status
    cli.print_answers(answers, output_format, output, asked)
    return 0
