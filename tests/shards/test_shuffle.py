"""Shuffle: every image once, in an order that the seed alone decides, all orders equally likely."""

import os

import numpy as np
import pytest
from making import attacked, images, pieces, same
from scipy.stats import chisquare, kstest

from advlib.shards import shuffle
from advlib.shards.chunk import concatenate
from advlib.shards.shuffle import shuffle_images


@pytest.fixture(params=["one bucket", "many buckets", "tiny buffers"])
def buckets(request, monkeypatch):
    if request.param != "one bucket":
        monkeypatch.setattr(shuffle, "BUCKET", 2000)
    if request.param == "tiny buffers":
        monkeypatch.setattr(shuffle, "BUFFER", 1)
    return request.param


def order(count, seed, folder, size=7, known=True, **extra):
    folder.mkdir(exist_ok=True)
    chunks = pieces(images(count, shape=(1, 1, 1)), size)
    out = list(shuffle_images(chunks, count if known else None, seed, str(folder), **extra))
    return np.concatenate([chunk.key for chunk in out])


@pytest.mark.parametrize("count", [1, 2, 7, 100, 2500])
@pytest.mark.parametrize("known", [True, False])
def test_every_image_comes_exactly_once(tmp_path, buckets, count, known):
    keys = order(count, 3, tmp_path, known=known)
    assert sorted(keys.tolist()) == list(range(count))


def test_images_keep_all_that_belongs_to_them(tmp_path, buckets):
    chunk = attacked(50)
    out = concatenate(list(shuffle_images(pieces(chunk, 7), 50, 0, str(tmp_path))))
    assert out.key.tolist() != list(range(50))
    same(out, chunk.take(out.key))


def test_the_order_depends_on_the_seed_alone(tmp_path, buckets):
    a, again, b = (order(500, s, tmp_path / n) for s, n in ((0, "a"), (0, "again"), (1, "b")))
    assert a.tolist() == again.tolist() != b.tolist()
    assert abs(np.corrcoef(a, b)[0, 1]) < 0.2 and abs(np.corrcoef(a, np.arange(500))[0, 1]) < 0.2


@pytest.mark.parametrize("start", [0, 1, 99, 250, 499, 500])
def test_a_restart_uses_the_buckets_and_reads_nothing(tmp_path, buckets, start):
    whole = order(500, 0, tmp_path)

    def unread():
        raise AssertionError("read again")
        yield

    out = [chunk.key for chunk in shuffle_images(unread(), 500, 0, str(tmp_path), start)]
    assert [key for part in out for key in part.tolist()] == whole[start:].tolist()


def test_dealing_that_was_killed_begins_anew(tmp_path, buckets):
    whole = order(500, 0, tmp_path / "a")
    folder = tmp_path / "b"
    folder.mkdir()

    def killed():
        yield from pieces(images(200, shape=(1, 1, 1)), 7)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(shuffle_images(killed(), 500, 0, str(folder)))
    assert shuffle.MARK not in os.listdir(folder)
    assert order(500, 0, folder).tolist() == whole.tolist()


def test_all_positions_and_orders_are_equally_likely(tmp_path, monkeypatch):
    monkeypatch.setattr(shuffle, "BUCKET", 150)  # about two images a bucket
    count, rounds = 6, 1500
    where, orders = np.zeros((count, count)), {}
    for seed in range(rounds):
        keys = order(count, seed, tmp_path / "x", size=4)
        for name in os.listdir(tmp_path / "x"):
            os.unlink(tmp_path / "x" / name)
        where[np.arange(count), keys] += 1
        head = tuple(keys[:3].tolist())
        orders[head] = orders.get(head, 0) + 1
    assert len(orders) == 120
    assert chisquare(where.ravel()).pvalue > 1e-3
    assert chisquare(list(orders.values())).pvalue > 1e-3


def test_a_sorted_set_is_mixed_throughout(tmp_path, monkeypatch):
    monkeypatch.setattr(shuffle, "BUCKET", 20_000)
    keys = order(5000, 0, tmp_path, size=1000)
    assert len(os.listdir(tmp_path)) > 10
    for part in np.split(keys, 10):  # each tenth is a sample of the whole
        assert kstest(part / 5000, "uniform").pvalue > 1e-3
    assert np.mean(np.abs(np.diff(keys)) == 1) < 0.01


def test_nothing_shuffled_is_nothing(tmp_path):
    assert list(shuffle_images([], 0, 0, str(tmp_path))) == []
