"""The table of judges: who or what looks at images, or has done so already.

A kind of judge is one file, with a function from what was asked to answers, and a line in JUDGES.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Any

from advlib.errors import DataError
from advlib.settings import Conditions, Rule

if TYPE_CHECKING:
    from advlib.humans import pictures
    from advlib.humans.chat.settings import ChatSettings
    from advlib.humans.judgements import Answer

# Sorts of kinds, which share options: models asked, networks, tables as theirs, tables of any form
PROBABLE = 0.5  # of a guess: from here on it is not "unlikely to be correct", the paper's low
CHAT, NETWORK, FORMAT, TABLE = "chat", "network", "format", "table"
LISTED = {
    CHAT: "chat:MODEL",
    NETWORK: "a network",
    FORMAT: "a table of others",
    TABLE: "table:FILE",
}


@dataclass(frozen=True)
class Kind:
    """A kind of judge: where its function is, as module:name, and its sort.

    alone: whether its name is all there is; others go on with a colon and a model, network or file.
    """

    judge: str
    sort: str
    alone: bool = False


JUDGES = {  # by what a judge's name begins with; the name of a network of one's own, with none
    "chat": Kind("advlib.humans.judges.chat:judge", CHAT),
    "network": Kind("advlib.humans.judges.network:judge", NETWORK),
    "efficientnet-lite0": Kind("advlib.humans.judges.imagenet:judge", NETWORK, alone=True),
    "cifar10h": Kind("advlib.humans.tables.cifar10h:judge", FORMAT),
    "model-vs-human": Kind("advlib.humans.tables.model_vs_human:judge", FORMAT),
    "table": Kind("advlib.humans.tables.judgements:judge", TABLE),
}


def _no_meter(*counts: int) -> AbstractContextManager[Callable[[float], None]]:
    return nullcontext(lambda count: None)


@dataclass
class Asked:
    """What a command asks of a judge.

    kind, rest: the judge's name before and after its first colon.  name: in the table that comes of
    it, None for the usual one, or, of people, their own.  open_images: the set that is shown.
    condition: "adversarial", "clean", "both" or None for the kind's own.  say: takes remarks.
    meter: of questions, given how many there are and how many are answered.  stop: whether to end
    soon.  chat, answers_file: how a model is asked, and the file that keeps its replies.  options:
    of networks and tables, as these kinds say.
    """

    kind: str
    rest: str
    open_images: Callable[[], pictures.Images]
    name: str | None = None
    condition: str | None = None
    say: Callable[[str], None] = lambda text: None
    meter: Callable[..., AbstractContextManager[Callable[[float], None]]] = _no_meter
    stop: Callable[[], bool] = lambda: False
    chat: ChatSettings | None = None
    answers_file: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def source(self) -> pictures.Images:
        """The set."""
        return self.open_images()

    @property
    def seen(self) -> bool:
        """Whether it was looked at."""
        return "source" in self.__dict__

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """Names of its classes."""
        from advlib.humans import pictures

        return pictures.class_names(self.source)

    def pictures(self, usual: str) -> Iterable[pictures.Picture]:
        """What is shown, in order; usual: the condition where none was asked for."""
        from advlib.humans import pictures

        shown = pictures.conditions(self.source, self.condition, usual)
        return pictures.pictures(self.source, shown, self.classes)


def split_name(judge: str) -> tuple[str, str]:
    """The kind of a judge and the rest of its name.

    Raises DataError where a kind's name goes on and should not, or the other way round.
    """
    kind, _, rest = judge.partition(":")
    if kind not in JUDGES:
        return "network", judge
    if JUDGES[kind].alone != (not rest):
        expected = kind if JUDGES[kind].alone else f"a name behind {kind}:"
        raise DataError(f"judge: found {judge!r}; expected {expected}")
    return kind, rest


def of_sort(*sorts: str) -> Conditions:
    """The condition that a judge, another parameter of a command, is of one of these sorts."""

    def holds(found: Mapping[str, Any]) -> bool:
        judge = found.get("judge")
        return not judge or JUDGES[split_name(judge)[0]].sort in sorts

    return (Rule(holds, f"is for another judge: {' or '.join(LISTED[sort] for sort in sorts)}"),)


def judge(asked: Asked) -> Iterable[Answer]:
    """The answers of a judge.  Raises DataError and CannotError as its kind says."""
    module, _, name = JUDGES[asked.kind].judge.partition(":")
    return getattr(import_module(module), name)(asked)
