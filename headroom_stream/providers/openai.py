"""OpenAI: its encodings run on this machine, so texts are counted exactly, and so are messages where its rule is published.

The rules are those of OpenAI's cookbook ("How to count tokens with tiktoken") and of its guide to images. Neither says what the calls of
tools and their results cost, nor what messages cost of models that reason; such counts are called inexact.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import tiktoken

from headroom_stream.providers import pictures
from headroom_stream.providers.base import Provider
from headroom_stream.providers.counter import TokenCounter
from headroom_stream.providers.names import plain_name
from headroom_stream.providers.tools import count_functions
from headroom_stream.tokenizers import load_tokenizer

_PUBLISHED = ("gpt-4", "gpt-3.5-turbo")
"""Beginnings of the names of models whose messages the published rule is for; a prompt of gpt-5 has a token less than by it."""
_OLDER = ("gpt-4-", "gpt-3.5")
_TILES = {
    "gpt-4o-mini": (2833, 5667),
    "gpt-4": (85, 170),
    "chatgpt-4o": (85, 170),
    "gpt-5-chat": (70, 140),
    "o1": (75, 150),
    "o3": (75, 150),
}
"""Tokens of an image and of each of its tiles, by the beginning of the model's name; the first that fits."""
_PATCHES = {"gpt-4.1-mini": 162, "gpt-4.1-nano": 246, "o4-mini": 172}
"""Tokens of a hundred patches of an image, for the models that see patches."""


def encoding_of(model: str) -> str:
    """The encoding that tiktoken names for a model; o200k_base for those it does not know, as all new ones have had it since 2024."""
    try:
        name = tiktoken.encoding_name_for_model(plain_name(model))
    except KeyError:
        return "o200k_base"
    return name if name == "cl100k_base" else "o200k_base"


class OpenAICounter(TokenCounter):
    """Counts as OpenAI does."""

    def __init__(self, model: str) -> None:
        super().__init__(model, load_tokenizer(encoding_of(model)))
        self._name = plain_name(model)

    @property
    def exact(self) -> bool:
        """Whether the published rule is for this model, and its encoding was found on this machine."""
        return super().exact and self._name.startswith(_PUBLISHED)

    def _message(self, message: Any, index: int, reasons: list[str]) -> int:
        if not self._name.startswith(_PUBLISHED):
            reasons.append("no rule is published for the messages of this model")
        return super()._message(message, index, reasons)

    def picture_tokens(self, part: Mapping[str, Any]) -> int | None:
        """By OpenAI's rule for tiles or patches, for images that are in the message; what stands behind an address can't be seen."""
        image = part.get("image_url")
        url, detail = (image.get("url"), image.get("detail")) if isinstance(image, dict) else (image, part.get("detail"))
        per_hundred = next((n for start, n in _PATCHES.items() if self._name.startswith(start)), None)
        tiles = next((n for start, n in _TILES.items() if self._name.startswith(start)), None)
        if per_hundred is None and tiles is not None and detail == "low":
            return tiles[0]
        size = pictures.size_of_url(url) if isinstance(url, str) else None
        if size is None:
            return None
        if per_hundred is not None:
            return pictures.patches(size) * per_hundred // 100
        return None if tiles is None else tiles[0] + tiles[1] * pictures.tiles(size)

    def _tools(self, tools: Sequence[Mapping[str, Any]], reasons: list[str]) -> int:
        older = self._name == "gpt-4" or self._name.startswith(_OLDER)
        tokens, covered = count_functions(tools, self.tokenizer, start=10 if older else 7)
        if not covered:
            reasons.append("the published rule does not cover all of these definitions of tools")
        return tokens


class OpenAIProvider(Provider):
    """OpenAI, and Azure's models of it."""

    name = "openai"
    shape = "openai"
    usual_context = 128_000

    def __init__(
        self, context_limits: Mapping[str, int] | None = None, *, enable_prefix_caching: bool = True, warn: bool = True
    ) -> None:
        """With `enable_prefix_caching`, cached tokens cost what OpenAI takes for them; without, as all others.

        Nothing is added to requests: its cache works by itself on prompts that begin alike, and gpt-5.6 and later, which take breakpoints
        of the caller's, choose one where there is none.
        """
        super().__init__(caching=enable_prefix_caching, context_limits=context_limits, warn=warn)

    def get_token_counter(self, model: str) -> OpenAICounter:
        """A counter with the model's encoding."""
        return OpenAICounter(model)
