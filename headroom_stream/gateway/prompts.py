"""The system prompts of a tenant's calls: how far they are the same from call to call, and kept so where a call asks for it."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import msgspec
from msgspec import Raw

from headroom_stream.client.system_prompt import Prompt, SystemPrompts
from headroom_stream.config import CacheAlignerConfig
from headroom_stream.tokens import Tokenizer

MOST = 32
"""Different aligners of a tenant that remember what they saw."""


class Prompts:
    """An aligner for each config."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._by_config: OrderedDict[str, SystemPrompts] = OrderedDict()

    def of(self, raws: list[Raw], config: CacheAlignerConfig, system: Any = None) -> Prompt:
        """A call's system prompt, which stands at the start of its messages or is `system`; its messages and the tail are JSON."""
        key = repr(config)
        found = self._by_config.get(key)
        if found is None:
            found = self._by_config[key] = SystemPrompts(config, self._tokenizer)
        self._by_config.move_to_end(key)
        while len(self._by_config) > MOST:
            self._by_config.popitem(last=False)
        start = _leading(raws) if system is None else []
        prompt = found.of([*start, *raws[len(start) :]], system)
        changed = prompt.messages[: len(start)]
        kept = [raw if new == old else Raw(msgspec.json.encode(new)) for raw, new, old in zip(raws, changed, start, strict=False)]
        return msgspec.structs.replace(prompt, messages=[*kept, *raws[len(start) :]])

    def clear(self) -> None:
        """Forget the prompts that were seen."""
        self._by_config.clear()


def _leading(raws: list[Raw]) -> list[Any]:
    """The system messages at the start, decoded."""
    out: list[Any] = []
    for raw in raws:
        message = msgspec.json.decode(raw)
        if not isinstance(message, dict) or message.get("role") not in ("system", "developer"):
            break
        out.append(message)
    return out


def with_tail(raws: list[Raw], tail: list[dict[str, Any]]) -> list[Raw]:
    """The messages with the tail at their end, before an answer that the model is to go on with."""
    if not tail:
        return raws
    last = msgspec.json.decode(raws[-1]) if raws else {}
    at = len(raws) - (isinstance(last, dict) and last.get("role") in ("assistant", "model"))
    return [*raws[:at], *(Raw(msgspec.json.encode(one)) for one in tail), *raws[at:]]
