"""A run is Adam on the loss by EDM's recipe, step by step; its folder says what was done."""

import math

import pytest
import torch
from safetensors.torch import load_file
from small_generators import RECIPE, raw_sheet, small_run
from small_runs import rows, timeless

from advlib.errors import DataError
from advlib.generators import checkpoints
from advlib.generators.denoising import Denoising
from advlib.generators.recipe import GeneratorRecipe
from advlib.jobs.soundness import DivergedError
from advlib.shards.reader import open_set


@pytest.fixture(scope="module")
def finished(small_sets):
    run = small_run(small_sets, "generator", draw=raw_sheet)
    assert run.train()
    return small_sets / "generator"


def test_steps_are_adam_on_the_mean_loss_and_averages_follow_edms_rule(small_sets, finished):
    recipe = GeneratorRecipe(**RECIPE)
    torch.manual_seed(0)
    objective = Denoising("ddpmpp-4x1", (3, 8, 8), 3, recipe)
    network = objective.network.train()
    other = small_run(small_sets, "unused")
    optimiser = torch.optim.Adam(network.parameters(), lr=recipe.lr)
    averaged = {length: [p.detach().clone() for p in network.parameters()] for length in (5e5, 40)}
    for step, batch in zip(range(10), other.plan.batches(0, other.ranks), strict=False):
        seen = 32 * step
        for group in optimiser.param_groups:
            group["lr"] = 1e-3 * min(seen / 64, 1)
        optimiser.zero_grad()
        objective.loss(network, batch).mean().backward()
        optimiser.step()
        for length, kept in averaged.items():
            beta = 0.5 ** (32 / max(min(length, 0.05 * seen), 1e-8))
            for mine, its in zip(kept, network.parameters(), strict=True):
                mine.copy_(its.detach().lerp(mine, beta))
    for name, length in (("generator", 5e5), ("generator-ema40", 40)):
        found = load_file(finished / f"{name}.safetensors")
        for (key, _), expected in zip(network.named_parameters(), averaged[length], strict=True):
            torch.testing.assert_close(found[key], expected, rtol=1e-4, atol=1e-6)


def test_the_folder_holds_checkpoints_sheets_and_a_log(finished):
    assert {path.name for path in finished.iterdir()} == {
        "generator.safetensors",
        "generator-ema40.safetensors",
        "sheet-160.png",
        "sheet-320.png",
        "state.safetensors",
        "log.jsonl",
    }
    found = checkpoints.load(finished / "generator-ema40.safetensors")
    assert found.description["samples"] == 320 and found.description["half_life"] == 40
    assert (found.spec.name, found.spec.shape, found.spec.classes) == ("ddpmpp-4x1", (3, 8, 8), 3)
    assert (finished / "sheet-320.png").stat().st_size == 40 * 8 * 8 * 3
    header, *others = rows(finished / "log.jsonl")
    assert header["params"] == found.description["parameters"]
    assert header["recipe"]["samples"] == header["planned_samples"] == 320
    steps = [row for row in others if row["event"] == "step"]
    assert [row["step"] for row in steps] == [2, 4, 5, 6, 8, 10]
    assert steps[-1]["flops"] == 320 * header["flops_per_image"]
    assert [(r["samples"], r["sheet"]) for r in others if r["event"] == "snapshot"] == [
        (160, "sheet-160.png"),
        (320, "sheet-320.png"),
    ]
    assert others[-1] == {"event": "end", "step": 10, "samples": 320}


def test_snapshots_may_stay(small_sets):
    assert small_run(small_sets, "kept", keep_snapshots=True, half_life=(500e3,)).train()
    names = {path.name for path in (small_sets / "kept").glob("generator*")}
    ends = ("", "-160", "-320")
    assert names == {f"generator{end}.safetensors" for end in ends}
    paths = [small_sets / "kept" / f"generator{end}.safetensors" for end in ends]
    last, same = load_file(paths[0]), load_file(paths[2])
    assert all(torch.equal(last[key], same[key]) for key in last)


@pytest.mark.parametrize("kind", ["edm", "pfgmpp"])
def test_the_loss_falls(small_sets, kind):
    settings = {"samples": 3200, "lr": 5e-3, "kind": kind, "snapshot_every": 1600, "warmup": 320}
    assert small_run(small_sets, f"learns-{kind}", **settings).train()
    found = [r["loss"] for r in rows(small_sets / f"learns-{kind}/log.jsonl") if "lr" in r]
    assert sum(found[-10:]) < 0.9 * sum(found[:10])
    about = checkpoints.load(small_sets / f"learns-{kind}/generator.safetensors")
    assert about.noise.dimensions == (2048 if kind == "pfgmpp" else None)


