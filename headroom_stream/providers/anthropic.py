"""Anthropic: counted by its API where a client is given, else estimated; its cache is steered by marks in the request.

Anthropic publishes no tokenizer. The estimate takes OpenAI's cl100k encoding and adds a tenth, and another three tenths for the models
with the tokenizer of Claude Opus 4.7 and later, as its guide to token counting says.
"""

from __future__ import annotations

import inspect
import re
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from math import ceil
from typing import Any

from headroom_stream.providers import breakpoints, pictures
from headroom_stream.providers.base import Provider
from headroom_stream.providers.counter import Count, TokenCounter
from headroom_stream.providers.estimate import ScaledTokenizer, asked_in_vain
from headroom_stream.providers.names import plain_name
from headroom_stream.providers.wire import to_plain
from headroom_stream.tokenizers import load_tokenizer

_NEWER = re.compile(r"claude-(?:opus-4-[7-9]|(?:opus|sonnet|haiku|fable|mythos)-(?:[5-9]|[1-9][0-9]))(?![0-9])")
_OLD_PERCENT = 110
_NEW_PERCENT = 143
_TOOL_PROMPT = 346
"""Tokens of the system prompt that Anthropic adds when there are tools, by its table for Claude 4."""
_PATCH = 28
"""Pixels of the square that is a token of an image."""
_OLD_MOST = (1568, 1568)
_NEW_MOST = (2576, 4784)
"""Pixels of the longer edge, and tokens: greater images are shrunk until they have no more of either."""
_MIN_PREFIX = 1024
"""Tokens a prefix needs to be cached, for models whose minimum is not known."""


class AnthropicCounter(TokenCounter):
    """Counts by the API where it has a client. A text or a message by itself is always estimated: the API counts whole prompts only."""

    def __init__(self, model: str, client: Any = None, *, warn: bool = True) -> None:
        percent = _NEW_PERCENT if _NEWER.match(plain_name(model)) else _OLD_PERCENT
        super().__init__(model, ScaledTokenizer(load_tokenizer("cl100k_base"), percent))
        self._client = client
        self._warn = warn

    @property
    def exact(self) -> bool:
        """Whether `count_messages` asks the API."""
        return self._why_not() is None

    def count_prompt(
        self, messages: Iterable[Any], *, tools: Sequence[Mapping[str, Any]] = (), system: str | Sequence[Any] | None = None
    ) -> Count:
        """By the API, at no charge; estimated where that fails or there is no client, which `why` and a UserWarning say.

        System messages at the start of `messages` go before `system`. Raises ValidationError for messages that no provider would take.
        """
        every = list(messages)
        why = self._why_not() or _foreign(every)
        if why is None:
            try:
                return Count(self._ask(every, tools, system), exact=True)
            except self._failures() as error:
                why = asked_in_vain("count_tokens", error, warn=self._warn)
        guess = super().count_prompt(every, tools=tools, system=system)
        return Count(guess.tokens, exact=False, why=f"estimated: {why}")

    def _why_not(self) -> str | None:
        if self._client is None:
            return "AnthropicProvider(client=Anthropic()) counts by the API, and it was given no client"
        if inspect.iscoroutinefunction(self._client.messages.count_tokens):
            return "an async client can't be asked from here; give AnthropicProvider a client that is not"
        return None

    def _failures(self) -> tuple[type[Exception], ...]:
        # It is installed: a client was given. A missing key is a TypeError to the SDK.
        from anthropic import AnthropicError  # noqa: PLC0415 - not needed without a client

        return (AnthropicError, TypeError)

    def _ask(self, messages: list[Any], tools: Sequence[Mapping[str, Any]], system: str | Sequence[Any] | None) -> int:
        plain = to_plain(messages)
        # Its own shape has system messages too, later in the conversation; only those at its start are the system prompt.
        start = next((i for i, m in enumerate(plain) if m.get("role") not in ("system", "developer")), len(plain))
        told = [block for m in plain[:start] for block in _blocks(m.get("content"))]
        told += _blocks(to_plain(system)) if system else []
        request: dict[str, Any] = {"model": self.model, "messages": plain[start:]}
        if told:
            request["system"] = told
        if tools:
            request["tools"] = to_plain(list(tools))
        tokens: int = self._client.messages.count_tokens(**request).input_tokens
        return tokens

    def picture_tokens(self, part: Mapping[str, Any]) -> int | None:
        """A token for each square of 28 pixels that covers it, by Anthropic's guide to vision, where the image is in the message."""
        source = part.get("source")
        data = source.get("data") if isinstance(source, dict) else None
        size = pictures.size_of(data) if isinstance(data, str) else None
        if size is None:
            return None
        edge, most = _NEW_MOST if _NEWER.match(plain_name(self.model)) else _OLD_MOST
        long, short = max(size), min(size)

        def tokens(length: int) -> int:
            """Of the image, shrunk to this length of its longer edge."""
            return ceil(length / _PATCH) * max(1, ceil(short * length / long / _PATCH))

        # The greatest length whose tokens are not too many: they never fall as it grows.
        return tokens(bisect_right(range(1, min(long, edge) + 1), most, key=tokens))

    def _tools(self, tools: Sequence[Mapping[str, Any]], reasons: list[str]) -> int:
        return super()._tools(tools, reasons) + _TOOL_PROMPT


def _blocks(content: Any) -> list[Any]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else list(content or ())


def _foreign(messages: list[Any]) -> str | None:
    """Why the API would refuse these messages."""
    for message in messages:
        fields = message if isinstance(message, Mapping) else vars(message) if hasattr(message, "__dict__") else {}
        if fields.get("role") in ("tool", "function") or fields.get("tool_calls") or "parts" in fields:
            return "the messages are not in Anthropic's shape"
    return None


class AnthropicProvider(Provider):
    """Anthropic, also by way of Amazon Bedrock and Google Vertex."""

    name = "anthropic"
    shape = "anthropic"
    usual_context = 200_000

    def __init__(
        self,
        client: Any = None,
        *,
        enable_cache_control: bool = True,
        context_limits: Mapping[str, int] | None = None,
        warn: bool = True,
    ) -> None:
        """`client`: an `anthropic.Anthropic`, to count with. Without `enable_cache_control`, `place_breakpoints` adds nothing."""
        super().__init__(context_limits=context_limits, warn=warn)
        self.client = client
        self.enable_cache_control = enable_cache_control

    def get_token_counter(self, model: str) -> AnthropicCounter:
        """A counter that asks the API about whole prompts where there is a client."""
        return AnthropicCounter(model, self.client, warn=self.warn)

    def place_breakpoints(
        self,
        system: str | Sequence[Any] | None,
        tools: Sequence[Any] | None,
        messages: Sequence[Any],
        indexes: Sequence[int],
        *,
        model: str = "",
        taken: int = 0,
    ) -> breakpoints.Request:
        """The request with cache breakpoints after the messages at `indexes`, and after its head where that can be cached by itself.

        Marks of the caller stay, and there are never more than four in all; `taken` of them are elsewhere, such as the request's own
        `cache_control`. What came is not altered. See `breakpoints.place` for which places are chosen.
        """
        request = breakpoints.Request(system, tools, messages)
        if not self.enable_cache_control:
            return request
        rows = self.prices.rows(plain_name(model))
        return breakpoints.place(request, indexes, least=rows[0].price.min_prefix if rows else _MIN_PREFIX, taken=taken)
