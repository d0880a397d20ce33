"""Puts the manual's pages into the wheel, each where man(1) looks for its section."""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class Pages(BuildHookInterface):
    """Adds man/NAME.S as share/man/manS/NAME.S."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        for page in sorted((Path(self.root) / "man").glob("*.[0-9]")):
            build_data["shared_data"][str(page)] = f"share/man/man{page.suffix[1]}/{page.name}"
