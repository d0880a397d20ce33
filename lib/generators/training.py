"""Training a generator, or what guides one: Adam, a rising rate, averaged weights, snapshots.

The loop knows nothing of what it trains: an Objective says what the loss of a batch is and what is
kept.  Beside what every run keeps, its folder holds a checkpoint of each average and the sheets.

Source: Karras et al. 2022, App. F.1, and the public code: a gradient that is not a number is 0.
"""

import copy
import functools
import math
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, Protocol, cast

import torch
from torch import Tensor, nn

from advlib.generators.recipe import TrainingRecipe
from advlib.jobs.averaging import average
from advlib.jobs.compiling import few_graphs
from advlib.jobs.meter import StepMeter
from advlib.jobs.precision import autocast
from advlib.jobs.ranks import Ranks
from advlib.jobs.run_folder import RunFolder
from advlib.jobs.soundness import DivergedError, all_finite, finite, state_of
from advlib.jobs.stepped_run import SteppedRun
from advlib.jobs.training_log import TRAINING_LOG
from advlib.shards.batches import Batch
from advlib.shards.reading_plan import ReadingPlan

BETAS, EPSILON = (0.9, 0.999), 1e-8  # of Adam
CHECKED = 4  # images that averages are asked about before they are kept
MOST_LOST = 10  # steps in succession without a loss that is a number
LARGEST_GRADIENT = 1e5  # that an infinite one becomes
# summed over images: losses, those that are not finite, those of steps with such gradients
SUMMED = ("loss", "losses_not_finite", "gradients_not_finite")


class Samples(NamedTuple):
    """Images for a sheet.  image: (n, h, w, c) uint8.  label: (n,), None without classes."""

    image: Any
    label: Any


class Objective(Protocol):
    """What is trained.

    kind: of thing, the key of its description in headers and the name of its files.
    step_flops: of training on an image.
    """

    kind: str
    step_flops: int

    @property
    def network(self) -> nn.Module:
        """What has the parameters."""

    def loss(self, network: Callable[..., Tensor], batch: Batch) -> Tensor:
        """The loss of each image of a batch on the device, (b,) float32.

        network: stands for `network`, and joins the gradients of ranks.
        """

    def values(self) -> int:
        """By how many values the loss of an image is divided in the log."""

    def describe(self) -> dict[str, Any]:
        """What is trained, as JSON."""

    def save(self, path: str, network: nn.Module, about: dict[str, Any]) -> None:
        """Write a checkpoint of the network with averaged weights."""

    def samples(self, network: nn.Module, sign: Callable[[], None]) -> Samples | None:
        """Images for a sheet, None where there is nothing to be seen.  sign: called meanwhile."""


Draw = Callable[[str, Samples, str], None]  # a sheet: of a path, the samples and a title


