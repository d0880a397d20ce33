"""Round trips: whatever is written is read back exactly, in either layout and in every way."""

import hashlib
import io
import json
import os
import tarfile

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from making import Pipe, attacked, everything, images, pieces, same, stream, tar, write
from PIL import Image

from advlib.shards.chunk import Chunk, concatenate, object_array, scalar_array
from advlib.shards.reader import open_set
from advlib.shards.sample_layout import encode_samples
from advlib.shards.set_files import find_sets, read_index
from advlib.shards.stream import ShardStream
from advlib.shards.verify import verify, verify_stream
from advlib.shards.writer import Writer

quick = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
INT64 = st.integers(-(2**63), 2**63 - 1)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
FLOAT = st.floats(allow_nan=False, allow_infinity=False)
ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | FLOAT | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=4,
)
VALUES = [INT64, FLOAT, st.booleans(), TEXT, st.none() | st.integers(0, 9), ANY]
KEY = st.text(
    st.characters(exclude_characters="./\\\0", exclude_categories=["Cs"]), min_size=1, max_size=20
)
ARRAYS = ["<f4", "<f8", "<i8", "|u1", "|b1", "<f2"]


@st.composite
def sets(draw, layout):
    """A chunk of any form that the layout takes."""
    n = draw(st.integers(1, 25))
    channels = draw(st.sampled_from([1, 3] if layout == "sample" else [1, 2, 3, 4]))
    shape = draw(st.integers(1, 5)), draw(st.integers(1, 5)), channels
    start = draw(st.integers(0, 10**9 - 1000))
    key = draw(
        st.sampled_from(
            [
                np.arange(n),
                np.arange(start, start + n),
                np.arange(start, start + 3 * n, 3)[::-1],
            ]
        )
        | st.lists(KEY if layout == "sample" else TEXT, min_size=n, max_size=n, unique=True).map(
            object_array
        )
    )
    names = draw(st.lists(st.sampled_from("abcdE"), max_size=3, unique=True))
    fields = {
        name: scalar_array(draw(st.lists(draw(st.sampled_from(VALUES)), min_size=n, max_size=n)))
        for name in names
    }
    random = np.random.default_rng(draw(st.integers(0, 9)))
    for name in draw(st.lists(st.sampled_from(["logits", "Wide", "npy"]), max_size=2, unique=True)):
        size = (n, *draw(st.sampled_from([(3,), (2, 2), (1,), (0,)])))
        fields[name] = (random.random(size) * 9).astype(draw(st.sampled_from(ARRAYS)))
    if draw(st.booleans()):
        fields["adversarial"] = random.random((n, *shape), np.float32)
    image = random.integers(0, 256, (n, *shape), np.uint8)
    return Chunk(image, random.integers(0, 12, n), key, fields)


