"""advjudge and a server with faults: each image is answered once or counted, killed or not."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from chat_server import Reply, completion, number_of, refused, serving, write_attacked
from commands import inside
from conftest import environment
from sevenclasses import rows

from advlib.humans.chat import waiting

BIN = Path(sys.executable).parent
KEY = "sk-very-secret-0123456789"
IMAGES = 40


@pytest.fixture
def folder(tmp_path, monkeypatch):
    write_attacked(tmp_path, IMAGES)
    monkeypatch.setenv("ADVJUDGE_KEY", KEY)
    monkeypatch.setattr(waiting, "FIRST", 0.01)
    return tmp_path


@pytest.fixture
def run(folder):
    with inside(folder) as run:
        yield run


def found_in(folder, text):
    """The files of a folder that hold a text."""
    return [p for p in folder.rglob("*") if p.is_file() and text.encode() in p.read_bytes()]


def of_every_kind(body, before):
    """A server on a bad day: what it does depends on the image."""
    kind = number_of(body) % 10
    if "max_tokens" in body:
        return refused("use 'max_completion_tokens' instead of 'max_tokens'", param="max_tokens")
    if kind == 0 and before < 2:
        return Reply(429, {"error": {"message": f"slow down, {KEY}"}}, {"Retry-After": "0.01"})
    if kind == 1:
        return refused("cannot decode image", 500)
    if kind == 2:
        return Reply(body={"error": {"message": f"upstream says {KEY}"}})
    if kind == 3:
        return Reply(body=completion(None, refusal=f"No, {KEY}."))
    if kind == 4 and before < 2:
        return Reply(body=completion("cat, low"), cut=True)
    if kind == 5:
        return Reply(body=completion("I believe it is a cat, low. Anything else?"))
    if kind == 6:
        return Reply(body=completion(f"a kind of animal {KEY}"))
    if kind == 7:
        return Reply(400, {"error": {"code": "content_filter", "message": "filtered"}})
    return None


def test_every_image_is_answered_once_or_counted(run, folder):
    with serving(of_every_kind) as server:
        line = f"advjudge chat:seer attacked --server {server.address} -o judged.csv"
        done = run(f"{line} --concurrency 3 --debug")
    table = rows((folder / "judged.csv").read_text())
    assert [int(row["image"]) for row in table] == list(range(IMAGES))
    statuses = ("answered", "failed", "failed", "refused", "answered", "answered", "unparsable")
    statuses += ("filtered", "answered", "answered")
    for i, row in enumerate(table):
        assert row["status"] == statuses[i % 10], row
        assert bool(row["guess"]) == (row["status"] == "answered") == (not row["why"])
    assert table[5]["obeyed"] == "false" and table[8]["obeyed"] == "true"
    counted = "40 answers, of which 20 name no class: 8 failed, 4 refused, 4 unparsable, 4 filtered"
    assert counted in done.stderr
    assert server.at_once <= 3
    assert KEY not in done.stderr and KEY not in done.stdout
    assert found_in(folder, KEY) == []


def test_what_failed_is_asked_again_and_nothing_else(run, folder):
    with serving(of_every_kind) as server:
        line = f"advjudge chat:seer attacked --server {server.address} -q -o judged.csv"
        run(line)
        first = (folder / "judged.csv").read_bytes()
        asked = dict(server.counts)
        run(line)
        more = {url for url, count in server.counts.items() if count > asked[url]}
        assert len(more) == 8 and (folder / "judged.csv").read_bytes() == first
        server.behave = lambda body, before: None
        run(line)
    assert {row["status"] for row in rows((folder / "judged.csv").read_text())} == {
        *("answered", "refused", "unparsable", "filtered")
    }


@pytest.mark.parametrize(
    ("reply", "most", "said"),
    [
        (refused("Model does not support images"), 18, "400: Model does not support images"),
        (refused(f"bad key {KEY}", 401), 8, "401: bad key [key]"),
        (refused("no model seer", 404), 8, "404: no model seer"),
    ],
)
def test_a_server_that_answers_nothing_is_soon_left(run, folder, reply, most, said):
    with serving(lambda body, before: reply) as server:
        done = run(f"advjudge chat:seer attacked --server {server.address} -o x.csv", status=1)
    assert done.stderr.splitlines()[-1] == f"advjudge: {server.address}: {said}"
    assert server.asked <= most and not (folder / "x.csv").exists()


@pytest.mark.parametrize("status", [401, 500])
def test_a_traceback_holds_no_key(run, folder, status):
    with serving(lambda body, before: refused(f"what is {KEY}?", status)) as server:
        line = f"advjudge chat:seer attacked --server {server.address} -o x.csv --debug"
        done = run(line, status=1)
    assert "Traceback" in done.stderr and "what is [key]?" in done.stderr
    assert KEY not in done.stderr + done.stdout and found_in(folder, KEY) == []


def test_a_server_that_is_not_there_is_one_line(run, folder):
    done = run("advjudge chat:seer attacked --server http://127.0.0.1:9/v1 -q -o x.csv", status=1)
    assert done.stderr.startswith("advjudge: http://127.0.0.1:9/v1: no answer: ")
    assert done.stderr.count("\n") == 1


def test_a_server_that_hangs_up_does_not_end_the_process(folder):
    """In the middle of a request: SIGPIPE, as commands have it, would end it without a word."""
    (folder / "prompt.txt").write_text("{classes} {form}" + " very" * 1_000_000)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def hang_up():
            while True:
                connection, _ = server.accept()
                connection.recv(1000)
                connection.close()

        threading.Thread(target=hang_up, daemon=True).start()
        address = f"http://127.0.0.1:{server.getsockname()[1]}/v1"
        line = f"advjudge chat:seer attacked --server {address} --prompt prompt.txt -o x.csv"
        done = subprocess.run(
            [BIN / "advjudge", *line.split()[1:], "-q", "--tries", "2"],
            cwd=folder,
            env=environment(),
            capture_output=True,
            text=True,
            timeout=120,
        )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"advjudge: {address}: no answer: ")


def start(server, folder, *more):
    """The command in a process of its own."""
    line = [BIN / "advjudge", "chat:seer", "attacked", "--server", server.address, "-o", "j.csv"]
    return subprocess.Popen(
        [*line, "--concurrency", "2", *more],
        cwd=folder,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for(process, condition):
    end = time.monotonic() + 60
    while not condition():
        assert process.poll() is None and time.monotonic() < end, process.communicate()
        time.sleep(0.005)


def slow(body, before):
    return Reply(
        body=completion(f"{'automobile' if number_of(body) % 2 else 'cat'}, low"), seconds=0.03
    )


def test_killed_again_and_again_it_asks_nothing_twice_that_was_answered(folder):
    with serving(slow) as server:
        for already in (5, 17, 30):
            with start(server, folder) as process:
                wait_for(process, lambda already=already: server.asked >= already)
                process.kill()
        kept = (folder / "j.csv.answers.jsonl").read_bytes().split(b"\n")[1:-1]
        assert not (folder / "j.csv").exists()
        with start(server, folder) as process:
            _, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
    answered = [json.loads(line)["digest"] for line in kept]
    assert len(set(answered)) == len(answered) >= 20
    assert IMAGES <= server.asked <= IMAGES + 3 * 2  # what was under way at each kill
    final = [json.loads(line) for line in (folder / "j.csv.answers.jsonl").read_text().splitlines()]
    digests = [row["digest"] for row in final[1:]]
    assert len(digests) == len(set(digests)) == IMAGES
    table = rows((folder / "j.csv").read_text())
    assert [row["guess"] for row in table] == ["cat", "automobile"] * (IMAGES // 2)
    assert found_in(folder, KEY) == []


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_asked_to_stop_it_loses_no_answer(folder, number, status):
    with serving(slow) as server:
        with start(server, folder) as process:
            wait_for(process, lambda: server.asked >= 10)
            os.kill(process.pid, number)
            out, err = process.communicate(timeout=60)
        assert (process.returncode, out) == (status, "")
        assert err.splitlines()[-1].endswith("and the same command line goes on")
        lines = (folder / "j.csv.answers.jsonl").read_bytes().splitlines()
        assert len(lines) - 1 == server.asked < IMAGES
        with start(server, folder, "-q") as process:
            assert process.communicate(timeout=60) == ("", "")
    assert process.returncode == 0 and server.asked == IMAGES


def test_progress_is_said_before_the_first_answer(folder):
    late = Reply(body=completion("cat, low"), seconds=60)
    with serving(lambda body, before: late) as server, start(server, folder) as process:
        line = process.stderr.readline()
        process.kill()
    assert line == f"advjudge: 0 of {IMAGES} answers\n" and server.asked <= 2
