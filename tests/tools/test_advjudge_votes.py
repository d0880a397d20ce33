"""advjudge takes CIFAR-10H's counts and shares for the majority of its people."""

import io

import numpy as np
import pytest
from chat_server import write_attacked
from commands import inside
from sevenclasses import refused

from advlib.humans.judgements import picture_digest, read_judgements
from advlib.shards.reader import open_set
from advlib.shards.sources.cifar import CIFAR10_NAMES


@pytest.fixture
def folder(tmp_path):
    write_attacked(tmp_path)
    count = open_set(str(tmp_path / "attacked")).count
    votes = np.zeros((count, 10), int)
    votes[:, 3] = 20
    votes[0, 5] = 31  # most of 51 people
    votes[1, 4:7] = 15, 10, 10  # 20 of 55 lead, less than half
    votes[2, 6] = 20  # as many as the first
    np.save(tmp_path / "counts.npy", votes)
    np.save(tmp_path / "probs.npy", votes / votes.sum(1, keepdims=True))
    np.save(tmp_path / "wide.npy", np.zeros((5, 7)))
    np.save(tmp_path / "none.npy", np.zeros((count, 10)))
    np.save(tmp_path / "few.npy", votes[:2])
    np.save(tmp_path / "objects.npy", np.array([{}]), allow_pickle=True)
    (tmp_path / "text.npy").write_text("0 1 2")
    return tmp_path


@pytest.fixture
def run(folder):
    with inside(folder) as run:
        yield run


@pytest.mark.parametrize("name", ["counts", "probs"])
def test_the_majority_is_one_judge_of_clean_images(run, folder, name):
    text = run(f"advjudge cifar10h:{name}.npy attacked").stdout
    judged = read_judgements([("out.csv", io.BytesIO(text.encode()))], classes=CIFAR10_NAMES)
    assert judged.judges() == ["cifar10h"] and judged.kind("cifar10h") == "human"
    first, second, third, fourth = (
        a["cifar10h"] for a in list(judged.by_image("clean").values())[:4]
    )
    assert (first.guess, first.confidence) == ("dog", "higher")
    assert (second.guess, second.confidence) == ("cat", "low")
    assert (third.guess, third.status) == ("", "skipped")
    assert (fourth.guess, fourth.confidence) == ("cat", "higher")
    assert float(first.more["share"]) == pytest.approx(31 / 51, rel=1e-5)
    source = open_set(str(folder / "attacked")).read([0])
    assert first.label == CIFAR10_NAMES[source.label[0]]
    assert first.picture == picture_digest(source.image[0].tobytes())


REFUSED = {
    "counts.npy": "counts.npy: holds no labels; name the set",
    "wide.npy attacked": "wide.npy: float64 of shape (5, 7); expected numbers of shape",
    "none.npy attacked": "none.npy: row 0 is [0.0,",
    "few.npy attacked": "few.npy has numbers from 0 to 1",
    "objects.npy attacked": "objects.npy: no array of NumPy",
    "text.npy attacked": "text.npy: no array of NumPy",
    "nosuch.npy attacked": "nosuch.npy: No such file",
}


@pytest.mark.parametrize("words", REFUSED)
def test_what_holds_no_votes_is_refused(run, folder, words):
    refused(run, f"advjudge cifar10h:{words} -q -o x.csv", REFUSED[words], folder)
