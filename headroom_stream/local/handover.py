"""Hands the settings in effect to child processes, as a TOML file: flags and variables of the parent count for them too."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import msgspec

from headroom_stream.config import Settings
from headroom_stream.settings import PREFIX


def write_settings(settings: Settings, path: Path) -> None:
    """Write all of them. Those that are None are left out, which says the same."""
    lines: list[str] = []
    _table(msgspec.to_builtins(settings), (), lines)
    path.parent.mkdir(parents=True, exist_ok=True)
    # Passwords may be in it: nobody else may read it, not even for a moment.
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")


def child_environment() -> dict[str, str]:
    """This process's, without the settings: in a child they would win over the file."""
    return {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}


def _table(tree: dict[str, Any], above: tuple[str, ...], lines: list[str]) -> None:
    if above:
        lines.append(f"[{'.'.join(above)}]")
    for name, value in tree.items():
        if value is not None and not isinstance(value, dict):
            # JSON's text, numbers, booleans and lists are TOML's as well.
            lines.append(f"{name} = {json.dumps(value)}")
    for name, value in tree.items():
        if isinstance(value, dict):
            _table(value, (*above, name), lines)
