"""Policies as people name them on a command line: a file, or settings that differ."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

from headroom_stream.config import Policy, merge, override
from headroom_stream.errors import ConfigurationError

DEFAULT = "default"
_NEXT = re.compile(r",(?=\s*[a-z_.]+\s*=)")
"""Ends a setting: a comma within a list is not followed by a name and an equals sign."""


def named(spec: str, base: Policy) -> Policy:
    """The policy of `default`, of `FILE.toml` (a policy, or settings with a section `policy`) or of `key.key=value,…`, over `base`.

    Values are TOML; text without quotes is text. Raises ConfigurationError, which names the spec.
    """
    if spec == DEFAULT:
        return base
    try:
        return override(base, _file(Path(spec)) if "=" not in spec else _settings(spec))
    except ConfigurationError as error:
        raise ConfigurationError(f"--policy {spec}: {error}") from error


def _file(path: Path) -> dict[str, Any]:
    try:
        tree = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(f"neither key=value nor a file that can be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"not TOML: {error}") from error
    section = tree.get("policy")
    return section if isinstance(section, dict) else tree


def _settings(spec: str) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for part in _NEXT.split(spec):
        name, _, value = part.partition("=")
        nested: Any = _value(value.strip())
        for key in reversed(name.strip().split(".")):
            nested = {key: nested}
        tree = merge(tree, nested)
    return tree


def _value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
