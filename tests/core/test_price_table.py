"""The price table that ships: every row is sane, and none hides another."""

from __future__ import annotations

import fnmatch
import re
from datetime import UTC, datetime

import pytest

from headroom_stream.price_table import load_prices
from headroom_stream.pricing.cost import PriceEntry

TABLE = load_prices()
TODAY = datetime(2026, 11, 1, tzinfo=UTC).date()


def example(glob: str) -> str:
    """A name that the glob is made for: its literal text, with the first of each set."""
    return re.sub(r"\[(.)[^\]]*\]", r"\1", glob).replace("*", "")


@pytest.mark.parametrize("entry", TABLE.entries, ids=lambda e: f"{e.model}-{e.valid_from}")
def test_each_price_is_sane(entry: PriceEntry) -> None:
    price = entry.price
    assert 0 < price.cache_read <= price.input <= price.cache_write <= 2 * price.input
    assert 10_000 <= price.input <= 100_000_000, "USD 0.01 to 100 per million tokens"
    assert 60 <= price.cache_ttl_s <= 86_400
    assert 0 < price.min_prefix <= 8_192
    assert (price.tier_above is None) == (price.tier_percent == 100)
    assert price.tier_percent >= price.tier_output_percent >= 100
    assert price.output is not None and 2 * price.input <= price.output <= 9 * price.input
    assert entry.context is not None and 8_000 <= entry.context <= 2_000_000
    assert entry.max_output is None or entry.max_output <= entry.context
    assert entry.model == entry.model.lower()


@pytest.mark.parametrize("entry", TABLE.entries, ids=lambda e: f"{e.model}-{e.valid_from}")
def test_each_row_is_found_by_the_names_it_is_for(entry: PriceEntry) -> None:
    name = example(entry.model)
    first = next(e.model for e in TABLE.entries if fnmatch.fnmatchcase(name, e.model))
    assert first == entry.model, f"{name} is taken by {first}, which stands before"
    assert TABLE.find(name, max(entry.valid_from, TODAY)) is not None


def test_no_model_has_two_prices_from_one_day() -> None:
    keys = [(e.model, e.valid_from) for e in TABLE.entries]
    assert len(keys) == len(set(keys))


@pytest.mark.parametrize(
    ("model", "usd_per_million"),
    [
        ("anthropic/claude-sonnet-4-5-20250929", 3.0),
        ("claude-sonnet-5-5", 2.0),
        ("claude-opus-5-5-20261001", 4.0),
        ("claude-opus-5", 5.0),
        ("gpt-5", 1.25),
        ("gpt-5-2025-08-07", 1.25),
        ("gpt-5-mini-2025-08-07", 0.25),
        ("gpt-5.4-mini", 0.75),
        ("gpt-4o-mini", 0.15),
        ("gpt-4o-2024-08-06", 2.5),
        ("gemini-2.5-flash-lite", 0.10),
        ("gemini-2.5-flash", 0.30),
        ("gpt-4o-2024-05-13", 5.0),
        ("claude-3-5-sonnet-latest", 3.0),
        ("claude-fable-5", 10.0),
        ("claude-fable-5-2", 8.0),
    ],
)
def test_names_as_providers_write_them_find_their_price(model: str, usd_per_million: float) -> None:
    price = TABLE.find(model, TODAY)
    assert price is not None
    assert price.input == usd_per_million * 1_000_000


def test_an_unknown_model_has_no_price() -> None:
    assert TABLE.find("llama-3", TODAY) is None
    assert TABLE.find("", TODAY) is None
    # Faster, smaller and later ones of a family cost something else than the family.
    for name in ("gpt-5.6-sol-fast", "claude-opus-5-7", "gemini-2.5-flash-image", "gpt-4o-audio-preview"):
        assert TABLE.find(name, TODAY) is None


def test_the_version_names_the_data() -> None:
    assert re.fullmatch(r"\d{4}-\d{2}", TABLE.version)
