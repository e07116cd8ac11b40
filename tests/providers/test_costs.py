"""What calls cost: to the micro-dollar, by what the cache gave, or None with a reason."""

from __future__ import annotations

from datetime import UTC, date, datetime
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headroom_stream.errors import ValidationError
from headroom_stream.price_table import load_prices
from headroom_stream.pricing.cost import Price, cost_of
from headroom_stream.providers import (
    AnthropicProvider,
    GoogleProvider,
    LiteLLMProvider,
    ModelCapabilities,
    OpenAICompatibleProvider,
    OpenAIProvider,
)

DAY = date(2026, 11, 20)


def test_costs_are_those_of_the_page() -> None:
    provider = OpenAIProvider(enable_prefix_caching=True)
    assert provider.estimate_cost(input_tokens=1000, output_tokens=500, model="gpt-4o") == 0.0075
    assert provider.estimate_cost(1000, 500, "gpt-4o", 800) == 0.0065


@pytest.mark.parametrize(
    ("model", "tokens", "usd"),
    [
        # Worked by hand from the price lists, USD a million tokens.
        (
            "claude-sonnet-4-5",
            {"cached_tokens": 8_000, "cache_write_tokens": 1_000},
            (1_000 * 3 + 8_000 * 0.3 + 1_000 * 3.75 + 500 * 15) / 1e6,
        ),
        ("claude-opus-5-5", {}, (10_000 * 4 + 500 * 20) / 1e6),
        ("gpt-5", {"cached_tokens": 9_000}, (1_000 * 1.25 + 9_000 * 0.125 + 500 * 10) / 1e6),
        ("gpt-6.1-sol", {"cached_tokens": 8_000, "cache_write_tokens": 2_000}, (8_000 * 0.1 + 2_000 * 2.5 + 500 * 10) / 1e6),
        ("gemini-2.5-flash", {"cached_tokens": 4_000}, (6_000 * 0.3 + 4_000 * 0.03 + 500 * 2.5) / 1e6),
    ],
)
def test_cached_tokens_cost_what_the_cache_takes(model: str, tokens: dict[str, int], usd: float) -> None:
    assert LiteLLMProvider().estimate_cost(10_000, 500, model, day=DAY, **tokens) == pytest.approx(usd, abs=1e-12)


def test_above_a_tier_prompt_and_answer_cost_more() -> None:
    provider = AnthropicProvider()
    below = provider.estimate_cost(200_000, 1_000, "claude-sonnet-4-5", day=DAY)
    above = provider.estimate_cost(200_001, 1_000, "claude-sonnet-4-5", day=DAY)
    assert below == 0.6 + 0.015
    assert above == pytest.approx(1.200006 + 0.0225, abs=1e-12)


def test_switched_off_a_cache_saves_nothing() -> None:
    off = OpenAIProvider(enable_prefix_caching=False)
    assert off.estimate_cost(1000, 500, "gpt-4o", 800) == off.estimate_cost(1000, 500, "gpt-4o") == 0.0075
    on, without = GoogleProvider(enable_context_caching=True), GoogleProvider(enable_context_caching=False)
    assert without.estimate_cost(1000, 0, "gemini-2.5-pro", 800) == 0.00125
    assert on.estimate_cost(1000, 0, "gemini-2.5-pro", 800) == pytest.approx(0.00035, abs=1e-12)


@pytest.mark.parametrize(
    ("day", "usd"), [(date(2026, 11, 1), 0.75), (date(2026, 12, 31), 0.75), (date(2027, 1, 1), 1.5), (date(2030, 1, 1), 1.5)]
)
def test_prices_are_those_of_the_day(day: date, usd: float) -> None:
    assert GoogleProvider().estimate_cost(1_000_000, 0, "gemini-3.8-flash", day=day) == usd


def test_a_call_without_a_day_is_made_today() -> None:
    today = datetime.now(UTC).date()
    provider = OpenAIProvider()
    assert provider.estimate_cost(900, 90, "gpt-5.4") == provider.estimate_cost(900, 90, "gpt-5.4", day=today)