class TrainingRun(SteppedRun):
    """A run in a folder; `train` begins it, or goes on, to its end."""

    def __init__(
        self,
        folder: str,
        objective: Objective,
        recipe: TrainingRecipe,
        plan: ReadingPlan,
        ranks: Ranks,
        *,
        draw: Draw | None = None,
        stop: Callable[[], bool] = lambda: False,
        tick: Callable[[dict], None] = lambda row: None,
        say: Callable[[str], None] = lambda text: None,
    ):
        """Prepare a run.

        folder: which is there.  objective: with fresh weights, which `recipe.seed` gave.
        draw: writes a sheet; without it there are none.  stop, tick, say: as SteppedRun has them.
        """
        super().__init__(RunFolder(folder, ranks), ranks, stop, tick, say)
        self.objective, self.recipe, self.plan, self.draw = objective, recipe, plan, draw
        self.steps = recipe.steps
        self.model = objective.network.to(ranks.device).train()
        self.averages = [
            copy.deepcopy(self.model).eval().requires_grad_(False) for _ in recipe.half_life
        ]
        called = torch.compile(self.model) if recipe.compile else self.model
        self._shared = ranks.average_gradients(cast(nn.Module, called))
        self._parameters = [p for p in self.model.parameters() if p.requires_grad]
        self.optimiser = torch.optim.Adam(
            self._parameters, recipe.lr, betas=BETAS, eps=EPSILON, weight_decay=recipe.weight_decay
        )
        self.meter = StepMeter(ranks, SUMMED, objective.step_flops, recipe.precision)
        self._lost = 0  # steps in succession of whose losses none is a number
        self.job = {
            objective.kind: objective.describe(),
            "recipe": recipe.document(),
            "order": plan.order.digest,
        }

    @property
    def save_every(self) -> float:
        """Seconds between saves."""
        return self.plan.save_every

    def networks(self) -> dict[str, nn.Module]:
        """The network in training and its averages."""
        averages = {f"averaged{i}": network for i, network in enumerate(self.averages)}
        return {"model": self.model, **averages}

    def facts(self) -> dict[str, Any]:
        """Where the order stands."""
        return {"order": self.plan.order.state(self.images_seen())}

    def restore(self, facts: dict[str, Any]) -> None:
        """Go on from what `facts` gave."""
        self.step, self._lost = self.plan.order.resume(facts["order"]), 0

    def header(self) -> dict[str, Any]:
        """The header of the log."""
        settings = {
            **self.plan.about,
            **self.job,
            "params": sum(p.numel() for p in self._parameters),
            "planned_samples": self.recipe.images,
            "flops_per_image": self.objective.step_flops,
            "ranks": self.ranks.ranks,
            "device": str(self.ranks.device),
            "torch": torch.__version__,
        }
        return TRAINING_LOG.header(settings)

    def before_steps(self) -> None:
        """Nothing: a snapshot before training would show noise."""

    def batches(self) -> Iterator[Batch]:
        """The part of this rank of every batch, from step `step` on."""
        return self.plan.batches(self.step, self.ranks)

    def update(self, batch: Batch) -> None:
        """A step on this rank's part of a batch."""
        recipe, seen = self.recipe, self.images_seen()
        for group in self.optimiser.param_groups:
            group["lr"] = recipe.rate(seen)
        here = self._batch = Batch(*(t.to(self.ranks.device, non_blocking=True) for t in batch))
        losses = self.objective.loss(self._call, here)
        # gradients are averaged over ranks, so each counts its images by their share of the batch
        self.optimiser.zero_grad(set_to_none=True)
        (losses.sum() * (self.ranks.ranks / recipe.batch)).backward()
        gradients = [p.grad for p in self._parameters if p.grad is not None]
        sound = all_finite(gradients)
        for gradient in gradients:
            edge = LARGEST_GRADIENT
            torch.nan_to_num(gradient, nan=0.0, posinf=edge, neginf=-edge, out=gradient)
        self.optimiser.step()
        for half_life, averaged in zip(recipe.half_life, self.averages, strict=True):
            average(averaged, self.model, recipe.decay(half_life, seen))
        known = losses.detach().isfinite()
        self.meter.add(
            losses.detach().where(known, 0).sum() / self.objective.values(),
            (~known).sum(),
            ~sound * len(losses),
        )

    def _call(self, *given: Any) -> Tensor:
        """The network's answer, in the recipe's precision."""
        with autocast(self.recipe.precision, self.ranks.device.type):
            if not self.recipe.compile:
                return self._shared(*given)
            with few_graphs():
                return self._shared(*given)

    def after_step(self) -> None:
        """Report and take a snapshot where these are due."""
        due = self.recipe.snapshot_due(self.step)
        if self.step % self.plan.log_every == 0 or due:
            loss = self._report()
        if due:
            self._snapshot(loss)

    def _report(self) -> float:
        """A row of what the steps since the last one brought; their loss."""
        first, batch = self.meter.reported + 1, self.recipe.batch
        rate = self.optimiser.param_groups[0]["lr"]
        found = self.meter.row(self.step, batch, lr=rate)
        share = found.pop("losses_not_finite")
        known = share < 1
        found["loss"] = found["loss"] / (1 - share) if known else math.nan  # the mean of the others
        self._lost = 0 if known else self._lost + self.step - first + 1
        if self._lost >= MOST_LOST or (self._lost and self.step == self.steps):
            since = self.step - self._lost + 1
            raise DivergedError(f"no loss is a number within steps {since} to {self.step}")
        if lost := found["gradients_not_finite"]:
            self.say(
                f"gradients of {lost:.2%} of steps {first} to {self.step} were not finite:"
                " what was no number in them was taken as 0"
            )
        seen = self.images_seen()
        where = {"step": self.step, "samples": seen, "flops": seen * self.objective.step_flops}
        self.write("step", **where, **found)
        return found["loss"]

    def require_sound(self) -> None:
        """DivergedError unless weights, averages and momenta are finite, on all ranks."""
        worst = max(self.ranks.of_all(self._not_finite()))
        if worst:
            raise DivergedError(f"{worst} are not finite after step {self.step}")

    def _not_finite(self) -> str:
        for name, network in self.networks().items():
            if not finite(network.state_dict().values()):
                return "weights" if name == "model" else "averaged weights"
        return "" if finite(state_of(self.optimiser)) else "momenta of the optimiser"

    @torch.no_grad()
    def _require_answers(self) -> None:
        """DivergedError where an average gives no number for images of the last batch.

        Weights can be finite, and so large that nothing that they give is.
        """
        few = Batch(*(part[:CHECKED] for part in self._batch))
        losses = [self.objective.loss(network, few) for network in self.averages]
        good = all(bool(found.isfinite().any()) or not len(found) for found in losses)
        if self.ranks.any(not good):
            raise DivergedError(f"answers of averaged weights are no numbers at step {self.step}")

    def _snapshot(self, loss: float) -> None:
        """Write the averages, and a sheet of what the first of them makes.  loss: of late."""
        self.require_sound()
        self._require_answers()
        begun, seen = time.monotonic(), self.images_seen()
        about = {**self.plan.about, "step": self.step, "samples": seen}
        for half_life, network in zip(self.recipe.half_life, self.averages, strict=True):
            own = about | {"half_life": half_life, "recipe": self.recipe.document()}
            save = functools.partial(self.objective.save, network=network, about=own)
            for name in self._names(half_life, seen):
                self.folder.write(name, save)
        sheet = self._sheet(seen) if self.draw and self.ranks.first else None
        self.ranks.wait()
        self.write("snapshot", step=self.step, samples=seen, loss=loss, sheet=sheet)
        self.meter.leave_out(time.monotonic() - begun)

    def _names(self, half_life: float, seen: int) -> list[str]:
        """Of the files of an average: the last one's, and the one that is kept."""
        of_another = "" if half_life == self.recipe.half_life[0] else f"-ema{half_life:.0f}"
        ends = ["", *([f"-{seen}"] if self.recipe.keep_snapshots else [])]
        return [f"{self.objective.kind}{of_another}{end}.safetensors" for end in ends]

    def _sheet(self, seen: int) -> str | None:
        """Draw a sheet; its name, None where there is nothing to be seen."""
        found = self.objective.samples(self.averages[0], self.ranks.sign)
        if found is None:
            return None
        name = f"sheet-{seen}.png"
        title = f"{self.plan.about.get('run', '')} after {seen:,} images"
        draw = self.draw
        assert draw is not None
        self.folder.write(name, lambda path: draw(path, found, title))
        return name

    def images_seen(self) -> int:
        """Training images seen so far."""
        return self.plan.images_until(self.step)

    def memory_advice(self) -> str:
        """What to say where memory ends."""
        here = -(-self.recipe.batch // self.ranks.ranks)
        return (
            f"out of memory with {here} images a rank (batch {self.recipe.batch}): take more"
            " ranks, --precision bf16 or a smaller --batch"
        )
