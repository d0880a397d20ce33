"""What is said of a fit before anyone believes it."""

from fits import document

from advlib.laws.report import parameter_rows, remarks

from simulate import TRUTH2, table


def test_tool_says_what_the_papers_runs_do_not_determine(documents_without_draws):
    base = [r for r in remarks(documents_without_draws[2]) if "do not determine" in r]
    assert len(base) == 1
    assert "base: the runs do not determine A (known only together with alpha)" in base[0]
    assert not [
        r for r in remarks(documents_without_draws[3]) if "do not determine" in r
    ]  # B of Approach 3 is


def test_tool_says_where_the_joint_law_does_not_describe_the_data(documents_without_draws):
    said = remarks(documents_without_draws["joint"])
    assert any("R2 on edm5" in remark for remark in said)


def test_a_signed_parameter_whose_interval_holds_zero_is_open():
    flat = table(2, TRUTH2 | {"zeta": 0.0, "eps": 0.0}, noise=0.005)
    rows = {
        row["parameter"]: row for row in parameter_rows(document(flat, approach=2, bootstrap=200))
    }
    assert not rows["zeta"]["determined"]
    assert not rows["eps"]["determined"]
