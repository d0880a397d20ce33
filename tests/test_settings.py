"""A setting is declared once: ranges, choices and what it applies to follow from that."""

from dataclasses import dataclass
from fractions import Fraction

import click
import pytest
from click.testing import CliRunner

from advlib import cli
from advlib.errors import DataError
from advlib.settings import (
    Rule,
    applicable,
    check,
    document,
    setting,
    settings_of,
    unmet,
    when,
    when_absent,
    when_given,
)


@dataclass(frozen=True)
class Oven:
    heat: str = setting("top", "Where it comes from.", choices=("top", "bottom", "fan"))
    degrees: float = setting(180.0, "How hot.", unit="degrees", low=0, high=300, above=True)
    minutes: int | None = setting(None, "How long.", low=1, usual="until it smells")
    speed: int = setting(3, "Of the fan.", low=0, high=9, applies=when(heat="fan"))
    share: Fraction = setting(Fraction(1, 8), "Of steam.", low=0, high=1, fraction=True)
    light: bool = setting(
        True, "Whether it is lit.", applies=(Rule(lambda s: s.get("heat") != "top", "is off"),)
    )

    def __post_init__(self):
        check(self)


def test_a_group_says_its_settings_in_order_with_their_types():
    kinds = {name: declared.kind for name, declared in settings_of(Oven).items()}
    assert kinds == {
        "heat": str,
        "degrees": float,
        "minutes": int,
        "speed": int,
        "share": Fraction,
        "light": bool,
    }
    assert list(kinds) == list(Oven.__dataclass_fields__)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"heat": "left"}, "heat: found 'left'; expected one of top, bottom, fan"),
        ({"degrees": 0}, "degrees: found 0; expected a number above 0 and at most 300, degrees"),
        ({"degrees": 301}, "degrees: found 301"),
        ({"degrees": float("nan")}, "degrees: found nan"),
        ({"degrees": True}, "degrees: found True"),
        ({"degrees": "hot"}, "degrees: found 'hot'"),
        ({"minutes": 1.5}, "minutes: found 1.5; expected a whole number from 1"),
        ({"speed": 4}, "speed: goes with heat fan; here it is top"),
        ({"light": False}, "light: is off"),
    ],
)
def test_a_value_out_of_range_or_without_effect_is_refused(given, message):
    with pytest.raises(DataError, match=f"^{message}"):
        Oven(**given)


def test_what_applies_to_nothing_is_none_in_documents():
    assert document(Oven()) == {
        "heat": "top",
        "degrees": 180.0,
        "minutes": None,
        "speed": None,
        "share": Fraction(1, 8),
        "light": None,
    }
    assert document(Oven("fan", speed=9, light=False))["speed"] == 9
    old = {**document(Oven()), "speed": 3, "light": True}
    assert applicable(Oven, old) == document(Oven())


@pytest.mark.parametrize(
    ("conditions", "found", "why"),
    [
        (when(a=1), {"a": 1}, ""),
        (when(a=(1, 2)), {"a": 2}, ""),
        (when(a=(1, 2)), {"a": 3}, "goes with a 1, 2; here it is 3"),
        (when(a=1), {}, "goes with a 1; here it is not given"),
        (when(a=1), {"a": [3, 1]}, ""),
        (when(a=1), {"a": [3, 4]}, "goes with a 1; here it is 3, 4"),
        (when(a=1, b=2), {"a": 1, "b": 3}, "goes with b 2; here it is 3"),
        (when_given("a", "b"), {"b": "x"}, ""),
        (when_given("a", "b"), {"a": False, "b": ""}, "goes with a or b, which is missing"),
        (when_given("a"), {"a": 0}, ""),
        (when_absent("a"), {"a": ()}, ""),
        (when_absent("a", "b"), {"b": 1}, "does not go with b"),
    ],
)
def test_conditions_hold_or_say_why_not(conditions, found, why):
    assert unmet(conditions, found) == why


def run(*args):
    @click.command(cls=cli.Tool)
    @cli.setting_options(Oven, light="--lamp")
    @cli.option("--note", applies=when_given("minutes"))
    def bake(note, **options):
        print(document(cli.take_settings(Oven, options))["degrees"], options)

    return CliRunner().invoke(bake, args, prog_name="bake")


def test_options_have_the_defaults_ranges_and_help_of_the_settings():
    assert run("--degrees", "200", "--heat", "fan", "--speed", "5").stdout == "200.0 {}\n"
    help = " ".join(run("--help").stdout.split())
    for part in (
        "--heat [top|bottom|fan] Where it comes from. [default: top]",
        "--minutes N How long. [default: until it smells]",
        "--lamp / --no-lamp",
    ):
        assert part in help


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("--speed", "5"), "--speed: goes with --heat fan; here it is top"),
        (("--no-lamp",), "--lamp: is off"),
        (("--degrees", "0"), "'--degrees': found '0'; expected a number above 0"),
        (("--heat", "left"), "'left' is not one of 'top', 'bottom', 'fan'"),
        (("--note", "x"), "--note: goes with --minutes, which is missing"),
    ],
)
def test_an_option_without_effect_is_refused_in_one_line(args, said):
    done = run(*args)
    assert (done.exit_code, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert done.stderr.startswith("bake: ") and said in done.stderr


def test_a_setting_of_several_numbers_is_checked_one_by_one():
    @dataclass(frozen=True)
    class Timer:
        rings: tuple[float, ...] = setting((5.0,), "When it rings.", low=0, above=True)

        def __post_init__(self):
            check(self)

    assert Timer().rings == (5.0,) and Timer(()).rings == ()
    with pytest.raises(DataError, match="rings: found -1; expected a number above 0"):
        Timer((3.0, -1))

    @click.command()
    @cli.setting_options(Timer)
    def bake(rings):
        click.echo(rings)

    run = lambda *words: CliRunner().invoke(bake, words)  # noqa: E731
    assert run().output == "(5.0,)\n"
    assert run("--rings", "2k", "--rings", "7").output == "(2000.0, 7.0)\n"
    assert "expected a number above 0" in run("--rings", "0").output
