"""What providers report of a call, in one vocabulary."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct


class Usage(Struct, frozen=True, omit_defaults=True):
    """Tokens of one call as the provider billed them; None: not reported.

    `input` is the whole prompt, with what was read from the cache and written to it.
    """

    input: int | None = None
    cache_read: int | None = None
    cache_write: int | None = None
    output: int | None = None


def normalise_usage(reported: Mapping[str, Any]) -> Usage:
    """Read the usage object of Anthropic, OpenAI (chat and responses) or Gemini. What is missing stays None, never 0."""
    if "promptTokenCount" in reported or "prompt_token_count" in reported:
        prompt = _number(reported, "promptTokenCount", "prompt_token_count")
        tools = _number(reported, "toolUsePromptTokenCount", "tool_use_prompt_token_count")
        answer = _number(reported, "candidatesTokenCount", "candidates_token_count")
        thoughts = _number(reported, "thoughtsTokenCount", "thoughts_token_count")
        return Usage(
            # What its own tools brought is billed as prompt, and thoughts as answer; it counts both apart.
            input=_sum(prompt, tools),
            cache_read=_number(reported, "cachedContentTokenCount", "cached_content_token_count"),
            output=_sum(answer, thoughts),
        )
    details = reported.get("prompt_tokens_details") or reported.get("input_tokens_details")
    if "prompt_tokens" in reported or isinstance(details, Mapping):
        return Usage(
            input=_number(reported, "prompt_tokens", "input_tokens"),
            cache_read=_number(details, "cached_tokens") if isinstance(details, Mapping) else None,
            cache_write=_number(details, "cache_write_tokens") if isinstance(details, Mapping) else None,
            output=_number(reported, "completion_tokens", "output_tokens"),
        )
    read = _number(reported, "cache_read_input_tokens")
    write = _number(reported, "cache_creation_input_tokens")
    fresh = _number(reported, "input_tokens")
    # Anthropic's input_tokens leaves out what the cache gave and took.
    return Usage(
        input=None if fresh is None else fresh + (read or 0) + (write or 0),
        cache_read=read,
        cache_write=write,
        output=_number(reported, "output_tokens"),
    )


def _number(source: Mapping[str, Any], *names: str) -> int | None:
    for name in names:
        value = source.get(name)
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63:
            return value
    return None


def _sum(one: int | None, other: int | None) -> int | None:
    return None if one is None and other is None else (one or 0) + (other or 0)
