"""What a training run computes with: settings, so no torch here."""

from dataclasses import dataclass

from advlib.settings import check, setting

MINUTE = 60.0  # seconds
MOST_WORKERS = 256  # processes beside a rank; each takes some 100 MB, so that more fill a machine


@dataclass(frozen=True)
class Hardware:
    """What a run computes with, and how often its state is saved."""

    device: str | None = setting(
        None, "cpu, cuda or cuda:1.", metavar="DEVICE", usual="a GPU, if any"
    )
    workers: int = setting(
        0, "Processes that read images, beside each rank.", low=0, high=MOST_WORKERS
    )
    save_every: int = setting(10, "Minutes between saves of the state.", low=1, metavar="MINUTES")

    def __post_init__(self):
        check(self)
