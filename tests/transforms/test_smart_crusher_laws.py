"""Laws of SmartCrusher: for any list and any query."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headroom_stream.config.crusher import SmartCrusherConfig
from headroom_stream.content.records import restore
from headroom_stream.transforms.smart_crusher import CrushResult, SmartCrusher
from tests.transforms.test_smart_crusher import WORDS, rows

scalars = (
    st.none() | st.booleans() | st.integers(-(10**6), 10**6) | st.floats(-1e9, 1e9) | st.text(max_size=12) | st.sampled_from(WORDS)
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4), max_leaves=12
)
records = st.fixed_dictionaries(
    {"kind": st.sampled_from(WORDS), "n": st.integers(0, 10**6)}, optional={"x": values, "error": scalars}
)
lists = st.lists(records, max_size=40) | st.lists(values, max_size=40) | st.lists(st.floats(-1e6, 1e6) | st.integers(), max_size=60)
queries = st.sampled_from(["", "amber", "which n is 4711?", 'the "x" of `kind`']) | st.text(max_size=30)


def small() -> SmartCrusher:
    return SmartCrusher(SmartCrusherConfig(min_tokens_to_crush=0, max_items_after_crush=8, lossless_min_savings_ratio=0.0))


def shown(result: CrushResult) -> Any:
    return restore(result.compressed.rsplit("\n[", 1)[0] if result.removed else result.compressed)


def plain(item: Any) -> Any:
    return {key: value for key, value in item.items() if key != "+alike"} if isinstance(item, dict) else item


@given(lists, queries)
@settings(max_examples=100)
def test_what_is_shown_is_of_the_list_and_in_its_order(data: list[Any], query: str) -> None:
    result = small().crush(data, query)
    assert result == small().crush(json.dumps(data, ensure_ascii=False), query)
    if not result.was_modified:
        assert result.compressed == result.original == json.dumps(data, ensure_ascii=False)
        return
    kept = shown(result)
    remaining = iter(data)
    assert all(plain(item) in remaining for item in kept)
    if result.removed:
        assert result.removed.startswith(f"{len(data) - len(kept)} of {len(data)} items")
        assert len(result.compressed) < len(result.original)
        counted = sum(item["+alike"] for item in kept if isinstance(item, dict) and "+alike" in item)
        assert counted <= len(data) - len(kept)
    else:
        assert kept == data


@settings(max_examples=30)
@given(
    st.integers(10_000, 10_399),
    st.sampled_from(["{}", "find '{}' in it", "why {}?", "`{}`"]),
    st.integers(0, 50),
    st.integers(6, 60),
)
def test_an_item_that_the_query_names_survives(name: int, form: str, seed: int, cap: int) -> None:
    result = SmartCrusher(SmartCrusherConfig(max_items_after_crush=cap)).crush(rows(seed=seed), form.format(name))
    assert name in {row["id"] for row in shown(result)}


@settings(max_examples=30)
@given(st.sets(st.integers(0, 399), max_size=60), st.integers(0, 20), st.integers(6, 60))
def test_errors_survive_and_nothing_else_breaks_the_cap(places: set[int], seed: int, cap: int) -> None:
    data = rows(seed=seed)
    for at in places:
        data[at]["status"] = 500 + at % 4
    kept = {row["id"] for row in shown(SmartCrusher(SmartCrusherConfig(max_items_after_crush=cap)).crush(data))}
    assert {10_000 + at for at in places} <= kept
    ends = {0, 1, 2, 398, 399}
    assert len(kept) <= max(cap, len(places | ends))


@settings(max_examples=30)
@given(st.floats(8, 1e12), st.integers(0, 399), st.integers(0, 20))
def test_a_number_far_off_survives_beside_a_greater_one(factor: float, at: int, seed: int) -> None:
    data = rows(seed=seed)
    data[at]["load"] = 50 + 6 * factor
    data[(at + 200) % 400]["load"] = 1e15
    assert 10_000 + at in {row["id"] for row in shown(SmartCrusher().crush(data))}


@given(st.text(max_size=300), queries)
def test_any_text_is_answered(text: str, query: str) -> None:
    result = small().crush(text, query)
    assert result.was_modified or result.compressed == text


def noise(count: int, seed: int) -> str:
    rng = random.Random(seed)
    return " ".join(rng.choices(WORDS, k=count))


HOSTILE: dict[str, Any] = {
    "all share their rarest words": [{"a": "one two three four five six seven eight nine", "n": n} for n in range(6_000)],
    "every key is new": [{f"k{n}-{m}": m for m in range(4)} for n in range(6_000)],
    "equal": [{"a": 1}] * 20_000,
    "numbers": [n * 7919 % 10_007 for n in range(40_000)],
    "lists": [[[n, m] for m in range(60)] for n in range(500)],
    "one long text each": [{"t": noise(3_000, n)} for n in range(60)],
    "long words": ["a" * 10_000 + str(n) for n in range(80)],
    "all are errors of their own": [{"error": f"E{n}", "note": noise(6, n)} for n in range(4_000)],
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_large_lists_take_time_in_proportion(kind: str) -> None:
    """Anything quadratic takes minutes. The test's time limit is the judge."""
    SmartCrusher().crush(HOSTILE[kind], "one and nine of k17-1 " + noise(500, 1))
