"""Cases of the contract: words that an option or an argument may be given, sensible or not."""

import os
import random
from collections.abc import Iterator, Sequence

import click
from commands import command_of
from contracts.contract import Case
from contracts.lines import lines_of

from advlib import settings
from advlib.cli import Count, Radius

DIGITS = "9" * 400
NO_NUMBERS = (
    *("", " ", "-", "--", "nan", "inf", "-inf", "1_1.5", "1_0", "１２", "٣", "²", "0x10", "1e"),
    *("1/0", "1/1/1", "1/1/1/1", "../x", "run", "missing", "/dev/null", "a\nb\x1b[31mc\x9bd"),
    *("x" * 300, "{1..5", "{1..3}", os.fsdecode(b"\xff\xfe"), "=", ",", "a=b", "=1", "%s", "{}"),
    *("été", "true", "socket", "loop", "obeyed.pkl"),
)
NUMBERS = (
    *("0", "-0", "-1", "1", "0.5", "1e400", "1e-400", "1e308", "5e-324", "-1e308", "1e100"),
    *("1e-100", DIGITS, str(2**31), str(2**63), str(2**64), f"1/{DIGITS}", "1e308:1e-308:3"),
    *("1:2:99999", "1:1:2", "1e308T", "200%", "+1", " 1 ", "1:2", "1,,2"),
)
WORDS = NO_NUMBERS + NUMBERS
SENSIBLE = (
    *("0", "1", "2", "3", "0.5", "0.1", "1e-3", "8/255", "50%", "0,1", "1:2:3", "1e9", "1e20"),
    *("few", "train", "attacked", "one.tar", "runs.csv", "images.csv", "fit2.json", "net.st"),
    *("out", "out.png", "out.csv", "-", "cpu", "pgd", "pgd1-ce", "none", "auto", "red", "2,3"),
    *("wrn-10-1", "params", "loss", "key", "label=1", "fid<3", "loss=loss", "few=1", "made.npz"),
)
FILES = ("runs.csv", "net.st", "few", "made.npz", "fit1.json", "run/log.jsonl", "obeyed.pkl")

# options of numbers whose type says nothing of it
IN_NUMBERS = {
    *(("advcut", "random"), ("advcut", "numbers"), ("advruns", "fids"), ("advtrain", "share")),
    *(("advfit", "approaches"), ("advgen", "numbers"), ("advjudge", "price")),
}
DEVICES = ("mps", "meta", "cpu:3", "cuda:99", "cuda:-1", "cuda:x", "xla", "CPU ", "cuda", "cpu:")
WRITTEN = (
    "output",
    "verdict_file",
    "save",
    "sheet",
    "batch_export",
    "answers_file",
)  # options that name a file to write
FULL = ("full.png", "full.npz")

COMPILE = "--compile"  # right, but it starts compilers, which take a minute
# right, but a case of hours: many steps, draws, images
HUGE = (str(2**31), str(2**63), str(2**64), DIGITS, "1e308", "1e308T")
ENDLESS = {
    *(("advattack", "steps"), ("advattack", "restarts"), ("advattack", "targets")),
    *(("adveval", "steps"), ("advtrain", "samples"), ("advtrain", "attack_steps")),
    *(("advdiffuse", "samples"), ("advgen", "images"), ("advgen", "steps")),
}

# command lines that once were accepted, or refused in more than one line
NAMED = (
    "advattack net.st few --eps 0.1 --seed 99999999999999999999",
    "advcut few --random 3 --seed 99999999999999999999 -o out",
    "adveval net.st few --seed 99999999999999999999",
    "advfit runs.csv --approach 2 --seed 99999999999999999999",
    "advpack made.npz --shuffle --seed 99999999999999999999 -o out",
    "advtrain wrn-10-1 --data train --seed 99999999999999999999 -o out",
    "advtrain wrn-10-1 --data train --samples 1e30 -o out",
    "advtrain wrn-10-1 --data train --lr 1e40 -o out",
    "advdiffuse ddpmpp-132 --data train -o out",
    "advdiffuse ddpmpp-4x1 --data train --half-life 5 --half-life 5 -o out",
    "advflops wrn-28-10 --flops 1/1/1",
    "advoptimal fit3.json --flops 1/1/1/1",
    "advattack missing.st few",
    "adveval missing.st few",
    "adveval net.st missing",
)


def cases_of_words(name: str, seed: int) -> Iterator[Case]:
    """All cases of a command's options and arguments; of those of chance, those of a seed."""
    yield from _of_streams(name)
    for line in NAMED:
        if line.split()[0] == name:
            yield Case(tuple(line.split()), "option", "named", must=2)
    options = [param for param in command_of(name).params if isinstance(param, click.Option)]
    for option in options:
        yield from _of_option(name, option)
    for line in lines_of(name):
        yield from _of_arguments(line)
    yield from _of_several(name, options, random.Random(f"{name} {seed}"))


