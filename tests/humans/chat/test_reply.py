"""Which class an answer names: the one at its end, the only one, or none."""

import pytest

from advlib.humans.chat.reply import Reply, error_of, judge_reply, read_completion
from advlib.shards.sources.cifar import CIFAR10_NAMES


def judged(text, constrain="none", classes=CIFAR10_NAMES, **known):
    found = judge_reply(Reply(text=text, **known), classes, constrain)
    return found.guess, found.confidence, found.status, found.obeyed


@pytest.mark.parametrize(
    "text",
    [
        "cat, low",
        "Cat, Low.",
        "It has whiskers, so it is\n\n**cat, low**",
        "'cat', 'low'",
        "Could be a dog, higher than that it is not. I say: {cat, low}",
        "dog, higher? No:\ncat, low\n",
        "<think>dog, higher</think> cat , low",
        "```\ncat, low\n```",
    ],
)
def test_the_end_of_the_text_is_the_answer(text):
    assert judged(text) == ("cat", "low", "answered", True)


@pytest.mark.parametrize(
    "text",
    ["My answer is cat, low. Tell me if you want to know more!", "cat, low (cat, low) it is"],
)
def test_the_only_answer_in_a_text_counts_but_did_not_obey(text):
    assert judged(text) == ("cat", "low", "answered", False)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "cat",
        "low",
        "cat low",
        "cat, medium",
        "tiger, low",
        "bobcat, low",
        "cat, lower",
        "Hard to say: a cat, low resolution though",
        "The cat is low, higher than a dog.",
        "cat, low or dog, higher, I cannot say",
        "pickup truck-cat, higher-ish",
    ],
)
def test_what_names_no_class_is_never_guessed(text):
    assert judged(text) == ("", "", "unparsable", None)


@pytest.mark.parametrize(
    "text", ["I'm sorry, but I can't help with that.", "I cannot identify it", "Sorry, no."]
)
def test_a_refusal_in_words_is_one(text):
    assert judged(text)[2] == "refused"


def test_other_ends_without_an_answer_are_told_apart():
    assert judged("cat, low", filtered=True)[2] == "filtered"
    assert judged("cat, low", refusal="No.")[2] == "refused"
    assert judged("cat, low", failure="500: x")[2] == "failed"
    assert judged("cat, low", finish="length")[2] == "unparsable"  # what came after is not known


def test_constrained_answers_are_held_to_their_form_all_the_same():
    assert judged("cat, low", "choice") == ("cat", "low", "answered", True)
    assert judged("I think: cat, low", "choice") == ("cat", "low", "answered", False)
    right = '{"class": "cat", "confidence": "low"}'
    assert judged(right, "schema") == ("cat", "low", "answered", True)
    assert judged("cat, low", "schema") == ("cat", "low", "answered", False)
    assert judged('{"class": "tiger", "confidence": "low"}', "schema")[2] == "unparsable"
    assert judged('{"class": "cat"}', "schema")[2] == "unparsable"


def test_class_names_are_taken_literally_and_whole():
    assert judged("c++, low", classes=("c", "c++"))[0] == "c++"
    assert judged("sports car, higher", classes=("car", "sports car"))[0] == "sports car"
    assert judged("A, low", classes=("a", "A"))[0] == "A"
    assert judged("a, LOW", classes=("a", "A"))[0] == "a"
    assert judged("3, higher", classes=tuple("0123456789"))[0] == "3"


def test_messages_in_parts_are_joined_and_nothing_else_is_a_completion():
    def body(message, **choice):
        return {"choices": [{"message": message, **choice}]}

    parts = [{"type": "text", "text": "cat, "}, {"type": "text", "text": "low"}]
    assert read_completion(body({"content": parts})).text == "cat, low"
    assert read_completion(body({"content": None, "refusal": "No."})).refusal == "No."
    assert read_completion(body({"content": "x"}, finish_reason="content_filter")).filtered
    for other in (None, [], {}, {"choices": []}, {"choices": [{}]}, {"choices": [3]}, "text"):
        assert read_completion(other) is None


def test_errors_are_read_in_every_form():
    assert error_of({"error": {"code": 500, "param": None, "message": "m"}}) == ("500", "", "m")
    assert error_of({"error": "no model"}) == ("", "", "no model")
    assert error_of([{"error": 3}]) == ("", "", "")
    assert error_of({"detail": "d"}) == ("", "", "d")
    assert error_of(None) == ("", "", "")
