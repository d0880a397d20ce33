"""Selections: what is wanted, nothing else, in order; a selection and its inverse are the whole."""

import io

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from making import Pipe, images, stream, write

from advlib.conditions import parse_comparison
from advlib.errors import DataError
from advlib.shards import selection as selection_module
from advlib.shards.key_table import read_keys
from advlib.shards.reader import open_set
from advlib.shards.selection import Selection
from advlib.shards.stream import ShardStream

N = 230
CHUNK = images(
    N,
    score=np.random.default_rng(1).random(N),
    valid=np.arange(N) % 3 == 0,
    who=[None if i % 5 == 0 else f"w{i % 7}" for i in range(N)],
    key=np.arange(0, 2 * N, 2),
)


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    name = write(tmp_path_factory.mktemp("set") / "a", CHUNK, chunk=16, shard=64)
    return open_set([name])


def numbers(chunks):
    """The numbers of images in the set; the images, labels and fields are those of the set."""
    out = []
    for chunk in chunks:
        at = chunk.key // 2
        np.testing.assert_array_equal(chunk.image, CHUNK.image[at])
        np.testing.assert_array_equal(chunk.label, CHUNK.label[at])
        np.testing.assert_array_equal(chunk.fields["score"], CHUNK.fields["score"][at])
        out += at.tolist()
    return out


def keys_of(text, conditions=()):
    return read_keys(io.BytesIO(text.encode()), "keys", conditions)


def chosen(shards, **wanted):
    """What is selected, the same from files and from a pipe, and with its inverse the whole."""
    found = numbers(Selection(**wanted).images(shards))
    assert found == sorted(found)
    rest = numbers(Selection(**wanted, invert=True).images(shards))
    assert sorted(found + rest) == list(range(N))
    if wanted.get("random") is None:
        source = ShardStream(Pipe(stream(CHUNK)), "-")
        assert numbers(Selection(**wanted).images(source)) == found
    return found


def where(*texts):
    return [parse_comparison(text) for text in texts]


@pytest.mark.parametrize(
    ("first", "last"), [(0, None), (0, 1), (15, 17), (100, None), (229, 500), (50, 50), (300, None)]
)
def test_ranges(shards, first, last):
    assert chosen(shards, numbers=(first, last)) == list(range(N))[first:last]


def test_classes_keys_and_conditions_are_those_of_the_arrays(shards):
    label, score = CHUNK.label, CHUNK.fields["score"]
    expect = {
        "classes": (frozenset({1, 7}), np.isin(label, [1, 7])),
        "keys": (
            keys_of("000000000\n000000010\n000000011\n000000458\n"),
            np.isin(CHUNK.key, [0, 10, 458]),
        ),
    }
    for name, (value, mask) in expect.items():
        assert chosen(shards, **{name: value}) == np.flatnonzero(mask).tolist()
    for texts, mask in {
        ("score<0.3",): score < 0.3,
        ("score>=0.3", "label=4"): (score >= 0.3) & (label == 4),
        ("number<100", "number!=7"): (np.arange(N) < 100) & (np.arange(N) != 7),
        ("valid=true",): CHUNK.fields["valid"],
        ("valid!=true",): ~CHUNK.fields["valid"],
        ("who=w3",): CHUNK.fields["who"] == "w3",
        ("key=000000010",): CHUNK.key == 10,
    }.items():
        assert chosen(shards, conditions=where(*texts)) == np.flatnonzero(mask).tolist()


def test_the_first_of_each_class(shards):
    for count in (1, 3, 1000):
        expected = [i for i in range(N) if np.sum(CHUNK.label[:i] == CHUNK.label[i]) < count]
        assert chosen(shards, per_class=count) == expected
    few = chosen(shards, per_class=2, conditions=where("score<0.5"), classes=frozenset({1, 2}))
    fits = [i for i in range(N) if CHUNK.fields["score"][i] < 0.5 and CHUNK.label[i] in (1, 2)]
    expected = [
        i for i in fits if sum(j < i and CHUNK.label[j] == CHUNK.label[i] for j in fits) < 2
    ]
    assert few == expected


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    random=st.integers(0, 60) | st.floats(0.01, 1),
    seed=st.integers(0, 9),
    stratified=st.booleans(),
    narrow=st.booleans(),
    read=st.booleans(),
)
def test_random_draws_have_the_size_asked_for(shards, random, seed, stratified, narrow, read):
    wanted = {"numbers": (20, 200)} if narrow else {}
    if read:
        wanted["conditions"] = where("score<0.6")
    candidates = numbers(Selection(**wanted).images(shards))
    found = chosen(shards, random=random, seed=seed, stratified=stratified, **wanted)
    size = random if isinstance(random, int) else round(random * len(candidates))
    assert len(found) == size and set(found) <= set(candidates)
    assert found == chosen(shards, random=random, seed=seed, stratified=stratified, **wanted)
    if stratified:
        for label in range(10):
            of = np.sum(CHUNK.label[candidates] == label)
            assert abs(np.sum(CHUNK.label[found] == label) - size * of / len(candidates)) < 1


