"""A run is the official one step by step; its folder says what was done."""

import copy

import numpy as np
import official
import pytest
import torch
from small_networks import ALONE, batch, close, network, offset
from small_runs import RUN, advtrain, rows, timeless

from advlib.jobs.files import lock_folder
from advlib.jobs.keyed_random import uniform
from advlib.models.checkpoints import load
from advlib.shards.augmentation import augment, to_float
from advlib.shards.chunk import Chunk
from advlib.shards.order import Order, Part
from advlib.shards.reader import open_set
from advlib.shards.writer import Writer
from advlib.training.loop import CROPS, NOISE, Run
from advlib.training.plan import Plan
from advlib.training.recipe import Recipe


class Recorded(Run):
    """A Run that keeps what each step read, and what became of weights, averages and statistics."""

    def __init__(self, *given):
        super().__init__(*given)
        self.read, self.after = [], []

    def update(self, read):
        before = self.meter.sums[0].item()
        super().update(read)
        image, label, position = read
        if self.recipe.augment:
            image = augment(image, position, self._seed(CROPS))
        noise = uniform(position, self._seed(NOISE), (3, 8, 8))
        self.read.append((to_float(image), label, offset(noise, self.recipe.eps)))
        loss = (self.meter.sums[0].item() - before) / self.recipe.batch
        self.after.append(
            {
                "loss": [torch.tensor(loss, dtype=torch.float64)],
                "weights": _copied(self.model.parameters()),
                "averages": _copied(self.averaged.parameters()),
                "statistics": _copied(self.model.buffers()),
            }
        )

    def _end_epoch(self, epoch):
        super()._end_epoch(epoch)
        self.after[-1]["averaged statistics"] = _copied(self.averaged.buffers())


def _copied(values):
    return [value.detach().clone() for value in values]


@pytest.mark.parametrize(
    ("loss", "settings"),
    [
        ("trades", {}),
        ("trades", {"channels_last": False, "augment": False, "warmup": 0.0}),
        ("madry", {}),
        ("clean", {"lr": 0.05}),
    ],
)
def test_a_run_is_the_official_one_step_by_step(tmp_path, loss, settings):
    image, label = batch(45)
    with Writer(str(tmp_path / "set"), "chunk", chunk=10) as writer:
        writer.write(Chunk(image, label, np.arange(45)))
    shards = open_set([str(tmp_path / "set")])
    # 3 steps an epoch, 4 epochs; the averages are copies for 3.6 of the 12 steps
    recipe = Recipe(
        **{
            "samples": 160,
            "epoch": 40,
            "batch": 15,
            "lr": 0.2,
            "warmup": 0.3,
            "loss": loss,
            **settings,
        }
    )
    assert (recipe.epochs, recipe.steps_per_epoch) == (4, 3)
    order = Order([Part(shards.chunk_sizes, 4)], 15, recipe.seed)
    start = network(dtype=torch.float64)
    run = Recorded(str(tmp_path), copy.deepcopy(start), recipe, Plan(order, [shards]), ALONE)
    assert run.train() and run.step == 12

    epochs = [run.read[i : i + 3] for i in range(0, 12, 3)]
    theirs = official.train(start, epochs, recipe.lr, recipe.warmup, getattr(official, loss))
    moved = []
    for found, (model, average, value, _) in zip(run.after, theirs, strict=True):
        close(found["loss"], [value], 1e-7)
        close(found["weights"], list(model.parameters()), 1e-7)
        close(found["averages"], list(average.parameters()), 1e-7)
        close(found["statistics"], list(model.buffers()), 1e-7)
        if "averaged statistics" in found:
            close(found["averaged statistics"], list(average.buffers()), 1e-7)
        moved.append(
            max(
                (a - b).abs().max().item()
                for a, b in zip(found["averages"], found["weights"], strict=True)
            )
        )
    copies = 3 if recipe.warmup else 0
    assert moved[:copies] == [0.0] * copies and min(moved[copies:]) > 1e-6
    assert sum("averaged statistics" in found for found in run.after) == 4


