"""A key goes to its server alone."""

import pytest

from advlib.errors import DataError
from advlib.humans.chat.key import find_key, server_address

OPENAI = "https://api.openai.com/v1"


def test_an_address_is_taken_with_and_without_its_end():
    for text in ("http://localhost:8000/v1", "http://localhost:8000/v1/"):
        assert server_address(text) == "http://localhost:8000/v1"
    assert server_address(f"{OPENAI}/chat/completions") == OPENAI


@pytest.mark.parametrize(
    "text",
    ["localhost:8000", "ftp://x/v1", "http://", "ftp://me:secret@x/v1", "http://x/v1?key=secret"],
)
def test_other_addresses_are_refused_without_their_password(text):
    with pytest.raises(DataError, match=r"^server: ") as caught:
        server_address(text)
    assert "secret" not in str(caught.value)


def test_a_server_gets_its_own_key_alone():
    both = {"OPENAI_API_KEY": "sk-1", "ADVJUDGE_KEY": "sk-2", "MINE": " sk-3\n"}
    assert find_key(OPENAI, None, both) == "sk-1"
    assert find_key("https://elsewhere/v1", None, both) == "sk-2"
    assert find_key("https://elsewhere/v1", None, {"OPENAI_API_KEY": "sk-1"}) is None
    assert find_key(OPENAI, "MINE", both) == "sk-3"
    assert find_key("https://api.openai.com.evil.org/v1", None, {"OPENAI_API_KEY": "sk-1"}) is None


def test_a_key_is_not_sent_for_all_to_read():
    keys = {"ADVJUDGE_KEY": "sk-2"}
    for server in ("http://localhost:1/v1", "http://127.0.0.1/v1", "http://192.168.1.2/v1"):
        assert find_key(server, None, keys) == "sk-2"
    with pytest.raises(DataError, match="not encrypted") as caught:
        find_key("http://example.org/v1", None, keys)
    assert "sk-2" not in str(caught.value)
    assert find_key("http://example.org/v1", None, {}) is None


def test_a_key_that_is_missing_or_none_is_named_by_its_variable():
    with pytest.raises(DataError, match="key_variable: MINE is not set"):
        find_key(OPENAI, "MINE", {})
    for bad in ("sk one", "sk-\N{BULLET}"):
        with pytest.raises(DataError, match=r"^MINE: ") as caught:
            find_key(OPENAI, "MINE", {"MINE": bad})
        assert "sk" not in str(caught.value)
