"""OpenAI's batch files, which `vllm run-batch` takes too: requests written, replies read.

A line of requests has custom_id, method, url and body; a line of replies custom_id and response
{status_code, body}, or error.  The custom_id is the request's digest.
"""

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any, BinaryIO

from advlib.documents import parse_json
from advlib.errors import DataError
from advlib.humans.chat.answer_log import AnswerLog
from advlib.humans.chat.judge import Question
from advlib.humans.chat.reply import FILTERS, Reply, error_of, read_completion
from advlib.humans.chat.requests import Requests

URL = "/v1/chat/completions"
SERVER = "batch"  # what stands for the server in a file of answers


@dataclass(frozen=True)
class Imported:
    """What came of a file of replies: how many were taken, failed, known before, of others."""

    taken: int = 0
    failed: int = 0
    known: int = 0
    others: int = 0


def write_batch(file: BinaryIO, requests: Requests, wanted: Iterable[Question]) -> int:
    """Write a line for each question; returns how many."""
    count = 0
    for question in wanted:
        line = {
            "custom_id": question.digest,
            "method": "POST",
            "url": URL,
            "body": requests.body(question.picture),
        }
        file.write(json.dumps(line).encode() + b"\n")
        count += 1
    return count


def read_batch(file: BinaryIO, name: str, wanted: Collection[str], log: AnswerLog) -> Imported:
    """Add the replies of a file to the log, those to questions of other digests left out.

    wanted: the digests of all questions.  Raises DataError for a line that is no reply.
    """
    found: list[tuple[str, Reply]] = []
    known = others = 0
    for number, line in enumerate(file, 1):
        if not line.strip():
            continue
        try:
            row = parse_json(line)
            digest, reply = row["custom_id"], _reply(row)
        except (ValueError, KeyError, TypeError, AttributeError):
            raise DataError(
                f"{name}:{number}: found no custom_id with a response; expected the output of a"
                " batch, a line each as JSON"
            ) from None
        if digest not in wanted:
            others += 1
        elif log.get(digest) is not None:
            known += 1
        else:
            found.append((digest, reply))
    if not found and not known:
        what = "of other requests" if others else "no replies"
        raise DataError(
            f"{name}: {what}; expected replies to the requests of the same set, model and prompt"
        )
    with log.writing():
        for digest, reply in found:
            log.add(digest, reply, SERVER)
    failed = sum(bool(reply.failure) for _, reply in found)
    return Imported(len(found) - failed, failed, known, others)


def _reply(row: dict[str, Any]) -> Reply:
    response = row["response"]
    if response is None:
        code, _, message = error_of(row["error"])
        return Reply(failure=f"batch: {code} {message}".strip())
    body = response["body"]
    if response.get("status_code", 200) == 200 and (reply := read_completion(body)):
        return reply
    code, _, message = error_of(body)
    if code.lower() in FILTERS:
        return Reply(filtered=True)
    return Reply(failure=f"{response.get('status_code')}: {message or 'no choices'}"[:200])
