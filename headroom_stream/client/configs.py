"""The configs of the API page, as changes to the policy of a client's sessions.

| config | what it means to a session |
|---|---|
| `smart_crusher` | enabled: long lists in tool outputs are crushed as it says (`policy.crush`) |
| `cache_aligner` | enabled: values that change leave the system prompt, and go to the end of the messages |
| `rolling_window` | the budget (`max_tokens`) and the rounds that stay (`preserve_recent_turns`) |
| `model_context_limits`, `output_buffer_tokens` | the budget, where the window does not make it smaller |

A session leaves out its oldest rounds, and keeps system messages; settings that say otherwise, and the intelligent context, are for
transforms that are used directly: here they are errors.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from headroom_stream.config import CacheAlignerConfig, HeadroomConfig, RollingWindowConfig, SmartCrusherConfig
from headroom_stream.config.policy import CrushConfig
from headroom_stream.errors import ConfigurationError


class Asked(Struct, frozen=True, kw_only=True):
    """What configs ask for."""

    policy: dict[str, Any]
    """Changes to the policy."""
    aligner: CacheAlignerConfig
    """Not enabled where nobody asked for it: then it only reports."""
    window: bool
    """Whether a budget is kept at all."""
    limits: dict[str, int]
    buffer: int | None


def changes_of(
    config: HeadroomConfig | None,
    *,
    smart_crusher: SmartCrusherConfig | None,
    cache_aligner: CacheAlignerConfig | None,
    rolling_window: RollingWindowConfig | None,
) -> Asked:
    """What a whole config or its parts ask for. Raises ConfigurationError for a part given twice, and for what a session can't do."""
    if config is not None:
        if any(part is not None for part in (smart_crusher, cache_aligner, rolling_window)):
            raise ConfigurationError("give either config or its parts, not both")
        if config.intelligent_context.enabled:
            raise ConfigurationError(
                "intelligent_context: a session leaves out its oldest rounds, by age; use IntelligentContextManager directly"
            )
        smart_crusher, cache_aligner, rolling_window = config.smart_crusher, config.cache_aligner, config.rolling_window
    policy: dict[str, Any] = {}
    if smart_crusher is not None:
        policy["crush"] = _crush(smart_crusher)
    if rolling_window is not None and rolling_window.enabled:
        policy["window"] = _window(rolling_window)
    return Asked(
        policy=policy,
        aligner=CacheAlignerConfig(enabled=False) if cache_aligner is None else cache_aligner,
        window=rolling_window is None or rolling_window.enabled,
        limits=dict(config.model_context_limits) if config else {},
        buffer=_buffer(config, rolling_window),
    )


def _buffer(config: HeadroomConfig | None, window: RollingWindowConfig | None) -> int | None:
    if config is not None and config.output_buffer_tokens is not None:
        return config.output_buffer_tokens
    return None if window is None else window.output_buffer_tokens


_CRUSH = {"max_items": "max_items_after_crush", "min_tokens": "min_tokens_to_crush"}
"""Where the policy has another name for a setting."""


def _crush(config: SmartCrusherConfig) -> dict[str, Any]:
    names = {name: _CRUSH.get(name, name) for name in CrushConfig.__struct_fields__}
    usual = SmartCrusherConfig()
    others = [f.name for f in config._fields if f.name not in names.values() and getattr(config, f.name) != getattr(usual, f.name)]
    if others:
        raise ConfigurationError(f"smart_crusher: a session has no {', '.join(others)}; use SmartCrusher directly")
    return {name: getattr(config, page) for name, page in names.items()}


def _window(config: RollingWindowConfig) -> dict[str, Any]:
    for name in ("preserve_system", "drop_oldest_first"):
        if not getattr(config, name):
            raise ConfigurationError(f"rolling_window: a session has no {name}=False; use RollingWindow directly")
    return {"max_tokens": config.max_tokens, "keep_last_turns": max(1, config.preserve_recent_turns)}
