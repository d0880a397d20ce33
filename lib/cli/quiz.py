"""Texts of advquiz's pages as options give them, and answers that are checked."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, BinaryIO

import click

from advlib.cli.output import history_entry, stream_name, write_rows
from advlib.errors import DataError

if TYPE_CHECKING:
    from advlib.humans.quiz.folder import Words

SCHEMES = ("https://", "http://")


def quiz_words(
    title: str | None,
    consent: BinaryIO | None,
    definitions: BinaryIO | None,
    completion: str | None,
) -> "Words":
    """Texts of the pages.  Raises DataError for files that hold none, UsageError for an address."""
    from advlib.documents import parse_json
    from advlib.humans.quiz.folder import CONSENT, Words

    if completion is not None and not completion.startswith(SCHEMES):
        raise click.UsageError(f"--completion-url: found {completion!r:.60}; expected https://...")
    known: dict[str, str] | None = None
    if definitions is not None:
        name = stream_name(definitions)
        try:
            known = parse_json(definitions.read())
        except ValueError as err:
            raise DataError(f"{name}: not JSON: {err}; expected {{class: text}}") from None
        if not isinstance(known, dict) or not all(isinstance(v, str) for v in known.values()):
            raise DataError(f"{name}: expected an object of texts, {{class: text}}")
    paragraphs: Sequence[str] = CONSENT
    if consent is not None:
        try:
            text = consent.read().decode("utf-8-sig")
        except UnicodeDecodeError:
            raise DataError(f"{stream_name(consent)}: not UTF-8 text") from None
        paragraphs = [" ".join(part.split()) for part in text.split("\n\n") if part.strip()]
        if not paragraphs:
            raise DataError(f"{stream_name(consent)}: empty; expected the text of the consent")
    return Words(title or Words.title, paragraphs, known, completion or "")


def check_answers(names: Sequence[str], output_format: str | None) -> None:
    """Print what files of answers, or standard input, hold for each person and page."""
    from advlib.cli.output import open_inputs
    from advlib.humans.judgements import read_judgements
    from advlib.humans.quiz.checking import rows

    try:
        streams = [click.open_file(name, "rb") for name in names]
    except OSError as err:
        raise DataError(f"{err.filename}: {err.strerror}") from None
    opened = [(stream_name(stream), stream) for stream in open_inputs(streams)]
    write_rows(rows(read_judgements(opened)), output_format, [history_entry()])
