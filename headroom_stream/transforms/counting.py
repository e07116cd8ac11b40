"""Which tokenizer a transform counts with."""

from __future__ import annotations

from headroom_stream.errors import ConfigurationError
from headroom_stream.tokens import Tokenizer


class Counting:
    """Base of transforms that count tokens: with the tokenizer of the call, else of the constructor, else the default.

    Loading a tokenizer reads files, which the core does not do; the classes that the package exports at its root have a default.
    """

    def __init__(self, tokenizer: Tokenizer | None = None) -> None:
        self._tokenizer = tokenizer

    def default_tokenizer(self) -> Tokenizer:
        """The tokenizer where none was given. Raises ConfigurationError: there is none here."""
        raise ConfigurationError("give a tokenizer, such as headroom_stream.load_tokenizer()")

    def tokenizer_for(self, given: Tokenizer | None) -> Tokenizer:
        """The tokenizer of a call."""
        return given or self._tokenizer or self.default_tokenizer()


class Remembering:
    """A tokenizer that counts no text twice. For one call: it keeps every text that it counted."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._counts: dict[str, int] = {}
        self.name = tokenizer.name

    def count(self, text: str) -> int:
        """Tokens of `text`."""
        found = self._counts.get(text)
        if found is None:
            found = self._counts[text] = self._tokenizer.count(text)
        return found

    def count_within(self, text: str, whole: str, tokens: int) -> int:
        """Tokens of `text`, a part of `whole` or not."""
        found = self._counts.get(text)
        if found is None:
            found = self._counts[text] = self._tokenizer.count_within(text, whole, tokens)
        return found

    def exact_for(self, model: str) -> bool:
        """Whether `model` is billed by this very encoding."""
        return self._tokenizer.exact_for(model)
