"""Reads the configuration tree: defaults, then a TOML file, then `HEADROOM_STREAM_*` variables, then flags. Unknown keys are errors."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from headroom_stream.config import Settings, check_access, check_sizes, merge, with_preset
from headroom_stream.errors import ConfigurationError

PREFIX = "HEADROOM_STREAM_"
SHORT = {"BROKERS": ("kafka", "brokers"), "CLICKHOUSE": ("clickhouse", "url")}
"""Short names of the two settings everyone sets; the others are SECTION__KEY, as in HEADROOM_STREAM_WORKER__GROUP."""


def load_settings(
    *,
    config: str | Path | None = None,
    brokers: str | None = None,
    clickhouse: str | None = None,
    environ: Mapping[str, str] | None = None,
) -> Settings:
    """The settings in effect. Raises ConfigurationError, which names the source and the key."""
    env = os.environ if environ is None else environ
    tree: dict[str, Any] = {}
    path = config or env.get(PREFIX + "CONFIG")
    if path:
        tree = _read(Path(path))
        _check(tree, str(path))
    from_env = _from_environment(env)
    tree = merge(tree, from_env)
    _check(tree, "environment")
    flags: dict[str, Any] = {}
    if brokers:
        flags["kafka"] = {"brokers": brokers}
    if clickhouse:
        flags["clickhouse"] = {"url": clickhouse}
    settings = _check(merge(tree, flags), "flags")
    check_sizes(settings)
    check_access(settings.kafka)
    return settings


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(f"can't read the configuration file {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} is not TOML: {error}") from error


def _from_environment(env: Mapping[str, str]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for name in sorted(env):
        if not name.startswith(PREFIX) or name == PREFIX + "CONFIG":
            continue
        rest = name.removeprefix(PREFIX)
        keys = SHORT.get(rest) or tuple(k.lower() for k in rest.split("__"))
        node = tree
        for key in keys[:-1]:
            node = node.setdefault(key, {})
            if not isinstance(node, dict):
                raise ConfigurationError(f"{name} names a key below a value")
        node[keys[-1]] = env[name]
    return tree


def _check(tree: dict[str, Any], source: str) -> Settings:
    # Values from the environment are text; strict=False reads numbers and booleans from it.
    if isinstance(policy := tree.get("policy"), dict):
        tree = tree | {"policy": with_preset(policy)}
    try:
        return msgspec.convert(tree, Settings, strict=False)
    except msgspec.ValidationError as error:
        raise ConfigurationError(f"{source}: {error}") from error
