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
