"""Counting tokens in one line: of a text or of messages, for a model by its name."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from headroom_stream.providers import TokenCounter, provider_for
from headroom_stream.tokenizers import EstimatingTokenizer

DEFAULT_MODEL = "gpt-4o"


class Tokenizer:
    """Counts tokens for a model.

        tokenizer = Tokenizer(model="gpt-4o")
        tokenizer.count_text("Hello")
        tokenizer.count_messages(messages)

    Claude's and Gemini's are estimated here; `AnthropicProvider(client=...)` counts by their API. A counter of one's own may be given
    instead: `Tokenizer(provider.get_token_counter(model))`. Does as a tokenizer for the transforms as well.
    """

    def __init__(self, token_counter: TokenCounter | None = None, model: str = "") -> None:
        self.counter = counter_for(model or DEFAULT_MODEL) if token_counter is None else token_counter
        self.model = model or self.counter.model

    @property
    def available(self) -> bool:
        """Whether an encoding was found on this machine; without, texts are estimated by their length."""
        return self.counter.name.partition(" ")[0] != EstimatingTokenizer.name

    @property
    def exact(self) -> bool:
        """Whether counts are the provider's, for plain text messages. `counter.count_prompt` says it of any."""
        return self.counter.exact

    @property
    def name(self) -> str:
        """Of the encoding."""
        return self.counter.name

    def exact_for(self, model: str) -> bool:
        """Whether texts are counted by the encoding of `model`."""
        return self.counter.exact_for(model)

    def count(self, text: str) -> int:
        """`count_text`, by the name that the transforms call it."""
        return self.counter.count_text(text)

    def count_within(self, text: str, whole: str, tokens: int) -> int:
        """`count`, faster where `text` is a part of `whole`, which has `tokens`."""
        return self.counter.tokenizer.count_within(text, whole, tokens)

    def count_text(self, text: str) -> int:
        """Tokens of a text by itself. Raises TokenizationError for what is no text."""
        return self.counter.count_text(text)

    def count_message(self, message: Any) -> int:
        """What one message adds to a prompt."""
        return self.counter.count_message(message)

    def count_messages(self, messages: Iterable[Any]) -> int:
        """Tokens of a prompt of these messages. Raises ValidationError for messages that no provider would take."""
        return self.counter.count_messages(messages)


def count_tokens_text(text: str, counter: TokenCounter | None = None, *, model: str = DEFAULT_MODEL) -> int:
    """Tokens of a text: `count_tokens_text("Hello, world!", model="gpt-4o")` is 4. A `counter` goes before the model."""
    return (counter or counter_for(model)).count_text(text)


def count_tokens_messages(messages: Iterable[Any], counter: TokenCounter | None = None, *, model: str = DEFAULT_MODEL) -> int:
    """Tokens of a prompt of these messages. A `counter` goes before the model."""
    return (counter or counter_for(model)).count_messages(messages)


@lru_cache(maxsize=64)
def counter_for(model: str) -> TokenCounter:
    """The counter for a model by its name; it asks no API."""
    return provider_for(model).get_token_counter(model)
