"""Counts where a provider's own can't be had."""

from __future__ import annotations

import warnings

from headroom_stream.tokens import Tokenizer


class ScaledTokenizer:
    """Another encoding's count times a percentage, rounded up: an estimate, never exact."""

    def __init__(self, tokenizer: Tokenizer, percent: int) -> None:
        self._tokenizer = tokenizer
        self._percent = percent

    @property
    def name(self) -> str:
        """Of the encoding, and what it is taken by."""
        return f"{self._tokenizer.name} x {self._percent / 100:g}"

    def count(self, text: str) -> int:
        """The estimate."""
        return -(-self._tokenizer.count(text) * self._percent // 100)

    def count_within(self, text: str, whole: str, tokens: int) -> int:  # noqa: ARG002 - the protocol's parameters
        """The same: a part's share of an estimate is no estimate of the part."""
        return self.count(text)

    def exact_for(self, model: str) -> bool:  # noqa: ARG002 - the protocol's parameter
        """Never."""
        return False


def asked_in_vain(what: str, error: Exception, *, warn: bool) -> str:
    """What to say of a count that the provider's API did not give, and say it."""
    why = f"{what} failed: {type(error).__name__}: {error}"
    if warn:
        warnings.warn(f"tokens are estimated, {why}", stacklevel=4)
    return why
