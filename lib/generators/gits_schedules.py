"""Levels by GITS for a checkpoint, kept beside it: what a search costs is paid once.

`CHECKPOINT.gits.json` holds, for each teacher, its costs of jumps, from which the levels of any
number of steps follow at once; and the free first points that were looked for.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from advlib.documents import parse_json
from advlib.errors import DataError
from advlib.generators import gits, noise
from advlib.generators.checkpoints import Generator
from advlib.generators.settings import SamplingSettings
from advlib.generators.solvers import Field, Solver
from advlib.generators.solvers.ipndm import IPNDM
from advlib.generators.time_schedules import levels
from advlib.jobs.files import atomic_write

FORMAT, VERSION = "advgits", 1
SUFFIX = ".gits.json"
SEED = 0  # of the warm-up images, whatever those are that are sampled later
BATCH = 64  # of them at once
Meter = Callable[[float], AbstractContextManager[Callable[[float], None]]]


@contextmanager
def _no_meter(total: float) -> Iterator[Callable[[float], None]]:
    yield lambda count: None


@dataclass
class Schedules:
    """What was searched for one checkpoint.

    path: of the file beside it.  digest: SHA-256 of the checkpoint.  device: of the network.
    tick: told of each evaluation on so many images.  meter: shows the progress of a search of so
    many evaluations, and is told as tick is.
    """

    path: str
    digest: str
    generator: Generator
    device: torch.device
    tick: Callable[[int], None] = lambda images: None
    meter: Meter = _no_meter

    def __post_init__(self) -> None:
        self._shown: Callable[[float], None] = lambda count: None

    def levels(self, settings: SamplingSettings, solver: Solver, points: int) -> list[float]:
        """`points` levels for a solver, falling.

        A search is done where the file has none of the same kind; it is then written there.
        Raises DataError for a damaged file and for more points than the grid has; OSError where
        the file cannot be written.
        """
        kept = self._read()
        teacher = self._teacher(settings, solver)
        key = json.dumps(teacher)
        search = next((s for s in kept if s["teacher"] == teacher), None)
        grid = levels("karras", gits.POINTS, settings.sigma_min, settings.sigma_max)
        if search is None:
            with self.meter(gits.WARMUP * (gits.POINTS - 1)) as self._shown:
                costs = self._costs(settings, solver, grid)
            search = {"teacher": teacher, "costs": costs, "free": {}}
            kept.append(search)
            self._write(kept)
        table = np.array(search["costs"])
        if table.shape != (len(grid), len(grid)) or not np.isfinite(table).all():
            raise DataError(f"{self.path}: costs of {key}: damaged; remove the file")
        chosen, _ = gits.fewest(table, points - 1)
        if settings.analytic_first_step:
            known = search["free"].get(name := f"{solver.name} {len(chosen) - 1}")
            if known is None:
                known = search["free"][name] = self._with_free(solver, grid, chosen)
                self._write(kept)
            chosen = known
        return [float(grid[i]) for i in chosen]

    def _teacher(self, settings: SamplingSettings, solver: Solver) -> dict[str, Any]:
        """What the costs of a search hang on, as JSON."""
        return {
            "solver": IPNDM.name,
            "order": self._order(solver),
            "points": gits.POINTS,
            "images": gits.WARMUP,
            "sigma_min": settings.sigma_min,
            "sigma_max": settings.sigma_max,
            "analytic_first_step": settings.analytic_first_step,
        }

    def _order(self, solver: Solver) -> int:
        """Of the teacher: that of the solver, as in the public code, where it has one."""
        found = getattr(solver, "order", None)
        return found if found in IPNDM.orders else IPNDM.order

    def _costs(
        self, settings: SamplingSettings, solver: Solver, grid: np.ndarray
    ) -> list[list[float]]:
        """The mean costs of jumps over all warm-up images."""
        whole = np.zeros((len(grid), len(grid)))
        for number in torch.arange(gits.WARMUP, device=self.device).split(BATCH):
            path = self._path(number, solver, grid, analytic=settings.analytic_first_step)
            whole += gits.costs(path) * (len(number) / gits.WARMUP)
        return whole.tolist()

    def _path(
        self, number: Tensor, solver: Solver, grid: np.ndarray, *, analytic: bool
    ) -> gits.Path:
        field, x = self._field(number, analytic), self._start(number, grid)
        found = gits.path(IPNDM(order=self._order(solver)), field, x, grid.tolist())
        return gits.Path(found.levels, found.states.cpu(), found.slopes.cpu())

    def _with_free(self, solver: Solver, grid: np.ndarray, chosen: Sequence[int]) -> list[int]:
        """The points with the one that the free first step leads to, by the first images."""
        number = torch.arange(BATCH, device=self.device)
        path = self._path(number, solver, grid, analytic=True)

        def ends(way: Sequence[int]) -> Tensor:
            field = self._field(number, True)
            along = [*(float(grid[i]) for i in way), *([0.0] if solver.ends_at_zero else [])]
            return solver.end(field, self._start(number, grid), along).cpu()

        return gits.with_free_step(chosen, path, ends)

    def _start(self, number: Tensor, grid: np.ndarray) -> Tensor:
        return self.generator.noise.prior(number, SEED, self.generator.spec.shape, float(grid[0]))

    def _field(self, number: Tensor, analytic: bool) -> Field:
        classes = self.generator.spec.classes
        label = noise.labels(number, SEED, classes, balanced=True) if classes else None

        @torch.no_grad()
        def denoise(x: Tensor, level: float | Tensor) -> Tensor:
            self.tick(len(x))
            self._shown(len(x))
            return self.generator.denoiser(x, level, label).double()

        return Field(denoise, analytic=analytic)

    def _read(self) -> list[dict[str, Any]]:
        """The searches in the file; none where it is not there, or of another checkpoint."""
        try:
            with open(self.path, "rb") as file:
                found = parse_json(file.read())
            if (found["format"], found["version"]) != (FORMAT, VERSION):
                raise ValueError(f"of format {found['format']!r}, version {found['version']!r}")
            if found["checkpoint"] != self.digest:
                return []
            if not all({"teacher", "costs", "free"} <= set(each) for each in found["searches"]):
                raise ValueError("a search lacks a field")
            return found["searches"]
        except FileNotFoundError:
            return []
        except (ValueError, KeyError, TypeError) as err:
            raise DataError(f"{self.path}: damaged: {err}; remove it") from None

    def _write(self, searches: Sequence[dict[str, Any]]) -> None:
        document = {
            "format": FORMAT,
            "version": VERSION,
            "checkpoint": self.digest,
            "searches": list(searches),
        }
        with atomic_write(self.path) as file:
            file.write((json.dumps(document) + "\n").encode())
