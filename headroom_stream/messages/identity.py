"""When two messages are the same."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec
from msgspec import Raw


def digest(raw: Raw | bytes) -> str:
    """Hash of a message as JSON: white space, the order of keys and cache breakpoints make no difference.

    Clients write their history anew at every call and move their breakpoints along; it is the same message all the same. One that
    can't be read has an empty digest, which no stored message has.
    """
    try:
        message = msgspec.json.decode(raw)
        return digest_of(message)[0] if isinstance(message, dict) else ""
    except (msgspec.DecodeError, RecursionError):
        return ""


def digest_of(message: dict[str, Any]) -> tuple[str, bool]:
    """Of a decoded message; and whether it carries cache breakpoints."""
    bare, marked = _without_cache_control(message)
    return hashlib.blake2b(msgspec.json.encode(bare, order="sorted"), digest_size=16).hexdigest(), marked


def _without_cache_control(value: Any) -> tuple[Any, bool]:
    """The same on decoded values, for digests; and whether there was a mark."""
    content = value.get("content")
    marked = "cache_control" in value
    if isinstance(content, list):
        pairs = [_without_cache_control(b) if isinstance(b, dict) else (b, False) for b in content]
        if any(m for _, m in pairs):
            value, marked = {**value, "content": [v for v, _ in pairs]}, True
    if "cache_control" in value:
        value = {k: v for k, v in value.items() if k != "cache_control"}
    return value, marked
