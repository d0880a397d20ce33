"""Settings, each declared once: default, unit, range, meaning, and to what it applies.

A group of settings is a frozen dataclass whose fields are made by `setting`.  Options of commands,
documents, logs and the manual take what they say of a setting from that declaration.

    @dataclass(frozen=True)
    class Recipe:
        loss: str = setting("trades", "Training objective.", choices=("trades", "clean"))
        beta: float = setting(5.0, "Weight of the divergence.", low=0, applies=when(loss="trades"))

        def __post_init__(self):
            check(self)

The same conditions serve options that belong to no group: see advlib.cli.options.option.
"""

import dataclasses
import math
import typing
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

from advlib.errors import DataError

KEY = "setting"  # of a field's metadata


def _given(value: Any) -> bool:
    """Whether a value counts as given, as the number 0 does."""
    return value is not None and value is not False and value != ""


@dataclasses.dataclass(frozen=True)
class Condition:
    """That one of several other settings has one of some values.

    names: of the others.  values: those allowed; without any, it is enough that one is given (not
    None, False or empty), or with `absent` needed that none is.
    """

    names: tuple[str, ...]
    values: tuple = ()
    absent: bool = False

    def holds(self, found: Mapping[str, Any]) -> bool:
        """Whether it is so.  found: values by name; of a list, one element suffices."""
        for name in self.names:
            value = found.get(name)
            items = list(value) if isinstance(value, list | tuple | set | frozenset) else [value]
            if self.values and any(item in self.values for item in items):
                return True
            if not self.values and any(map(_given, items)):
                return not self.absent
        return self.absent


@dataclasses.dataclass(frozen=True)
class Rule:
    """A condition of any other form.

    holds: of values by name, whether it is so.  text: why a setting does nothing where it is not.
    """

    holds: Callable[[Mapping[str, Any]], bool]
    text: str


Conditions = tuple[Condition | Rule, ...]


def when(**allowed: Any) -> tuple[Condition, ...]:
    """Conditions on other settings that must all hold: a value, or a tuple of values, of each."""
    return tuple(
        Condition((name,), values if isinstance(values, tuple) else (values,))
        for name, values in allowed.items()
    )


def when_given(*names: str) -> tuple[Condition, ...]:
    """The condition that at least one of the settings is given."""
    return (Condition(names),)


def when_absent(*names: str) -> tuple[Condition, ...]:
    """The condition that none of the settings is given."""
    return (Condition(names, absent=True),)


@dataclasses.dataclass(frozen=True)
class Setting:
    """One declaration; see `setting`."""

    name: str
    kind: type
    default: Any
    help: str
    unit: str
    low: float
    high: float
    above: bool
    choices: tuple[str, ...]
    usual: str
    fraction: bool
    any_case: bool
    flag: bool
    metavar: str
    several: bool
    applies: Conditions

    def refusal(self, value: Any) -> str:
        """Why the value cannot be, in words; "" where it can."""
        if value is None:
            return ""
        if self.several and isinstance(value, tuple | list):
            return next(filter(None, map(self.refusal, value)), "")
        if self.choices:
            if value in self.choices:
                return ""
            return f"found {value!r}; expected one of {', '.join(self.choices)}"
        if self.kind not in (int, float, Fraction):
            return ""
        number = isinstance(value, int | float | Fraction) and not isinstance(value, bool)
        whole = self.kind is not int or (number and float(value).is_integer())
        least = number and (value > self.low or (value >= self.low and not self.above))
        if number and whole and least and value <= self.high:
            return ""
        found = value if isinstance(value, Fraction) else repr(value)
        return f"found {found}; expected {self.range_text()}"

    def range_text(self) -> str:
        """The values that can be, in words, as "a number from 0 to 1"."""
        text = "a whole number" if self.kind is int else "a number"
        if self.low > -math.inf:
            text += f" above {self.low:g}" if self.above else f" from {self.low:g}"
        if self.high < math.inf:
            text += f" and at most {self.high:g}" if self.above else f" to {self.high:g}"
        return text + (f", {self.unit}" if self.unit else "")


