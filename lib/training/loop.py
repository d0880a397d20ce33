"""The training loop: batches in an exact order, steps, evaluations, checkpoints, and going on.

A run's folder holds `log.jsonl`, `state.safetensors` (what it goes on from), `last.safetensors`
and, with validation images, `best.safetensors`.  Killed at any moment and run again, it ends with
the same weights; on CPUs, with as many ranks, with the same bits.

Source: Bartoldson et al. 2024, Sec. 3.1 and App. D, and the official code's order of events.
"""

import contextlib
import copy
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from torch import nn

from advlib.attacks.settings import PGD
from advlib.errors import CannotError
from advlib.evaluation.scores import mean_scores
from advlib.jobs.files import cannot_write, lock_folder
from advlib.jobs.keyed_random import uniform
from advlib.jobs.log import Log
from advlib.jobs.memory import enough_memory
from advlib.jobs.ranks import Ranks
from advlib.jobs.state import load_state, save_state
from advlib.models.checkpoints import save
from advlib.models.network import Classifier
from advlib.shards.augmentation import augment, to_float
from advlib.shards.batches import loader
from advlib.shards.order import Order
from advlib.shards.reader import ShardSet
from advlib.training import schedule
from advlib.training.batchnorm import batch_norms, over_all_ranks
from advlib.training.log import TRAINING_LOG
from advlib.training.recipe import Recipe
from advlib.training.rules import peak_flops
from advlib.training.step import average, copy_statistics, decay_groups, outcome

STATE, LOG, LAST, BEST = "state.safetensors", "log.jsonl", "last.safetensors", "best.safetensors"
NOISE, CROPS, TESTS = 1, 2, 3  # streams of random numbers of a run, apart by their seeds
TESTED = 512  # images a rank attacks at once, at most
AGREE = 10  # steps after which ranks ask each other whether to save or stop


@dataclass
class Plan:
    """What a run reads, when it evaluates and saves.

    order, sets: the training images, as advlib.shards.batches.loader takes them.
    test: images of the evaluations; validation: those that choose the best checkpoint.
    at: the epochs after which it evaluates, 0 for before training.
    images: how many test images, None for all.
    validate_every, save_every, log_every: epochs; seconds; steps.
    about: JSON for the header and the checkpoints, as history, data set and FID.
    """

    order: Order
    sets: Sequence[ShardSet]
    test: ShardSet | None = None
    validation: ShardSet | None = None
    at: frozenset[int] = frozenset()
    images: int | None = None
    validate_every: int = 1
    save_every: float = 600.0
    log_every: int = 50
    workers: int = 0
    about: dict = field(default_factory=dict)