def test_what_is_not_known_is_none_with_a_reason() -> None:
    openai = OpenAIProvider()
    for model, reason in {
        "gpt-7": "no price of 'gpt-7' is in the table",
        "gpt-5.6-sol-fast": "is in the table",
        "ft:gpt-4o:acme": "is in the table",
        "claude-opus-5": "no model of openai",
    }.items():
        assert openai.estimate_cost(1000, 500, model) is None
        assert reason in (openai.cost_unknown_reason(model) or "")
    assert openai.estimate_cost(1000, 0, "gpt-4o", day=date(2020, 1, 1)) is None
    assert "known from 2024-01-01" in (openai.cost_unknown_reason("gpt-4o", date(2020, 1, 1)) or "")
    assert openai.cost_unknown_reason("gpt-4o") is None


def test_every_model_of_the_table_has_a_cost_and_no_reason() -> None:
    provider = LiteLLMProvider()
    for entry in load_prices().entries:
        if not set("*[") & set(entry.model):
            assert (provider.estimate_cost(9, 9, entry.model, day=date(2027, 1, 1)) or 0) > 0
            assert provider.cost_unknown_reason(entry.model, date(2027, 1, 1)) is None


def test_a_server_of_ones_own_costs_what_is_said() -> None:
    capable = ModelCapabilities(input_cost_per_1m=0.07, output_cost_per_1m=0.3, cached_cost_per_1m=0.01)
    provider = OpenAICompatibleProvider("mine", models={"m": capable, "half": ModelCapabilities(input_cost_per_1m=1.0)})
    assert provider.estimate_cost(1_000_000, 1_000_000, "m") == 0.37
    assert provider.estimate_cost(1_000_000, 0, "m", 500_000) == 0.04
    assert provider.estimate_cost(1_000_000, 0, "half") == 1.0
    assert provider.estimate_cost(1_000_000, 1, "half") is None
    assert "what mine takes" in (provider.cost_unknown_reason("half") or "")
    # Its maker's price is not that of the server.
    assert provider.estimate_cost(1000, 0, "gpt-4o") is None
    assert provider.cost_unknown_reason("m") is None


def test_counts_that_can_not_be_are_refused() -> None:
    provider = AnthropicProvider()
    with pytest.raises(ValidationError, match="input tokens count the whole prompt"):
        provider.estimate_cost(5, 7, "claude-opus-5", cached_tokens=90)
    with pytest.raises(ValidationError, match="fewer than 0"):
        provider.estimate_cost(-5, 7, "claude-opus-5")


PRICE = Price(input=3_000_000, cache_read=300_000, cache_write=3_750_000, cache_ttl_s=300, min_prefix=1024, output=15_000_000)


@given(st.integers(0, 10**7), st.integers(0, 10**6), st.data())
def test_the_cost_is_the_sum_of_its_parts(tokens: int, output: int, data: st.DataObject) -> None:
    read = data.draw(st.integers(0, tokens))
    write = data.draw(st.integers(0, tokens - read))
    usd = Fraction((tokens - read - write) * 3) + read * Fraction(3, 10) + write * Fraction(15, 4) + output * 15
    assert cost_of(PRICE, input=tokens, output=output, cache_read=read, cache_write=write) == usd * 10**6


@given(st.integers(0, 5 * 10**6), st.integers(0, 10**6), st.data())
def test_a_float_is_the_exact_cost_to_the_micro_dollar(tokens: int, output: int, data: st.DataObject) -> None:
    read = data.draw(st.integers(0, tokens))
    usd = OpenAIProvider().estimate_cost(tokens, output, "gpt-4o", read)
    exact = Fraction((tokens - read) * 25 + output * 100, 10**7) + Fraction(read * 125, 10**8)
    assert usd is not None and abs(Fraction(usd) - exact) < Fraction(1, 10**9)
