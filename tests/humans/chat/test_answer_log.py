"""Replies on disk: each at once, known again by its request, whole after a kill."""

import json

import pytest

from advlib.errors import CannotError, DataError
from advlib.humans.chat.answer_log import AnswerLog
from advlib.humans.chat.reply import Reply

SEEN = Reply(text="cat, low", usage={"prompt_tokens": 3}, model="m", seconds=0.5)


def kept(path, *pairs):
    log = AnswerLog(str(path))
    with log.writing():
        for digest, reply in pairs:
            log.add(digest, reply, "http://here/v1")
    return log


def test_what_was_kept_is_known_again(tmp_path):
    path = tmp_path / "a.jsonl"
    kept(path, ("x", SEEN), ("y", Reply(failure="500: no")))
    kept(path, ("z", SEEN))
    log = AnswerLog(str(path))
    assert log.get("x") == log.get("z") == SEEN
    assert log.get("y") is None and log.last("y").failure == "500: no"
    assert log.servers == {"http://here/v1"} and len(log.usages()) == 2
    first, *rest = map(json.loads, path.read_text().splitlines())
    assert (first["event"], first["format"]) == ("header", "advjudge-answers")
    assert [row["digest"] for row in rest] == ["x", "y", "z"]


@pytest.mark.parametrize("left", [1, 20, 150])
def test_a_line_that_a_kill_cut_short_is_dropped(tmp_path, left):
    path = tmp_path / "a.jsonl"
    kept(path, ("x", SEEN))
    whole = path.read_bytes()
    kept(path, ("y", SEEN))
    path.write_bytes(path.read_bytes()[: len(whole) + left])
    assert AnswerLog(str(path)).get("y") is None
    log = kept(path, ("z", SEEN))
    assert log.get("x") and log.get("z")
    assert [json.loads(line)["event"] for line in path.read_text().splitlines()][1:] == [
        "answer",
        "answer",
    ]


def test_two_processes_do_not_write_at_once(tmp_path):
    path = str(tmp_path / "a.jsonl")
    with (
        AnswerLog(path).writing(),
        pytest.raises(CannotError, match="another process is at work"),
        AnswerLog(path).writing(),
    ):
        pass


def test_what_another_process_added_meanwhile_is_taken(tmp_path):
    path = tmp_path / "a.jsonl"
    log = AnswerLog(str(path))
    kept(path, ("x", SEEN))
    with log.writing():
        assert log.get("x") == SEEN


@pytest.mark.parametrize("text", ["image,judge\n", '{"event": "header", "format": "advlog"}\n'])
def test_a_file_of_another_kind_is_refused_and_stays(tmp_path, text):
    path = tmp_path / "a.jsonl"
    path.write_text(text)
    with pytest.raises(DataError, match=r"a\.jsonl:1: "):
        AnswerLog(str(path))
    assert path.read_text() == text
