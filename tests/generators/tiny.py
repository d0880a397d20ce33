"""Files of the tiny generators with random weights, for commands."""

from pathlib import Path

import torch
from reference import network

from advlib.generators.adm_encoder import ADMEncoder, EncoderSpec
from advlib.generators.checkpoints import save
from advlib.generators.noise import Noise


def write_generators(folder: Path) -> None:
    """edm.st and pfgmpp.st: 16x16x3, ten classes; judge.pt and maps.pt, which guide them."""
    torch.manual_seed(0)
    torch.save(
        ADMEncoder(EncoderSpec(3, 16, 64, (1,), 1, (0,), 10)).state_dict(), folder / "maps.pt"
    )
    judge = ADMEncoder(EncoderSpec(64, 16, 64, (1,), 1, (0,), 1, 10))
    torch.save(judge.state_dict(), folder / "judge.pt")
    names = [f"class{i}" for i in range(10)]
    save(folder / "edm.st", network("ddpmpp"), Noise(), {"class_names": names})
    save(folder / "pfgmpp.st", network("ncsnpp", "pfgmpp"), Noise(2048))
