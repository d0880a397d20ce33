"""Features of a set in parts: NumPy's numbers, whatever batches; going on after a kill."""

import os
import signal
import time

import numpy as np
import pytest
import torch
from kills import killed_until_done
from small_images import ALONE, draw, exact, pixels, write

from advlib.errors import CannotError, DataError
from advlib.jobs.signals import Signalled, StopRequest
from advlib.quality.gathering import gather
from advlib.quality.statistics import save_statistics
from advlib.shards.stream import ShardStream

COUNT = 137


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return write(tmp_path_factory.mktemp("gathering") / "set", *draw(COUNT))


def matches(moments, image):
    mean, covariance = exact(image)
    found = moments.statistics({})
    np.testing.assert_allclose(found.mean, mean, rtol=1e-6)
    np.testing.assert_allclose(found.covariance, covariance, rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize("batch", [1, 7, 64, 500])
def test_parts_are_consecutive_and_the_whole_is_all_of_them(source, batch):
    image, label = draw(COUNT)
    seen = []
    found = gather(source, pixels(), ALONE, batch=batch, parts=3, keep=10, tick=seen.append)
    assert [part.count for part in found.parts] == [45, 46, 46]
    for part, begin, end in zip(found.parts, (0, 45, 91), (45, 91, 137), strict=True):
        matches(part, image[begin:end])
    matches(found.moments(), image)
    matches(found.moments(1, 3), image[45:])
    assert (found.images, sum(seen)) == (COUNT, COUNT)
    np.testing.assert_array_equal(found.counts, np.bincount(label))
    parts = [np.bincount(part, minlength=5) for part in np.split(label, (45, 91))]
    np.testing.assert_array_equal(found.part_counts, parts)
    assert found.numbers.tolist() == [0, 13, 27, 41, 54, 68, 82, 95, 109, 123]
    kept = image[found.numbers].reshape(10, -1) / 255
    np.testing.assert_allclose(found.kept.numpy(), kept, rtol=1e-6)


def test_as_many_are_kept_as_there_are(source):
    assert gather(source, pixels(), ALONE, keep=10**6).kept.shape == (COUNT, 6)


class KilledError(Exception):
    pass


class Dying:
    """Pixels that raise when a batch is taken for the `at`-th time."""

    def __init__(self, at):
        self.inner, self.left = pixels(), at
        self.name, self.size, self.about = self.inner.name, self.inner.size, self.inner.about

    def __call__(self, images):
        self.left -= 1
        if not self.left:
            raise KilledError
        return self.inner(images)


def test_a_killed_job_goes_on_to_the_same_numbers(source, tmp_path):
    state = str(tmp_path / "s.npz.state")
    options = {"batch": 10, "parts": 2, "keep": 9, "save_every": 0, "state": state}
    whole = gather(source, pixels(), ALONE, **options)
    with pytest.raises(KilledError):
        gather(source, Dying(6), ALONE, **options)
    again, seen = Dying(100), []
    found = gather(source, again, ALONE, tick=seen.append, **options)
    assert 100 - again.left == 9 and seen[0] == 50  # of 14 batches, 5 were done
    for mine, its in zip(found.parts, whole.parts, strict=True):
        assert mine.count == its.count
        assert torch.equal(mine.mean, its.mean) and torch.equal(mine.scatter, its.scatter)
    assert torch.equal(found.kept, whole.kept) and (found.counts == whole.counts).all()
    assert not os.path.exists(state)


def test_a_job_that_is_asked_to_stop_keeps_its_state_and_goes_on(source, tmp_path):
    state = str(tmp_path / "s.npz.state")
    options = {"batch": 10, "parts": 2, "keep": 9, "state": state}
    whole = gather(source, pixels(), ALONE, **options)
    asked = StopRequest()

    seen: list[int] = []

    def tick(images):
        seen.append(images)
        if len(seen) == 5:  # of which the first says where it begins
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(Signalled), asked.listening():
        gather(source, pixels(), ALONE, tick=tick, stop=asked, **options)
    seen = []
    found = gather(source, pixels(), ALONE, tick=seen.append, **options)
    assert seen[0] == 40 and not os.path.exists(state)
    for mine, its in zip(found.parts, whole.parts, strict=True):
        assert torch.equal(mine.mean, its.mean) and torch.equal(mine.scatter, its.scatter)


class Slow(Dying):
    """Pixels, so slow that five kills come before the last batch."""

    def __call__(self, images):
        time.sleep(0.03)
        return self.inner(images)


def test_five_kills_at_any_moment_leave_the_same_bytes(source, tmp_path):
    def measure(name, features):
        path = str(tmp_path / name)
        found = gather(
            source, features, ALONE, batch=5, save_every=0, state=f"{path}.state", parts=2
        )
        save_statistics(path, found.moments().statistics({}))

    measure("whole.npz", pixels())
    assert killed_until_done(lambda: measure("killed.npz", Slow(0)), 5, 0.15) == 5
    assert (tmp_path / "killed.npz").read_bytes() == (tmp_path / "whole.npz").read_bytes()


def test_the_state_of_another_job_is_refused(source, tmp_path):
    state = str(tmp_path / "state")
    with pytest.raises(KilledError):
        gather(source, Dying(3), ALONE, batch=10, save_every=0, state=state)
    with pytest.raises(DataError, match="of another job, with parts 1; this one has 2; remove it"):
        gather(source, pixels(), ALONE, parts=2, state=state)
    with open(state, "r+b") as file:
        file.truncate(100)
    with pytest.raises(DataError, match="damaged or cut short"):
        gather(source, pixels(), ALONE, state=state)


def test_a_state_that_cannot_be_written_is_said(source, tmp_path):
    with pytest.raises(CannotError, match="nowhere"):
        gather(source, pixels(), ALONE, batch=10, save_every=0, state=str(tmp_path / "nowhere/s"))


def test_features_that_are_no_numbers_name_their_image(source):
    class Broken(Dying):
        def __call__(self, images):
            return self.inner(images) / (images.flatten(1)[:, :1] != images[0, 0, 0, 0])

    with pytest.raises(DataError, match=r"features of image 000000000 of .*set are not finite"):
        gather(source, Broken(0), ALONE)


def test_a_stream_is_measured_whole(source):
    image, _ = draw(COUNT)
    with open(source.paths[0], "rb") as file:
        found = gather(ShardStream(file, "<stdin>"), pixels(), ALONE, batch=20)
    matches(found.moments(), image)
    with (
        open(source.paths[0], "rb") as file,
        pytest.raises(DataError, match="<stdin>: a stream has no parts"),
    ):
        gather(ShardStream(file, "<stdin>"), pixels(), ALONE, parts=2)


def test_more_parts_than_images_are_refused(source):
    with pytest.raises(DataError, match="137 images in 138 parts"):
        gather(source, pixels(), ALONE, parts=138)
