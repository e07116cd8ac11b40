"""The demo says so when its parts do not agree."""

from __future__ import annotations

from collections import Counter

from msgspec import structs

from headroom_stream.demo.check import Recorded, Sums, problems, sums
from headroom_stream.demo.play import Excerpt, Played

EXCERPT = Excerpt(session="s", tool="log", before="long text", after="… original abc]", tokens_before=9, tokens_after=3, ref="abc")
TURNS = [
    Played(
        session="s", agent="a", event_id=f"turn-{n}", number=n, tools=(), tokens_before=10 * n, tokens_after=7 * n, milliseconds=1.0
    )
    for n in (1, 2)
]
IN_TOPIC = Counter({("s", "turn-1"): 1, ("s", "turn-2"): 1})
RECORDED = {"s": Sums(2, 30, 21)}


def test_sums_are_over_all_contexts_of_a_session() -> None:
    assert sums(TURNS) == RECORDED


def test_nothing_is_said_when_all_agrees() -> None:
    assert (
        problems([*TURNS[:1], structs.replace(TURNS[1], excerpts=(EXCERPT,))], IN_TOPIC, Recorded(RECORDED, {"abc": "long text"}))
        == []
    )


def test_a_turn_without_a_context_and_one_with_two_are_told() -> None:
    found = problems(TURNS, Counter({("s", "turn-2"): 2}), Recorded(RECORDED, {}))
    assert [line.split(": ")[1] for line in found] == ["turn-1 gave 0 contexts instead of 1", "turn-2 gave 2 contexts instead of 1"]


def test_other_numbers_in_clickhouse_are_told() -> None:
    assert len(problems(TURNS, IN_TOPIC, Recorded({"s": Sums(2, 30, 22)}, {}))) == 1
    assert len(problems(TURNS, IN_TOPIC, Recorded({}, {}))) == 1


def test_an_original_that_is_missing_or_differs_is_told() -> None:
    turns = [structs.replace(TURNS[0], excerpts=(EXCERPT,)), TURNS[1]]
    assert len(problems(turns, IN_TOPIC, Recorded(RECORDED, {}))) == 1
    assert len(problems(turns, IN_TOPIC, Recorded(RECORDED, {"abc": "other"}))) == 1
