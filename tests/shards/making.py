"""What the tests of shards are made of: images, archives, and bytes of a tar without our writer."""

import io
import json
import tarfile

import numpy as np
import pytest

from advlib.errors import DataError
from advlib.shards.archive import StreamWriter
from advlib.shards.chunk import Chunk, concatenate, scalar_array
from advlib.shards.reader import open_set
from advlib.shards.set_files import find_sets
from advlib.shards.stream import ShardStream
from advlib.shards.verify import verify, verify_stream
from advlib.shards.writer import Writer


class Pipe(io.BytesIO):
    """Bytes that are read once, from front to back."""

    def seekable(self):
        return False

    def seek(self, *_):
        raise io.UnsupportedOperation

    tell = seek


def images(n, seed=0, shape=(4, 5, 3), classes=10, key=None, **fields):
    """A Chunk of n random images; fields by their values, one an image."""
    random = np.random.default_rng(seed)
    return Chunk(
        random.integers(0, 256, (n, *shape), np.uint8),
        random.integers(0, classes, n),
        np.arange(n) if key is None else key,
        {k: v if isinstance(v, np.ndarray) else scalar_array(v) for k, v in fields.items()},
    )


def attacked(n, seed=0, shape=(4, 5, 3), **fields):
    """Images with what an attack adds."""
    random = np.random.default_rng(seed)
    return images(
        n,
        seed,
        shape,
        **fields,
        prediction=random.integers(0, 10, n),
        adversarial=random.random((n, *shape), np.float32),
        fooled=random.random(n) < 0.5,
        confidence=random.random(n),
        note=[None if i % 3 else f"née {i}" for i in range(n)],
    )


def pieces(chunk, size):
    return [chunk.take(slice(at, at + size)) for at in range(0, len(chunk), size)]


def write(name, images, layout="chunk", size=7, **settings):
    """Write a set through the Writer in pieces; returns its name as text."""
    with Writer(str(name), layout, **settings) as writer:
        for piece in pieces(images, size):
            writer.write(piece)
    return str(name)


def stream(images, layout="chunk", size=7, **settings):
    """The bytes of one archive that holds a chunk."""
    out = io.BytesIO()
    with StreamWriter(out, layout, **settings) as writer:
        for piece in pieces(images, size):
            writer.write(piece)
    return out.getvalue()


def everything(name):
    """All images of a set, in order."""
    return concatenate(list(open_set([str(name)]).chunks()))


def same(found, expected, types=True):
    """Assert that two chunks are equal, the types of their values included."""
    np.testing.assert_array_equal(found.image, expected.image)
    np.testing.assert_array_equal(found.label, expected.label)
    assert (found.image.dtype, found.label.dtype) == (np.uint8, np.int64)
    assert found.key_texts() == expected.key_texts()
    assert set(found.fields) == set(expected.fields)
    for name, values in expected.fields.items():
        if values.ndim == 1:
            assert repr(found.fields[name].tolist()) == repr(values.tolist())
        else:
            np.testing.assert_array_equal(found.fields[name], values)
        if types or values.ndim > 1:
            assert found.fields[name].dtype == values.dtype


def npy(array, **how):
    out = io.BytesIO()
    np.lib.format.write_array(out, np.asanyarray(array), **how)
    return out.getvalue()


def png(array):
    from PIL import Image

    out = io.BytesIO()
    Image.fromarray(array).save(out, "PNG")
    return out.getvalue()


def tar(members, form=tarfile.USTAR_FORMAT, end=True):
    """An archive by the standard library: pairs of name (or TarInfo) and bytes."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as archive:
        for name, data in members:
            info = tarfile.TarInfo(name) if isinstance(name, str) else name
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
        length = archive.offset
    return out.getvalue() if end else out.getvalue()[:length]


def chunk_members(n=3, key="000000000", **changes):
    """Members of a chunk that is right but for the `changes` (None: leave the field out)."""
    random = np.random.default_rng(n)
    fields = {
        "image.npy": npy(random.integers(0, 256, (n, 4, 5, 3), np.uint8)),
        "label.npy": npy(np.arange(n)),
        "json": json.dumps({"first": int(key), "n": n}).encode(),
    } | {name.replace("__", "."): data for name, data in changes.items()}
    return [(f"{key}.{field}", data) for field, data in fields.items() if data is not None]


def sample_members(key, label=b"1", **changes):
    """Members of a sample that is right but for the `changes`."""
    fields = {"png": png(np.full((4, 5, 3), 7, np.uint8)), "cls": label} | {
        name.replace("__", "."): data for name, data in changes.items()
    }
    return [(f"{key}.{field}", data) for field, data in fields.items() if data is not None]


def at_random(path):
    shards = open_set([str(path)])
    return shards.read(np.arange(len(shards)))


def piped(path):
    return concatenate([*ShardStream(Pipe(path.read_bytes()), str(path)).chunks()])


READ = [everything, at_random, piped]


def refused(path, *said):
    """Every way of reading ends with one line that names the file and all of `said`."""
    for read in READ:
        with pytest.raises(DataError) as raised:
            read(path)
        text = str(raised.value)
        assert text.startswith(f"{path}: ") and "\n" not in text, text
        for words in said:
            assert words in text, (read.__name__, text)
    for found in (verify(find_sets([str(path)])[0]), verify_stream(Pipe(path.read_bytes()), "-")):
        lines = [f"{p.sample}: {p.problem}" for p in found]
        assert any(all(words in line for words in said) for line in lines), (lines, said)
