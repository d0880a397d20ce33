"""How a panel decides which images are valid: the settings of the rule."""

from dataclasses import dataclass

from advlib.settings import check, setting, when

DRAWS = 1000  # of the bootstrap over images


@dataclass(frozen=True)
class Rule:
    """How a panel decides that an image is valid.

    Source of the default: Bartoldson et al. 2024, App. G.
    """

    rule: str = setting(
        "paper",
        "Who decides: paper (--agree judges, or --confident people), majority (more than half of "
        "the answers give the label), dawid-skene (its estimate of the class).",
        choices=("paper", "majority", "dawid-skene"),
    )
    agree: int = setting(
        2,
        "Judges who give the label, so that an image is valid.",
        low=1,
        applies=when(rule="paper"),
    )
    confident: int = setting(
        1,
        "People who give it with higher confidence, so that they suffice; 0 for none do.",
        low=0,
        applies=when(rule="paper"),
    )
    posterior: float = setting(
        0.5,
        "Least probability of the label.",
        low=0,
        high=1,
        applies=when(rule="dawid-skene"),
    )
    votes: str = setting(
        "equal",
        "What an answer counts: equal, 1; attention, the judge's share of checks passed.",
        choices=("equal", "attention"),
        applies=when(rule="majority"),
    )

    def __post_init__(self) -> None:
        check(self)

    @property
    def judges_images_alone(self) -> bool:
        """Whether what it says of an image hangs on the answers to that image alone."""
        return self.rule != "dawid-skene"