@pytest.mark.parametrize("layout", ["chunk", "sample"])
@quick
@given(data=st.data())
def test_a_set_reads_back_exactly(tmp_path_factory, layout, data):
    chunk = data.draw(sets(layout))
    size, per = data.draw(st.integers(1, 30)), data.draw(st.integers(1, 9))
    name = tmp_path_factory.mktemp("set") / "train"
    shard = per * data.draw(st.integers(1, 4))
    write(name, chunk, layout, size, chunk=per, shard=shard)
    shards = open_set([str(name)])
    assert (len(shards), shards.shape) == (len(chunk), chunk.image.shape[1:])
    assert (shards.layout, shards.fields) == (layout, tuple(sorted(chunk.fields)))
    assert len(shards.paths) == -(-len(chunk) // shard)
    same(concatenate(list(shards.chunks())), chunk)
    start = data.draw(st.integers(0, len(chunk) - 1))
    same(concatenate(list(shards.chunks(start))), chunk.take(slice(start, None)), types=False)
    numbers = data.draw(st.lists(st.integers(0, len(chunk) - 1), min_size=1, max_size=40))
    same(shards.read(np.array(numbers)), chunk.take(np.array(numbers)), types=False)
    assert list(verify(find_sets([str(name)])[0])) == []


@pytest.mark.parametrize("layout", ["chunk", "sample"])
@quick
@given(data=st.data())
def test_a_pipe_reads_back_exactly_and_again_when_concatenated(tmp_path_factory, layout, data):
    chunk = data.draw(sets(layout))
    sizes = {"size": data.draw(st.integers(1, 30)), "chunk": data.draw(st.integers(1, 9))}
    archive = stream(chunk, layout, **sizes)
    same(concatenate([*ShardStream(Pipe(archive), "-").chunks()]), chunk)
    assert list(verify_stream(Pipe(archive), "-")) == []
    if len(chunk) > 1:
        both = b"".join(stream(part, layout, **sizes) for part in pieces(chunk, len(chunk) // 2))
        same(concatenate([*ShardStream(Pipe(both), "-").chunks()]), chunk)
        path = tmp_path_factory.mktemp("both") / "both.tar"
        path.write_bytes(both)
        numbers = np.arange(len(chunk))[::-1]
        same(open_set([str(path)]).read(numbers), chunk.take(numbers), types=False)


@quick
@given(chunk=sets("sample"))
def test_chunk_to_sample_to_chunk_gives_equal_arrays(chunk):
    between = concatenate([*ShardStream(Pipe(stream(chunk, "chunk", chunk=3)), "-").chunks()])
    samples = concatenate([*ShardStream(Pipe(stream(between, "sample")), "-").chunks()])
    again = concatenate([*ShardStream(Pipe(stream(samples, "chunk", chunk=5)), "-").chunks()])
    same(again, chunk)


@pytest.mark.parametrize("layout", ["chunk", "sample"])
def test_equal_input_gives_equal_bytes_however_it_is_handed_over(tmp_path, layout):
    written = []
    for i, size in enumerate((1, 5, 100)):
        (tmp_path / str(i)).mkdir()
        write(tmp_path / str(i) / "a", attacked(23), layout, size, chunk=4, shard=8)
        files = sorted((tmp_path / str(i)).iterdir())
        written.append([(file.name, file.read_bytes()) for file in files])
    assert len(written[0]) == 4 and written[0] == written[1] == written[2]
    assert stream(attacked(23), layout, 1, chunk=4) == stream(attacked(23), layout, 9, chunk=4)


@pytest.mark.parametrize("layout", ["chunk", "sample"])
def test_the_index_says_what_the_files_hold(tmp_path, layout):
    chunk = attacked(23)
    name = write(tmp_path / "a", chunk, layout, chunk=4, shard=8, class_names=list("abcdefghijkl"))
    document = json.loads((tmp_path / "a.index.json").read_text())
    assert document["__kind__"] == "wids-shard-index-v1" and document["wids_version"] == 1
    assert [s["url"] for s in document["shardlist"]] == [f"a-00000{i}.tar" for i in range(3)]
    assert [s["images"] for s in document["shardlist"]] == [8, 8, 7]
    assert document["class_counts"] == np.bincount(chunk.label, minlength=12).tolist()
    for shard in document["shardlist"]:
        data = (tmp_path / shard["url"]).read_bytes()
        assert shard["filesize"] == len(data)
        assert shard["sha256"] == hashlib.sha256(data).hexdigest()
        with tarfile.open(tmp_path / shard["url"]) as archive:
            names = archive.getnames()
        keys = {name.split(".")[0] for name in names if "." in name}
        assert shard["nsamples"] == len(keys) == (2 if layout == "chunk" else shard["images"])
    index = read_index(f"{name}.index.json")
    assert (index.images, index.shape, index.classes) == (23, (4, 5, 3), 12)


def test_a_chunk_archive_is_plain_tar_and_npy(tmp_path):
    chunk = attacked(5)
    write(tmp_path / "a.tar", chunk, chunk=3)
    assert not os.path.exists(tmp_path / "a-000000.tar")
    with tarfile.open(tmp_path / "a.tar") as archive:
        members = {m.name: archive.extractfile(m).read() for m in archive}
        assert all(m.isreg() and (m.mtime, m.uid, m.uname) == (0, 0, "") for m in archive)
    for first, part in zip((0, 3), pieces(chunk, 3), strict=True):
        for field, array in {"image": part.image, "label": part.label, **part.fields}.items():
            if array.dtype != object:
                stored = np.load(io.BytesIO(members[f"{first:09d}.{field}.npy"]))
                np.testing.assert_array_equal(stored, array)
        about = json.loads(members[f"{first:09d}.json"])
        assert (about["first"], about["n"]) == (first, len(part))


def test_a_sample_archive_is_plain_tar_and_png(tmp_path):
    chunk = attacked(5)
    write(tmp_path / "a.tar", chunk, "sample")
    with tarfile.open(tmp_path / "a.tar") as archive:
        members = {m.name: archive.extractfile(m).read() for m in archive}
    for i, key in enumerate(chunk.key_texts()):
        stored = np.array(Image.open(io.BytesIO(members[f"{key}.png"])))
        np.testing.assert_array_equal(stored, chunk.image[i])
        assert int(members[f"{key}.cls"]) == chunk.label[i]
        floats = chunk.fields["adversarial"][i]
        np.testing.assert_array_equal(np.load(io.BytesIO(members[f"{key}.adv.npy"])), floats)
        people_see = np.array(Image.open(io.BytesIO(members[f"{key}.adv.png"])))
        np.testing.assert_allclose(people_see, floats * 255, atol=0.5001)
        assert json.loads(members[f"{key}.json"])["confidence"] == chunk.fields["confidence"][i]


def test_8_bit_adversarial_images_are_kept_as_pictures_alone(tmp_path):
    chunk = images(5, adversarial=images(5, 1).image)
    write(tmp_path / "a.tar", chunk, "sample")
    with tarfile.open(tmp_path / "a.tar") as archive:
        assert not any(name.endswith(".npy") for name in archive.getnames())
    same(everything(tmp_path / "a.tar"), chunk)


@pytest.mark.parametrize("layout", ["chunk", "sample"])
def test_sets_are_read_as_one_in_the_order_of_their_names(tmp_path, layout):
    a = write(tmp_path / "a", attacked(11), layout, chunk=2, shard=4)
    b = write(tmp_path / "b", attacked(9, 1), layout, chunk=4, shard=4)
    both = concatenate([attacked(11), attacked(9, 1)])
    shards = open_set([a, f"{b}-{{000000..000002}}.tar"])
    same(concatenate(list(shards.chunks())), both)
    numbers = np.random.default_rng(0).permutation(20)
    same(shards.read(numbers), both.take(numbers), types=False)


@pytest.mark.parametrize("layout", ["chunk", "sample"])
def test_without_an_index_the_files_alone_are_enough(tmp_path, layout):
    name = write(tmp_path / "a", attacked(23), layout, chunk=4, shard=8)
    os.unlink(f"{name}.index.json")
    shards = open_set([str(tmp_path)])
    assert len(shards) == 23
    same(concatenate(list(shards.chunks(9))), attacked(23).take(slice(9, None)))
    numbers = np.array([22, 0, 8, 7, 22])
    same(shards.read(numbers), attacked(23).take(numbers), types=False)


def test_more_than_a_thousand_samples_are_read_alike(tmp_path):
    chunk = images(2503, shape=(1, 1, 1), key=np.arange(5, 2508))
    name = write(tmp_path / "a", chunk, "sample", 999, shard=1500)
    shards = open_set([name])
    assert shards.chunk_sizes.tolist() == [1000, 500, 1000, 3]
    same(concatenate(list(shards.chunks(1499))), chunk.take(slice(1499, None)))
    numbers = np.array([2502, 1499, 1500, 999, 1000])
    same(shards.read(numbers), chunk.take(numbers))


def test_history_and_names_travel_with_the_archive(tmp_path):
    about = {"class_names": ["cat", "dog"], "history": [{"tool": "x", "command": "x -y"}]}
    chunk = images(3, classes=2)
    for source in (
        open_set([write(tmp_path / "a", chunk, **about)]),
        ShardStream(Pipe(stream(chunk, **about)), "-"),
    ):
        assert (source.class_names, source.classes) == (("cat", "dog"), 2)
        assert source.history == about["history"]


@pytest.mark.parametrize(
    ("form", "key"),
    [
        (tarfile.USTAR_FORMAT, "k" * 40),
        (tarfile.GNU_FORMAT, "ключ " * 40),
        (tarfile.PAX_FORMAT, "ключ " * 40),
        (tarfile.PAX_FORMAT, "a/b/c d"),
    ],
)
def test_archives_of_other_writers_of_tar_are_read(form, key):
    chunk = images(4, key=object_array([f"{key}{i}" for i in range(4)]))
    members = [
        (f"{key}{name}", b"".join(map(bytes, data)))
        for name, data in encode_samples(images(4, key=object_array(list("0123"))))
    ]
    archive = tar(members, form)
    same(concatenate([*ShardStream(Pipe(archive), "-").chunks()]), chunk)
    same(concatenate([*ShardStream(io.BytesIO(archive), "-").chunks()]), chunk)


def test_a_set_survives_pickling_with_its_chunks_mapped(tmp_path):
    import pickle

    shards = open_set([write(tmp_path / "a", attacked(23), chunk=4, shard=8)])
    shards.read(np.arange(23))
    same(pickle.loads(pickle.dumps(shards)).read(np.arange(23)), attacked(23), types=False)


def test_fields_may_be_left_out_of_a_random_read(tmp_path):
    shards = open_set([write(tmp_path / "a", attacked(9))])
    assert set(shards.read(np.array([3]), fields=("prediction",)).fields) == {"prediction"}
    with pytest.raises(IndexError):
        shards.read(np.array([9]))
    assert len(shards.read(np.array([], np.int64))) == 0


def test_a_writer_takes_empty_chunks_and_any_mix_of_key_types(tmp_path):
    numbers, texts = images(3), images(3, key=object_array(["a", "b", "c"]))
    with Writer(str(tmp_path / "a"), chunk=4) as writer:
        for part in (numbers.take(slice(0, 0)), numbers, texts, texts.take(slice(0, 0))):
            writer.write(part)
    same(everything(tmp_path / "a"), concatenate([numbers, texts]))
