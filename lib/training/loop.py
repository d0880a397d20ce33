"""The training loop: batches in an exact order, steps, evaluations, checkpoints, and going on.

A run's folder holds `log.jsonl`, `state.safetensors` (what it goes on from), `last.safetensors`
and, with validation images, `best.safetensors`.  Killed at any moment and run again, it ends with
the same weights; on CPUs of one kind, with as many ranks, with the same bits.

Source: Bartoldson et al. 2024, Sec. 3.1 and App. D, and the official code's order of events.
"""

import copy
import math
import time
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from advlib.jobs.agreement import Agreement
from advlib.jobs.keyed_random import uniform
from advlib.jobs.memory import enough_memory
from advlib.jobs.ranks import Ranks
from advlib.models.network import Classifier, laid_out
from advlib.shards.augmentation import augment, to_float
from advlib.shards.batches import loader
from advlib.training import schedule
from advlib.training.batchnorm import batch_norms, over_all_ranks
from advlib.training.evaluation import Evaluator
from advlib.training.folder import RunFolder
from advlib.training.log import TRAINING_LOG
from advlib.training.meter import StepMeter
from advlib.training.passes import Passes
from advlib.training.plan import Plan
from advlib.training.recipe import Recipe
from advlib.training.settings import BEST, LAST
from advlib.training.soundness import DivergedError, what_is_not_finite
from advlib.training.step import average, copy_statistics, decay_groups, outcome

NOISE, CROPS, TESTS = 1, 2, 3  # streams of random numbers of a run, apart by their seeds


