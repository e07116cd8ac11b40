"""How many tokens the messages of a call may have."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from headroom_stream.config import WindowConfig
from headroom_stream.engine.encode import encoded
from headroom_stream.errors import HeadroomError, ProviderError
from headroom_stream.messages import view
from headroom_stream.providers import Provider
from headroom_stream.tokens import PER_CONTEXT, Tokenizer, count_message

OUTPUT_BUFFER = 4_000
"""Kept free for the answer where nobody says otherwise."""
_SAMPLE = (
    'The train to Lisbon leaves at 14:05 from platform four.\n{"order_id": "W0000017", "status": "paid", "total": 1204.50}\n'
    "def area(radius: float) -> float:\n    return 3.14159 * radius**2  # in square metres\n"
) * 8


class Budget:
    """The model's limit, less what the answer needs and what goes beside the messages.

    Contexts are counted by one tokenizer, whatever the model, so that they are the same bytes everywhere. A limit in tokens of a model that
    needs more of them for the same text is made smaller by as much.
    """

    def __init__(
        self, provider: Provider, tokenizer: Tokenizer, limits: Mapping[str, int], buffer: int | None, window: WindowConfig
    ) -> None:
        self._provider = provider
        self._tokenizer = tokenizer
        self._limits = dict(limits)
        self._buffer = buffer
        self._window = window
        self._factors: dict[str, float] = {}
        self._beside: tuple[bytes, int] = (b"", 0)

    def of(self, arguments: Mapping[str, Any], buffer: int | None, system: Any, tail: Sequence[Any]) -> int | None:
        """The budget of one call; None: no limit is known of its model, and none is set.

        At least one token: a limit that has no room for messages makes them as few as can be, and the provider has the last word.
        """
        model = str(arguments.get("model", ""))
        limit = self._limit(model)
        if limit is None:
            return self._window.max_tokens
        if buffer is None:
            asked = (arguments.get(name) for name in ("max_tokens", "max_completion_tokens"))
            least = self._provider.get_output_buffer(model, OUTPUT_BUFFER) if self._buffer is None else self._buffer
            buffer = max([least, *(n for n in asked if isinstance(n, int) and not isinstance(n, bool))])
        room = int((limit - buffer) / self._factor(model)) - self._aside(arguments.get("tools"), system, tail)
        return max(1, room if self._window.max_tokens is None else min(room, self._window.max_tokens))

    def count(self, messages: Sequence[Any]) -> int:
        """Tokens of messages; 0 where they can't be read."""
        try:
            views = [view(raw, i) for i, raw in enumerate(encoded(messages))]
        except HeadroomError:
            return 0
        return PER_CONTEXT + sum(count_message(one, self._tokenizer) for one in views)

    def _limit(self, model: str) -> int | None:
        if model in self._limits:
            return self._limits[model]
        try:
            return self._provider.get_context_limit(model)
        except ProviderError:  # a model of somebody else's behind this client
            return None

    def _factor(self, model: str) -> float:
        """Tokens of the model for one of ours, never below 1."""
        if model not in self._factors:
            counted = self._provider.get_token_counter(model).count_text(_SAMPLE)
            self._factors[model] = max(1.0, counted / self._tokenizer.count(_SAMPLE))
        return self._factors[model]

    def _aside(self, tools: Any, system: Any, tail: Sequence[Any]) -> int:
        """Tokens of what goes beside the messages. The tools of a program are the same at every call: they are counted once."""
        total = sum(count_message(view(raw), self._tokenizer) for raw in encoded(list(tail)))
        fixed = [value for value in (tools, system) if isinstance(value, str | list | tuple) and value]
        if not fixed:
            return total
        try:
            body = msgspec.json.encode(fixed, enc_hook=repr)
        except (TypeError, ValueError, RecursionError):  # functions as tools, as google-genai takes them
            return total
        if self._beside[0] != body:
            self._beside = (body, self._tokenizer.count(body.decode()))
        return total + math.ceil(self._beside[1])
