"""A server's address and its key, which comes from the environment and goes to it alone."""

import os
import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from advlib.errors import DataError

USUAL = "ADVJUDGE_KEY"  # the variable that holds a key
OWN = {"api.openai.com": "OPENAI_API_KEY"}  # variables of servers that have one by custom
PRIVATE = ("10.", "192.168.")  # networks of one's own, in which servers often do not encrypt
LOCAL = ("localhost", "127.0.0.1", "::1")


def server_address(text: str) -> str:
    """An address as requests begin with it, without the slash at its end.

    Raises DataError for what is none, or holds a password.
    """
    parts = urlsplit(text)
    if "@" in text:
        raise DataError("server: holds a user's name or password; a key comes from the environment")
    if parts.query or parts.fragment:
        raise DataError("server: holds ? or #; expected an address, as http://localhost:8000/v1")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise DataError(f"server: found {text!r}; expected an address, as http://localhost:8000/v1")
    return text.rstrip("/").removesuffix("/chat/completions")


def find_key(
    server: str, variable: str | None, environment: Mapping[str, str] = os.environ
) -> str | None:
    """The key for a server; None where there is none to send.

    variable: that holds it; None for the usual one, which may not be set.
    Raises DataError, without the key, where the one named is not set, a key could not be sent, or
    would be for all to read on the way.
    """
    host = urlsplit(server).hostname or ""
    names = [variable] if variable else [n for n in (OWN.get(host), USUAL) if n]
    name = next((n for n in names if environment.get(n, "").strip()), None)
    if name is None:
        if variable:
            raise DataError(f"key_variable: {variable} is not set; expected the server's key in it")
        return None
    key = environment[name].strip()
    if not re.fullmatch(r"[!-~]+", key):
        raise DataError(f"{name}: holds a blank or a character that no key has")
    if server.startswith("http:") and host not in LOCAL and not host.startswith(PRIVATE):
        raise DataError(f"server: {server} is not encrypted; a key is sent over https alone")
    return key
