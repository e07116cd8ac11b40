"""Reads the price table that ships with the package. The core gets it as a value."""

from __future__ import annotations

import functools
import importlib.resources
import tomllib
from datetime import date
from decimal import Decimal

import msgspec
from msgspec import Struct

from headroom_stream.pricing.cost import Price, PriceEntry, PriceTable


class _Row(Struct, kw_only=True, forbid_unknown_fields=True):
    model: str
    valid_from: date
    input: Decimal
    cache_read: Decimal
    cache_write: Decimal | None = None
    ttl: int
    min_prefix: int
    tier_above: int | None = None
    tier_percent: int = 100


class _File(Struct, forbid_unknown_fields=True):
    version: str
    price: list[_Row]


def _pico(usd_per_million: Decimal) -> int:
    return int(usd_per_million * 1_000_000)


@functools.lru_cache(maxsize=1)
def load_prices() -> PriceTable:
    """The dated prices of this release."""
    text = (importlib.resources.files("headroom_stream.pricing") / "prices.toml").read_text(encoding="utf-8")
    # Decimal, not float: 0.0435 USD has to stay what was written.
    file = msgspec.convert(tomllib.loads(text, parse_float=Decimal), _File)
    return PriceTable(version=file.version, entries=tuple(_entry(row) for row in file.price))


def _entry(row: _Row) -> PriceEntry:
    price = Price(
        input=_pico(row.input),
        cache_read=_pico(row.cache_read),
        cache_write=_pico(row.input if row.cache_write is None else row.cache_write),
        cache_ttl_s=row.ttl,
        min_prefix=row.min_prefix,
        tier_above=row.tier_above,
        tier_percent=row.tier_percent,
    )
    return PriceEntry(model=row.model, valid_from=row.valid_from, price=price)
