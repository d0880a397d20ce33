"""The training of a classifier: batches in an exact order, steps, evaluations, checkpoints.

Beside what every run keeps, its folder holds `last.safetensors` and, with validation images,
`best.safetensors`.

Source: Bartoldson et al. 2024, Sec. 3.1 and App. D, and the official code's order of events.
"""

import copy
import math
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from advlib.jobs.averaging import average
from advlib.jobs.keyed_random import uniform
from advlib.jobs.meter import StepMeter
from advlib.jobs.ranks import Ranks
from advlib.jobs.run_folder import RunFolder
from advlib.jobs.soundness import DivergedError
from advlib.jobs.stepped_run import SteppedRun
from advlib.jobs.training_log import TRAINING_LOG
from advlib.models.checkpoints import save
from advlib.models.network import Classifier, laid_out
from advlib.shards.augmentation import augment, to_float
from advlib.shards.batches import Batch
from advlib.training import schedule
from advlib.training.batchnorm import batch_norms, over_all_ranks
from advlib.training.evaluation import Evaluator
from advlib.training.passes import Passes
from advlib.training.plan import Plan
from advlib.training.recipe import Recipe, as_documented
from advlib.training.settings import BEST, LAST
from advlib.training.soundness import what_is_not_finite
from advlib.training.step import copy_statistics, decay_groups, outcome

SUMMED = ("loss", "clean_accuracy", "accuracy")  # means over images in a row of the log
NOISE, CROPS, TESTS = 1, 2, 3  # streams of random numbers of a run, apart by their seeds


class Run(SteppedRun):
    """A classifier's run in a folder; `train` begins it, or goes on, to its end."""

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
        stop, tick, say: as SteppedRun takes them.
        """
        super().__init__(RunFolder(folder, ranks, _job_of_today), ranks, stop, tick, say)
        self.recipe, self.plan, self.steps = recipe, plan, recipe.steps
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
        self.evaluator = Evaluator(
            self.averaged, plan.evaluations, recipe, ranks, self._seed(TESTS), self._per_rank()
        )
        self.meter = StepMeter(ranks, SUMMED, self.flops, recipe.precision)
        self.best = -1.0  # robust accuracy on the validation images so far
        self.job = {
            "model": model.describe(),
            "recipe": recipe.document(),
            "order": plan.order.digest,
        }

    @property
    def save_every(self) -> float:
        """Seconds between saves."""
        return self.plan.save_every

    def networks(self) -> dict[str, nn.Module]:
        """The model and its average."""
        return {"model": self.model, "averaged": self.averaged}

    def facts(self) -> dict[str, Any]:
        """Where the order stands, the best accuracy, which evaluations were made."""
        return {
            "order": self.plan.order.state(self.images_seen()),
            "best": self.best,
            "evaluations": self.plan.evaluations.document(),
        }

    def restore(self, facts: dict[str, Any]) -> None:
        """Go on from what `facts` gave."""
        self.step, self.best = self.plan.order.resume(facts["order"]), facts["best"]
        if text := self.evaluator.go_on(facts.get("evaluations"), self.step >= self.steps):
            self.say(text)

    def before_steps(self) -> None:
        """Evaluate the network before training, if that is asked for."""
        self._evaluate(0)

    def memory_advice(self) -> str:
        """What to say where memory ends."""
        return (
            f"out of memory with {self._per_rank()} images a rank (batch {self.recipe.batch}):"
            " take more ranks, --precision bf16 or a smaller --batch"
        )

    def header(self) -> dict[str, Any]:
        """The header of the log: settings, order, model, machine."""
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

    def batches(self) -> Iterator[Batch]:
        """The part of this rank of every batch, from step `step` on."""
        return self.plan.batches(self.step, self.ranks)

    def after_step(self) -> None:
        """Report and end an epoch where these are due."""
        per_epoch = self.recipe.steps_per_epoch
        if self.step % self.plan.log_every == 0 or self.step % per_epoch == 0:
            self._report()
        if self.step % per_epoch == 0:
            self._end_epoch(self.step // per_epoch)

    def update(self, batch: Sequence[Tensor]) -> None:
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
        self.meter.add(found.loss.detach().double() * recipe.batch, found.clean, found.robust)

    def _report(self) -> None:
        """A row of what the steps since the last one brought; stops at a loss that is no number."""
        first = self.meter.reported + 1
        rate = self.optimiser.param_groups[0]["lr"]
        found = self.meter.row(self.step, self.recipe.batch, lr=rate)
        if not math.isfinite(found["loss"]):
            raise DivergedError(f"the loss is {found['loss']} within steps {first} to {self.step}")
        where = {
            "step": self.step,
            "samples": self.images_seen(),
            "flops": self.images_seen() * self.flops,
        }
        self.write("step", **where, **found)

    def require_sound(self) -> None:
        """DivergedError unless loss, weights and logits are finite, before any of it is kept."""
        loss = self.meter.totals()[0]
        found = what_is_not_finite(self.model, self.averaged, self.optimiser, self.images)
        worst = f"the loss is {loss}" if not math.isfinite(loss) else max(self.ranks.of_all(found))
        if worst:
            raise DivergedError(f"{worst} after step {self.step}")

    def _end_epoch(self, epoch: int) -> None:
        copy_statistics(self.averaged, self.model)
        self.require_sound()
        begun = time.monotonic()
        if found := self.evaluator.validation(epoch):
            self.write("validation", epoch=epoch, step=self.step, **found)
            if found["accuracy"] >= self.best:
                self.best = found["accuracy"]
                self._checkpoint(BEST, epoch)
        self._evaluate(epoch)
        if epoch == self.recipe.epochs:
            self._checkpoint(LAST, epoch)
        self.meter.leave_out(time.monotonic() - begun)

    def _evaluate(self, epoch: int) -> None:
        if found := self.evaluator.test(epoch):
            images = self.images_seen()
            where = {"samples": images, "flops": images * self.flops}
            self.write("evaluation", epoch=epoch, step=self.step, **where, **found)

    def _checkpoint(self, name: str, epoch: int) -> None:
        reached = {"epoch": epoch, "step": self.step, "samples": self.images_seen()}
        about = self.plan.about | reached
        self.folder.write(name, lambda path: save(path, self.averaged, about, self.model))

    def images_seen(self) -> int:
        """Training images seen so far."""
        return self.plan.images_until(self.step)

    def _per_rank(self) -> int:
        """Training images that a rank has at once, at most."""
        return -(-self.recipe.batch // self.ranks.ranks)

    def _seed(self, stream: int) -> int:
        return self.recipe.seed * 4 + stream


def _job_of_today(job: dict) -> dict:
    """A job as an older state holds it, in today's form."""
    return job | {"recipe": as_documented(job["recipe"])}
