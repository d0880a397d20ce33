"""Statistics are those of the whole array, and repeats those that a plain dictionary finds."""

from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from making import everything, images, pieces, write

from advlib.shards import duplicates, statistics
from advlib.shards.chunk import Chunk, concatenate
from advlib.shards.duplicates import DuplicateFinder, hash_rows
from advlib.shards.listing import list_duplicates, list_sets, list_statistics
from advlib.shards.reader import open_set
from advlib.shards.statistics import LONG, measure


def with_repeats(n, different, seed=0):
    """n images of which only `different` differ."""
    chunk = images(different, seed)
    which = np.random.default_rng(seed).integers(0, different, n)
    return Chunk(chunk.image[which], chunk.label[which], np.arange(n) + 1000 * seed, {})


@pytest.fixture(params=[1 << 20, 40], ids=["in memory", "on disk"])
def buffered(request, monkeypatch):
    monkeypatch.setattr(duplicates, "BUFFERED", request.param)


@settings(max_examples=50)
@given(
    n=st.integers(1, 40),
    size=st.integers(1, 9),
    seed=st.integers(0, 99),
    long=st.sampled_from([3, LONG]),
)
def test_mean_deviation_and_classes_are_numpys(n, size, seed, long):
    chunk = images(n, seed, shape=(3, 4, 1 + seed % 4))
    with mock.patch.object(statistics, "LONG", long), DuplicateFinder() as finder:
        (found,) = measure([pieces(chunk, size)], finder)
    whole = chunk.image / 255
    np.testing.assert_allclose(found.mean, whole.mean((0, 1, 2)), rtol=1e-12)
    np.testing.assert_allclose(found.deviation, whole.std((0, 1, 2)), rtol=1e-9, atol=1e-12)
    np.testing.assert_array_equal(found.class_counts, np.bincount(chunk.label))
    assert found.images == n


def test_extreme_images_do_not_overflow():
    image = np.full((3000, 32, 32, 3), 255, np.uint8)
    chunk = Chunk(image, np.zeros(3000, np.int64), np.arange(3000))
    with DuplicateFinder() as finder:
        (found,) = measure([pieces(chunk, 1000)], finder)
    assert found.mean.tolist() == [1, 1, 1] and found.deviation.tolist() == [0, 0, 0]
    assert found.repeated == 2999


def test_repeats_within_and_across_are_those_of_a_dictionary(buffered):
    sets = [with_repeats(90, 70), with_repeats(60, 200, 1), with_repeats(50, 40)]
    bytes_of = [[row.tobytes() for row in chunk.image] for chunk in sets]
    with DuplicateFinder() as finder:
        found = measure([pieces(chunk, 7) for chunk in sets], finder)
    for i, (one, mine) in enumerate(zip(found, bytes_of, strict=True)):
        others = {row for j, rows in enumerate(bytes_of) if j != i for row in rows}
        assert one.repeated == len(mine) - len(set(mine))
        assert one.shared == sum(row in others for row in mine)
    assert found[0].repeated and found[0].shared


@pytest.mark.parametrize("layout", ["chunk", "sample"])
def test_duplicates_name_every_later_image_and_the_first(tmp_path, buffered, layout):
    sets = [with_repeats(90, 70), with_repeats(60, 200, 1), with_repeats(50, 70)]
    sets[2] = concatenate([sets[2], sets[1].take(slice(0, 5))])
    names = [write(tmp_path / f"s{i}", chunk, layout) for i, chunk in enumerate(sets)]
    shards = [open_set([name]) for name in names]
    ticks: list[int] = []
    rows = list_duplicates(shards, ticks.append)
    assert sum(ticks) == sum(map(len, sets))
    seen, expected = {}, []
    for name, chunk in zip(names, sets, strict=True):
        for row, key, label in zip(chunk.image, chunk.key_texts(), chunk.label, strict=True):
            if first := seen.get(row.tobytes()):
                expected.append((name, key, label, *first))
            else:
                seen[row.tobytes()] = (name, key, label)
    assert [tuple(row.values()) for row in rows] == expected
    assert {row["first_set"] for row in rows if row["set"] == names[2]} == {names[0], names[1]}


def test_no_repeats_are_no_rows(tmp_path, buffered):
    shards = open_set([write(tmp_path / "a", images(90))])
    with DuplicateFinder() as finder:
        (found,) = measure([shards.chunks()], finder)
        assert (found.repeated, found.shared) == (0, 0)
    assert list_duplicates([shards], lambda n: None) == []
    with DuplicateFinder() as finder:
        assert list(finder.groups()) == []


def test_equal_bytes_in_other_shapes_of_one_image_hash_alike_and_others_do_not():
    image = images(1000).image
    found = hash_rows(image.reshape(1000, -1))
    assert found.shape == (1000, 2) and len({tuple(row) for row in found.tolist()}) == 1000
    np.testing.assert_array_equal(found, hash_rows(image))


def test_a_row_is_what_the_set_holds(tmp_path):
    name = write(tmp_path / "a", images(23, extra=[1] * 23), chunk=4, shard=8)
    shards = open_set([name])
    row = {
        "set": name,
        "layout": "chunk",
        "images": 23,
        "shards": 3,
        "shape": "4x5x3",
        "classes": shards.classes,
        "fields": "extra",
        "bytes": sum(path.stat().st_size for path in tmp_path.glob("*.tar")),
    }
    assert list_sets([shards], lambda n: None) == [row]
    counts = np.bincount(everything(name).label)
    (full,) = list_statistics([shards], lambda n: None, class_counts=True)
    (short,) = list_statistics([shards], lambda n: None, class_counts=False)
    assert full.items() >= row.items() and short.items() >= row.items()
    assert full["class_counts"] == counts.tolist()
    assert (short["class_min"], short["class_max"]) == (counts.min(), counts.max())