def test_a_gradient_that_is_no_number_is_0_and_said(small_sets):
    said = []
    run = small_run(small_sets, "nan", say=said.append)
    whole = run.objective.loss

    def faulty(network, batch):
        found = whole(network, batch)
        return found * math.nan if run.step in (2, 4) else found

    run.objective.loss = faulty
    assert run.train()
    found = [row for row in rows(small_sets / "nan/log.jsonl") if row["event"] == "step"]
    assert [row["gradients_not_finite"] for row in found] == [0, 0.5, 1, 0, 0, 0]
    assert [row["loss"] is None for row in found] == [False, False, True, False, False, False]
    assert len(said) == 2 and said[0].startswith("gradients of 50.00% of steps 3 to 4 were not")


def test_losses_that_are_no_numbers_any_more_end_the_run(small_sets):
    run = small_run(small_sets, "lost")
    whole = run.objective.loss
    run.objective.loss = lambda network, batch: whole(network, batch) * math.nan
    with pytest.raises(DivergedError, match=r"answers of averaged weights are no numbers at"):
        run.train()
    assert '"end"' not in (small_sets / "lost/log.jsonl").read_text()


def test_steps_in_succession_without_a_loss_end_the_run_between_snapshots_too(small_sets):
    run = small_run(small_sets, "gone", samples=960, snapshot_every=960)
    whole = run.objective.loss
    run.objective.loss = lambda network, batch: whole(network, batch) * math.nan
    with pytest.raises(DivergedError, match=r"no loss is a number within steps \d+ to \d+: a"):
        run.train()
    assert run.step < 25 and not list((small_sets / "gone").glob("generator*"))


def test_a_fault_that_passes_is_gone_back_from(small_sets, finished):
    said = []
    run = small_run(small_sets, "fault", say=said.append, draw=raw_sheet)
    update, faults = run.update, [None]

    def faulty(batch):
        update(batch)
        if faults and run.step == 6:
            faults.pop()
            next(iter(run.model.parameters())).data[0] = math.nan

    run.update = faulty
    assert run.train()
    assert said == [
        "weights are not finite after step 7: a smaller --lr, in another folder, may help;"
        " going back to the state before the last one"
    ]
    for name in ("generator.safetensors", "generator-ema40.safetensors", "sheet-320.png"):
        assert (small_sets / "fault" / name).read_bytes()[-500:] == (finished / name).read_bytes()[
            -500:
        ]
    assert timeless(small_sets / "fault/log.jsonl") == timeless(finished / "log.jsonl")


def test_classes_that_no_set_tells_are_asked_for(small_sets, monkeypatch):
    shards = open_set([str(small_sets / "train")])
    monkeypatch.setattr(shards, "classes", None)
    monkeypatch.setattr("advlib.generators.training_setup.open_set", lambda names: shards)
    with pytest.raises(
        DataError, match=r"does not say how many classes it has; .* --no-conditional"
    ):
        small_run(small_sets, "x")
    assert small_run(small_sets, "x", conditional=False).objective.network.spec.classes == 0


def test_a_compiled_run_makes_one_graph_and_the_same_losses(small_sets, monkeypatch):
    """Without generating code, which takes long."""
    from torch._dynamo import reset
    from torch._dynamo.testing import CompileCounter

    counter, compiled = CompileCounter(), torch.compile
    monkeypatch.setattr(torch, "compile", lambda model: compiled(model, backend=counter))
    reset()
    try:
        assert small_run(small_sets, "compiled", compile=True, samples=96).train()
    finally:
        reset()
    assert counter.frame_count == 1
    assert small_run(small_sets, "eager", samples=96).train()
    found = [
        [row["loss"] for row in rows(small_sets / name / "log.jsonl") if "lr" in row]
        for name in ("compiled", "eager")
    ]
    assert found[0] == pytest.approx(found[1], rel=1e-4)


def test_bfloat16_rounds_the_losses_and_nothing_else(small_sets):
    assert small_run(small_sets, "rounded", precision="bf16", samples=96).train()
    assert small_run(small_sets, "exact", samples=96).train()
    found = [
        [row["loss"] for row in rows(small_sets / name / "log.jsonl") if "lr" in row]
        for name in ("rounded", "exact")
    ]
    assert found[0] != found[1] and found[0] == pytest.approx(found[1], rel=0.05)
    kept = load_file(small_sets / "rounded/generator.safetensors")
    assert {tensor.dtype for tensor in kept.values()} == {torch.float32}
