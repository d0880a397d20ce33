"""What of a set under way outlives a kill, and how many images are sampled at once."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from advlib.errors import CannotError
from advlib.generators.generation import Generation, fitting_batch
from advlib.jobs.ranks import Ranks
from advlib.shards.reader import open_set
from advlib.shards.writer import Writer

ALONE = Ranks(0, 1, torch.device("cpu"))


class Numbers:
    """Stands in for a sampler: images of one pixel, of their number's colour."""

    shape, evaluations = (1, 1, 3), 1

    def __init__(self):
        self.asked = []

    def images(self, number):
        self.check(len(number))
        self.asked += number.tolist()
        return np.repeat(number.astype(np.uint8), 3).reshape(-1, 1, 1, 3)

    def labels(self, number):
        return number % 3


def job_of(folder, name, sampler, shard, stop=lambda: None):
    """A job of 20 images in chunks of 2, and its writer."""
    writer = Writer(str(folder / name), "chunk", chunk=2, shard=4, job={"made": 1}, classes=3)
    writer.__enter__()
    pieces = writer.make_folder("pieces")
    known = {"first": 0, "count": 20, "chunk": 2, "batch": 2, "ranks": ALONE}
    job = Generation(sampler=sampler, shard=shard, folder=pieces, writer=writer, stop=stop, **known)
    return job, writer


@pytest.mark.parametrize(("name", "shard"), [("set", 4), ("one.tar", 20)])
def test_no_image_that_was_kept_is_sampled_again(tmp_path, name, shard):
    """However often it is cut off: what was sampled is in whole shards or still in pieces."""
    sampler = Numbers()
    for cut in range(3, 1000, 4):
        left = [cut]

        def stop(left=left):
            left[0] -= 1
            if left[0] < 0:
                raise KeyboardInterrupt

        job, writer = job_of(tmp_path, name, sampler, shard, stop)
        try:
            job.run()
        except KeyboardInterrupt as err:
            writer.__exit__(type(err), err, None)
            continue
        writer.__exit__(None, None, None)
        break
    assert cut > 3  # it was cut off
    found = np.concatenate([c.image[:, 0, 0, 0] for c in open_set([str(tmp_path / name)]).chunks()])
    assert found.tolist() == list(range(20))
    assert sorted(sampler.asked) == list(range(20))
    assert [path for path in tmp_path.iterdir() if path.name.startswith(".")] == []


@pytest.mark.parametrize(
    ("room", "most", "found"),
    [(10**6, 1000, 512), (100, 1000, 64), (64, 50, 32), (5, 1000, 4), (1, 1000, 1)],
)
def test_the_largest_batch_that_fits_on_a_gpu_is_found(room, most, found):
    def probe(batch):
        if batch > room:
            raise MemoryError

    gpu = SimpleNamespace(device=torch.device("cuda"), probe=probe)
    assert fitting_batch(gpu, most) == found


def test_no_room_for_one_image_is_said():
    def probe(batch):
        raise MemoryError

    gpu = SimpleNamespace(device=torch.device("cuda"), probe=probe)
    with pytest.raises(CannotError, match="out of memory with one image a batch"):
        fitting_batch(gpu, 1000)
