"""Numbers of the public code of EDM, PFGM++, Discriminator Guidance, diff-sampler, SiD and ECT.

All weights in them are random numbers.  Made once on a CPU; tolerances are those that their own
repetition asked for.
"""

from pathlib import Path

import numpy as np

DATA = Path(__file__).parent / "data"
EDM, DG, SOLVERS = (np.load(DATA / f"{name}.npz") for name in ("edm_tiny", "dg_tiny", "solvers"))
