"""Networks in Python, and other input, with which something is wrong."""

import shutil

from robust import digits, write

from advlib.models.checkpoints import save
from advlib.models.network import build
from advlib.shards.chunk import Chunk

CODE = """
import torch
from mine import net
def linear(classes):
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(192, classes)).eval()
one, three = linear(1), linear(3)
def broken(x):
    return net(x) * float("nan")
def sometimes(x):  # wherever an attack goes
    known = (x == (x * 255).round() / 255).flatten(1).all(1) | (x.flatten(1).std(1) < 1e-6)
    return net(x).where(known[:, None], torch.nan)
def sure(x):
    return net(x).softmax(1)
def moody(x):
    return net(x) + torch.randn(len(x), 10)
def left_on():
    return torch.nn.Sequential(net, torch.nn.Dropout(0.5)).train()
inner = torch.nn.Sequential(net, torch.nn.Dropout(0.5))
def stubborn(x):
    return inner.train()(x)
def halves(x):
    assert len(x) in (1, 3), "one or three"
    return net(x)
def errs(x):  # now and then
    z = net(x)
    return z.where(torch.rand(len(x), 1) > 0.05, -z)
def five(x):
    return net(x)[:, :5]
def far(x):  # so sure that gradients vanish
    return (1e4 * net(x)).softmax(1) * 10
def crowded(x):
    return net(x - 0.1 * x.mean(0))
def coarse(x):
    return net(x.half().float())
def first_three(x):
    return net(x)[:, :3]
def sure_of_high(x):  # logits that are probabilities for all images but those of a low label
    z = net(x)
    return z.softmax(1).where(z.argmax(1)[:, None] > 4, z)
def hot(x):
    return 1e4 * net(x)
def flat(x):  # as rounding inside leaves a network
    return net(x).detach() + 0 * x.flatten(1)[:, :1]
def fails(x):
    raise ValueError("no such thing")
"""


def fill(folder, robust) -> None:
    """Write them as own.py, checkpoints and sets, beside some files of the folder `robust`."""
    for name in ("few.index.json", "few-000000.tar", "robust.st", "mine.py"):
        shutil.copy(robust / name, folder)
    (folder / "own.py").write_text(CODE)
    save(folder / "large.st", build("wrn-10-1", 10, 16), {})
    save(folder / "four.st", build("wrn-10-1", 4, 8), {})
    part = digits().take(slice(10))
    write(folder / "beyond", Chunk(part.image, part.label + 3, part.key))
    write(folder / "three", Chunk(part.image, part.label % 3, part.key))
    (folder / "empty.tar").write_bytes(bytes(10240))
