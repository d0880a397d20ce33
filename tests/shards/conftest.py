"""A set of three shards, and what changes its index."""

import json

import pytest
from making import (
    images,
    write,
)


@pytest.fixture
def made(tmp_path):
    """A set of three shards, and what changes its index."""
    write(tmp_path / "a", images(23), chunk=4, shard=8)
    path = tmp_path / "a.index.json"

    def change(**changes):
        document = json.loads(path.read_text())
        for name, value in changes.items():
            if name in document:
                document[name] = value
            else:
                document["shardlist"][1][name] = value
        path.write_text(json.dumps(document))

    return tmp_path / "a", path, change
