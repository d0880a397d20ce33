"""Numbers of the public code of EDM, PFGM++, Discriminator Guidance, diff-sampler, SiD and ECT.

All weights in them are random numbers.  Made once on a CPU; tolerances are those that their own
repetition asked for.
"""

from functools import cache
from pathlib import Path

import numpy as np
import torch

from advlib.generators.preconditioning import Denoiser
from advlib.generators.spec import NetworkSpec

DATA = Path(__file__).parent / "data"
EDM, PFGMPP, DG, SOLVERS = (
    np.load(DATA / f"{name}.npz") for name in ("edm_tiny", "pfgmpp_tiny", "dg_tiny", "solvers")
)
FORMS = {"ddpmpp": EDM, "ncsnpp": PFGMPP}
TOLERANCE = 1e-4  # of outputs and samples: float32 adds up in another order


def spec(form):
    return NetworkSpec(form, (3, 16, 16), 10, 9, 8, (1, 2, 2), 1, (8,), 0.13)


@cache
def network(form, kind="edm"):
    """The tiny network of a form, float32 in evaluation mode."""
    made, numbers = Denoiser(spec(form), kind).eval().requires_grad_(False), FORMS[form]
    names = map(str, numbers["state_dict_order"])
    made.load_state_dict({name: torch.from_numpy(numbers[f"sd/{name}"]) for name in names})
    return made


def denoiser(form, label, kind="edm"):
    """The denoiser of some classes, as solvers take it: float64 in and out."""
    label = torch.as_tensor(label)

    @torch.no_grad()
    def denoise(x, level):
        return network(form, kind)(x, level, label).double()

    return denoise


def assert_near(found, expected, tolerance=TOLERANCE):
    torch.testing.assert_close(
        found.double(), torch.as_tensor(expected).double(), rtol=0, atol=tolerance
    )
