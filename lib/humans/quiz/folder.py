"""The folder of a quiz: its page, and the pictures in files that a browser reads one by one.

    index.html  style.css  js/*.js      the page, the same for all studies
    data/study.js                       settings, classes, how many pictures a page has
    data/page-001.js ...                pictures as PNG, with labels and predictions

All files are read by <script>, which works from file:// too; nothing is asked of any server.
"""

import base64
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib import resources
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from advlib.errors import CannotError, DataError
from advlib.humans.judgements import ADVERSARIAL, CLEAN, picture_digest
from advlib.humans.pictures import Picture, class_names, pictures
from advlib.humans.quiz.settings import QuizSettings
from advlib.jobs.files import UNFINISHED, sync_folder
from advlib.shards.pictures import encode_png
from advlib.shards.sources.cifar import CIFAR10_NAMES

if TYPE_CHECKING:
    from advlib.humans.pictures import Images

SITE = "site"  # the folder of the page, in this package
CIFAR10 = {  # what the classes mean where that is not plain; Bartoldson et al. 2024, Fig. 16
    "automobile": "sedans, SUVs and the like; no trucks, no pickup trucks",
    "truck": "big trucks only; no pickup trucks",
}
CONSENT = (
    "You will be asked what you see in small pictures. It takes about a quarter of an hour for a"
    " hundred pictures, each of which is shown twice.",
    "Noted are your answers, their times, and the identifier that you came with or give below."
    " Nothing is sent anywhere: you save the answers as a file yourself.",
    "You may stop at any time, without giving a reason, by closing the page.",
)


@dataclass(frozen=True)
class Words:
    """Texts of the page: heading, paragraphs of consent, what classes mean, by name, and the
    address to go to once the answers are saved, "" for none.
    """

    title: str = "What is in the picture?"
    consent: Sequence[str] = CONSENT
    definitions: dict[str, str] | None = None
    completion: str = ""


def write_quiz(
    source: "Images",
    folder: str,
    settings: QuizSettings,
    words: Words,
    *,
    feedback: bool = True,
    smooth: bool = False,
    own_orders: bool = False,
    history: Sequence[dict] = (),
    tick: Callable[[int], object] = lambda images: None,
) -> dict[str, Any]:
    """Write a quiz of a set of attacked images; returns what data/study.js holds.

    feedback: whether scores are shown before the end.  smooth: whether pictures are scaled smoothly
    instead of dot by dot.  own_orders: whether each participant gets another order.  tick: called
    with numbers of images.  Memory does not grow with them.

    Raises DataError for a folder that is there already, a set without attacked images or
    predictions, and definitions of classes that the set lacks; CannotError where the disk is full.
    """
    if ADVERSARIAL not in source.fields or "prediction" not in source.fields:
        raise DataError(f"{source.name}: no attacked images with predictions; expected advattack's")
    classes = class_names(source)
    definitions = _definitions(words, classes)
    if os.path.lexists(folder):
        raise DataError(f"{folder}: is there already; name a new folder, or remove it")
    unfinished = folder.rstrip("/") + UNFINISHED
    shutil.rmtree(unfinished, ignore_errors=True)
    try:
        with resources.as_file(resources.files(__package__) / SITE) as site:
            shutil.copytree(site, unfinished)
        data = os.path.join(unfinished, "data")
        os.mkdir(data)
        digest, pages, keys = hashlib.sha256(repr(classes).encode()), [], set[str]()
        pairs = _pairs(source, classes)
        while items := [_item(*pair) for pair in islice(pairs, settings.batch)]:
            for item in items:
                if item["image"] in keys:
                    raise DataError(
                        f"{source.name}: two images {item['image']!r}; see advpack --renumber"
                    )
                keys.add(item["image"])
                known = ("image", "label", "prediction", "adversarial_digest", "clean_digest")
                digest.update(repr([item[name] for name in known]).encode())
            pages.append(len(items))
            number = len(pages)
            _write_script(data, f"page-{number:03d}.js", f"Quiz.addPage({number}, ", items, ")")
            tick(len(items))
        if not pages:
            raise DataError(f"{source.name}: no images; expected one at least")
        study = {
            "study": digest.hexdigest()[:16],
            "title": words.title,
            "classes": classes,
            "definitions": definitions,
            "consent": list(words.consent),
            "completion": words.completion,
            "size": source.shape[:2],
            "pages": pages,
            "feedback": feedback,
            "smooth": smooth,
            "own_orders": own_orders,
            **{name: value for name, value in asdict(settings).items() if name != "batch"},
            "history": list(history),
        }
        _write_script(data, "study.js", "Quiz.study = ", study, "")
        sync_folder(unfinished)
        os.rename(unfinished, folder)
    except OSError as err:
        raise CannotError(f"{folder}: {err.strerror}") from err
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return study


def _definitions(words: Words, classes: Sequence[str]) -> dict[str, str]:
    if words.definitions is None:
        return CIFAR10 if set(classes) == set(CIFAR10_NAMES) else {}
    for name in words.definitions:
        if name not in classes:
            raise DataError(
                f"definitions: no class {name!r:.40}; expected some of {', '.join(classes):.300}"
            )
    return words.definitions


def _pairs(source: "Images", classes: Sequence[str]) -> Iterator[tuple[Picture, Picture]]:
    """The attacked picture of each image and its clean one."""
    shown = pictures(source, (ADVERSARIAL, CLEAN), classes)
    return zip(shown, shown, strict=True)


def _item(attacked: Picture, clean: Picture) -> dict[str, str]:
    return {
        "image": attacked.image,
        "label": attacked.label,
        "prediction": attacked.prediction,
        "clean_prediction": clean.prediction,
        "adversarial": _png(attacked.pixels),
        "clean": _png(clean.pixels),
        "adversarial_digest": picture_digest(attacked.pixels.tobytes()),
        "clean_digest": picture_digest(clean.pixels.tobytes()),
    }


def _png(pixels: np.ndarray) -> str:
    """A picture (height, width, 1 or 3) uint8 as an address that holds it."""
    return "data:image/png;base64," + base64.b64encode(encode_png(pixels)).decode()


def _write_script(folder: str, name: str, before: str, value: object, after: str) -> None:
    with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
        file.write(f"{before}{json.dumps(value, indent=0)}{after};\n")