def test_draws_are_uniform_and_differ_by_seed(shards):
    counts = np.zeros(N)
    for seed in range(400):
        counts[numbers(Selection(random=23, seed=seed).images(shards))] += 1
    expected = 40
    z = (counts - expected) / np.sqrt(expected * 0.9)
    assert np.abs(z).max() < 5 and 0.7 < z.std() < 1.3


def test_blocks_change_nothing(shards, monkeypatch):
    wanted = {"random": 31, "numbers": (3, 220), "seed": 5}
    before = chosen(shards, **wanted)
    monkeypatch.setattr(selection_module, "BLOCK", 10)
    monkeypatch.setattr(selection_module, "images_at_once", lambda shape: 3)
    assert chosen(shards, **wanted) == before


def test_a_key_may_come_again_in_rows_that_a_condition_leaves_out(shards):
    text = "set,key,first_key\ntrain2,000000002,7\ntest,000000002,9\ntest,000000004,9\n"
    assert [*keys_of(text, where("set=test")).rows] == ["2", "4"]
    with pytest.raises(DataError, match="keys:3: key '2' comes again with other values"):
        keys_of(text)


def test_a_truth_value_is_compared_however_it_is_spelled(shards):
    yes = numbers(Selection(conditions=where("valid=true")).images(shards))
    for text in ("valid=True", "valid=1", "valid!=false", "valid!=0"):
        assert numbers(Selection(conditions=where(text)).images(shards)) == yes
    assert yes


@pytest.mark.parametrize(
    "condition, kept",
    [
        ("valid=false", "bc"),
        ("valid=False", "bc"),
        ("valid!=1", "bcd"),
        ("guess=8", "ab"),
        ("guess!=label", "ac"),
        ("guess>label", "a"),
        ("category=valid", "a"),
    ],
)
def test_columns_of_a_table_are_numbers_or_truth_values_where_all_cells_are(condition, kept):
    rows = "a,8.0,3,True,valid\nb,8,8,False,rest\nc,1,8,FALSE,rest\nd,,8,,rest\n"
    table = keys_of("key,guess,label,valid,category\n" + rows, where(condition))
    assert [*table.rows] == [*kept]


@pytest.mark.parametrize("condition", ["guess!=other", "guess<other", "nothing=1"])
def test_a_number_is_compared_with_a_number_or_a_column_of_the_table(condition):
    with pytest.raises(DataError, match=condition):
        keys_of("key,guess,text\na,8,x\nb,,y\n", where(condition))


def test_more_than_there_is_cannot_be_drawn(shards):
    with pytest.raises(DataError, match="a random 231 of 230 images; expected at most all"):
        list(Selection(random=231).images(shards))


def test_a_joined_table_selects_by_its_columns(shards):
    text = (
        "image,valid,category\n000000002,false,a\n000000004,true,b\n000000006,false,a\n9,false,a\n"
    )
    table = keys_of("\ufeff" + text)
    assert table.columns == ("valid", "category")
    selection = Selection(keys=keys_of(text, where("valid=false")))
    assert numbers(selection.images(shards)) == [1, 3]
    assert selection.keys.unmet == ["9"]
    column = Selection(keys=table).column("category")
    assert column(CHUNK.take(slice(0, 4))) == [None, "a", "b", "a"]
    assert Selection().column("valid")(CHUNK.take(slice(0, 2))) == ["true", "false"]
    with pytest.raises(DataError, match="no scalar field 'nope' among label, key, score"):
        Selection().column("nope")(CHUNK)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "keys: empty"),
        ("a,b\n1,2\n", "no column key or image among a, b"),
        ("key,x\n1\n", "keys:2: 1 cells; expected 2"),
        ("key,x\n1,2\n1,3\n", "keys:3: key '1' comes again with other values"),
        ('key,x\n1,"' + "y" * (1 << 21) + '"\n', "keys:"),
    ],
)
def test_damaged_tables_of_keys(text, said):
    with pytest.raises(DataError) as raised:
        keys_of(text)
    assert str(raised.value).startswith("keys:") and said in str(raised.value)


def test_keys_that_are_no_text():
    with pytest.raises(DataError, match="keys: not UTF-8"):
        read_keys(io.BytesIO(b"\xff\xfe"), "keys")


def test_keys_may_be_quoted_repeated_and_have_spaces():
    table = keys_of('key,x\n"a, b",1\n\n  c  ,2\n"a, b",1\n')
    assert table.rows == {"a, b": ("1",), "c": ("2",)}
    assert list(keys_of("a b\nc\n").rows) == ["a b", "c"]
