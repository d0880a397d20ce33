"""CIFAR-10 and CIFAR-100, from small files in the published form."""

import struct
import tarfile

import numpy as np
import pytest
from making_sources import RNG, everything, md5

from advlib.errors import CannotError
from advlib.shards.sources import NAMED, open_source


def python2_pickle(value) -> bytes:
    """As Python 2 with an old NumPy pickled CIFAR: byte strings, numpy.core."""

    def of(value):
        match value:
            case bytes():
                return b"T" + struct.pack("<i", len(value)) + value
            case int():
                return b"J" + struct.pack("<i", value)
            case list():
                return b"](" + b"".join(map(of, value)) + b"e"
            case dict():
                return b"}(" + b"".join(of(k) + of(v) for k, v in value.items()) + b"u"
        shape = b"(" + b"".join(map(of, value.shape)) + b"t"
        dtype = b"cnumpy\ndtype\n(" + of(b"u1") + of(0) + of(1) + b"tR("
        dtype += of(3) + of(b"|") + b"NNN" + of(-1) + of(-1) + of(0) + b"tb"
        return (
            b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n("
            + of(0)
            + b"t"
            + of(b"b")
            + b"tR("
            + of(1)
            + shape
            + dtype
            + b"\x89"
            + of(value.tobytes())
            + b"tb"
        )

    return b"\x80\x02" + of(value) + b"."


@pytest.fixture(params=["cifar10", "cifar100"])
def cifar(request, tmp_path, monkeypatch, offline):
    """Name, root, images and labels of train and of test; the files' MD5s pass as official."""
    from advlib.vision import torchvision

    name = request.param
    kind = getattr(torchvision.datasets, name.upper())
    home = tmp_path / "root" / kind.base_folder
    home.mkdir(parents=True)
    key = b"labels" if name == "cifar10" else b"fine_labels"
    parts = {}
    for part, listed in (("train", "train_list"), ("test", "test_list")):
        lists, images, labels = [], [], []
        for file, _ in getattr(kind, listed):
            n = (1100 if name == "cifar100" else 220) if part == "train" else 30
            image = RNG.integers(0, 256, (n, 3072), np.uint8)
            label = RNG.integers(0, len(NAMED[name].class_names), n).tolist()
            data = python2_pickle({b"data": image, key: label})
            (home / file).write_bytes(data)
            lists.append([file, md5(data)])
            images.append(image.reshape(n, 3, 32, 32).transpose(0, 2, 3, 1))
            labels += label
        monkeypatch.setattr(kind, listed, lists)
        parts[part] = np.concatenate(images), np.array(labels)
    names = [n.encode() for n in NAMED[name].class_names]
    data = python2_pickle({kind.meta["key"].encode(): names})
    (home / kind.meta["filename"]).write_bytes(data)
    monkeypatch.setattr(kind, "meta", {**kind.meta, "md5": md5(data)})
    return name, tmp_path / "root", parts, kind


def test_cifar_is_read_as_published(cifar, capsys):
    name, root, parts, _ = cifar
    rows = {
        "train": slice(0, 1100),
        "validation": slice(0, 1024),
        "train-rest": slice(1024, 1100),
        "test": slice(0, 30),
    }
    for split, which in rows.items():
        image, label = parts["test" if split == "test" else "train"]
        source = open_source(name, split, str(root))
        assert (source.name, source.class_names) == (f"{name} {split}", NAMED[name].class_names)
        assert (source.count, source.shape) == (which.stop - which.start, (32, 32, 3))
        assert source.identity == {"name": name, "split": split}
        chunk = everything(source, 3, 500)
        np.testing.assert_array_equal(chunk.image, image[which][3:])
        np.testing.assert_array_equal(chunk.label, label[which][3:])
        np.testing.assert_array_equal(chunk.key, np.arange(which.start + 3, which.stop))
        assert chunk.image.flags.c_contiguous
    assert open_source(name, root=str(root)).name == f"{name} train"
    assert capsys.readouterr().out == ""


@pytest.mark.filterwarnings("ignore:Python 3.14 will:DeprecationWarning")
def test_cifar_is_unpacked_from_its_archive_in_the_cache(cifar, tmp_path, monkeypatch):
    name, root, parts, kind = cifar
    cache = tmp_path / "cache" / "advtools"
    cache.mkdir(parents=True)
    with tarfile.open(cache / kind.filename, "w:gz") as tar:
        tar.add(root / kind.base_folder, kind.base_folder)
    monkeypatch.setattr(kind, "tgz_md5", md5((cache / kind.filename).read_bytes()))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    np.testing.assert_array_equal(everything(open_source(name, "test")).image, parts["test"][0])


def test_cifar_with_a_changed_file_is_never_unpickled(cifar):
    name, root, _, kind = cifar
    bomb = root / "was-run"
    pickle = b"cpathlib\nPath.touch\n(cpathlib\nPath\n(V" + str(bomb).encode() + b"\ntRtR."
    (root / kind.base_folder / kind.test_list[0][0]).write_bytes(pickle)
    with pytest.raises(CannotError, match=rf"{name}: not whole in .*{kind.filename}"):
        open_source(name, "test", str(root))
    assert not bomb.exists()


def test_what_torchvision_prints_goes_to_standard_error(cifar, monkeypatch, capsys):
    name, root, _, kind = cifar
    monkeypatch.setattr(kind, "download", lambda self: print("Files already downloaded"))
    open_source(name, "test", str(root))
    assert capsys.readouterr() == ("", "Files already downloaded\n")
