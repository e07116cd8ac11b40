"""The input bill of one call, in integers: prices in pico-USD a token (USD per million tokens x 10^6), costs in nano-USD."""

from __future__ import annotations

import fnmatch
from datetime import date

from msgspec import Struct


class Price(Struct, frozen=True, kw_only=True):
    """Input prices of a model, in pico-USD a token."""

    input: int
    cache_read: int
    cache_write: int
    """Of tokens that the call adds to the cache; equals `input` where writing is not charged."""
    cache_ttl_s: int
    """A cached prefix is gone when the session has been silent for longer."""
    min_prefix: int
    """Shorter prompts are not cached."""
    tier_above: int | None = None
    """Above this many input tokens `tier_percent` of all prices holds, for every token of the call."""
    tier_percent: int = 100


class PriceEntry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A row of the table: a price, the models it is for (a glob) and the day from which it holds."""

    model: str
    valid_from: date
    price: Price


class PriceTable(Struct, frozen=True, kw_only=True):
    """Dated prices. `version` names the data, and is kept with each cost."""

    version: str
    entries: tuple[PriceEntry, ...] = ()

    def find(self, model: str, day: date) -> Price | None:
        """The price of `model` on `day`: the first glob that fits, its latest entry that holds by then; None when unknown."""
        name = model.rsplit("/", 1)[-1].lower()
        glob = next((e.model for e in self.entries if fnmatch.fnmatchcase(name, e.model)), None)
        held = [e for e in self.entries if e.model == glob and e.valid_from <= day]
        return max(held, key=lambda e: e.valid_from).price if held else None


NO_PRICES = PriceTable(version="")


def input_cost(price: Price, tokens: int, cached: int) -> int:
    """Nano-USD for a prompt of `tokens`, of which the first `cached` stand in the provider's cache."""
    if cached < price.min_prefix:
        # A call before that was too short left nothing in the cache.
        cached = 0
    with_cache = cached * price.cache_read + (tokens - cached) * price.cache_write
    cost = with_cache if tokens >= price.min_prefix else tokens * price.input
    if price.tier_above is not None and tokens > price.tier_above:
        cost = cost * price.tier_percent // 100
    return (cost + 500) // 1000
