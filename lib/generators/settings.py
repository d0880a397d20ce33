"""Settings of sampling, each declared once; read by options, so nothing heavy is imported here.

Sources of presets and defaults: Bartoldson et al. 2024, App. C; Karras et al. 2022, Table 1;
Kim et al. 2023, App. E.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from advlib.errors import DataError
from advlib.settings import check, setting, when, when_given

MULTISTEP = ("ipndm", "ipndm-v", "deis", "dpmpp", "unipc")
SOLVERS = ("heun", "euler", "dpm2", *MULTISTEP, "consistency")
SCHEDULES = ("karras", "uniform", "logsnr", "gits")
OF_STEPS = when(solver=SOLVERS[:-1])
CHURNED = (*when(solver="heun"), *when_given("churn"))
GUIDED = when_given("discriminator")
STEPS = 18  # where none are given; Karras et al. 2022, Table 7


@dataclass(frozen=True)
class SamplingSettings:
    """How an image is made from noise: with the network, the seed and its number, all it hangs on.

    Levels are standard deviations sigma of noise in images of [-1, 1].
    """

    solver: str = setting("heun", "Way from noise to images.", choices=SOLVERS)
    steps: int | None = setting(
        None, "Steps of the solver.", low=1, usual=str(STEPS), applies=OF_STEPS
    )
    schedule: str | None = setting(
        None,
        "Spacing of the noise levels.",
        choices=SCHEDULES,
        usual="the solver's",
        applies=OF_STEPS,
    )
    rho: float | None = setting(
        None,
        "The higher, the more of the levels are low.",
        low=0,
        above=True,
        usual="7; 1 with uniform, 2 with deis",
        applies=(*OF_STEPS, *when(schedule=(None, "karras", "uniform"))),
    )
    order: int | None = setting(
        None,
        "Order of a multistep solver.",
        low=1,
        high=4,
        usual="4; 3 with dpmpp and unipc",
        applies=when(solver=MULTISTEP),
    )
    sigma_min: float = setting(0.002, "Lowest noise level.", low=0, above=True, applies=OF_STEPS)
    sigma_max: float = setting(80.0, "Highest noise level.", low=0, above=True, applies=OF_STEPS)
    levels: tuple[float, ...] = setting(
        (),
        "Noise level of a step of a one- or two-step network: 2.5 of SiD, 80 and 0.821 of ECT; may"
        " be repeated.",
        low=0,
        above=True,
        metavar="SIGMA",
        applies=when(solver="consistency"),
    )
    churn: float = setting(
        0.0,
        "Noise that is added again over all steps (S_churn).",
        low=0,
        applies=when(solver="heun"),
    )
    churn_min: float = setting(0.0, "Level below which none is added.", low=0, applies=CHURNED)
    churn_max: float | None = setting(
        None, "Level above which none is added.", low=0, usual="none", applies=CHURNED
    )
    churn_noise: float = setting(
        1.0, "Standard deviation of the noise that is added (S_noise).", low=0, applies=CHURNED
    )
    analytic_first_step: bool = setting(
        False,
        "Take the first slope without the network, as if it saw black.",
        flag=True,
        applies=OF_STEPS,
    )
    denoise_last: bool = setting(
        False,
        "Denoise where the last step ends, at an evaluation more.",
        flag=True,
        applies=when(solver=SOLVERS[1:-1]),
    )
    discriminator: str | None = setting(
        None, "Checkpoint of a discriminator that guides.", metavar="FILE", applies=OF_STEPS
    )
    extractor: str | None = setting(
        None,
        "Checkpoint of the network whose maps the discriminator judges.",
        metavar="FILE",
        applies=GUIDED,
    )
    guidance: float = setting(1.0, "Weight of the discriminator.", applies=GUIDED)
    guidance_min: float = setting(
        0.01, "Time of the process from which it guides.", low=0, high=1, applies=GUIDED
    )
    guidance_max: float = setting(
        1.0, "Time of the process up to which it guides.", low=0, high=1, applies=GUIDED
    )
    boosting: bool = setting(
        False,
        "Guide and churn more where an image looks generated.",
        flag=True,
        applies=(*GUIDED, *when(solver="heun")),
    )

    def __post_init__(self):
        check(self)
        if self.solver == "consistency" and not self.levels:
            raise DataError("levels: found none; expected one for each step, as 2.5")
        if self.discriminator is not None and self.extractor is None:
            raise DataError("extractor: found none; the discriminator judges the maps of one")
        if self.solver == "heun" and self.steps == 1:
            raise DataError("steps: found 1; expected 2 or more with heun; euler can do one")
        if self.sigma_min >= self.sigma_max:
            raise DataError(
                f"sigma_min: found {self.sigma_min:g} with {self.sigma_max:g} as the highest level;"
                " expected less"
            )


# The study's generated sets (Bartoldson et al. 2024, Sec. 3.1): what they are sampled with
PRESETS: Mapping[str, Mapping[str, Any]] = {
    **{f"edm{steps}": {"solver": "heun", "steps": steps} for steps in (5, 6, 7, 10, 20)},
    "pfgmpp18": {"solver": "heun", "steps": 18},
    "dg20": {"solver": "heun", "steps": 20, "guidance": 1.0, "boosting": True},
}
