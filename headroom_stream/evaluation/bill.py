"""What the input of a conversation's calls costs under prompt caching, in tokens at the list price.

A provider bills the tokens of the prefix that stood at the start of the call before at its cache-read price and all others at its
cache-write price. An agent that no longer sees a fact it needs makes one more call to fetch the output again.
"""

from __future__ import annotations

from datetime import date

from msgspec import Struct

from headroom_stream.errors import ConfigurationError
from headroom_stream.pricing.cost import PriceTable

REFETCH_OUTPUT = 300
"""What the agent writes to ask again, at the list price of input: some 60 tokens at five times that price."""
REFETCH_TOKENS = 1_000
"""Of an output that come back at most: it asks for the part that it needs."""


class Rates(Struct, frozen=True, kw_only=True):
    """Prices of an input token as shares of the list price."""

    name: str
    read: float
    """From the cache."""
    write: float
    """To the cache, or past it."""
    usd: float | None = None
    """List price of a million input tokens, where it is known."""


RATES = {
    "anthropic": Rates(name="anthropic", read=0.10, write=1.25),
    "openai": Rates(name="openai", read=0.10, write=1.00),
}


def rates_of(model: str, prices: PriceTable, day: date) -> Rates:
    """The rates of a model in the price table. Raises ConfigurationError when its price isn't known."""
    price = prices.find(model, day)
    if price is None:
        raise ConfigurationError(f"no price is known of model {model!r}: give --prices {' or '.join(RATES)} instead")
    return Rates(
        name=model,
        read=price.cache_read / price.input,
        write=price.cache_write / price.input,
        usd=price.input / 1_000_000,
    )


class Tokens(Struct):
    """The input tokens of some calls. Whole numbers, so that sums are the same in any order."""

    sent: int = 0
    cached: int = 0
    """Of those, in the prefix that stood before."""

    def cost(self, rates: Rates) -> float:
        """Tokens at the list price."""
        return rates.read * self.cached + rates.write * (self.sent - self.cached)


class Refetches(Struct):
    """Outputs that the agent fetched again, since it no longer saw what it needed of them."""

    calls: int = 0
    read: int = 0
    """Tokens of the contexts that those calls read again from the cache."""
    written: int = 0
    """Tokens that came back."""
    carried: int = 0
    """Tokens that came back, once for each later call, which reads them from the cache."""

    def cost(self, rates: Rates) -> float:
        """Tokens at the list price."""
        return rates.read * (self.read + self.carried) + rates.write * self.written + REFETCH_OUTPUT * self.calls
