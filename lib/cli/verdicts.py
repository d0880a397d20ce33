"""Work that ends in a set, and perhaps a verdict beside it: whether it was done before."""

import glob
import json
import os
from collections.abc import Mapping, Sequence

from advlib.cli.output import document_text, history_entry, note
from advlib.documents import difference, parse_json
from advlib.errors import CannotError, DataError
from advlib.jobs.files import atomic_write


def finished(path: str | None, output: str | None, identity: dict) -> dict | None:
    """The verdict of the same work, if it was done before, and its set is still what it was."""
    if not path or output in (None, "-"):
        return None
    try:
        with open(path, "rb") as file:
            document = parse_json(file.read())
    except (OSError, ValueError):
        return None
    if not isinstance(document, dict) or document.get("identity") != json.loads(
        json.dumps(identity)
    ):
        return None
    return document if document.get("shards") == shards_digest(output) else None


def say_done(path: str, document: dict, versions: Mapping[str, str]) -> None:
    """Say that the file holds the verdict, and where it is not of these versions."""
    known = {name: (document.get("versions") or {}).get(name) for name in versions}
    other = difference(known, versions)
    more = f", {other}: remove it to have it done anew" if other else ""
    note(f"{path} says that this is done{more}")


def shards_digest(output: str | None) -> str | None:
    """A hash of the set of that name; None where there is none."""
    from advlib.shards.reader import open_set

    try:
        found = open_set([output]) if output is not None and output != "-" else None
        return found.digest if found and found.bytes else None
    except (DataError, OSError):  # its files may be gone
        return None


def keep_verdict(path: str | None, document: dict) -> None:
    """Write a verdict into the file of that name, if there is to be one.

    Raises CannotError where it cannot be written.
    """
    if not path:
        return
    try:
        with atomic_write(path) as file:
            file.write(document_text(document).encode())
    except OSError as err:
        raise CannotError(f"{path}: {err.strerror}") from err


def same_set(name: str, paths: Sequence[str]) -> bool:
    """Whether a set to be written would take the place of files that are read."""
    mine = [name] if name.endswith(".tar") else glob.glob(f"{glob.escape(name)}-*.tar")
    return bool({*map(os.path.realpath, mine)} & {*map(os.path.realpath, paths)})


def moved_into_place(output: str, specs: Sequence[str]) -> bool:
    """Move a set to its place, which a kill cut off, where a command that writes it reads it too.

    specs: of the sets that are read.  Whether it was this command line that was killed, and there
    is no more to do; one that reads standard input cannot know.
    """
    from advlib.shards.commit import UnderWayError, end_commit, under_way
    from advlib.shards.set_files import find_sets

    if output == "-" or not under_way(output):
        return False
    piped = not specs or "-" in specs
    try:
        if not piped:
            find_sets(specs)
            return False
    except UnderWayError as err:
        if os.path.realpath(err.name) != os.path.realpath(output):
            return False
    except DataError:
        return False
    commit = end_commit(output)
    if commit is None:
        return False
    note(f"{output}: moved into place, which a kill had cut off")
    return not piped and commit.command == history_entry()["command"]
