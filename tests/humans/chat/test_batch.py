"""Batch files: what OpenAI takes and gives back."""

import io
import json

import numpy as np
import pytest

from advlib.errors import DataError
from advlib.humans.chat.answer_log import AnswerLog
from advlib.humans.chat.batch import read_batch, write_batch
from advlib.humans.chat.judge import questions
from advlib.humans.chat.requests import read_requests
from advlib.humans.pictures import Picture
from advlib.shards.sources.cifar import CIFAR10_NAMES

REQUESTS = read_requests("seer", CIFAR10_NAMES)
PIXELS = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
PICTURES = [Picture(str(i), "cat", "", "clean", PIXELS + i, i) for i in range(5)]
ASKED = list(questions(REQUESTS, PICTURES))


def line(question, text=None, status=200, error=None):
    """A line of a batch's output, as OpenAI's reference has it."""
    body = {"error": {"message": "too long", "code": "content_filter"}}
    if text is not None:
        body = {"model": "m", "choices": [{"finish_reason": "stop", "message": {"content": text}}]}
    response = {"status_code": status, "request_id": "r", "body": body}
    return json.dumps(
        {
            "id": "batch_req_1",
            "custom_id": getattr(question, "digest", question),
            "response": None if error else response,
            "error": error,
        }
    )


def take(log, *lines):
    file = io.BytesIO("\n".join(lines).encode())
    return read_batch(file, "out.jsonl", {q.digest for q in ASKED}, log)


def test_a_batch_holds_each_request_once():
    file = io.BytesIO()
    assert write_batch(file, REQUESTS, questions(REQUESTS, [*PICTURES, PICTURES[0]])) == 5
    rows = [json.loads(row) for row in file.getvalue().splitlines()]
    assert len({row["custom_id"] for row in rows}) == 5
    for row, question in zip(rows, ASKED, strict=True):
        assert (row["method"], row["url"]) == ("POST", "/v1/chat/completions")
        assert row["body"] == REQUESTS.body(question.picture)
        assert row["custom_id"] == question.digest


def test_replies_go_where_their_requests_were(tmp_path):
    log = AnswerLog(str(tmp_path / "a.jsonl"))
    expired = {"code": "batch_expired", "message": "This request could not be executed"}
    found = take(
        log,
        line(ASKED[2], "dog, low"),
        line(ASKED[0], "cat, higher"),
        "",
        line(ASKED[1], error=expired),
        line(ASKED[3], status=400),
        line("of another study", "cat, low"),
    )
    assert (found.taken, found.failed, found.known, found.others) == (3, 1, 0, 1)
    assert log.get(ASKED[0].digest).text == "cat, higher"
    assert log.get(ASKED[2].digest).text == "dog, low"
    assert log.get(ASKED[1].digest) is None and log.get(ASKED[3].digest).filtered
    assert log.last(ASKED[1].digest).failure.startswith("batch: batch_expired")
    again = take(AnswerLog(str(tmp_path / "a.jsonl")), line(ASKED[0], "dog, low"))
    assert (again.taken, again.known) == (0, 1)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["{}"], r"out\.jsonl:1: found no custom_id"),
        ([line(ASKED[0], "cat, low"), "[1"], r"out\.jsonl:2: "),
        ([line("x", "cat, low")], "of other requests"),
        ([""], "no replies"),
    ],
)
def test_what_is_no_output_of_this_batch_is_refused(tmp_path, lines, said):
    path = tmp_path / "a.jsonl"
    with pytest.raises(DataError, match=said):
        take(AnswerLog(str(path)), *lines)
    assert not path.exists()
