"""What readers refuse, and what verify says, of sets."""

import pytest

from advlib.errors import DataError
from advlib.shards.reader import open_set
from advlib.shards.set_files import find_sets
from advlib.shards.verify import verify


def problems(name):
    return [p for files in find_sets([str(name)]) for p in verify(files)]


def refused(specs, *said):
    with pytest.raises(DataError) as raised:
        list(open_set([str(spec) for spec in specs]).chunks())
    text = str(raised.value)
    assert "\n" not in text and all(words in text for words in said), text
