"""The images of a run: sets that go together, and the FID that their history records."""

import json
from fractions import Fraction

import pytest

from advlib.errors import DataError
from advlib.shards.reader import open_set
from advlib.training.data import open_training, recorded_distances, recorded_fid


def test_a_single_set_has_no_end_and_several_are_read_once(small_sets):
    train, test = (str(small_sets / name) for name in ("train", "test"))
    share = Fraction(1, 8)
    assert open_training([train], None, share).samples is None
    assert open_training([f"{train}=1/2"], None, share).samples == 200
    assert open_training([train, f"{test}=1.5"], None, share).samples == 490
    mixed = open_training([f"{train}=1/2"], test, Fraction(1, 5))
    assert (mixed.samples, mixed.whole_batches(32)) == (250, 7 * 32)  # 26 of 200 in each


@pytest.mark.parametrize("passes", ["1.2.3", "1/0", "..."])
def test_passes_that_are_no_number_are_refused(small_sets, passes):
    with pytest.raises(DataError, match=r"expected a number of passes, as .*train=1.5"):
        open_training([f"{small_sets / 'train'}={passes}"], None, Fraction(1, 8))


@pytest.fixture
def measured(small_sets):
    """Write a copy of the training set under a name, with entries added to its history."""

    def call(name, *entries):
        index = json.loads((small_sets / "train.index.json").read_text())
        for shard in index["shardlist"]:
            target = shard["url"].replace("train", name, 1)
            (small_sets / target).write_bytes((small_sets / shard["url"]).read_bytes())
            shard["url"] = target
        index["history"] = [*index["history"], *entries]
        (small_sets / f"{name}.index.json").write_text(json.dumps(index))

    return call


FIDS = {  # entries of the history of two sets, and what the header of a run on both says
    "both": ([{"fid": 1.8}], [{"tool": "x", "fid": 1.8}], 1.8),
    "zero": ([{"fid": 0}], [{"fid": 0.0}, {"tool": "advpack"}], 0.0),
    "one": ([{"fid": 1.8}], [{"tool": "x"}], None),
    "differ": ([{"fid": 1.8}], [{"fid": 2.0}], None),
    "twice": ([{"fid": 1.8}, {"fid": 1.9}], [{"fid": 1.8}], None),
    "cut": ([{"fid": 1.8}, {"tool": "advcut"}], [{"fid": 1.8}], None),
    "measured anew": ([{"fid": 9}, {"tool": "advcut"}, {"fid": 1.8}], [{"fid": 1.8}], 1.8),
}


@pytest.mark.parametrize("case", FIDS)
def test_the_fid_is_that_of_the_sets_history(measured, small_sets, case):
    one, other, expected = FIDS[case]
    measured("one", *one)
    measured("other", *other)
    assert (
        recorded_fid([open_set([str(small_sets / name)]) for name in ("one", "other")]) == expected
    )


def test_distances_by_other_features_are_told_by_name(measured, small_sets):
    """Under the rules of the FID: one that a set lacks is told of none."""
    measured("one", {"tool": "advfid", "fd_pixels": 3.5}, {"fd_net": 1.0})
    measured("other", {"tool": "advfid", "fd_pixels": 3.5, "fid": 2.0})
    sets = [open_set([str(small_sets / name)]) for name in ("one", "other")]
    assert recorded_distances(sets) == {"fd_pixels": 3.5}
    assert recorded_distances(sets[:1]) == {"fd_pixels": 3.5, "fd_net": 1.0}
    assert recorded_fid(sets) is None
    measured("bad", {"fd_pixels": "far"})
    with pytest.raises(DataError, match="bad: history: fd_pixels: found 'far'; expected a number"):
        recorded_distances([open_set([str(small_sets / "bad")])])
