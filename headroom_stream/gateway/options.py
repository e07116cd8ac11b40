"""From the configs of a request to what the engine is asked."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeVar

from msgspec import Struct

from headroom_stream.client.configs import changes_of
from headroom_stream.config import (
    CacheAlignerConfig,
    IntelligentContextConfig,
    RollingWindowConfig,
    SmartCrusherConfig,
    merge,
)
from headroom_stream.engine import Call
from headroom_stream.errors import ConfigurationError
from headroom_stream.gateway.requests import CompressConfig, CompressRequest
from headroom_stream.gateway.usual import SECTIONS, without_usual
from headroom_stream.results import Mode

OUTPUT_BUFFER = 4_000
"""Tokens kept free for the answer where a model's limit makes the budget and nobody says otherwise."""
_REFUSED: dict[str, tuple[Any, str]] = {
    "compress_user_messages": (False, "only tool outputs are compressed; what people wrote stays as it is"),
    "compress_system_messages": (False, "only tool outputs are compressed; cache_aligner moves values that change"),
    "protect_analysis_context": (False, "outputs are compressed by what they are; tool_profiles say which tools are left alone"),
    "target_ratio": (None, "no share is promised for every text; token_budget is kept for all of them"),
    "content_router_enabled": (True, "the kind of a content is always found from the content"),
    "store_url": (None, "gateway.store_url of the gateway's own settings says where metrics are kept"),
}
"""Settings of the original that mean nothing here: the one value that can be given, and why no other can."""
_AFTER_UNDERSCORE = re.compile(r"_([a-z0-9])")
T = TypeVar("T")


class Asked(Struct, frozen=True, kw_only=True):
    """What a request asks for."""

    call: Call
    mode: Mode
    aligner: CacheAlignerConfig
    protect_recent: int
    breakpoints: bool
    artifact: bool


def asked_of(request: CompressRequest, *, tenant: str, learnt: dict[str, Any], budget: int | None = None) -> Asked:
    """Raises ConfigurationError for what can't be done. `learnt` are changes to the policy that the request may override, `budget` is the
    one that the policy has by itself.
    """
    config = request.config or CompressConfig()
    _check(config)
    parts = changes_of(
        None,
        smart_crusher=_made(SmartCrusherConfig, "smart_crusher", config.smart_crusher),
        cache_aligner=_made(CacheAlignerConfig, "cache_aligner", config.cache_aligner),
        rolling_window=_made(RollingWindowConfig, "rolling_window", config.rolling_window),
    )
    lossless = {"lossy": False} if config.mode == "lossless" else {}
    policy = merge(merge(merge(learnt, parts.policy), lossless), config.policy)
    budgets = [request.token_budget, _room(config, request.model, parts.buffer)]
    policy = _with_budget(policy, [b for b in budgets if b is not None])
    window = policy.get("window")
    _check_context(config, window.get("max_tokens", budget) if isinstance(window, dict) else budget)
    return Asked(
        call=Call(
            model=request.model,
            session=config.session_id,
            tenant=tenant,
            query=request.query,
            keep_turns=config.keep_turns,
            tool_profiles=_profiles(config.tool_profiles),
            frozen_messages=config.frozen_message_count or 0,
            policy=policy,
        ),
        mode=config.default_mode or "optimize",
        aligner=parts.aligner,
        protect_recent=config.protect_recent or 0,
        breakpoints=_switch("cache_optimizer", config.cache_optimizer),
        artifact=config.generate_diff_artifact,
    )


def _check(config: CompressConfig) -> None:
    for name, (allowed, why) in _REFUSED.items():
        if getattr(config, name) not in (None, allowed):
            raise ConfigurationError(f"config.{name}: {why}")
    if not _switch("ccr", config.ccr):
        raise ConfigurationError('config.ccr: what is left out always has a marker and is kept; mode "lossless" leaves nothing out')
    if config.protect_recent and config.session_id is not None:
        raise ConfigurationError(
            "config.protect_recent: a session compresses an output once, when it comes, so that what was sent stands; "
            "without session_id it can be given"
        )
    if config.cache_aligner and config.cache_aligner.get("dynamic_patterns"):
        raise ConfigurationError(
            "config.cache_aligner.dynamic_patterns: no regular expressions over HTTP, since one can take for ever"
        )
    if config.tool_crusher and config.tool_crusher.get("enabled", False) is not False:
        raise ConfigurationError("config.tool_crusher: smart_crusher does it; tool_profiles say which tools are left alone")
    _switch("prefix_freeze", config.prefix_freeze)
    if "emit" in config.policy:
        raise ConfigurationError("config.policy.emit: an answer is always whole")


def _check_context(config: CompressConfig, budget: Any) -> None:
    """What leaves first matters where a budget makes rounds leave. `budget`: that of the call; None: it has none."""
    context = _made(IntelligentContextConfig, "intelligent_context", config.intelligent_context)
    if context is not None and context.enabled and budget is not None:
        raise ConfigurationError(
            "config.intelligent_context: this call has a budget, and the gateway leaves out by age; rolling_window says what stays"
        )


def _made(kind: Callable[..., T], name: str, given: dict[str, Any] | None) -> T | None:
    if given is None:
        return None
    try:
        return kind(**(without_usual(name, given) if name in SECTIONS else given))
    except ConfigurationError as error:
        raise ConfigurationError(f"config.{name}: {error.message}") from error


def _switch(name: str, given: dict[str, Any] | None) -> bool:
    """Whether a section is enabled that has no other setting."""
    rest = without_usual(name, given or {})
    enabled = rest.pop("enabled", True)
    if rest or not isinstance(enabled, bool):
        raise ConfigurationError(
            f"config.{name}: it has `enabled`, true or false" + (f", and no {', '.join(rest)}" if rest else "")
        )
    return enabled


def _room(config: CompressConfig, model: str, buffer: int | None) -> int | None:
    limit = config.model_context_limits.get(model)
    if limit is None:
        return None
    kept = next(b for b in (config.output_buffer_tokens, buffer, OUTPUT_BUFFER) if b is not None)
    if limit <= kept:
        raise ConfigurationError(f"config.model_context_limits: {limit} tokens of {model} less {kept} for the answer leave none")
    return limit - kept


def _with_budget(policy: dict[str, Any], budgets: list[int]) -> dict[str, Any]:
    """The policy with the smallest of all budgets."""
    if not budgets:
        return policy
    window = policy.get("window")
    own = window.get("max_tokens") if isinstance(window, dict) else None
    if isinstance(own, int):
        budgets = [*budgets, own]
    return merge(policy, {"window": {"max_tokens": min(budgets)}})


def _profiles(given: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Profiles by tool. The npm package writes `my_tool` for `myTool` everywhere in a config, so either name is meant."""
    both = {_AFTER_UNDERSCORE.sub(lambda found: found[1].upper(), tool): profile for tool, profile in given.items()}
    return both | given