class Run:
    """A run in a folder; `train` begins it, or goes on, to its end.

    Raises DataError where the folder holds another run, CannotError where it cannot go on: a loss
    that is no number, no memory, a full disk.
    """

    def __init__(
        self,
        folder: str,
        model: Classifier,
        recipe: Recipe,
        plan: Plan,
        ranks: Ranks,
        flops: int,
        stop: Callable[[], bool] = lambda: False,
        tick: Callable[[dict], None] = lambda row: None,
    ):
        """Prepare a run.

        model: with fresh weights, which `recipe.seed` gave.  flops: of a forward pass of an image.
        stop: asked after each step whether to save and leave.  tick: called with each row.
        """
        self.folder, self.recipe, self.plan, self.ranks = folder, recipe, plan, ranks
        self.flops, self.stop, self.tick = flops * recipe.forwards, stop, tick
        layout = torch.channels_last if recipe.channels_last else torch.contiguous_format
        self.layout = layout
        model = model.to(ranks.device, memory_format=layout)
        self.averaged = copy.deepcopy(model).eval().requires_grad_(False)
        self.model = over_all_ranks(model, ranks).train()
        self.layers = batch_norms(self.model)
        self.optimiser = torch.optim.SGD(
            decay_groups(self.model, recipe.weight_decay),
            lr=recipe.lr,
            momentum=0.9,
            nesterov=True,
            foreach=True,
        )
        network = torch.compile(self.model) if recipe.compile else self.model
        self.inner, self.shared = network, ranks.average_gradients(network)
        name = torch.cuda.get_device_name(ranks.device) if ranks.device.type == "cuda" else "cpu"
        self.peak = peak_flops(name, recipe.precision)
        self.step = 0
        self.reported = 0  # the step of the last row
        self.best = -1.0
        self.sums = torch.zeros(3, dtype=torch.float64, device=ranks.device)  # since the last row
        self.job = {
            "model": model.describe(),
            "recipe": recipe.document(),
            "order": plan.order.digest,
        }

    def train(self) -> bool:
        """Train from where the folder stands; whether to the end, not until asked to stop."""
        advice = (
            f"out of memory with {self._per_rank()} images a rank (batch {self.recipe.batch}):"
            " take more ranks, --precision bf16 or a smaller --batch"
        )
        alone = lock_folder(self.folder) if self.ranks.first else contextlib.nullcontext()
        with alone, enough_memory(advice):
            return self._train()

    def _train(self) -> bool:
        facts = load_state(self._path(STATE), self._networks(), self.optimiser, self.job)
        if facts:
            self.step, self.best = self.plan.order.resume(facts["order"]), facts["best"]
            self.reported = facts["reported"]
            if self.ranks.first:
                self.sums += torch.tensor(facts["sums"], dtype=torch.float64).to(self.sums)
            if self.step >= self.recipe.steps:
                return True
        self.log = Log(self._path(LOG), facts["log"] if facts else 0) if self.ranks.first else None
        try:
            if not facts:
                self._write("header", **self._header())
                self._evaluate(0)
            self.saved = self.since = time.monotonic()
            return self._steps()
        finally:
            if self.log:
                self.log.close()

    def _header(self) -> dict:
        settings = {
            **self.plan.about,
            **self.job,
            "params": sum(p.numel() for p in self.model.parameters()),
            "planned_samples": self.recipe.samples,
            "epochs": self.recipe.epochs,
            "flops_per_image": self.flops,
            "ranks": self.ranks.ranks,
            "device": str(self.ranks.device),
            "torch": torch.__version__,
            "evaluate": sorted(self.plan.at),
            "validate_every": self.plan.validate_every,
        }
        return TRAINING_LOG.header(settings)

    def _steps(self) -> bool:
        per_epoch = self.recipe.steps_per_epoch
        batches = loader(
            self.plan.order,
            self.plan.sets,
            start=self.step,
            rank=self.ranks.rank,
            ranks=self.ranks.ranks,
            workers=self.plan.workers,
        )
        for batch in batches:
            if self.step >= self.recipe.steps:
                break
            self._update(batch)
            self.step += 1
            if self.step % self.plan.log_every == 0 or self.step % per_epoch == 0:
                self._report()
            if self.step % per_epoch == 0:
                self._end_epoch(self.step // per_epoch)
            if self._asked_to_stop():
                return False
        self._write("end", step=self.step, samples=self._images())
        self._save()
        return True

    def _update(self, batch) -> None:
        recipe, device = self.recipe, self.ranks.device
        rate, momentum = schedule.one_cycle(
            self.step // recipe.steps_per_epoch, recipe.epochs, recipe.lr, recipe.warmup
        )
        for group in self.optimiser.param_groups:
            group["lr"], group["momentum"] = rate, momentum
        for layer in self.layers:
            layer.momentum = schedule.norm_momentum(self.step)
        image, label, position = (t.to(device, non_blocking=True) for t in batch)
        if recipe.augment:
            image = augment(image, position, self._seed(CROPS))
        images = to_float(image).to(memory_format=self.layout)
        noise = uniform(position, self._seed(NOISE), images.shape[1:])
        with torch.autocast(device.type, torch.bfloat16, enabled=recipe.precision == "bf16"):
            found = outcome(self.shared, self.inner, images, label, noise, recipe, recipe.batch)
        # gradients are averaged over ranks, so each counts its images by their share of the batch
        self.optimiser.zero_grad(set_to_none=True)
        (found.loss * self.ranks.ranks).backward()
        self.optimiser.step()
        updates = self.step + 1
        warmup = recipe.warmup * recipe.epochs * recipe.steps_per_epoch
        decay = schedule.averaging_decay(updates, warmup, recipe.tau)
        average(self.averaged, self.model, decay)
        self.sums += torch.stack(
            [
                found.loss.detach().double() * recipe.batch,
                found.clean.double(),
                found.robust.double(),
            ]
        )

    def _report(self) -> None:
        """A row of what the steps since the last one brought; stops at a loss that is no number."""
        sums = self.ranks.sum(self.sums.clone()).tolist()
        self.sums.zero_()
        count = (self.step - self.reported) * self.recipe.batch
        if not sums[0] - sums[0] == 0:
            raise CannotError(
                f"the loss is {sums[0]} within steps {self.reported + 1} to {self.step}; the last"
                f" good state stays in {self.folder}: a smaller --lr may help"
            )
        now = time.monotonic()
        rate = count / max(now - self.since, 1e-9)
        peak = self.peak and self.peak * self.ranks.ranks
        self.reported = self.step
        row = {
            "step": self.step,
            "samples": self._images(),
            "flops": self._images() * self.flops,
            "loss": sums[0] / count,
            "clean_accuracy": sums[1] / count,
            "accuracy": sums[2] / count,
            "lr": self.optimiser.param_groups[0]["lr"],
            "images_per_second": rate,
            "utilisation": rate * self.flops / peak if peak else None,
        }
        self.since = now
        self._write("step", **row)

    def _end_epoch(self, epoch: int) -> None:
        copy_statistics(self.averaged, self.model)
        begun = time.monotonic()
        validation, last = self.plan.validation, epoch == self.recipe.epochs
        if validation and (epoch % self.plan.validate_every == 0 or last):
            found = self._scores(validation, None)
            took = time.monotonic() - begun
            self._write("validation", epoch=epoch, step=self.step, seconds=took, **found)
            if found["accuracy"] >= self.best:
                self.best = found["accuracy"]
                self._checkpoint(BEST, epoch)
        self._evaluate(epoch)
        if last:
            self._checkpoint(LAST, epoch)
        self.since += time.monotonic() - begun  # a row's speed is that of training alone

    def _evaluate(self, epoch: int) -> None:
        if self.plan.test is None or epoch not in self.plan.at:
            return
        begun = time.monotonic()
        found = self._scores(self.plan.test, self.plan.images)
        images = self._images()
        self._write(
            "evaluation",
            epoch=epoch,
            step=self.step,
            samples=images,
            flops=images * self.flops,
            seconds=time.monotonic() - begun,
            **found,
        )

    def _scores(self, shards: ShardSet, most: int | None) -> dict:
        # never more at once than in training, so that what makes room there makes it here
        return mean_scores(
            self.averaged,
            shards,
            PGD(eps=self.recipe.eps),
            self.ranks,
            seed=self._seed(TESTS),
            batch=min(TESTED, self._per_rank()),
            most=most,
        )

    def _asked_to_stop(self) -> bool:
        """Save where it is time to, or where a rank was asked to stop; whether one was."""
        if self.ranks.ranks > 1 and self.step % AGREE:
            return False
        asked = self.ranks.any(self.stop())
        if self.ranks.any(asked or time.monotonic() - self.saved > self.plan.save_every):
            self._save()
        return asked

    def _save(self) -> None:
        """Keep all that going on from here needs."""
        sums = self.ranks.sum(self.sums.clone()).tolist()
        if self.ranks.first and sums[0] - sums[0] == 0:
            facts = {
                "job": self.job,
                "order": self.plan.order.state(self._images()),
                "best": self.best,
                "sums": sums,
                "reported": self.reported,
                "log": self.log.settle(),
            }
            with cannot_write(self._path(STATE)):
                save_state(self._path(STATE), self._networks(), self.optimiser, facts)
        self.saved = time.monotonic()
        self.ranks.wait()

    def _checkpoint(self, name: str, epoch: int) -> None:
        if self.ranks.first:
            reached = {"epoch": epoch, "step": self.step, "samples": self._images()}
            about = self.plan.about | reached
            with cannot_write(self._path(name)):
                save(self._path(name), self.averaged, about, self.model)

    def _write(self, event: str, **values) -> None:
        if self.log:
            self.log.write(event, **values)
        self.tick({"event": event, **values})

    def _networks(self) -> dict[str, nn.Module]:
        return {"model": self.model, "averaged": self.averaged}

    def _images(self) -> int:
        return min(self.step * self.recipe.batch, self.plan.order.images)

    def _per_rank(self) -> int:
        return -(-self.recipe.batch // self.ranks.ranks)

    def _seed(self, stream: int) -> int:
        return self.recipe.seed * 4 + stream

    def _path(self, name: str) -> str:
        return os.path.join(self.folder, name)
