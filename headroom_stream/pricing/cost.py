"""The bill of one call, in integers: prices in pico-USD a token (USD per million tokens x 10^6).

`input_cost` foretells the input bill from how the provider's cache works; `cost_of` is the bill for tokens as they are given.
"""

from __future__ import annotations

import fnmatch
import re
from datetime import date

from msgspec import Struct

from headroom_stream.errors import ValidationError

_SNAPSHOT = re.compile(r"-latest\Z|[-@]20[0-9]{2}-?[01][0-9]-?[0-3][0-9]\Z")
"""What the name of a model's snapshot has at its end; the price is the model's."""


class Price(Struct, frozen=True, kw_only=True):
    """Prices of a model, in pico-USD a token."""

    input: int
    cache_read: int
    cache_write: int
    """Of tokens that the call adds to the cache; equals `input` where writing is not charged."""
    cache_ttl_s: int
    """A cached prefix is gone when the session has been silent for longer."""
    min_prefix: int
    """Shorter prompts are not cached."""
    tier_above: int | None = None
    """Above this many input tokens `tier_percent` of the input prices holds, for every token of the call."""
    tier_percent: int = 100
    output: int | None = None
    """None: not known."""
    tier_output_percent: int = 100
    """As `tier_percent`, of `output`."""


class PriceEntry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A row of the table: a price, the models it is for (a glob) and the day from which it holds; and what the models can hold."""

    model: str
    valid_from: date
    price: Price
    context: int | None = None
    """Tokens that a prompt may have."""
    max_output: int | None = None
    """Tokens that an answer may have."""


class PriceTable(Struct, frozen=True, kw_only=True):
    """Dated prices. `version` names the data, and is kept with each cost."""

    version: str
    entries: tuple[PriceEntry, ...] = ()

    def find(self, model: str, day: date) -> Price | None:
        """The price of `model` on `day`: the latest of its rows that holds by then; None when unknown."""
        held = [e for e in self.rows(model) if e.valid_from <= day]
        return max(held, key=lambda e: e.valid_from).price if held else None

    def rows(self, model: str) -> list[PriceEntry]:
        """The rows for `model`: those of its name, else of the first glob that fits; for a snapshot without such, the model's."""
        name = model.rsplit("/", 1)[-1].lower()
        return self._rows(name) or self._rows(_SNAPSHOT.sub("", name))

    def _rows(self, name: str) -> list[PriceEntry]:
        if named := [e for e in self.entries if e.model == name]:
            return named
        globs = (e.model for e in self.entries if "*" in e.model or "[" in e.model)
        glob = next((g for g in globs if fnmatch.fnmatchcase(name, g)), None)
        return [e for e in self.entries if e.model == glob]


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


def cost_of(price: Price, *, input: int, output: int = 0, cache_read: int = 0, cache_write: int = 0) -> int | None:  # noqa: A002 - the word for it
    """Pico-USD for a call, from the tokens that the provider billed; None where it has output whose price is not known.

    `input` is the whole prompt, with the tokens that were read from the cache and written to it. A token written costs the provider's
    price for its shortest life. Raises ValidationError for counts below 0, and for more tokens read and written than the prompt has.
    """
    if min(input, output, cache_read, cache_write) < 0:
        raise ValidationError("a call can't have fewer than 0 tokens")
    if cache_read + cache_write > input:
        what = "more cached tokens than input tokens; input tokens count the whole prompt, also what the cache gave"
        raise ValidationError(what, {"input": input, "cache_read": cache_read, "cache_write": cache_write})
    if output and price.output is None:
        return None
    prompt = (input - cache_read - cache_write) * price.input + cache_read * price.cache_read + cache_write * price.cache_write
    answer = output * (price.output or 0)
    if price.tier_above is not None and input > price.tier_above:
        return (prompt * price.tier_percent + answer * price.tier_output_percent) // 100
    return prompt + answer
