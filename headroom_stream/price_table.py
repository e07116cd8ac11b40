"""Reads the price table that ships with the package. The core gets it as a value."""

from __future__ import annotations

import functools
import importlib.resources
import tomllib
from collections.abc import Iterator
from datetime import date
from decimal import Decimal

import msgspec
from msgspec import Struct

from headroom_stream.pricing.cost import Price, PriceEntry, PriceTable


class _Row(Struct, kw_only=True, forbid_unknown_fields=True):
    model: str | list[str]
    valid_from: date
    input: Decimal
    cache_read: Decimal | None = None
    cache_write: Decimal | None = None
    output: Decimal
    ttl: int = 300
    min_prefix: int = 1024
    tier_above: int | None = None
    tier_percent: int = 100
    tier_output_percent: int = 100
    context: int | None = None
    max_output: int | None = None


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
    return PriceTable(version=file.version, entries=tuple(entry for row in file.price for entry in _entries(row)))


def _entries(row: _Row) -> Iterator[PriceEntry]:
    price = Price(
        input=_pico(row.input),
        cache_read=_pico(row.input if row.cache_read is None else row.cache_read),
        cache_write=_pico(row.input if row.cache_write is None else row.cache_write),
        cache_ttl_s=row.ttl,
        min_prefix=row.min_prefix,
        tier_above=row.tier_above,
        tier_percent=row.tier_percent,
        output=_pico(row.output),
        tier_output_percent=row.tier_output_percent,
    )
    for model in [row.model] if isinstance(row.model, str) else row.model:
        yield PriceEntry(model=model, valid_from=row.valid_from, price=price, context=row.context, max_output=row.max_output)
