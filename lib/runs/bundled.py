"""The paper's runs, digitised from its public figures and shipped with the package.

Where every number comes from and how sure it is: `data/README.md` beside them.
"""

import io
from importlib import resources
from typing import BinaryIO

BUNDLED = {
    "paper": "bartoldson2024_runs.csv",
    "paper-envelope": "bartoldson2024_envelope_pfgmpp18.csv",
    "paper-final": "bartoldson2024_compute_efficient.csv",
}


def open_bundled(name: str) -> tuple[str, BinaryIO]:
    """A name for messages and the CSV text of a bundled table, a key of BUNDLED."""
    file = resources.files("advlib.runs") / "data" / BUNDLED[name]
    return f"bundled {name}", io.BytesIO(file.read_bytes())
