"""Context limits that a user knows better than our table: given to a constructor or in HEADROOM_MODEL_LIMITS."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from headroom_stream.errors import ConfigurationError

VARIABLE = "HEADROOM_MODEL_LIMITS"
_SHAPE = '{"my-model": 200000}, or with sections: {"openai": {"context_limits": {"my-model": 200000}}}'


def limits_in_effect(provider: str, given: Mapping[str, int] | None, environ: Mapping[str, str] | None = None) -> dict[str, int]:
    """Limits by model: those of the environment, then those `given`, which win.

    The variable holds JSON or the path of a JSON file: models and their limits, as they are, under `context_limits`, or under the name of
    the provider. Raises ConfigurationError for anything else.
    """
    env = os.environ if environ is None else environ
    limits = _read(env[VARIABLE], provider) if env.get(VARIABLE) else {}
    return limits | _checked(given or {}, "context_limits")


def _read(value: str, provider: str) -> dict[str, int]:
    text, where = value, VARIABLE
    if not value.lstrip().startswith("{"):
        where = f"{VARIABLE}={value}"
        try:
            text = Path(value).expanduser().read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(f"{where} is neither JSON nor a file that can be read: {error}") from error
    try:
        tree = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigurationError(f"{where} is not JSON: {error}") from error
    if not isinstance(tree, dict):
        raise ConfigurationError(f"{where} has to be an object such as {_SHAPE}")
    section = tree[provider] if isinstance(tree.get(provider), dict) else tree
    limits = section.get("context_limits", section)
    if not isinstance(limits, dict):
        raise ConfigurationError(f"{where}: context_limits has to be an object such as {_SHAPE}")
    # Sections of other providers, and the original's prices, are objects.
    return _checked({model: limit for model, limit in limits.items() if not isinstance(limit, dict)}, where)


def _checked(limits: Mapping[str, Any], where: str) -> dict[str, int]:
    for model, limit in limits.items():
        if not isinstance(limit, int) or isinstance(limit, bool) or limit < 1:
            raise ConfigurationError(f"{where}: the limit of {model!r} has to be a whole number of tokens, as in {_SHAPE}")
    return {model.lower(): limit for model, limit in limits.items()}
