"""What agents use of their tools' outputs: what counts as use, and that statistics can be kept, merged and asked."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given

from headroom_stream.learning import (
    FieldUse,
    Learning,
    ToolStats,
    ToolUsage,
    UsageStats,
    learn,
    merge,
    observe,
    observe_retrieval,
    schema_of,
)
from headroom_stream.learning.observe import MAX_OPEN_CALLS, MAX_VALUES, MAX_WATCHED
from headroom_stream.learning.schema import MAX_FIELDS, TEXT, shape_of
from headroom_stream.learning.stats import MAX_TOOLS, key_of
from headroom_stream.learning.values import phrase, telling, values
from headroom_stream.messages import View, view
from headroom_stream.transforms.result import Message
from tests.transforms.talks import encoded, round_of, said, talks, user

ORDER = {"order": {"id": "ord_8841", "total": 129.5, "status": "shipped"}, "customer": {"name": "Ann Bell Smith"}, "lines": []}


def views(messages: list[Message]) -> list[View]:
    return [view(encoded(m)) for m in messages]


def learnt(output: Any, *later: Message, tool: str = "get") -> ToolStats:
    """What is known of a tool after one output of it, and what came later."""
    text = output if isinstance(output, str) else json.dumps(output)
    stats = learn(views([user("Go."), *round_of("a", text, tool=tool), *later]))
    return stats.of(tool, schema_of(text))


def used(stats: ToolStats) -> list[str]:
    return [name for name, use in stats.fields.items() if use.used]


def test_a_field_whose_value_the_agent_writes_later_is_used() -> None:
    stats = learnt(ORDER, said("Your order ord_8841 is on its way."))
    assert used(stats) == ["order.id"]
    assert (stats.outputs, stats.used, stats.fields["order.id"]) == (1, 1, FieldUse(1, 1))
    assert stats.fields["order.total"] == FieldUse(1, 0)


def test_arguments_of_calls_count_as_writing() -> None:
    assert used(learnt(ORDER, *round_of("b", arguments=json.dumps({"q": "ord_8841"})))) == ["order.id"]


def test_numbers_and_names_count() -> None:
    assert used(learnt(ORDER, said("That makes $129.5, Ann Bell Smith."))) == ["customer.name", "order.total"]


@pytest.mark.parametrize(
    "later", [[said("It has shipped.")], [said("It is ord_88412.")], [user("ord_8841")], round_of("b", "ord_8841")]
)
def test_common_words_other_values_and_what_others_write_do_not_count(later: list[Message]) -> None:
    assert used(learnt(ORDER, *later)) == []


def test_a_field_counts_once_an_output_however_often_it_is_used() -> None:
    stats = learnt(ORDER, *[said("ord_8841")] * 3, said("129.5"))
    assert (stats.outputs, stats.used) == (1, 1)
    assert stats.fields["order.id"] == stats.fields["order.total"] == FieldUse(1, 1)


def test_what_the_agent_wrote_before_the_output_came_does_not_count() -> None:
    stats = learn(views([user("Go."), said("I look for ord_8841."), *round_of("a", json.dumps(ORDER), tool="get")]))
    assert used(stats.of("get", schema_of(json.dumps(ORDER)))) == []


def test_text_outputs_are_learnt_from_too() -> None:
    stats = learnt("The build of web_app-17 failed at src/main.c:42.", said("I look at src/main.c:42."))
    assert (stats.schema, stats.outputs, stats.used) == (TEXT, 1, 1)


def test_outputs_of_one_shape_have_one_schema_whatever_their_values() -> None:
    one = [{"id": "A1", "tags": ["x"]}, {"id": "A2", "tags": ["y", "z"]}]
    assert schema_of(json.dumps(one)) == schema_of(json.dumps(one[::-1] * 5))
    assert shape_of(json.dumps(one)).fields == ("[].id", "[].tags[]")
    assert schema_of(json.dumps({"FL17": {"seat": 1}})) == schema_of(json.dumps({"FL18": {"seat": 2}, "FL19": {"seat": 3}}))
    assert schema_of('{"a": 1}') != schema_of('{"b": 1}')
    assert schema_of("{broken") == schema_of("") == TEXT


@pytest.mark.parametrize("value", ["ord_8841", "4711", "3.14159", "src/main.c", "a1b2", "fetchOrder", "ann@x.org", "10.0.0.1"])
def test_values_that_tell_where_they_come_from(value: str) -> None:
    assert telling(value)
    assert list(values(f"It says ({value}).")) == [value]


@pytest.mark.parametrize("value", ["the", "and/or", "e.g", "42", "3.5", "Booking", "well-known", "x" * 201])
def test_values_that_tell_nothing(value: str) -> None:
    assert not telling(value)


def test_names_and_titles_are_phrases_and_other_texts_are_not() -> None:
    assert phrase("Ann  Bell-Smith") == "ann bell smith"
    assert (phrase("An Bellow"), phrase("An Bello")) == ("an bellow", "")
    assert [phrase(text) for text in ("Ann", "a b", "one two three four five six seven eight nine", "x " * 200)] == [""] * 4


def test_usage_tells_how_likely_an_output_is_to_be_used() -> None:
    stats = UsageStats()
    for i in range(8):
        output = json.dumps({"locator": f"LOC{i:05}"})
        stats = learn(
            views([*round_of("a", output, tool="find"), *round_of("b", '{"ad": "AD123"}', tool="ads"), said(f"LOC{i:05}")]), stats
        )
    usage = ToolUsage(stats)
    text = json.dumps({"locator": "LOC99"})
    assert usage.importance("find", text) == pytest.approx(9 / 10)
    assert usage.importance("ads", '{"ad": "x"}') == pytest.approx(1 / 10)
    assert usage.confidence("find", text) == pytest.approx(8 / 12)
    assert usage.used_fields("find", schema_of(text)) == ("locator",)
    assert usage.used_fields("ads", schema_of('{"ad": "x"}')) == ()
    # A schema that is new is judged by the tool, a tool that is new not at all.
    assert usage.importance("find", "not found") == usage.importance("find", text)
    assert (usage.importance("other", text), usage.confidence("other", text)) == (None, 0.0)


def test_fields_used_more_often_come_first() -> None:
    stats = UsageStats()
    for i in range(4):
        output = json.dumps({"a": f"AAA{i:03}", "b": f"BBB{i:03}", "c": f"CCC{i:03}"})
        stats = learn(views([*round_of("x", output), said(f"BBB{i:03}" + (f" CCC{i:03} AAA{i:03}" if i else ""))]), stats)
    assert ToolUsage(stats).used_fields("search", schema_of(output)) == ("b", "a", "c")


def test_an_original_that_is_asked_for_makes_its_like_more_important() -> None:
    stats = learn(views([*round_of("x", '{"a": 1}'), *round_of("y", '{"a": 2}')]))
    before = ToolUsage(stats).importance("search", '{"a": 3}')
    after = ToolUsage(observe_retrieval(stats, "search", '{"a": 1}')).importance("search", '{"a": 3}')
    assert before == pytest.approx(1 / 4)
    assert after == pytest.approx(2 / 4)


def test_state_is_bounded_whatever_comes() -> None:
    state = Learning()
    for i in range(MAX_TOOLS + 20):
        output = json.dumps({f"k{chr(97 + j // 26)}{chr(97 + j % 26)}": f"value_{i}_{j}" for j in range(MAX_VALUES + 50)})
        for message in views(round_of(f"c{i}", output, tool=f"tool{i}")):
            state = observe(state, message)
    assert len(state.stats.tools) == MAX_TOOLS
    assert all(len(t.fields) <= MAX_FIELDS for t in state.stats.tools.values())
    assert len(state.watched) == MAX_WATCHED
    assert all(len(w.values) <= MAX_VALUES for w in state.watched)
    assert len(state.calls) == MAX_OPEN_CALLS
    # All were seen equally often: the first by key stay.
    schema = state.stats.of("tool0", next(iter(state.stats.tools.values())).schema).schema
    assert list(state.stats.tools) == sorted(key_of(f"tool{i}", schema) for i in range(MAX_TOOLS + 20))[:MAX_TOOLS]


def test_statistics_hold_no_value_of_a_conversation() -> None:
    stats = learn(views([*round_of("a", json.dumps(ORDER)), said("ord_8841")]))
    text = msgspec.json.encode(stats).decode()
    assert "ord_8841" not in text and "Ann" not in text and "order.id" in text


@given(talks(), talks())
def test_laws_of_learning(one: list[Message], other: list[Message]) -> None:
    states = [Learning()]
    for message in views(one):
        states.append(observe(states[-1], message))
    # A fold: the same again, and from any state that was stored and read back.
    middle = states[len(states) // 2]
    assert msgspec.json.decode(msgspec.json.encode(middle), type=Learning) == middle
    resumed = msgspec.json.decode(msgspec.json.encode(middle), type=Learning)
    for message in views(one)[len(states) // 2 :]:
        resumed = observe(resumed, message)
    assert resumed == states[-1]
    # Sums, in any order.
    a, b = learn(views(one)), learn(views(other))
    assert merge(a, b) == merge(b, a) == merge(UsageStats(), merge(a), b)
    outputs = sum(t.outputs for t in merge(a, b).tools.values())
    assert outputs == sum(len(v.outputs) for v in views([*one, *other]))
    for tool in merge(a, b).tools.values():
        assert tool.used <= tool.outputs
        assert all(use.used <= use.seen <= tool.outputs for use in tool.fields.values())


def test_the_order_of_merging_three_makes_no_difference() -> None:
    parts = [learn(views([*round_of("a", json.dumps({k: "VAL001"})), said("VAL001")])) for k in ("x", "y", "x")]
    assert merge(*parts) == merge(merge(parts[0], parts[1]), parts[2]) == merge(parts[0], merge(parts[1], parts[2]))
    both = merge(*parts).of("search", schema_of('{"x": 1}'))
    assert (both.outputs, both.used, both.retrievals, both.fields) == (2, 2, 0, {"x": FieldUse(2, 2)})
    asked = observe_retrieval(parts[0], "search", '{"x": 1}')
    assert merge(asked, asked).of("search", both.schema).retrievals == 2


@pytest.mark.parametrize("unit", ["a", "1", "_", "a.", "/", "@a", "-", " a", '{"a":', "[", '[1,"ab_c"],'])
def test_large_outputs_take_no_more_than_their_length(unit: str) -> None:
    """Without linear patterns one such output takes minutes; the test's time limit is the judge."""
    text = unit * (400_000 // len(unit))
    learn(views([*round_of("a", text), said(text), *round_of("b", "[" + text + "1]"), said(text)]))
