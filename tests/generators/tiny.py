"""Files of the tiny generators with random weights, for commands."""

from pathlib import Path

from reference import network

from advlib.generators.checkpoints import save
from advlib.generators.noise import Noise


def write_generators(folder: Path) -> None:
    """edm.st and pfgmpp.st: 16x16x3, ten classes."""
    names = [f"class{i}" for i in range(10)]
    save(folder / "edm.st", network("ddpmpp"), Noise(), {"class_names": names})
    save(folder / "pfgmpp.st", network("ncsnpp", "pfgmpp"), Noise(2048))
