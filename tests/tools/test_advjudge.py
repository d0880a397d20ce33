"""advjudge, the command: a chat model judges a set, on a server of the test's own."""

import io
import json

import pytest
from chat_server import completion, pixels_of, right_answer, serving, write_attacked
from commands import inside
from pages import heads, plain, sections
from sevenclasses import refused, rows

from advlib.humans.chat import judge
from advlib.humans.judgements import COLUMNS, read_judgements
from advlib.humans.judges import network
from advlib.humans.pictures import picture_digest
from advlib.shards.reader import open_set
from advlib.shards.sources.cifar import CIFAR10_NAMES


@pytest.fixture
def run(tmp_path):
    write_attacked(tmp_path)
    with inside(tmp_path) as run:
        yield run


def read(text):
    return read_judgements([("judged.csv", io.BytesIO(text.encode()))], classes=CIFAR10_NAMES)


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


def test_a_dry_run_asks_nothing_and_counts_what_is_left(run):
    with serving() as server:
        line = "advjudge chat:seer attacked --dry-run --price 2.5,10 --answers kept.jsonl"
        (row,) = rows(run(line).stdout)
        assert server.asked == 0
        assert (row["requests"], row["answered"], row["image_tokens"]) == ("12", "0", "3060")
        tokens = int(row["text_tokens"]) + int(row["image_tokens"])
        assert float(row["cost"]) == pytest.approx((2.5 * tokens + 10 * 12 * 3200) / 1e6)
        run(f"advjudge chat:seer attacked --server {server.address} --answers kept.jsonl -q")
        (row,) = rows(run(f"{line} --condition both").stdout)
    assert (row["requests"], row["answered"], row["answer_tokens"]) == ("12", "12", "240")


def test_a_batch_goes_out_and_comes_back(run, tmp_path):
    said = run("advjudge chat:seer attacked --batch-export out.jsonl").stderr
    assert said == "advjudge: note: out.jsonl: 12 requests\n"
    back = []
    for i, line in enumerate((tmp_path / "out.jsonl").read_text().splitlines()):
        request = json.loads(line)
        body = completion(right_answer(request["body"]))
        response = {"status_code": 200, "body": body} if i else None
        error = None if i else {"code": "batch_expired", "message": "too late"}
        row = {"custom_id": request["custom_id"], "response": response, "error": error}
        back.append(json.dumps(row))
    (tmp_path / "in.jsonl").write_text("\n".join(reversed(back)))
    done = run("advjudge chat:seer attacked --batch-import in.jsonl -o judged.csv")
    assert "in.jsonl: 11 replies taken, 1 failures" in done.stderr
    judged = rows((tmp_path / "judged.csv").read_text())
    assert [row["status"] for row in judged] == ["failed"] + ["answered"] * 11
    assert [row["guess"] for row in judged[1:10]] == [*CIFAR10_NAMES[2:], CIFAR10_NAMES[0]]
    with serving() as server:  # what the batch left
        run(f"advjudge chat:seer attacked --server {server.address} -q -o judged.csv")
    assert server.asked == 1
    assert rows((tmp_path / "judged.csv").read_text())[0]["guess"] == "automobile"


def test_answers_of_another_server_are_taken_and_said(run):
    with serving() as one, serving() as other:
        line = "advjudge chat:seer attacked -o judged.csv --server"
        run(f"{line} {one.address}")
        done = run(f"{line} {other.address}")
    assert other.asked == 0
    assert f"holds answers of {one.address}, which are taken too" in done.stderr


def test_prompt_and_constraint_reach_the_server(run, tmp_path):
    (tmp_path / "prompt.txt").write_text("One of {classes}? End with '{class}, {confidence}'.")
    with serving() as server:
        out = run(
            f"advjudge chat:seer attacked --server {server.address} --prompt prompt.txt"
            " --constrain choice --scale 4 --name eve --answers kept.jsonl"
        ).stdout
    body = server.requests[0][2]
    assert body["messages"][0]["content"][0]["text"].startswith("One of airplane, automobile (but")
    assert len(body["structured_outputs"]["choice"]) == 20
    assert pixels_of(body).shape == (32, 32, 3)
    row = rows(out)[0]  # the server ignores the constraint, as some do
    assert (row["judge"], row["constrained"], row["obeyed"]) == ("eve", "choice", "false")


WRONG = {
    "chat:seer attacked": "--server: not given",
    "chat:seer attacked --server http://localhost:1/v1": "--answers: not given",
    "chat:seer attacked --server localhost -o x.csv": "--server: found 'localhost'",
    "chat: attacked": "judge: found 'chat:'; expected a name behind chat:",
    "chat:seer attacked --dry-run --server http://x/v1": "does nothing where no server is asked",
    "chat:seer attacked --dry-run --format model-vs-human": "a dry run gives no answers",
    "chat:seer attacked --batch-export x.jsonl --format csv": "does not go with --batch-export",
    "chat:seer attacked --price 1,2": "--price: goes with --dry-run",
    "chat:seer attacked --dry-run --price 1": "expected two numbers",
    "chat:seer attacked --dry-run --prompt nowhere.txt": "nowhere.txt: No such file",
    "chat:seer nowhere --dry-run": "nowhere",
    "chat:seer attacked --batch-import empty -o x.csv": "empty: no replies",
    "chat:seer attacked --server http://localhost:1/v1 -o x.csv --key-variable NO_SUCH": (
        "--key-variable: NO_SUCH is not set"
    ),
    "chat:seer attacked --server http://localhost:1/v1 --answers seven.csv": (
        "seven.csv:1: not a row of a file of answers"
    ),
}


@pytest.mark.parametrize("line", WRONG)
def test_what_is_wrong_is_one_line(run, tmp_path, line):
    (tmp_path / "empty").write_text("")
    (tmp_path / "seven.csv").write_text("image,judge\n1,me\n")
    refused(run, f"advjudge {line}", WRONG[line], tmp_path)


def test_fields_of_the_file_of_answers_are_documented(run, tmp_path):
    with serving() as server:
        run(f"advjudge chat:seer attacked --server {server.address} -q -o judged.csv")
    lines = (tmp_path / "judged.csv.answers.jsonl").read_text().splitlines()
    header, *answers = map(json.loads, lines)
    assert set(header) == {"event", "format", "version"} and len(answers) == 12
    assert {name for row in answers for name in row} - {"event"} == heads(
        sections("advjudge.1")["FILES"]
    )


def test_columns_beside_those_of_judgements_are_documented(run):
    text = plain(sections("advjudge.1")["OUTPUT"])
    for name in (*COLUMNS, *judge.COLUMNS, network.COLUMN, "requests", "answered", "cost"):
        assert name in text, name
    line = "advjudge chat:seer attacked --dry-run"
    assert all(name in text for name in rows(run(line).stdout)[0])


def test_a_set_may_come_through_a_pipe(run):
    piped = run("advcut attacked --range 0:3 -q -o -").stdout_bytes
    with serving() as server:
        line = f"advjudge chat:seer - --server {server.address} --answers kept.jsonl -q"
        judged = rows(run(line, input=piped).stdout)
    assert [row["guess"] for row in judged] == list(CIFAR10_NAMES[1:4])