def _of_streams(name: str) -> Iterator[Case]:
    for line in lines_of(name):
        words = tuple(line.split())
        prints = not {"-o", "--save", "--batch-export"} & set(words) or "-" in words
        for closed in ((0,), (1,), (2,), (0, 1), (1, 2), (0, 1, 2)):
            must = 1 if prints and 1 in closed else None
            yield Case(words, "streams", f"closed {closed}", closed=closed, must=must)
        full, must = "/dev/full", 1 if prints else None
        yield Case(words, "streams", "full disk", stdout=full, must=must)
        place = min(2 if name in ("advattack", "adveval", "advjudge") else 1, _positional(words))
        piped = (*words[:place], "-", *words[max(place + 1, _positional(words)) :])
        for file in (os.devnull, "fit3.json", "runs.csv", "one.tar", "net.st", "made.npz"):
            yield Case(piped, "streams", "standard input", stdin=file)
            twice = (*piped[:place], "-", *piped[place:])
            yield Case(twice, "streams", "standard input twice", stdin=file)


def _of_arguments(line: str) -> Iterator[Case]:
    words = tuple(line.split())
    end = _positional(words)
    for place in range(1, end):
        for word in (*WORDS, *FILES):
            changed = (*words[:place], word, *words[place + 1 :])
            yield Case(changed, "argument", f"argument {place} of {line}")
    yield Case((*words[:end], "missing", *words[end:]), "argument", "more")
    yield Case((words[0], *words[end:]), "argument", "no argument")
    yield Case((*words, "--no-such-option"), "option", "no option", must=2)


def _of_option(name: str, option: click.Option) -> Iterator[Case]:
    words = _line_where_it_applies(name, option)
    spelling = max(option.opts, key=len)
    stratum = f"{name} {spelling}"
    if option.is_flag:
        for spelled in (*option.opts, *option.secondary_opts):
            if spelled != COMPILE:
                yield Case((*words, spelled), "option", stratum)
            must = 2 if spelled.startswith("--") else None
            yield Case((*words, f"{spelled}=x"), "option", stratum, must=must)
        return
    without = _without(words, option)
    yield Case((*without, spelling), "option", f"{stratum} without a value", must=2)
    yield Case((*without, spelling, ""), "option", f"{stratum} empty", must=2)
    devices = DEVICES if option.name == "device" else ()
    for word in (*WORDS, *devices, *(FULL if option.name in WRITTEN else FILES)):
        refused = _must_be_refused(name, option, word)
        endless = (name, option.name) in ENDLESS and word in HUGE and not refused
        if not (endless or _writes_a_device(option, word)):
            must = 2 if refused else None
            yield Case((*without, spelling, word), "option", stratum, must=must)


def _must_be_refused(name: str, option: click.Option, word: str) -> bool:
    return (
        (word in NO_NUMBERS and _is_number(name, option))
        or isinstance(option.type, click.Choice)
        or (word in DEVICES and not word.startswith("cuda"))
        or (isinstance(option.type, click.types.IntParamType) and word in HUGE[2:])
    )


def _is_number(name: str, option: click.Option) -> bool:
    kinds = (click.types.IntParamType, click.types.FloatParamType, Count, Radius)
    return isinstance(option.type, kinds) or (name, option.name) in IN_NUMBERS


def _writes_a_device(option: click.Option, word: str) -> bool:
    """Whether a device of the machine would be written."""
    return word.startswith("/dev/") and option.name in (*WRITTEN, "root")


def _line_where_it_applies(name: str, option: click.Option) -> tuple[str, ...]:
    """The first line beside which an option does something; the first of all for want of one."""
    command, lines = command_of(name), [tuple(line.split()) for line in lines_of(name)]
    for words in lines:
        context = command.make_context(name, list(words[1:]), resilient_parsing=True)
        if not settings.unmet(getattr(option, "applies", ()), context.params):
            return words
    return lines[0]


def _of_several(
    name: str, options: Sequence[click.Option], chance: random.Random
) -> Iterator[Case]:
    """Right lines with up to four other options and perhaps another argument, by chance."""
    for _ in range(400):
        words = tuple(chance.choice(lines_of(name)).split())
        if chance.random() < 0.2 and _positional(words) > 1:
            place = chance.randrange(1, _positional(words))
            words = (*words[:place], chance.choice((*FILES, *SENSIBLE)), *words[place + 1 :])
        for option in chance.sample(options, min(len(options), chance.randint(1, 4))):
            words = (*_without(words, option), *_sensible(name, option, chance))
        yield Case(words, "several options", f"several options of {name}")


def _sensible(name: str, option: click.Option, chance: random.Random) -> tuple[str, ...]:
    """An option as it may be used."""
    spelling = chance.choice((*option.opts, *option.secondary_opts))
    if option.is_flag:
        return (spelling,)
    if isinstance(option.type, click.Choice):
        return spelling, chance.choice([str(choice) for choice in option.type.choices])
    if (name, option.name) in ENDLESS:
        return spelling, chance.choice("123")
    return spelling, chance.choice(SENSIBLE)


def _positional(words: Sequence[str]) -> int:
    """How many words stand before the first option."""
    return next((i for i, word in enumerate(words) if word.startswith("-")), len(words))


def _without(words: tuple[str, ...], option: click.Option) -> tuple[str, ...]:
    """A line without an option and its value."""
    for i, word in enumerate(words):
        if word in option.opts or word in option.secondary_opts:
            return _without((*words[:i], *words[i + 1 + (not option.is_flag) :]), option)
    return words
