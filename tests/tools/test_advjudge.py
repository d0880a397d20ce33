"""advjudge, the command: a chat model judges a set, on a server of the test's own."""

import io

import pytest
from chat_server import pixels_of, serving, write_attacked
from commands import inside
from sevenclasses import rows

from advlib.humans.chat.requests import CIFAR10
from advlib.humans.judgements import read_judgements
from advlib.humans.pictures import picture_digest
from advlib.shards.reader import open_set


@pytest.fixture
def run(tmp_path):
    write_attacked(tmp_path)
    with inside(tmp_path) as run:
        yield run


def read(text):
    return read_judgements([("judged.csv", io.BytesIO(text.encode()))], classes=CIFAR10)


def test_a_chat_model_judges_the_attacked_pictures(run):
    with serving() as server:
        out = run(f"advjudge chat:seer attacked --server {server.address} --answers kept.jsonl")
    assert server.asked == 12
    judged = read(out.stdout)
    assert judged.judges() == ["seer"] and judged.kind("seer") == "model"
    chunk = open_set("attacked").read([3])
    answer = judged.by_image()["000000003"]["seer"]
    assert (answer.label, answer.prediction, answer.guess) == ("cat", "dog", "deer")
    assert (answer.confidence, answer.condition, answer.order) == ("higher", "adversarial", 3)
    seen = next(pixels_of(body) for _, _, body in server.requests if pixels_of(body)[0, 0, 1] == 3)
    assert answer.picture == picture_digest(seen.tobytes())
    assert (seen == (chunk.fields["adversarial"][0] * 255).round()).all()
    assert rows(out.stdout)[0]["served_by"] == "seer-2026"


def test_the_request_is_the_papers(run):
    with serving() as server:
        run(f"advjudge chat:seer attacked --server {server.address}/ -o judged.csv")
    path, _, body = server.requests[0]
    assert path == "/v1/chat/completions"
    assert {k: v for k, v in body.items() if k != "messages"} == {
        "model": "seer",
        "max_tokens": 3200,
        "temperature": 0,
    }
    (message,) = body["messages"]
    text, image = message["content"]
    assert text["type"] == "text" and image["type"] == "image_url"
    for words in (
        "one of these 10 classes",
        "automobile (but not truck or pickup truck)",
        "truck (but not pickup truck)",
        "'{class}, {confidence}'",
    ):
        assert words in text["text"]


def test_what_was_asked_is_not_asked_again(run, tmp_path):
    with serving() as server:
        line = f"advjudge chat:seer attacked --server {server.address} -o judged.csv"
        run(f"{line} -q")
        first = (tmp_path / "judged.csv").read_bytes()
        run(f"{line} -q")
        assert server.asked == 12
        assert (tmp_path / "judged.csv").read_bytes() == first
        run(f"{line} -q --condition both")
    assert server.asked == 24
    judged = read((tmp_path / "judged.csv").read_text())
    shown = judged.by_image("clean")["000000003"]["seer"]
    assert (shown.guess, shown.prediction, shown.order) == ("cat", "cat", 7)
