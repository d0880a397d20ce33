"""Solvers: ways from noise to images, by name."""

from advlib.generators.solvers.consistency import Consistency
from advlib.generators.solvers.deis import DEIS
from advlib.generators.solvers.dpm2 import DPM2
from advlib.generators.solvers.dpmpp import DPMpp
from advlib.generators.solvers.euler import Euler
from advlib.generators.solvers.heun import Heun
from advlib.generators.solvers.ipndm import IPNDM
from advlib.generators.solvers.ipndm_v import IPNDMV
from advlib.generators.solvers.solver import Field, Solver
from advlib.generators.solvers.unipc import UniPC

SOLVERS: dict[str, type[Solver]] = {
    solver.name: solver
    for solver in (Heun, Euler, DPM2, IPNDM, IPNDMV, DEIS, DPMpp, UniPC, Consistency)
}

__all__ = ["SOLVERS", "Field", "Solver"]
