"""Settings of a judge that is asked over chat completions, each declared once."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from advlib.humans import judges
from advlib.humans.judges import of_sort
from advlib.settings import Rule, check, setting

CHAT = of_sort(judges.CHAT)


def _asks(found: Mapping[str, Any]) -> bool:
    return not any(found.get(name) for name in ("dry_run", "batch_export", "batch_import"))


ASKS = (*CHAT, Rule(_asks, "does nothing where no server is asked"))


@dataclass(frozen=True)
class ChatSettings:
    """How a model is asked; None for what is not given."""

    server: str | None = setting(
        None,
        "Address of the server, as http://localhost:8000/v1.",
        metavar="URL",
        applies=ASKS,
    )
    key_variable: str | None = setting(
        None,
        "Environment variable that holds the server's key.",
        usual="ADVJUDGE_KEY; for api.openai.com OPENAI_API_KEY",
        metavar="NAME",
        applies=ASKS,
    )
    prompt: str | None = setting(
        None, "File of another prompt.", usual="the paper's", metavar="FILE", applies=CHAT
    )
    payload: str | None = setting(
        None,
        "File of another request, as JSON.",
        usual="the paper's",
        metavar="FILE",
        applies=CHAT,
    )
    scale: int = setting(
        1, "Pixels of the picture sent, across, for one of an image.", low=1, high=64, applies=CHAT
    )
    constrain: str = setting(
        "none",
        "Have the server allow the classes alone, by vLLM's choice or a JSON schema.",
        choices=("none", "choice", "schema"),
        applies=CHAT,
    )
    concurrency: int = setting(8, "Requests at once.", low=1, high=1000, applies=ASKS)
    tries: int = setting(6, "Tries of a request.", low=1, high=100, applies=ASKS)
    timeout: float = setting(
        300.0, "Seconds to wait for an answer.", unit="seconds", low=0, above=True, applies=ASKS
    )

    def __post_init__(self):
        check(self)
