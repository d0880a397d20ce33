"""Requests: what the paper's hold, what files change, and what a digest tells apart."""

import base64
import io
import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from advlib.errors import DataError
from advlib.humans.chat.requests import read_requests
from advlib.humans.pictures import Picture
from advlib.shards.sources.cifar import CIFAR10_NAMES

PIXELS = np.random.default_rng(0).integers(0, 256, (8, 6, 3), dtype=np.uint8)
PICTURE = Picture("1", "cat", "dog", "adversarial", PIXELS, 0)


def picture_in(body):
    url = body["messages"][0]["content"][-1]["image_url"]["url"]
    kind, _, data = url.partition(";base64,")
    assert kind == "data:image/png"
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))


def test_the_picture_is_sent_pixel_by_pixel():
    requests = read_requests("seer", CIFAR10_NAMES)
    assert (picture_in(requests.body(PICTURE)) == PIXELS).all()
    large = replace(requests, scale=4)
    assert large.size(PICTURE) == (32, 24)
    found = picture_in(large.body(PICTURE))
    assert (found == PIXELS.repeat(4, 0).repeat(4, 1)).all()
    grey = replace(PICTURE, pixels=PIXELS[..., :1])
    assert (picture_in(requests.body(grey)) == PIXELS[..., 0]).all()


def test_other_classes_have_no_remarks():
    text = read_requests("seer", ("truck", "automobile")).text
    assert "one of these 2 classes: truck, automobile." in text


def test_a_constraint_names_every_answer():
    body = read_requests("seer", ("cat", "dog"), constrain="choice").body(PICTURE)
    assert body["structured_outputs"]["choice"] == [
        *("cat, low", "cat, higher", "dog, low", "dog, higher")
    ]
    requests = read_requests("seer", ("cat", "dog"), constrain="schema")
    schema = requests.body(PICTURE)["response_format"]["json_schema"]["schema"]
    assert schema["properties"]["class"]["enum"] == ["cat", "dog"]
    assert "JSON" in requests.text


def test_prompt_and_payload_come_from_files(tmp_path):
    prompt, payload = tmp_path / "prompt.txt", tmp_path / "payload.json"
    prompt.write_text("Of {classes}, which? End with '{class}, {confidence}'.")
    part = {"type": "image_url", "image_url": {"url": "{image}", "detail": "low"}}
    content = [{"type": "text", "text": "Look. {prompt}"}, part]
    payload.write_text(json.dumps({"messages": [{"role": "user", "content": content}], "seed": 5}))
    found = read_requests("seer", ("cat", "dog"), prompt=str(prompt), payload=str(payload))
    body = found.body(PICTURE)
    text, image = body["messages"][0]["content"]
    assert text["text"] == "Look. Of cat, dog, which? End with '{class}, {confidence}'."
    assert image["image_url"]["detail"] == "low" and body["seed"] == 5
    assert "temperature" not in body and "max_tokens" not in body


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "not JSON"),
        ("[]", "no messages"),
        ('{"messages": []}', "no {image} in it"),
    ],
)
def test_a_payload_that_is_none_is_refused(tmp_path, text, said):
    path = tmp_path / "payload.json"
    path.write_text(text)
    with pytest.raises(DataError, match=said):
        read_requests("seer", CIFAR10_NAMES, payload=str(path))
    path.write_text(" ")
    with pytest.raises(DataError, match="empty"):
        read_requests("seer", CIFAR10_NAMES, prompt=str(path))


def test_a_digest_is_of_all_that_is_asked_and_of_nothing_else():
    requests = read_requests("seer", CIFAR10_NAMES)
    first = requests.digest(PICTURE)
    same = replace(PICTURE, image="2", label="dog", prediction="", condition="clean", order=9)
    assert requests.digest(same) == first
    changed = PIXELS.copy()
    changed[0, 0, 0] ^= 1
    others = [
        requests.digest(replace(PICTURE, pixels=changed)),
        requests.digest(replace(PICTURE, pixels=PIXELS.reshape(6, 8, 3))),
        replace(requests, model="other").digest(PICTURE),
        replace(requests, prompt="Which?").digest(PICTURE),
        replace(requests, scale=2).digest(PICTURE),
        replace(requests, constrain="choice").digest(PICTURE),
        replace(requests, payload={**requests.payload, "seed": 1}).digest(PICTURE),
    ]
    assert len({first, *others}) == len(others) + 1
