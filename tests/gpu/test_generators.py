"""A generator trained on a GPU has the losses of one on a CPU, however it is computed."""

import pytest
from commands import inside
from small_generators import LINE
from small_runs import rows


def losses(folder, name):
    return [row["loss"] for row in rows(folder / name / "log.jsonl") if row["event"] == "step"]


@pytest.mark.parametrize(
    ("options", "near"),
    [
        ("", 1e-3),
        ("--kind pfgmpp", 1e-3),
        ("--precision tf32", 0.02),
        ("--precision bf16", 0.1),
        ("--compile", 0.01),
    ],
)
def test_losses_are_those_of_a_cpu(small_sets, options, near):
    kind = "--kind pfgmpp" if "pfgmpp" in options else ""
    name = options.replace("-", "").replace(" ", "") or "plain"
    with inside(small_sets) as run:
        run(f"{LINE} {kind} -o cpu-{name} -q")
        run(f"{LINE.replace('--device cpu', '--device cuda')} {options} -o cuda-{name} -q")
    here, there = losses(small_sets, f"cpu-{name}"), losses(small_sets, f"cuda-{name}")
    assert there == pytest.approx(here, rel=near)
