"""Downloads that fail say what to put where."""

import pytest

from advlib.errors import CannotError
from advlib.shards.sources import open_source


@pytest.mark.parametrize(
    ("name", "files"),
    [
        ("cifar10", "put cifar-10-python.tar.gz from https://www.cs.toronto.edu/~kriz/ into {}"),
        ("cifar100", "put cifar-100-python.tar.gz from https://www.cs.toronto.edu/~kriz/ into {}"),
        ("svhn", "put train_32x32.mat from http://ufldl.stanford.edu/housenumbers/ into {}"),
        ("mnist", "put train-images-idx3-ubyte.gz, train-labels-idx1-ubyte.gz, "),
    ],
)
def test_a_failed_download_says_what_to_put_where(tmp_path, offline, name, files):
    with pytest.raises(CannotError) as caught:
        open_source(name, root=str(tmp_path))
    assert files.format(tmp_path) in str(caught.value) and "\n" not in str(caught.value)
    assert "no network in tests" in str(caught.value)
