"""Settings of a measurement, each declared once; read by options, so nothing heavy is imported."""

from dataclasses import dataclass

from advlib.quality.features import EXTRACTORS
from advlib.settings import Rule, check, setting

OFFICIAL = "inception"  # features whose distance is FID
TAKES_WEIGHTS = Rule(
    lambda found: (found["features"] or OFFICIAL).startswith(OFFICIAL),
    "is for features inception and inception-half-pixel",
)
COMPARES = Rule(
    lambda found: found.get("reference", "") is not None, "does nothing without a REFERENCE"
)


@dataclass(frozen=True)
class QualitySettings:
    """What is measured of a set of images, and how."""

    features: str | None = setting(
        None,
        f"What images are compared by: {', '.join(EXTRACTORS)}, or the file of a checkpoint.",
        usual="those of the statistics, else inception",
        metavar="NAME",
    )
    inception: str | None = setting(
        None,
        "File with the weights of Inception.",
        usual="that of torch-fidelity or pytorch-fid in torch's cache, or fetched",
        metavar="FILE",
        applies=(TAKES_WEIGHTS,),
    )
    parts: int = setting(
        1,
        "Disjoint parts that are measured too, each of equally many images.",
        low=1,
        high=64,
        applies=(COMPARES,),
    )
    least: bool = setting(
        False,
        "Give the least distance of the parts, as EDM does of three.",
        flag=True,
        applies=(Rule(lambda found: found["parts"] > 1, "needs --parts of 2 or more"),),
    )
    extrapolate: bool = setting(
        False,
        "Add the distance at infinitely many images.",
        flag=True,
        applies=(Rule(lambda found: found["parts"] >= 4, "needs --parts of 4 or more"),),
    )
    sample: int = setting(
        0,
        "Add kernel distance, precision, recall, density and coverage, of N images of each set.",
        low=0,
        applies=(COMPARES,),
    )
    memorised: bool = setting(
        False,
        "Add the share of these images that copy one of REFERENCE.",
        flag=True,
        applies=(Rule(lambda found: found["sample"] > 0, "needs --sample"),),
    )
    batch: int = setting(64, "Images at once, on each rank.", low=1)

    def __post_init__(self):
        check(self)
