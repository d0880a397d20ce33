"""The types of options."""

from fractions import Fraction

import click
import pytest
from click.testing import CliRunner

from advlib.cli import Count, Numbers, Radius, Whole


@pytest.mark.parametrize(
    ("text", "radius"), [("8/255", 8 / 255), ("0.03", 0.03), ("1e-3", 1e-3), ("12", 12.0)]
)
def test_a_radius_is_a_fraction_or_a_decimal_number(text, radius):
    assert Radius().convert(text, None, None) == radius
    exact = Radius(exact=True).convert(text, None, None)
    assert isinstance(exact, Fraction) and float(exact) == radius


@pytest.mark.parametrize(
    ("kind", "text", "said"),
    [
        (Radius(), "small", "found 'small'; expected a radius, as 8/255"),
        (Radius(), "1/0", "found '1/0'; expected a radius, as 8/255"),
        (Radius(), "0", "expected a radius above 0"),
        (Radius(0, above=False), "-1", "expected a radius of 0 or more"),
        (Radius(high=1), "8", "expected a radius of at most 1: did you mean 8/255?"),
        (Radius(), "1_0", "found '1_0'; expected a radius, as 8/255"),
        (Count(), "1e101", "found '1e101'; expected a number from 1e-100 to 1e+100"),
        (Count(), "1e-101", "found '1e-101'; expected a number from 1e-100 to 1e+100"),
        (Count(), "1e400", "found '1e400'; expected a number from 1e-100 to 1e+100"),
        (Count(), "1/1/1", "found '1/1/1'; expected a number such as 1e22 or 366M"),
        (Numbers(), "1:2", "found '1:2'; expected FIRST:LAST:COUNT, COUNT from 2 to 10000"),
        (Numbers(), "1:2:٣", "found '1:2:٣'; expected FIRST:LAST:COUNT"),
        (Numbers(), "1:1e200:3", "found '1e200'; expected a number from 1e-100 to 1e+100"),
        (Whole(), "1_0", "found '1_0'; expected a whole number"),
        (Whole(), "１２", "found '１２'; expected a whole number"),
        (Whole(), "9" * 5000, "expected a whole number"),
        (Whole(), str(2**63), f"found {2**63}; expected at most {2**63 - 1}"),
        (Whole(min=1), "0", "0 is not in the range x>=1"),
    ],
)
def test_what_is_no_such_number_is_refused_in_one_line(kind, text, said):
    @click.command
    @click.option("--eps", type=kind)
    def main(eps):
        pass

    done = CliRunner().invoke(main, ["--eps", text])
    assert done.exit_code == 2 and said in done.stderr


def test_a_radius_of_0_is_one_where_it_may_be():
    assert Radius(above=False).convert("0", None, None) == 0.0
