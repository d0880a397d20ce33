"""A network that learnt a little of the digits, sets to score it on, and worse of both."""

import csv
import io

import numpy as np
import torch
from torch.nn import functional

from advlib.jobs.ranks import Ranks
from advlib.models.checkpoints import load, save
from advlib.models.network import build
from advlib.shards.augmentation import to_float
from advlib.shards.chunk import Chunk
from advlib.shards.reader import open_set
from advlib.shards.sources import open_source
from advlib.shards.writer import Writer

ALONE = Ranks(0, 1, torch.device("cpu"))
COUNT = 60
SHORT = "--attack pgd5-cw"
ROW = ["images", "clean_accuracy", "clean_loss", "accuracy", "loss"]


def fill(where) -> None:
    """Write them into a folder."""
    source = open_source("digits", "test")
    whole = next(source.chunks()).take(slice(COUNT))
    about = {"class_names": source.class_names, "classes": 10, "history": [{"tool": "advpack"}]}
    write(where / "digits", whole, **about)
    torch.manual_seed(1)
    network = build("wrn-10-1")
    save(where / "untrained.st", network, {})
    train = next(open_source("digits", "train").chunks()).take(slice(400))
    images, label = to_float(torch.from_numpy(train.image)), torch.from_numpy(train.label)
    optimiser = torch.optim.Adam(network.parameters(), 0.01)
    for layer in network.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.momentum = 0.3
    for step in range(24):
        part = slice(50 * (step % 8), 50 * (step % 8) + 50)
        optimiser.zero_grad()
        functional.cross_entropy(network.train()(images[part]), label[part]).backward()
        optimiser.step()
    other = build("wrn-10-1")
    save(where / "wrn.st", network.eval(), {"history": [{"tool": "advtrain"}]}, other)
    save(where / "five.st", build("wrn-10-1", 5), {})
    save(where / "hundred.st", build("wrn-10-1", 100), {})
    save(where / "small.st", build("wrn-10-1", 10, 8), {})
    network.head.bias.data[3] = float("nan")
    save(where / "nan.st", network, {})
    random = np.random.default_rng(0)
    noisy = (whole.image / 255 + random.uniform(-0.1, 0.1, whole.image.shape)).clip(0, 1)
    noisy = noisy.astype(np.float32)
    write(where / "attacked", with_field(whole, noisy), **about)
    write(where / "pictures", with_field(whole, np.rint(noisy * 255).astype(np.uint8)), "sample")
    write(where / "outside", with_field(whole, noisy + 1))
    write(where / "grey", Chunk(whole.image[..., :1], whole.label, whole.key))


def write(name, chunk, layout="chunk", **about):
    with Writer(str(name), layout, chunk=25, **about) as writer:
        writer.write(chunk)


def with_field(chunk, values):
    return Chunk(chunk.image, chunk.label, chunk.key, {"adversarial": values})


def rows(result):
    assert result.exit_code == 0, result.stderr
    return list(csv.DictReader(io.StringIO(result.stdout)))


def numbers(row):
    return {name: float(row[name]) for name in ROW}


def logits(folder, name="wrn.st", adversarial=None):
    """Of the digits: logits and labels."""
    chunks = list(open_set([str(folder / "digits")]).chunks())
    image = np.concatenate([chunk.image for chunk in chunks])
    label = torch.from_numpy(np.concatenate([chunk.label for chunk in chunks]))
    images = to_float(torch.from_numpy(image)) if adversarial is None else adversarial
    with torch.no_grad():
        return load(folder / name)[0](images), label
