"""The folder of a run: what all its ranks must find in it."""

import pytest

from advlib.errors import OnAllRanksError
from advlib.jobs.ranks import Ranks
from advlib.jobs.run_folder import RunFolder


class Two(Ranks):
    """Rank 0 of two; the other one says that it found a state of its own, else the same."""

    def of_all(self, text):
        its = {"none": "a state of 640 images (0123abcd)"}.get(text, text)
        return [text, its]


def test_ranks_that_find_different_states_in_one_folder_are_refused(tmp_path):
    """As where a file system shows a machine what was there before."""
    said = (
        r"rank 0 finds none, rank 1 a state of 640 images \(0123abcd\): all machines must see the"
    )
    with pytest.raises(OnAllRanksError, match=said):
        RunFolder(str(tmp_path), Two(0, 2, None)).load({}, None, {"model": {}}, print)