class Run:
    """A run in a folder; `train` begins it, or goes on, to its end.

    Raises DataError where the folder holds another run, CannotError where it cannot go on: a loss
    or weights that are no numbers, no memory, a full disk, folders that differ between ranks.
    """

    def __init__(
        self,
        folder: str,
        model: Classifier,
        recipe: Recipe,
        plan: Plan,
        ranks: Ranks,
        *,
        stop: Callable[[], bool] = lambda: False,
        tick: Callable[[dict], None] = lambda row: None,
        say: Callable[[str], None] = lambda text: None,
    ):
        """Prepare a run.

        folder: which is there.  model: with fresh weights, which `recipe.seed` gave.
        stop: asked after each step whether to save and leave.  tick: called with each row.
        say: told, on the first rank, what a user should know.
        """
        self.folder, self.recipe, self.plan = RunFolder(folder, ranks), recipe, plan
        self.ranks, self.stop, self.tick = ranks, stop, tick
        self.say = say if ranks.first else lambda text: None
        self.layout = torch.channels_last if recipe.channels_last else torch.contiguous_format
        model = laid_out(model.to(ranks.device), self.layout)
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
        self.passes = Passes(self.model, recipe, ranks)
        channels, height, _ = model.shape
        forward = model.model.forward_flops(height, model.classes, channels)
        self.flops = forward * recipe.forwards  # of training on an image
        self.agreement = Agreement(ranks)
        self.evaluator = Evaluator(
            self.averaged, plan.evaluations, recipe, ranks, self._seed(TESTS), self._per_rank()
        )
        self.meter = StepMeter(ranks, self.flops, recipe.precision)
        self.step = 0
        self.best = -1.0  # robust accuracy on the validation images so far
        self.job = {
            "model": model.describe(),
            "recipe": recipe.document(),
            "order": plan.order.digest,
        }

    def train(self) -> bool:
        """Train or resume; True if finished, False if stopped."""
        advice = (
            f"out of memory with {self._per_rank()} images a rank (batch {self.recipe.batch}):"
            " take more ranks, --precision bf16 or a smaller --batch"
        )
        with self.folder.lock(), enough_memory(advice):
            try:
                if self._take_up():
                    return True
                return self._steps_or_once_more()
            finally:
                self.folder.close_log()

    def _take_up(self) -> bool:
        """Go on from the saved state, or begin; whether the run is finished."""
        facts = self.folder.load(self._networks(), self.optimiser, self.job, self.say)
        if facts:
            self.step, self.best = self.plan.order.resume(facts["order"]), facts["best"]
            self.meter.restore(facts["sums"], facts["reported"])
            finished = self.step >= self.recipe.steps
            if text := self.evaluator.go_on(facts.get("evaluations"), finished):
                self.say(text)
            if finished:
                return True
        self.folder.open_log(facts["log"] if facts else 0)
        if not facts:
            self._write("header", **self._header())
            self._evaluate(0)
        self.agreement.begin(self.step)
        self.meter.start_clock()
        return False

    def _steps_or_once_more(self) -> bool:
        """As `_steps`; where the run diverges, once more from the state before the last."""
        try:
            return self._steps()
        except DivergedError as err:
            if not self.ranks.any(self.folder.has_older):
                raise
            self.say(f"{err}; going back to the state before the last one")
        self.folder.close_log()
        self.folder.go_back()
        self.ranks.wait()
        self._take_up()
        return self._steps()

    def _header(self) -> dict[str, Any]:
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
            "evaluate": sorted(self.plan.evaluations.at),
            "validate_every": self.plan.evaluations.validate_every,
            "eval_precision": self.plan.evaluations.precision,
        }
        return TRAINING_LOG.header(settings)

    def _steps(self) -> bool:
        """Take steps to the end, True, or until asked to stop, False."""
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
            if self._save_or_stop():
                return False
        self._write("end", step=self.step, samples=self._images())
        self._save()
        self.folder.forget_older()
        return True

    def _update(self, batch: Sequence[Tensor]) -> None:
        """A step on this rank's part of a batch: images (b, h, w, c) uint8, labels, positions."""
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
        images = self.images = to_float(image).to(memory_format=self.layout)
        noise = uniform(position, self._seed(NOISE), images.shape[1:])
        with self.passes.of_step(self.step) as (shared, attacked):
            found = outcome(shared, attacked, images, label, noise, recipe, recipe.batch)
        # gradients are averaged over ranks, so each counts its images by their share of the batch
        self.optimiser.zero_grad(set_to_none=True)
        (found.loss * self.ranks.ranks).backward()
        self.optimiser.step()
        warmup = recipe.warmup * recipe.epochs * recipe.steps_per_epoch
        decay = schedule.averaging_decay(self.step + 1, warmup, recipe.tau)
        average(self.averaged, self.model, decay)
        self.meter.add(found, recipe.batch)

    def _report(self) -> None:
        """A row of what the steps since the last one brought; stops at a loss that is no number."""
        first = self.meter.reported + 1
        rate = self.optimiser.param_groups[0]["lr"]
        found = self.meter.row(self.step, self.recipe.batch, rate)
        if not math.isfinite(found["loss"]):
            raise DivergedError(f"the loss is {found['loss']} within steps {first} to {self.step}")
        where = {
            "step": self.step,
            "samples": self._images(),
            "flops": self._images() * self.flops,
        }
        self._write("step", **where, **found)

    def _require_sound(self) -> None:
        """DivergedError unless loss, weights and logits are finite, before any of it is kept."""
        loss = self.meter.totals()[0]
        found = what_is_not_finite(self.model, self.averaged, self.optimiser, self.images)
        worst = f"the loss is {loss}" if not math.isfinite(loss) else max(self.ranks.of_all(found))
        if worst:
            raise DivergedError(f"{worst} after step {self.step}")

    def _end_epoch(self, epoch: int) -> None:
        copy_statistics(self.averaged, self.model)
        self._require_sound()
        begun = time.monotonic()
        if found := self.evaluator.validation(epoch):
            self._write("validation", epoch=epoch, step=self.step, **found)
            if found["accuracy"] >= self.best:
                self.best = found["accuracy"]
                self._checkpoint(BEST, epoch)
        self._evaluate(epoch)
        if epoch == self.recipe.epochs:
            self._checkpoint(LAST, epoch)
        self.meter.leave_out(time.monotonic() - begun)

    def _evaluate(self, epoch: int) -> None:
        if found := self.evaluator.test(epoch):
            images = self._images()
            where = {"samples": images, "flops": images * self.flops}
            self._write("evaluation", epoch=epoch, step=self.step, **where, **found)

    def _save_or_stop(self) -> bool:
        """Save where it is time to, or where a rank was asked to stop; whether one was."""
        stop, save = self.agreement.ask(self.step, self.stop(), self.plan.save_every)
        if save:
            self._save()
        return stop

    def _save(self) -> None:
        """Save all that going on from here needs; DivergedError where nothing good came of it."""
        self._require_sound()
        facts = {
            "job": self.job,
            "order": self.plan.order.state(self._images()),
            "best": self.best,
            "sums": self.meter.totals(),
            "reported": self.meter.reported,
            "evaluations": self.plan.evaluations.document(),
        }
        self.folder.save(self._networks(), self.optimiser, facts)
        self.agreement.saved()
        self.ranks.wait()

    def _checkpoint(self, name: str, epoch: int) -> None:
        reached = {"epoch": epoch, "step": self.step, "samples": self._images()}
        self.folder.checkpoint(name, self.averaged, self.model, self.plan.about | reached)

    def _write(self, event: str, **values: Any) -> None:
        self.folder.log(event, **values)
        self.tick({"event": event, **values})

    def _networks(self) -> dict[str, nn.Module]:
        return {"model": self.model, "averaged": self.averaged}

    def _images(self) -> int:
        """Training images seen so far."""
        return min(self.step * self.recipe.batch, self.plan.order.images)

    def _per_rank(self) -> int:
        """Training images that a rank has at once, at most."""
        return -(-self.recipe.batch // self.ranks.ranks)

    def _seed(self, stream: int) -> int:
        return self.recipe.seed * 4 + stream