def test_a_log_says_what_was_done_and_learning_shows_in_it(small_run):
    header, *others = rows(small_run / "log.jsonl")
    assert header["params"] == sum(
        p.numel() for p in load(small_run / "last.safetensors")[0].parameters()
    )
    assert header["recipe"]["beta"] == 5 and header["history"][-1]["tool"] == "advtrain"
    found = [row for row in others if row["event"] == "evaluation"]
    assert [row["epoch"] for row in found] == [0, 2, 5]
    assert [row["samples"] for row in found] == [0, 640, 1600]
    assert found[-1]["flops"] == 1600 * header["flops_per_image"]
    assert found[-1]["loss"] < found[0]["loss"] and others[-1]["event"] == "end"
    assert sum(row["event"] == "validation" for row in others) == 5


def test_the_best_checkpoint_is_the_last_of_the_most_robust(small_run):
    found = [r for r in rows(small_run / "log.jsonl") if r["event"] == "validation"]
    best = max(range(5), key=lambda i: (found[i]["accuracy"], i))
    _, about = load(small_run / "best.safetensors")
    assert about["epoch"] == found[best]["epoch"]


def test_a_finished_run_is_left_as_it_is(small_run):
    before = (small_run / "log.jsonl").read_bytes()
    advtrain(small_run.parent, f"{RUN} -o plain")
    assert (small_run / "log.jsonl").read_bytes() == before


def test_one_process_at_a_time_is_at_a_run(small_run):
    with lock_folder(small_run):
        done = advtrain(small_run.parent, f"{RUN} -o plain", status=1)
    assert done.stderr == "advtrain: plain: another process is at work in it\n"
    advtrain(small_run.parent, f"{RUN} -o plain")


def test_a_damaged_state_is_said_and_left(small_run):
    cut = small_run.parent / "cut"
    cut.mkdir()
    for path in small_run.iterdir():
        (cut / path.name).write_bytes(path.read_bytes()[:5000])
    done = advtrain(small_run.parent, f"{RUN} -o cut", status=2)
    assert "cut/state.safetensors: damaged or cut short" in done.stderr
    assert (cut / "state.safetensors").stat().st_size == 5000


def test_a_loss_that_is_no_number_ends_the_run_in_one_line(small_sets):
    line = RUN.replace("--lr 0.1", "--lr 1e20") + " -o diverges"
    before, last = advtrain(small_sets, line, status=1).stderr.splitlines()
    assert "the loss is nan within steps 1 to" in last
    assert before.startswith("advtrain: epoch 0: test accuracy")


def test_a_finished_run_does_not_pass_over_evaluations_that_it_did_not_make(small_run):
    line = f"{RUN} -o plain".replace("--validation few", "--validation test")
    done = advtrain(small_run.parent, line, status=2)
    assert "the run is finished, and was evaluated on other validation images" in done.stderr
    assert done.stderr.endswith("score its checkpoints with adveval\n")
    bare = RUN.partition(" --evaluate")[0].replace(" --test test --validation few", "")
    advtrain(small_run.parent, f"{bare} -o bare")
    done = advtrain(small_run.parent, f"{bare} --test test -o bare", status=2)
    assert "the run is finished, and was evaluated on no test images" in done.stderr


def test_evaluations_are_of_the_precision_that_is_asked_for(small_run):
    """bfloat16 moves the scores, not the training; it is in the header, and is said if changed."""
    folder = small_run.parent
    line = f"{RUN} -o rounded --eval-precision bf16".replace("--evaluate 0,2,5", "--evaluate 0,1")
    line = line.replace("--samples 1500", "--samples 320")
    advtrain(folder, line)
    advtrain(folder, line.replace("-o rounded", "-o exact").replace("bf16", "fp32"))
    header, *rounded = timeless(folder / "rounded/log.jsonl")
    _, *exact = timeless(folder / "exact/log.jsonl")
    assert header["eval_precision"] == "bf16"
    for mine, its in zip(rounded, exact, strict=True):
        if mine["event"] == "evaluation":
            assert 0 < abs(mine["loss"] - its["loss"]) < 0.05 * its["loss"]
        else:
            assert mine == its or mine["event"] == "validation"
    said = advtrain(folder, line.replace("bf16", "fp32"), status=2).stderr
    assert "eval_precision" in said and said.count("\n") == 1
