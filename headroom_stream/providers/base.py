"""What every provider offers."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Mapping
from datetime import UTC, date, datetime

from headroom_stream.errors import ProviderError
from headroom_stream.events import Provider as Shape
from headroom_stream.messages import detect_provider
from headroom_stream.price_table import load_prices
from headroom_stream.pricing.cost import Price, PriceTable, cost_of
from headroom_stream.providers.counter import TokenCounter
from headroom_stream.providers.limits import limits_in_effect
from headroom_stream.providers.names import plain_name

PICO = 10**12


class Provider(ABC):
    """How the models of a provider count, what they hold, and what they cost."""

    name: str
    shape: Shape
    """In which messages are sent."""
    usual_context: int
    """Tokens that a prompt may have, of a model of this provider that is too new for the table."""

    def __init__(
        self,
        *,
        caching: bool = True,
        context_limits: Mapping[str, int] | None = None,
        warn: bool = True,
        prices: PriceTable | None = None,
    ) -> None:
        """Caching: whether costs take the provider's cache into account. `context_limits` go before HEADROOM_MODEL_LIMITS and the table.

        `warn`: say it in a UserWarning when a number is a guess. `prices`: in place of those of this release.
        """
        self.caching = caching
        self.warn = warn
        self.prices = load_prices() if prices is None else prices
        self._limits = limits_in_effect(self.name, context_limits)

    @abstractmethod
    def get_token_counter(self, model: str) -> TokenCounter:
        """A counter for the model."""

    def supports_model(self, model: str) -> bool:
        """Whether this is a model of the provider, or one that it was told the limit of."""
        return self._given(model) is not None or detect_provider((), plain_name(model)) == self.shape

    def get_context_limit(self, model: str) -> int:
        """Tokens that a prompt may have.

        A model of the provider that is not in the table gets `usual_context`, with a warning. Raises ProviderError for a model that is not
        the provider's, as its name tells.
        """
        if (given := self._given(model)) is not None:
            return given
        if not self.supports_model(model):
            what = (
                f"{model!r} is no model of {self.name}: correct the name, or pass its limit: context_limits={{{model!r}: 128000}}"
            )
            raise ProviderError(what, {"provider": self.name, "model": model})
        known = next((row.context for row in self.prices.rows(plain_name(model)) if row.context is not None), None)
        if known is None and self.warn:
            what = f"the context limit of {model!r} is not known, {self.usual_context:,} tokens are taken; pass context_limits to say it"
            warnings.warn(what, stacklevel=2)
        return self.usual_context if known is None else known

    def get_output_buffer(self, model: str, default: int = 4000) -> int:
        """Tokens to leave free for the answer: `default`, or all that the model can answer where that is less."""
        most = next((row.max_output for row in self.prices.rows(plain_name(model)) if row.max_output is not None), default)
        return min(default, most)

    def estimate_cost(
        self,
        input_tokens: int,
        output_tokens: int,
        model: str,
        cached_tokens: int = 0,
        cache_write_tokens: int = 0,
        day: date | None = None,
    ) -> float | None:
        """USD for a call by list price, exact to less than a micro-dollar; None where it is not known: see `cost_unknown_reason`.

        `input_tokens` count the whole prompt. `cached_tokens` of them were read from the provider's cache, `cache_write_tokens` written to
        it; with caching switched off, they cost as all others. `day` is when the call is made: today (UTC) unless said. Raises
        ValidationError for negative counts, and for more cached tokens than input tokens.
        """
        price = self._price(model, day)
        if price is None:
            return None
        read, written = (cached_tokens, cache_write_tokens) if self.caching else (0, 0)
        pico = cost_of(price, input=input_tokens, output=output_tokens, cache_read=read, cache_write=written)
        return None if pico is None else pico / PICO

    def cost_unknown_reason(self, model: str, day: date | None = None) -> str | None:
        """Why `estimate_cost` gives None for this model; None: it doesn't."""
        price = self._price(model, day)
        if price is not None and price.output is not None:
            return None
        if price is not None:
            return f"no price is known of the answers of {model!r}"
        if not self.supports_model(model):
            return f"{model!r} is no model of {self.name}"
        if rows := self.prices.rows(model):
            return f"the price of {model!r} is known from {min(row.valid_from for row in rows)} on only"
        return f"no price of {model!r} is in the table of {self.prices.version}"

    def _price(self, model: str, day: date | None) -> Price | None:
        return self.prices.find(model, day or datetime.now(UTC).date()) if self.supports_model(model) else None

    def _given(self, model: str) -> int | None:
        return self._limits.get(model.lower(), self._limits.get(plain_name(model)))
