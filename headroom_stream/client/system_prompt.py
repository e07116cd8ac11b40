"""The system prompt of a client's calls: kept the same from call to call, or told how far it is."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Struct

from headroom_stream.config import CacheAlignerConfig
from headroom_stream.engine.encode import encoded
from headroom_stream.tokens import Tokenizer
from headroom_stream.transforms.cache_aligner import CacheAligner


class Prompt(Struct, frozen=True, kw_only=True):
    """A call's messages with a stable start."""

    messages: list[Any]
    system: Any
    """The system prompt in its own place, if the call has one there."""
    tail: list[dict[str, Any]]
    """To put at the end: the values that left the system prompt."""
    hash: str
    """Of the system prompt as it is sent; empty where there is none."""
    score: float
    """Share of the system prompt before the first value that changes from call to call, 0 to 100."""


class SystemPrompts:
    """Aligns the system prompts of the calls of a client, which it remembers. May be used by several threads."""

    def __init__(self, config: CacheAlignerConfig, tokenizer: Tokenizer) -> None:
        self.enabled = config.enabled
        self._aligner = CacheAligner(config, tokenizer=tokenizer)
        self._lock = threading.Lock()

    def of(self, messages: list[Any], system: Any) -> Prompt:
        """A call's system prompt and messages."""
        count = _leading(messages)
        given = [{"role": "system", "content": system}] if system is not None else messages[:count]
        plain = [msgspec.json.decode(raw) for raw in encoded(given)]
        if not plain:
            return Prompt(messages=messages, system=system, tail=[], hash="", score=100.0)
        with self._lock:
            made = self._aligner.align(plain).messages if self.enabled else plain
            score = self._aligner.get_alignment_score(made[: len(plain)])
        start, tail = made[: len(plain)], made[len(plain) :]
        digest = hashlib.blake2b(msgspec.json.encode(start), digest_size=8).hexdigest()
        if start == plain:
            return Prompt(messages=messages, system=system, tail=tail, hash=digest, score=score)
        if system is not None:
            return Prompt(messages=messages, system=start[0]["content"], tail=tail, hash=digest, score=score)
        return Prompt(messages=[*start, *messages[count:]], system=None, tail=tail, hash=digest, score=score)


def _leading(messages: Sequence[Any]) -> int:
    roles = (m.get("role") if isinstance(m, dict) else getattr(m, "role", None) for m in messages)
    return next((i for i, role in enumerate(roles) if role not in ("system", "developer")), len(messages))


def with_tail(messages: list[Any], tail: list[dict[str, Any]]) -> list[Any]:
    """The messages with the tail at their end, before an answer that the model is to go on with."""
    if not tail:
        return messages
    last = messages[-1] if messages else {}
    role = last.get("role") if isinstance(last, dict) else getattr(last, "role", None)
    at = len(messages) - (role in ("assistant", "model"))
    return [*messages[:at], *tail, *messages[at:]]