def setting(
    default: Any,
    help: str,
    *,
    unit: str = "",
    low: float = -math.inf,
    high: float = math.inf,
    above: bool = False,
    choices: tuple[str, ...] = (),
    usual: str = "",
    fraction: bool = False,
    any_case: bool = False,
    flag: bool = False,
    metavar: str = "",
    applies: Conditions = (),
) -> Any:
    """A field of a group of settings.

    help: what it is, a sentence.  unit: of a number.  low, high: its range, ends included, but
    `low` not if `above`.  choices: of a text.  usual: the default in words, where None stands for
    one that follows from other settings.  fraction: whether people write it so, as the radius
    8/255; with the type Fraction it stays exact.  any_case: of a text, whether people may write it
    in capitals or not.  flag: of a truth value, whether its option says yes and none says no.
    metavar: what stands for the value in help, by default N for a count and the name for a text.
    applies: conditions under which it does anything.  A field of type tuple[str, ...], or of
    numbers, may be given several times.
    """
    metadata = {
        "default": default,
        "help": help,
        "unit": unit,
        "low": low,
        "high": high,
        "above": above,
        "choices": choices,
        "usual": usual,
        "fraction": fraction,
        "any_case": any_case,
        "flag": flag,
        "metavar": metavar,
        "applies": applies,
    }
    return dataclasses.field(default=default, metadata={KEY: metadata})


def settings_of(group: type) -> dict[str, Setting]:
    """The settings of a group, by name, in their order."""
    hints = typing.get_type_hints(group)
    return {
        field.name: Setting(
            field.name,
            _kind(hints[field.name]),
            several=typing.get_origin(hints[field.name]) is tuple,
            **field.metadata[KEY],
        )
        for field in dataclasses.fields(group)
        if KEY in field.metadata
    }


def _kind(hint: Any) -> type:
    """The type of a setting's values, None aside."""
    kinds = [kind for kind in typing.get_args(hint) or (hint,) if kind is not type(None)]
    return next((kind for kind in (bool, int, Fraction, float, str) if kind in kinds), object)


def check(group: Any, spelled: Callable[[str], str] = str) -> None:
    """DataError for a value of `group` out of its range, or given where it applies to nothing.

    spelled: how a setting is called in messages.
    """
    values = _values(group)
    for name, declared in settings_of(type(group)).items():
        if why := declared.refusal(values[name]):
            raise DataError(f"{spelled(name)}: {why}")
        conditions = declared.applies if values[name] != declared.default else ()
        if why := unmet(conditions, values, spelled):
            raise DataError(f"{spelled(name)}: {why}")


def document(group: Any) -> dict[str, Any]:
    """All settings as JSON holds them; None for those that apply to nothing here."""
    return applicable(type(group), _values(group))


def applicable(group: type, values: Mapping[str, Any]) -> dict[str, Any]:
    """Values of all settings of a group, by name; None for those that apply to nothing."""
    return {
        name: None if unmet(declared.applies, values) else values[name]
        for name, declared in settings_of(group).items()
    }


def unmet(
    conditions: Conditions,
    found: Mapping[str, Any],
    spelled: Callable[[str], str] = str,
) -> str:
    """The first condition that does not hold, as the end of a message; "" where all do.

    found: the values of all settings, by name.
    """
    for condition in conditions:
        if condition.holds(found):
            continue
        if isinstance(condition, Rule):
            return condition.text
        names = " or ".join(spelled(name) for name in condition.names)
        if condition.absent:
            given = next(
                n for n in condition.names if not Condition((n,), absent=True).holds(found)
            )
            return f"does not go with {spelled(given)}"
        if not condition.values:
            return f"goes with {names}, which is missing"
        values = ", ".join(str(value) for value in condition.values)
        value = found.get(condition.names[0])
        listed = isinstance(value, list | tuple)
        here = ", ".join(map(str, value)) if listed and value else value
        return f"goes with {names} {values}; here it is {'not given' if here is None else here}"
    return ""


def _values(group: Any) -> dict[str, Any]:
    return {field.name: getattr(group, field.name) for field in dataclasses.fields(group)}
