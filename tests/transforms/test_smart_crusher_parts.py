"""The parts of SmartCrusher by themselves: numbers, likeness, shapes."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headroom_stream.content.records import parse
from headroom_stream.transforms.crush.alike import Likeness
from headroom_stream.transforms.crush.asked import Asked
from headroom_stream.transforms.crush.columns import category, columns_of
from headroom_stream.transforms.crush.numbers import changes, distances
from headroom_stream.transforms.crush.shapes import form_of, spread
from headroom_stream.transforms.crush.summary import constants, summary
from headroom_stream.transforms.crush.values import fields_of, words_of, write_json


def test_fields_are_values_by_path() -> None:
    item = parse('{"a":{"b":1.50,"c":{}},"d":[1,{"e":2}],"f":null,"g":true}')
    assert fields_of(item) == {"a.b": "1.50", "a.c": "{}", "d": '[1,{"e":2}]', "f": None, "g": True}
    assert fields_of(parse('["x",[2]]')) == {"0": "x", "1": "[2]"}
    assert fields_of("x") == {"": "x"}


@pytest.mark.parametrize("text", ['{"a":[1,2.50,-0,1e5],"ä\\"":"\\n","b":[true,false,null,{},[]]}', '"x"', "12345678901234567890"])
def test_json_is_written_back_as_it_was(text: str) -> None:
    assert write_json(parse(text)) == text


numbers = st.lists(st.floats(-1e300, 1e300), max_size=60)


@given(numbers)
def test_distances_are_numbers_and_zero_for_equal_ones(values: list[float]) -> None:
    off = distances(np.array(values))
    assert len(off) == len(values) and (off >= 0).all()
    assert not len(values) or not distances(np.array(values[:1] * 9)).any()


@given(st.lists(st.integers(-100, 100), min_size=10, max_size=60), st.floats(1.5, 50), st.integers(0, 100))
def test_distances_do_not_depend_on_scale_and_offset(values: list[int], scale: float, offset: int) -> None:
    given_ = np.array(values, dtype=np.float64)
    assert np.allclose(distances(given_), distances(given_ * scale + offset), rtol=1e-6, atol=1e-6)


def test_one_huge_number_does_not_hide_the_next() -> None:
    ordinary = [10.0 + n % 5 for n in range(100)]
    off = distances(np.array([*ordinary, 1e18, 40.0]))
    assert off[-2] > off[-1] > 10 > off[:-2].max()


def test_the_tails_of_noise_are_not_taken_for_anomalies() -> None:
    off = distances(np.random.default_rng(1).normal(size=2_000))
    assert (off > 2).mean() < 0.07 and (off > 4).sum() <= 1


def test_changes_are_steps_not_slopes_and_not_noise() -> None:
    noise = np.random.default_rng(1).normal(size=300)
    step = np.concatenate([noise[:150], noise[150:] + 8])
    assert [at for _, at in changes(step, 2.0)] == [150]
    assert changes(noise, 2.0) == [] and changes(np.arange(300.0), 2.0) == []
    assert changes(np.ones(300), 2.0) == [] and changes(np.arange(5.0), 2.0) == []


@given(
    st.lists(st.sets(st.sampled_from("abcdefgh"), max_size=6).map(frozenset), min_size=1, max_size=12),
    st.sampled_from([0.3, 0.5, 0.8, 1.0]),
)
def test_likeness_finds_what_comparing_all_finds(items: list[frozenset[str]], threshold: float) -> None:
    likeness = Likeness(items, threshold)
    for at in range(len(items) // 2):
        likeness.keep(at)
    for at, item in enumerate(items):
        alike = [n for n in range(len(items) // 2) if item and len(item & items[n]) >= threshold * len(item | items[n])]
        assert likeness.leader(at) == min(alike, default=None)


@given(st.integers(0, 300))
def test_spread_gives_every_place_once(total: int) -> None:
    assert sorted(spread(total)) == list(range(total))


def test_spread_is_even_from_the_start() -> None:
    first = sorted(list(spread(1_000))[:10])
    assert max(b - a for a, b in pairwise(first)) <= 130


def shape(items: list[Any]) -> str:
    columns = columns_of([fields_of(item) for item in parse(write_json_of(items))])
    total = len(items)
    found = [category(column, total, 0.1) for column in columns]
    return form_of(columns, [one for one in found if one is not None], total).shape


def write_json_of(items: list[Any]) -> str:
    return json.dumps(items)


@pytest.mark.parametrize(
    ("items", "name"),
    [
        ([n * n for n in range(60)], "numbers"),
        ([f"a{n}" for n in range(60)], "strings"),
        ([n if n % 2 else str(n) for n in range(60)], "items"),
        ([{"ts": 1_700_000_000 + n, "cpu": n % 7} for n in range(60)], "time_series"),
        ([{"at": f"2026-01-01 10:00:{n:02}", "cpu": n % 7} for n in range(60)], "time_series"),
        ([{"time": f"2026-01-01 10:00:{n:02}", "msg": f"served request {n} in time"} for n in range(60)], "logs"),
        ([{"doc": f"d{n}", "meta": {"score": n / 60}} for n in range(60)], "scored"),
        ([{"score": n / 60} if n % 2 else {"name": f"x{n}"} for n in range(60)], "items"),
        ([{"id": n, "state": "ok" if n % 3 else "late"} for n in range(60)], "categories"),
        ([{"id": f"x{n}", "name": f"y{n * 7}"} for n in range(60)], "items"),
    ],
)
def test_the_shape_of_a_list_is_known(items: list[Any], name: str) -> None:
    assert shape(items) == name


def test_a_category_has_examples_of_common_values_and_the_rare_ones() -> None:
    items = [{"s": "ok"} for _ in range(40)] + [{"s": "late"} for _ in range(8)] + [{"s": "lost"}, {}]
    column = columns_of([fields_of(item) for item in items])[0]
    found = category(column, len(items), 0.1)
    assert found is not None and (found.examples, found.rare) == ([40, 0], [48, 49])
    ids = columns_of([fields_of({"id": f"x{n}"}) for n in range(50)])[0]
    assert category(ids, 50, 0.1) is None


def test_words_are_those_of_the_values() -> None:
    assert words_of(fields_of({"key": "An example", "other": ["x-1"], "flag": True})) == {"an", "example", "x", "1"}


@pytest.mark.parametrize(
    ("query", "places"),
    [
        ("", set()),
        ("row 17", {1}),
        ("'red car'", {2}),
        ("the Red Car there", {2}),
        ("cars", set()),
        ("in zone-1", set()),
        ("a submarine", {3}),
    ],
)
def test_a_query_names_items(query: str, places: set[int]) -> None:
    items = [{"zone": "zone-1", "n": n, "what": w} for n, w in ((16, "blue"), (17, "green"), (18, "red car"), (19, "submarine"))]
    items += [{"zone": "zone-1", "n": n, "what": "bike"} for n in range(20, 40)]
    assert Asked(query).named([fields_of(item) for item in parse(write_json_of(items))]) == places


def test_a_long_query_is_read_at_both_ends() -> None:
    items = [fields_of(f"item-{n}") for n in range(50)]
    query = "item-7 " + "word " * 5_000 + "item-20 " + "word " * 5_000 + "item-33"
    assert Asked(query).named(items) == {7, 33}


def test_constants_are_fields_with_one_value_in_all_items() -> None:
    items = parse('[{"a":1,"b":{"c":"1"},"d":1},{"a":1,"b":{"c":"1"},"d":"1"}]')
    assert constants(items, 2) == {"a": "1", "b": {"c": "1"}}
    assert constants(items, 3) == {} == constants(parse("[1,1]"), 1)
    assert constants(parse('[{"a":1},{"a":1}]'), 2) == {}


def test_a_summary_tells_ranges_and_common_values() -> None:
    items = parse(write_json_of([{"ms": n, "state": "ok" if n % 4 else "late", "id": f"x{n}"} for n in range(8)]))
    assert summary(items) == "ms 0 to 7, mean 3.5; state ok ×6, late ×2"
