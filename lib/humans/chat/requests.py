"""Requests for chat completions: prompt, payload, and the digest that knows a request again.

A payload is JSON in whose texts {model}, {prompt} and {image} are filled in; a prompt is text with
{count}, {classes} and {form}, the form of the answer.

Source: Bartoldson et al. 2024, Figures 17 and 18; the prompt says the same in other words.
"""

import base64
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from typing import Any

from advlib.documents import parse_json
from advlib.errors import DataError
from advlib.humans.judgements import CONFIDENCES
from advlib.humans.pictures import Picture
from advlib.shards.sources.cifar import CIFAR10_NAMES

REMARKS = {  # of CIFAR-10's classes
    "automobile": " (but not truck or pickup truck)",
    "truck": " (but not pickup truck)",
}
WORDS = (
    "You may reason freely first. The last two words of your answer must be '{class}, "
    "{confidence}': the class as it is written above, and your confidence, 'low' or 'higher'. Say "
    "'low' only if your class is unlikely to be correct."
)
OBJECT = (
    'Answer with a JSON object {"class": ..., "confidence": ...} alone: the class as it is written '
    'above, and your confidence, "low" or "higher". Say "low" only if your class is unlikely '
    "to be correct."
)
FORMS = {"none": WORDS, "choice": WORDS, "schema": OBJECT}  # by what an answer is constrained to
IMAGE = "{image}"


@dataclass(frozen=True)
class Requests:
    """Makes requests about pictures.

    model: its name on the server.  classes: names.  prompt, payload: the texts of files, of which
    `payload` is JSON.  constrain: "none", "choice" or "schema".  scale: pixels of the picture
    sent, across, for one of an image.
    """

    model: str
    classes: tuple[str, ...]
    prompt: str
    payload: dict[str, Any]
    constrain: str = "none"
    scale: int = 1

    @cached_property
    def text(self) -> str:
        """The prompt, filled in."""
        remarks = REMARKS if set(self.classes) == set(CIFAR10_NAMES) else {}
        named = ", ".join(name + remarks.get(name, "") for name in self.classes)
        known = {"count": str(len(self.classes)), "classes": named, "form": FORMS[self.constrain]}
        return _filled(self.prompt, known).strip()

    @cached_property
    def choices(self) -> list[str]:
        """All answers in the form '{class}, {confidence}'."""
        return [f"{name}, {how}" for name in self.classes for how in CONFIDENCES]

    @cached_property
    def _asked(self) -> dict[str, Any]:
        """A request but for its picture."""
        known = {"model": self.model, "prompt": self.text}
        return {**_replaced(self.payload, known), **self._constraint()}

    def _constraint(self) -> dict[str, Any]:
        if self.constrain == "choice":
            return {"structured_outputs": {"choice": self.choices}}
        if self.constrain == "none":
            return {}
        fields = {
            "class": {"type": "string", "enum": list(self.classes)},
            "confidence": {"type": "string", "enum": list(CONFIDENCES)},
        }
        schema = {
            "type": "object",
            "properties": fields,
            "required": list(fields),
            "additionalProperties": False,
        }
        about = {"name": "judgement", "strict": True, "schema": schema}
        return {"response_format": {"type": "json_schema", "json_schema": about}}

    def size(self, picture: Picture) -> tuple[int, int]:
        """Height and width of the picture that is sent."""
        height, width = picture.pixels.shape[:2]
        return height * self.scale, width * self.scale

    @cached_property
    def _kind(self) -> bytes:
        """What the requests about all pictures share."""
        return f"{json.dumps(self._asked, sort_keys=True)} {self.scale} ".encode()

    def digest(self, picture: Picture) -> str:
        """Of the whole request, by the picture's pixels, not by how they are packed."""
        pixels = picture.pixels
        found = hashlib.sha256(self._kind)
        found.update("x".join(map(str, pixels.shape)).encode())
        found.update(pixels.tobytes())
        return found.hexdigest()[:32]

    def body(self, picture: Picture) -> dict[str, Any]:
        """The request, with the picture as a data URI of a PNG."""
        from advlib.shards.pictures import encode_png

        pixels = picture.pixels.repeat(self.scale, 0).repeat(self.scale, 1)
        encoded = base64.b64encode(encode_png(pixels)).decode()
        return _replaced(self._asked, {"image": f"data:image/png;base64,{encoded}"})


def read_requests(
    model: str,
    classes: Sequence[str],
    *,
    prompt: str | None = None,
    payload: str | None = None,
    constrain: str = "none",
    scale: int = 1,
) -> Requests:
    """Requests by the paper's prompt and payload, or those in files of these names.

    Raises DataError where a file is not what it should be.
    """
    text = _read(prompt, "prompt.txt")
    if not text.strip():
        raise DataError(f"{prompt}: empty; expected a prompt")
    encoded = _read(payload, "payload.json")
    try:
        body = parse_json(encoded.encode())
    except ValueError as err:
        raise DataError(f"{payload}: not JSON: {err}; expected a request") from None
    if not isinstance(body, dict) or "messages" not in body:
        raise DataError(f"{payload}: no messages; expected a request for a chat completion")
    if IMAGE not in encoded:
        raise DataError(f"{payload}: no {IMAGE} in it, where the picture is to be")
    return Requests(model, tuple(classes), text, body, constrain, scale)


def _read(path: str | None, usual: str) -> str:
    if path is None:
        return files("advlib.humans.chat").joinpath("data", usual).read_text("utf-8")
    try:
        with open(path, encoding="utf-8-sig") as file:
            return file.read()
    except UnicodeDecodeError:
        raise DataError(f"{path}: not UTF-8 text") from None
    except OSError as err:
        raise DataError(f"{path}: {err.strerror}") from err


def _filled(text: str, known: dict[str, str]) -> str:
    for name, value in known.items():
        text = text.replace(f"{{{name}}}", value)
    return text


def _replaced(value: Any, known: dict[str, str]) -> Any:
    """JSON with names in braces replaced in its texts."""
    if isinstance(value, dict):
        return {name: _replaced(item, known) for name, item in value.items()}
    if isinstance(value, list):
        return [_replaced(item, known) for item in value]
    if isinstance(value, str) and "{" in value:
        return _filled(value, known)
    return value
