"""Google's Gemini: counted by its API where a client is given, else estimated by OpenAI's o200k encoding, which comes near."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping, Sequence
from math import ceil
from typing import Any

from headroom_stream.messages import view
from headroom_stream.providers import pictures
from headroom_stream.providers.base import Provider
from headroom_stream.providers.counter import Count, TokenCounter
from headroom_stream.providers.estimate import ScaledTokenizer, asked_in_vain
from headroom_stream.providers.wire import to_json, to_plain
from headroom_stream.tokenizers import load_tokenizer

_TILE_TOKENS = 258
_SMALL = 384
"""Pixels of each edge up to which an image is one tile."""
_TILE = 768


class GoogleCounter(TokenCounter):
    """Counts by the API where it has a client. A text or a message by itself is always estimated."""

    def __init__(self, model: str, client: Any = None, *, warn: bool = True) -> None:
        super().__init__(model, ScaledTokenizer(load_tokenizer("o200k_base"), 100))
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

        The API counts contents alone: tools are estimated beside it, a system prompt is counted as a content, and messages that are not in
        Gemini's shape by their text; these counts are not called exact. Raises ValidationError for messages that no provider would take.
        """
        every = [*([{"role": "system", "content": system}] if system else []), *messages]
        why = self._why_not()
        if why is None:
            contents, reasons = _contents(every)
            more = self._tools(tools, reasons) if tools else 0
            try:
                tokens = self._client.models.count_tokens(model=self.model, contents=contents).total_tokens or 0
                return Count(tokens + more, not reasons, "; ".join(dict.fromkeys(reasons)))
            except Exception as error:  # noqa: BLE001 - of any HTTP library that the SDK was told to use; a count has an answer, and says why
                why = asked_in_vain("count_tokens", error, warn=self._warn)
        guess = super().count_prompt(every, tools=tools)
        return Count(guess.tokens, exact=False, why=f"estimated: {why}")

    def _why_not(self) -> str | None:
        if self._client is None:
            return "GoogleProvider(client=genai.Client()) counts by the API, and it was given no client"
        if inspect.iscoroutinefunction(self._client.models.count_tokens):
            return "an async client can't be asked from here; give GoogleProvider the client and not its `aio`"
        return None

    def picture_tokens(self, part: Mapping[str, Any]) -> int | None:
        """258 a tile of 768 pixels, where the image is in the message."""
        blob = part.get("inlineData") or part.get("inline_data")
        data = blob.get("data") if isinstance(blob, dict) else None
        size = pictures.size_of(data) if isinstance(data, str) else None
        if size is None:
            return None
        return _TILE_TOKENS if max(size) <= _SMALL else _TILE_TOKENS * ceil(size.width / _TILE) * ceil(size.height / _TILE)


def _contents(messages: Sequence[Any]) -> tuple[list[Any], list[str]]:
    """The messages as contents of Gemini, and what of them is not as it will be sent."""
    contents: list[Any] = []
    reasons: list[str] = []
    for i, message in enumerate(messages):
        plain = to_plain(message)
        if isinstance(plain, dict) and "parts" in plain:
            contents.append(plain)
            continue
        seen = view(to_json(plain), i)
        contents.append({"role": "model" if seen.role == "assistant" else "user", "parts": [{"text": seen.text or " "}]})
        reasons.append("a system prompt or a message that is not in Gemini's shape was counted by its text")
    return contents, reasons


class GoogleProvider(Provider):
    """Gemini, by Google's developer API or Vertex."""

    name = "google"
    shape = "gemini"
    usual_context = 1_000_000

    def __init__(
        self,
        client: Any = None,
        *,
        enable_context_caching: bool = True,
        context_limits: Mapping[str, int] | None = None,
        warn: bool = True,
    ) -> None:
        """`client`: a `google.genai.Client`, to count with. Without `enable_context_caching`, cached tokens cost as all others."""
        super().__init__(caching=enable_context_caching, context_limits=context_limits, warn=warn)
        self.client = client

    def get_token_counter(self, model: str) -> GoogleCounter:
        """A counter that asks the API about whole prompts where there is a client."""
        return GoogleCounter(model, self.client, warn=self.warn)
