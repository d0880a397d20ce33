"""What a server's reply says: its text kept as it came, and the class in it, never guessed."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from advlib.humans.judgements import ANSWERED, CONFIDENCES

FILTERS = (  # codes of errors, and reasons for an end, of servers that filter content
    *("content_filter", "content_policy_violation", "responsibleaipolicyviolation"),
    *("moderation_blocked", "safety"),
)
CUT_OFF = "length"  # the reason for an end at the limit of tokens
REFUSAL = re.compile(  # the beginning of a text without an answer
    r"\W*(i['’]?m sorry|i am sorry|sorry|i apologi[sz]e|unfortunately,? i|"
    r"i (can['’]?t|cannot|can not|won['’]?t|am unable|am not able)|i['’]m (unable|not able))\b",
    re.IGNORECASE,
)
MARKS = "*_`'\"“”‘’.,;:!()[]{}<>|# \t\r\n"  # around an answer, without meaning


@dataclass(frozen=True)
class Reply:
    """A server's last word on a request; kept as JSON.

    text: of the message.  refusal: what the model said instead, in a field of its own.  finish: why
    it ended.  filtered: whether the server kept it back.  failure: why there is none, in words.
    usage: tokens, as the server counted.  model, fingerprint: the server's names of what answered.
    seconds: from the request that was answered to the answer.
    """

    text: str = ""
    refusal: str = ""
    finish: str = ""
    filtered: bool = False
    failure: str = ""
    usage: Mapping[str, Any] | None = None
    model: str = ""
    fingerprint: str = ""
    seconds: float | None = None


@dataclass(frozen=True)
class Verdict:
    """What a reply comes to.

    guess, confidence, status: as of an Answer.  obeyed: whether the answer had the form that was
    asked for; None where there is no answer.  why: there is none, in words.
    """

    guess: str = ""
    confidence: str = ""
    status: str = ANSWERED
    obeyed: bool | None = None
    why: str = ""


def read_completion(body: Any) -> Reply | None:
    """A chat completion; None for JSON that is none, as gateways send with status 200."""
    try:
        choice = body["choices"][0]
        message = choice["message"]
        text = _text(message.get("content"))
        refusal = _text(message.get("refusal"))
        finish = str(choice.get("finish_reason") or "")
        usage = body.get("usage")
    except (KeyError, IndexError, TypeError, AttributeError):
        return None
    return Reply(
        text=text,
        refusal=refusal,
        finish=finish,
        filtered=finish.lower() in FILTERS,
        usage=usage if isinstance(usage, dict) else None,
        model=str(body.get("model") or ""),
        fingerprint=str(body.get("system_fingerprint") or ""),
    )


def error_of(body: Any) -> tuple[str, str, str]:
    """Code, named parameter and message of an error's body; texts, "" where it has none."""
    found = body.get("error", body) if isinstance(body, dict) else body
    if isinstance(found, list) and found:
        found = found[0]
    if not isinstance(found, dict):
        return "", "", str(found or "")
    inner = found.get("innererror")
    codes = [found.get("code"), inner.get("code") if isinstance(inner, dict) else None]
    code = next((str(c) for c in codes if str(c).lower() in FILTERS), str(found.get("code") or ""))
    message = found.get("message") or found.get("detail") or ""
    return code, str(found.get("param") or ""), message if isinstance(message, str) else ""


def judge_reply(reply: Reply, classes: Sequence[str], constrain: str = "none") -> Verdict:
    """The class and confidence that a reply gives in the form that was asked for.

    The answer is the text's end.  Elsewhere in the text it counts where the text has just one, and
    so nothing is to be chosen; what was cut off has none.
    """
    if reply.failure:
        return Verdict(status="failed", why=reply.failure)
    if reply.filtered:
        return Verdict(status="filtered", why="kept back by the server")
    if reply.refusal:
        return Verdict(status="refused", why=reply.refusal)
    if reply.finish == CUT_OFF:
        return Verdict(status="unparsable", why="cut off at the limit of tokens")
    text = reply.text.strip()
    if not text:
        return Verdict(status="unparsable", why="no text")
    if constrain == "schema" and (found := _object(text, classes)):
        return Verdict(*found, obeyed=True)
    given = _pairs(text, classes)
    if given:
        last, end = given[-1]
        at_end = not text[end:].strip(MARKS)
        if at_end or len({pair for pair, _ in given}) == 1:
            asked = at_end and constrain == "none"
            whole = text.lower() == f"{last[0]}, {last[1]}".lower()
            return Verdict(*last, obeyed=asked or (constrain == "choice" and whole))
        why = f"{len({pair for pair, _ in given})} answers, none at the end"
        return Verdict(status="unparsable", why=why)
    if REFUSAL.match(text):
        return Verdict(status="refused", why="a refusal in words")
    return Verdict(status="unparsable", why="no class with a confidence in the text")


def _text(content: Any) -> str:
    """The text of a message, which some servers send in parts."""
    if isinstance(content, list):
        parts = (part.get("text") for part in content if isinstance(part, dict))
        return "".join(part for part in parts if isinstance(part, str))
    return content if isinstance(content, str) else ""


def _pairs(text: str, classes: Sequence[str]) -> list[tuple[tuple[str, str], int]]:
    """Each '{class}, {confidence}' that ends a sentence or a line of a text, and where it ends;
    marks around words are ignored.  One that goes on, as "cat, low resolution", is none.
    """
    alike = len({name.lower() for name in classes}) == len(classes)  # not where A and a are two
    fold = str.lower if alike else str
    known = {fold(name): name for name in classes}
    names = "|".join(re.escape(name) for name in sorted(known, key=len, reverse=True))
    names = names if alike else f"(?-i:{names})"
    mark = r"[*_`'\"“”‘’{}]*"
    stop = r"(?=[*_`'\"“”‘’}\]]*[ \t]*(?:\Z|[.;!?)\r\n<]))"
    form = rf"(?<![\w-]){mark}({names}){mark}\s*,\s*{mark}({'|'.join(CONFIDENCES)}){stop}"
    return [
        ((known[fold(found[1])], found[2].lower()), found.end())
        for found in re.finditer(form, text, re.IGNORECASE)
    ]


def _object(text: str, classes: Sequence[str]) -> tuple[str, str] | None:
    """Class and confidence of an answer that is a JSON object; None where it is not."""
    try:
        found = json.loads(text)
        guess, confidence = found["class"], found["confidence"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return (guess, confidence) if guess in classes and confidence in CONFIDENCES else None
