"""What a researcher decides of the page, each declared once."""

from dataclasses import dataclass

from advlib.settings import check, setting, when_absent

WRITES = when_absent("check")  # advquiz then writes no page


@dataclass(frozen=True)
class QuizSettings:
    """Settings of a quiz; see each."""

    batch: int = setting(100, "Images on a page, each attacked and clean.", low=1, applies=WRITES)
    checks: int = setting(
        2,
        "Attention checks on a page, each a sentence that asks for a certain answer; none comes "
        "first.",
        low=0,
        applies=WRITES,
    )
    seed: int = setting(0, "Random seed of the order, kept in the answers.", low=0, applies=WRITES)
    resume: str = setting(
        "resume",
        "What a participant who comes back may do: go on (resume), begin anew (restart), neither "
        "(block).",
        choices=("resume", "restart", "block"),
        applies=WRITES,
    )
    max_age: float | None = setting(
        None,
        "Hours after which a page that was begun cannot go on.",
        low=0,
        above=True,
        usual="none",
        applies=WRITES,
    )

    def __post_init__(self) -> None:
        check(self)
