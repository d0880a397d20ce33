"""Plain webdataset reads every shard we write, and we read what it writes.  It loads torch."""

import io

import numpy as np
import pytest
import webdataset as wds
from making import Pipe, attacked, everything, images, same, write
from PIL import Image

from advlib.shards.chunk import concatenate, object_array
from advlib.shards.reader import open_set
from advlib.shards.set_files import find_sets
from advlib.shards.stream import ShardStream
from advlib.shards.verify import verify

pytestmark = pytest.mark.filterwarnings(  # webdataset leaves files open
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)


def dataset(name, count):
    return wds.WebDataset(f"{name}-{{000000..{count - 1:06d}}}.tar", shardshuffle=False)


def test_webdataset_reads_chunks(tmp_path):
    chunk = attacked(23)
    name = write(tmp_path / "train", chunk, chunk=4, shard=8)
    fields = "image.npy", "label.npy", "adversarial.npy", "prediction.npy", "json"
    read = list(dataset(name, 3).decode().to_tuple(*fields))
    image, label, adversarial, prediction = (
        np.concatenate([sample[i] for sample in read]) for i in range(4)
    )
    np.testing.assert_array_equal(image, chunk.image)
    np.testing.assert_array_equal(label, chunk.label)
    np.testing.assert_array_equal(adversarial, chunk.fields["adversarial"])
    np.testing.assert_array_equal(prediction, chunk.fields["prediction"])
    assert [sample[4]["n"] for sample in read] == [4, 4, 4, 4, 4, 3]
    assert [note for sample in read for note in sample[4]["fields"]["note"]] == (
        chunk.fields["note"].tolist()
    )


def test_webdataset_takes_chunks_apart(tmp_path):
    chunk = images(23)
    name = write(tmp_path / "train", chunk, chunk=4, shard=8)
    read = list(dataset(name, 3).decode().to_tuple("image.npy", "label.npy").unbatched())
    np.testing.assert_array_equal([image for image, _ in read], chunk.image)
    np.testing.assert_array_equal([label for _, label in read], chunk.label)


@pytest.mark.parametrize("channels", [1, 3])
def test_webdataset_reads_samples(tmp_path, channels):
    chunk = attacked(23, shape=(4, 5, channels))
    name = write(tmp_path / "train", chunk, "sample", shard=8)
    read = list(dataset(name, 3).decode("rgb8").to_tuple("png", "cls", "adv.npy", "json"))
    found = np.array([sample[0] for sample in read])[..., :channels]
    np.testing.assert_array_equal(found, chunk.image)
    np.testing.assert_array_equal([sample[1] for sample in read], chunk.label)
    np.testing.assert_array_equal([sample[2] for sample in read], chunk.fields["adversarial"])
    assert [sample[3]["prediction"] for sample in read] == chunk.fields["prediction"].tolist()
    keys = [sample["__key__"] for sample in dataset(name, 3)]
    assert keys == chunk.key_texts()


def theirs(folder, samples, per=8):
    """Shards by webdataset's own writer; the set's name."""
    with wds.ShardWriter(f"{folder}/set-%06d.tar", maxcount=per, verbose=0) as writer:
        for sample in samples:
            writer.write(sample)
    return str(folder)


def test_png_and_cls_of_webdataset(tmp_path):
    chunk = images(23)
    theirs(
        tmp_path,
        [
            {"__key__": f"{i:09d}", "png": chunk.image[i], "cls": int(chunk.label[i])}
            for i in range(23)
        ],
    )
    shards = open_set([str(tmp_path / "set-{000000..000002}.tar")])
    assert (len(shards), shards.layout, shards.classes) == (23, "sample", None)
    same(concatenate(list(shards.chunks())), chunk)
    numbers = np.array([22, 3, 8, 8])
    same(shards.read(numbers), chunk.take(numbers))
    assert list(verify(find_sets([str(tmp_path)])[0])) == []


def test_jpg_of_webdataset(tmp_path):
    smooth = np.broadcast_to(np.arange(0, 128, 16, np.uint8)[:, None, None], (8, 8, 3))
    theirs(tmp_path, [{"__key__": "x", "jpg": smooth, "cls": 3}])
    (read,) = wds.WebDataset([str(tmp_path / "set-000000.tar")], shardshuffle=False)
    expected = np.array(Image.open(io.BytesIO(read["jpg"])))
    found = everything(tmp_path)
    np.testing.assert_array_equal(found.image[0], expected)
    assert (found.key.tolist(), found.label.tolist()) == (["x"], [3])


def test_ragged_json_of_webdataset(tmp_path):
    chunk = images(9)
    about = [{"score": i / 2, "tags": ["a", i]} if i % 2 else {"who": "née"} for i in range(9)]
    theirs(
        tmp_path,
        [
            {
                "__key__": f"{i:04d}",
                "png": chunk.image[i],
                "cls": int(chunk.label[i]),
                "json": about[i],
            }
            for i in range(9)
        ],
        per=100,
    )
    found = everything(tmp_path)
    for name in ("score", "tags", "who"):
        assert found.fields[name].tolist() == [entry.get(name) for entry in about]
    np.testing.assert_array_equal(found.image, chunk.image)
    assert found.key.tolist() == [f"{i:04d}" for i in range(9)]
    assert list(verify(find_sets([str(tmp_path)])[0])) == []


def test_npy_and_label_in_json_of_webdataset(tmp_path):
    chunk = images(5, shape=(4, 5, 2))
    theirs(
        tmp_path,
        [
            {
                "__key__": f"{i:09d}",
                "npy": chunk.image[i],
                "json": {"label": int(chunk.label[i])},
                "logits.npy": np.float32([i, 1]),
                "txt": "dropped",
            }
            for i in range(5)
        ],
    )
    shards = open_set([str(tmp_path)])
    assert shards.skipped == {"txt"}
    found = concatenate(list(shards.chunks()))
    np.testing.assert_array_equal(found.image, chunk.image)
    np.testing.assert_array_equal(found.label, chunk.label)
    np.testing.assert_array_equal(found.fields["logits"], [[i, 1] for i in range(5)])


def test_long_keys_and_keys_in_folders_of_webdataset(tmp_path):
    keys = [f"a/{i}{'long' * 40}" for i in range(3)] + [f"b/c/{i}" for i in range(3)]
    chunk = images(6, key=object_array(keys))
    theirs(
        tmp_path,
        [
            {"__key__": key, "png": chunk.image[i], "cls": int(chunk.label[i])}
            for i, key in enumerate(keys)
        ],
    )
    same(everything(tmp_path), chunk)
    write(tmp_path / "again", everything(tmp_path))
    same(everything(tmp_path / "again"), chunk)


def test_tarwriter_into_a_pipe_and_concatenated():
    chunk = images(6)
    archives = []
    for half in (0, 3):
        out = io.BytesIO()
        out.close = lambda: None
        with wds.TarWriter(out) as writer:
            for i in range(half, half + 3):
                sample = {"__key__": f"{i:09d}", "png": chunk.image[i], "cls": int(chunk.label[i])}
                writer.write(sample)
        archives.append(out.getvalue())
    same(concatenate([*ShardStream(Pipe(b"".join(archives)), "-").chunks()]), chunk)
