"""The input bill under prompt caching, and what providers report of it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headroom_stream.pricing.cost import NO_PRICES, Price, PriceEntry, PriceTable, input_cost
from headroom_stream.pricing.usage import Usage, normalise_usage
from tests.core.conversations import PROSE, RECORDS
from tests.core.folding import Folding, call, result, row, said, user

PRICE = Price(input=1_000_000, cache_read=100_000, cache_write=1_250_000, cache_ttl_s=300, min_prefix=100)
"""USD 1 a million tokens: 1,000 nano-USD a token, 100 read, 1,250 written."""
TABLE = PriceTable(version="t1", entries=(PriceEntry(model="m*", valid_from=date(2026, 1, 1), price=PRICE),))


def priced(**changes: Any) -> Folding:
    return Folding(prices=TABLE, model="m1", **changes)


def test_cached_tokens_cost_a_read_and_the_others_a_write() -> None:
    assert input_cost(PRICE, 1_000, 0) == 1_250_000
    assert input_cost(PRICE, 1_000, 600) == 600 * 100 + 400 * 1_250


def test_a_prompt_below_the_least_prefix_is_neither_written_nor_read() -> None:
    assert input_cost(PRICE, 99, 50) == 99_000
    assert input_cost(PRICE, 100, 0) == 125_000


def test_a_prefix_that_was_too_short_to_be_cached_is_not_read() -> None:
    # The call before had 99 tokens, so the provider kept none of them.
    assert input_cost(PRICE, 1_000, 99) == input_cost(PRICE, 1_000, 0)
    assert input_cost(PRICE, 1_000, 100) < input_cost(PRICE, 1_000, 0)


def test_above_the_tier_every_token_costs_more() -> None:
    tiered = Price(
        input=1_000_000,
        cache_read=100_000,
        cache_write=1_000_000,
        cache_ttl_s=300,
        min_prefix=0,
        tier_above=1_000,
        tier_percent=200,
    )
    assert input_cost(tiered, 1_000, 500) == 550_000
    assert input_cost(tiered, 1_001, 500) == 2 * (500 * 100 + 501 * 1_000)


@given(st.integers(0, 10**7), st.data())
def test_more_cached_tokens_never_cost_more(tokens: int, data: st.DataObject) -> None:
    cached = data.draw(st.integers(0, tokens))
    assert 0 <= input_cost(PRICE, tokens, cached) <= input_cost(PRICE, tokens, 0)


def test_half_a_nano_is_rounded_up() -> None:
    tiny = Price(input=500, cache_read=1, cache_write=500, cache_ttl_s=1, min_prefix=0)
    assert [input_cost(tiny, n, 0) for n in (0, 1, 2, 3)] == [0, 1, 1, 2]


def test_a_turn_after_another_reads_what_stood_from_the_cache() -> None:
    folding = priced()
    first = row(folding.turn(user(PROSE)))
    second = row(folding.turn(call("c"), result("c", RECORDS)))
    assert (first.cached_before, first.cached_after) == (0, 0)
    assert first.cost_before_nanousd == first.cost_after_nanousd == first.tokens_after * 1_250
    assert second.cached_before == first.tokens_before
    assert second.cached_after == first.tokens_after
    assert second.cost_before_nanousd == input_cost(PRICE, second.tokens_before, first.tokens_before)
    assert second.cost_after_nanousd == input_cost(PRICE, second.tokens_after, first.tokens_after)
    assert second.cost_after_nanousd < second.cost_before_nanousd
    assert second.price_version == "t1"


def test_what_was_sent_compressed_stands_compressed_in_the_cache() -> None:
    folding = priced()
    folding.turn(user(PROSE), call("c"), result("c", RECORDS))
    before = row(folding.effects[-1])
    turn = row(folding.turn(said("ok")))
    assert before.tokens_after < before.tokens_before
    assert (turn.cached_before, turn.cached_after) == (before.tokens_before, before.tokens_after)


@pytest.mark.parametrize(("silence", "cached"), [(299.0, True), (300.0, True), (301.0, False)])
def test_the_cache_is_cold_after_its_time_to_live(silence: float, cached: bool) -> None:
    folding = priced()
    folding.turn(user(PROSE), after=silence)
    turn = row(folding.turn(said("ok"), after=silence))
    assert bool(turn.cached_before) is cached
    assert bool(turn.cached_after) is cached
    assert folding.contexts[-1].first_changed_index == 1


def test_a_rewrite_by_the_budget_pays_for_the_tokens_it_moves() -> None:
    folding = priced(window={"max_tokens": 600})
    folding.turn(user("The task."))
    for i in range(8):
        effects = folding.turn(call(f"c{i}"), result(f"c{i}", f"{i} {PROSE}"))
        turn = row(effects)
        if turn.epoch_reason:
            assert effects.context is not None
            assert effects.context.first_changed_index == 1
            assert turn.cached_after < 20
            # The agent that would have sent everything reads everything from the cache.
            assert turn.cached_before == row(folding.effects[-2]).tokens_before
    assert row(folding.effects[-1]).epoch > 0


def test_a_model_without_a_price_has_no_cost_and_tokens_all_the_same() -> None:
    folding = Folding(prices=TABLE, model="unknown")
    turn = row(folding.turn(user(PROSE)))
    assert (turn.cost_before_nanousd, turn.cost_after_nanousd, turn.price_version) == (None, None, "")
    assert turn.tokens_after > 0
    assert row(Folding(prices=TABLE).turn(user(PROSE))).cost_after_nanousd is None


def test_a_pending_turn_has_no_bill() -> None:
    turn = row(priced().turn(user(PROSE), call("c")))
    assert (turn.outcome, turn.cost_before_nanousd) == ("pending", None)


def test_prices_are_those_of_the_day_and_the_first_glob_that_fits() -> None:
    def entry(model: str, day: date, price: int) -> PriceEntry:
        return PriceEntry(
            model=model, valid_from=day, price=Price(input=price, cache_read=0, cache_write=0, cache_ttl_s=1, min_prefix=0)
        )

    table = PriceTable(
        version="v",
        entries=(
            entry("gpt-x-mini*", date(2026, 1, 1), 1),
            entry("gpt-x*", date(2026, 1, 1), 2),
            entry("gpt-x*", date(2026, 6, 1), 3),
        ),
    )

    def price(model: str, day: date) -> int | None:
        found = table.find(model, day)
        return found.input if found else None

    assert price("gpt-x-mini-2", date(2026, 7, 1)) == 1
    assert price("openai/GPT-X", date(2026, 5, 31)) == 2
    assert price("gpt-x", date(2026, 6, 1)) == 3
    assert price("gpt-x", date(2025, 12, 31)) is None
    assert price("other", date(2026, 6, 1)) is None
    assert NO_PRICES.find("gpt-x", date(2026, 6, 1)) is None


def test_a_snapshot_has_the_price_of_its_model_unless_it_has_its_own() -> None:
    def entry(model: str, price: int) -> PriceEntry:
        return PriceEntry(
            model=model,
            valid_from=date(2026, 1, 1),
            price=Price(input=price, cache_read=0, cache_write=0, cache_ttl_s=1, min_prefix=0),
        )

    table = PriceTable(version="v", entries=(entry("m-[12]*", 1), entry("m-1", 2), entry("m-1-2024-05-13", 3)))
    names = ("m-1", "m-1-2024-05-13", "m-1-20250101", "m-1@20250101", "m-1-latest", "m-1-mini", "m-2", "m-3-20250101")
    prices = [table.find(name, date(2026, 6, 1)) for name in names]
    assert [p and p.input for p in prices] == [2, 3, 1, 1, 1, 1, 1, None]
    named = PriceTable(version="v", entries=(entry("m-1", 2),))
    assert [named.find(name, date(2026, 6, 1)) is not None for name in names] == [True, True, True, True, True, False, False, False]


def test_silence_is_measured_across_time_zones() -> None:
    folding = priced()
    when = datetime(2026, 6, 1, 12, tzinfo=UTC)
    folding.turn(user(PROSE), event_time=when)
    later = (when + timedelta(seconds=60)).astimezone(timezone(timedelta(hours=9)))
    assert row(folding.turn(said("ok"), event_time=later)).cached_after > 0


@pytest.mark.parametrize(
    ("reported", "usage"),
    [
        # Anthropic's input leaves out what the cache gave and took.
        (
            {"input_tokens": 5, "cache_read_input_tokens": 90, "cache_creation_input_tokens": 5, "output_tokens": 7},
            Usage(input=100, cache_read=90, cache_write=5, output=7),
        ),
        ({"input_tokens": 5, "output_tokens": 7}, Usage(input=5, output=7)),
        (
            {"prompt_tokens": 100, "completion_tokens": 7, "prompt_tokens_details": {"cached_tokens": 90}},
            Usage(input=100, cache_read=90, output=7),
        ),
        ({"prompt_tokens": 100, "prompt_tokens_details": None}, Usage(input=100)),
        (
            {"prompt_tokens": 100, "prompt_tokens_details": {"cached_tokens": 70, "cache_write_tokens": 20}},
            Usage(input=100, cache_read=70, cache_write=20),
        ),
        (
            {"input_tokens": 100, "output_tokens": 7, "input_tokens_details": {"cached_tokens": 90}},
            Usage(input=100, cache_read=90, output=7),
        ),
        (
            {"promptTokenCount": 100, "cachedContentTokenCount": 90, "candidatesTokenCount": 7},
            Usage(input=100, cache_read=90, output=7),
        ),
        ({"prompt_token_count": 100, "cached_content_token_count": 90}, Usage(input=100, cache_read=90)),
        # Gemini bills thoughts as answer, and what its own tools brought as prompt.
        (
            {"promptTokenCount": 100, "toolUsePromptTokenCount": 30, "candidatesTokenCount": 7, "thoughtsTokenCount": 50},
            Usage(input=130, output=57),
        ),
        ({"input_tokens": -1, "output_tokens": "7", "cache_read_input_tokens": True}, Usage()),
        ({"prompt_tokens": 2.5, "prompt_tokens_details": [1]}, Usage()),
        ({"something": "else"}, Usage()),
    ],
)
def test_usage_is_read_in_the_words_of_each_provider_and_what_is_missing_stays_unknown(
    reported: dict[str, Any], usage: Usage
) -> None:
    assert normalise_usage(reported) == usage
