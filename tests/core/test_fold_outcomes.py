"""What each kind of event does, and that a refused one changes nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec import Raw

from headroom_stream.events import DeadMetric, EraseMetric, TurnMetric
from headroom_stream.session.effects import MAX_ERROR_CHARS
from headroom_stream.session.state import RECENT_EVENTS, Head, Position, Session
from tests.core.folding import Folding, call, messages, result, row, said, user


def started(**changes: Any) -> Folding:
    folding = Folding(**changes)
    folding.turn(user("Find it."), call("c1"), result("c1", "found"), event_id="first")
    return folding


def test_a_turn_gives_a_context_and_a_row() -> None:
    folding = Folding(model="gpt-5")
    effects = folding.turn(user("Find it."), tenant="acme", traceparent="00-1", tracestate="a=b")
    context, turn = effects.context, row(effects)
    assert context is not None
    assert (context.turn, context.epoch, context.tenant, context.model, context.provider) == (1, 0, "acme", "gpt-5", "openai")
    assert (context.traceparent, context.tracestate) == ("00-1", "a=b")
    assert context.event_id == turn.event_id == "turns-0-0"
    assert context.output_id == turn.output_id
    assert (turn.outcome, turn.new_messages, turn.messages, turn.offset) == ("context", 1, 1, 0)
    assert context.tokens_after == turn.tokens_after == turn.tokens_before


def test_a_call_without_its_result_waits_and_says_so() -> None:
    folding = Folding()
    effects = folding.turn(user("Find it."), call("c1", "c2"))
    assert effects.context is None
    assert row(effects).outcome == "pending"
    assert folding.turn(result("c2", "two")).context is None
    effects = folding.turn(result("c1", "one"))
    assert effects.context is not None
    assert effects.context.message_count == 4
    assert row(effects).outcome == "context"


def test_a_duplicate_event_is_counted_not_folded_again() -> None:
    folding = started()
    before = folding.session
    effects = folding.turn(said("Done."), event_id="first")
    assert row(effects).outcome == "duplicate"
    assert effects.context is None
    assert folding.session is not None
    assert before is not None
    assert folding.session.segments == before.segments
    assert folding.session.head.at.offset == 1
    # Its row must stand beside that of the first, not in its place.
    assert row(effects).event_id != row(folding.effects[0]).event_id


def test_many_repeats_of_one_event_do_not_push_the_others_out_of_memory() -> None:
    folding = started()
    folding.turn(said("Done."), event_id="second")
    for _ in range(2 * RECENT_EVENTS):
        folding.turn(said("Done."), event_id="second")
    assert row(folding.turn(said("Once more."), event_id="first")).outcome == "duplicate"


def test_an_event_is_remembered_for_as_many_events_as_are_said() -> None:
    folding = started()
    for i in range(RECENT_EVENTS - 1):
        folding.turn(said("."), event_id=f"e{i}")
    assert row(folding.turn(said("."), event_id="first")).outcome == "duplicate"


def test_a_late_turn_is_refused_and_counted() -> None:
    folding = Folding()
    folding.turn(user("a"), turn=3)
    before = folding.session
    effects = folding.turn(said("b"), turn=3)
    assert effects.dead is not None
    assert effects.dead.stage == "order"
    assert row(effects).outcome == "late"
    assert [type(m) for m in effects.metrics] == [TurnMetric, DeadMetric]
    assert folding.session is before
    assert effects.head is None


def test_a_turn_number_that_skips_ahead_is_folded_and_marked() -> None:
    folding = Folding()
    assert not row(folding.turn(user("a"), turn=1)).gap
    effects = folding.turn(said("b"), turn=4)
    assert row(effects).gap
    assert row(effects).turn == 4
    assert not row(folding.turn(user("c"))).gap
    assert folding.session is not None
    assert folding.session.head.turn == 5


def test_usage_alone_is_kept_and_emits_nothing() -> None:
    folding = started()
    reported = {"input_tokens": 10, "cache_read_input_tokens": 30, "cache_creation_input_tokens": 2, "output_tokens": 5}
    effects = folding.apply(usage=reported)
    turn = row(effects)
    assert effects.context is None
    assert turn.outcome == "usage"
    found = (turn.usage_input_tokens, turn.usage_cache_read_tokens, turn.usage_cache_write_tokens, turn.usage_output_tokens)
    assert found == (42, 30, 2, 5)
    assert folding.session is not None
    assert folding.session.head.usage is not None
    assert folding.session.head.usage.input == 42
    assert folding.session.head.turn == 1


def test_usage_of_an_unknown_session_is_counted_and_starts_none() -> None:
    folding = Folding()
    effects = folding.apply(usage={"prompt_tokens": 7})
    assert row(effects).usage_input_tokens == 7
    assert folding.session is None
    assert effects.head is None


def test_close_wipes_what_was_stored() -> None:
    folding = started()
    folding.turn(said("Done."))
    assert folding.session is not None
    stored = tuple(s.n for s in folding.session.segments)
    effects = folding.apply(close=True)
    assert row(effects).outcome == "closed"
    assert folding.session is not None
    assert folding.session == Session(Head(at=Position("turns", 0, 2), closed=True, next_segment=3))
    assert effects.head == folding.session.head
    assert effects.removed == stored


def test_a_last_turn_that_closes_gives_its_context_and_wipes() -> None:
    folding = started()
    assert folding.session is not None
    stored = tuple(s.n for s in folding.session.segments)
    effects = folding.turn(said("Done."), close=True)
    assert effects.context is not None
    assert effects.context.message_count == 4
    assert effects.segments == ()
    assert set(effects.removed) > set(stored)
    assert effects.head is not None
    assert effects.head.closed


def test_a_closed_session_begins_anew_with_segment_numbers_that_were_never_used() -> None:
    folding = started()
    folding.apply(close=True)
    effects = folding.turn(user("Again."), event_id="first", turn=1)
    assert row(effects).outcome == "context"
    assert (row(effects).turn, row(effects).epoch, row(effects).messages) == (1, 0, 1)
    assert [s.n for s in effects.segments] == [2]
    assert effects.context is not None
    assert (effects.context.parent_hash, effects.context.first_changed_index) == ("", 0)


def test_close_of_an_unknown_session_is_counted() -> None:
    folding = Folding()
    effects = folding.apply(close=True)
    assert row(effects).outcome == "closed"
    assert folding.session is None


def test_a_refused_turn_that_closes_closes_nothing() -> None:
    folding = started()
    before = folding.session
    assert folding.turn(result("zz", "x"), close=True).dead is not None
    assert folding.session is before


BAD = [
    ("schema", {}),
    ("schema", {"usage": {}}),
    ("schema", {"messages": messages(said("x")), "history": messages(said("x"))}),
    ("schema", {"messages": messages(said("x")), "schema_version": 2}),
    ("policy", {"messages": messages(said("x")), "policy": {"min_token": 3}}),
    ("policy", {"messages": messages(said("x")), "policy": {"min_tokens": 0}}),
    ("policy", {"messages": messages(said("x")), "policy": {"window": None}}),
    ("policy", {"messages": messages(said("x")), "policy": {"window": {"low_water": 2}}}),
    ("messages", {"messages": messages(result("other", "x"))}),
    ("messages", {"messages": messages(result("c1", "answered before"))}),
    ("messages", {"messages": messages(call("c2"), said("too early"))}),
    ("messages", {"messages": messages(call("c2"), result("c2", "x"), result("c2", "again"))}),
    ("messages", {"messages": messages({"role": "robot", "content": "x"})}),
    ("messages", {"messages": [Raw(b"3")]}),
    ("messages", {"messages": messages({"role": "user", "parts": []}, {"role": "developer", "content": "x"})}),
    ("messages", {"history": []}),
    ("policy", {"messages": messages(said("x")), "policy": {"limits": {"session_messages": 3}}}),
    ("messages", {"messages": messages(said("x")), "provider": "gemini"}),
    (
        "messages",
        {"messages": messages({"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "f", "input": {}}]})},
    ),
]


@pytest.mark.parametrize(("stage", "fields"), BAD, ids=lambda v: v if isinstance(v, str) else "+".join(v) or "empty")
def test_what_cannot_be_applied_is_refused_and_changes_nothing(stage: str, fields: dict[str, Any]) -> None:
    folding = started()
    before = folding.session
    new = fields.get("messages")
    effects = folding.apply(new, tenant="acme", **{k: v for k, v in fields.items() if k != "messages"})
    assert effects.dead is not None
    assert effects.dead.stage == stage
    (counted,) = effects.metrics
    assert isinstance(counted, DeadMetric)
    assert (counted.stage, counted.error, counted.session_id, counted.tenant) == (stage, effects.dead.error, "s", "acme")
    assert (counted.topic, counted.partition, counted.offset) == ("turns", 0, 1)
    assert folding.session is before
    assert (effects.context, effects.head, effects.segments, effects.removed) == (None, None, (), ())
    # And the session goes on.
    assert folding.turn(said("Done.")).context is not None


@pytest.mark.parametrize("limit", ["session_messages", "session_bytes"])
def test_a_session_past_its_limits_is_refused_and_keeps_what_it_has(limit: str) -> None:
    folding = Folding(limits={limit: 4 if limit == "session_messages" else 400})
    folding.turn(user("Find it."), call("c1"), result("c1", "found"))
    before = folding.session
    effects = folding.turn(said("Done."), user("And this? " + "?" * 300))
    assert effects.dead is not None
    assert effects.dead.stage == "limit"
    assert folding.session is before


def test_a_guess_of_the_provider_gives_way_to_what_a_message_shows() -> None:
    folding = Folding()
    first = folding.turn(user("a"))
    assert first.context is not None
    assert first.context.provider == "openai"
    blocks = [{"type": "tool_use", "id": "t", "name": "f", "input": {}}]
    answered = [{"type": "tool_result", "tool_use_id": "t", "content": "x"}]
    second = folding.turn({"role": "assistant", "content": blocks}, {"role": "user", "content": answered})
    assert second.context is not None
    assert second.context.provider == "anthropic"


def test_a_first_turn_needs_messages() -> None:
    folding = Folding()
    effects = folding.apply([])
    assert effects.dead is not None
    assert effects.dead.stage == "messages"
    assert folding.session is None


def test_an_event_without_new_messages_gives_the_context_again() -> None:
    folding = started()
    effects = folding.apply([])
    assert effects.context is not None
    assert effects.context.message_count == effects.context.first_changed_index == 3
    assert effects.context.prefix_hash == folding.contexts[0].prefix_hash


def test_an_error_is_cut_however_long_what_it_quotes() -> None:
    effects = Folding().turn({"role": "x" * 100_000, "content": ""})
    assert effects.dead is not None
    assert len(effects.dead.error) <= MAX_ERROR_CHARS
    (counted,) = effects.metrics
    assert isinstance(counted, DeadMetric)
    assert counted.error == effects.dead.error


@pytest.mark.parametrize(("model", "exact"), [("gpt-4o", True), ("claude-sonnet-5", False), ("", False)])
def test_a_context_and_its_row_say_whether_tokens_are_exact(model: str, exact: bool) -> None:
    effects = Folding(model=model).turn(user("a"))
    assert effects.context is not None
    assert effects.context.tokens_exact is row(effects).tokens_exact is exact
    assert effects.context.tokenizer == row(effects).tokenizer == "o200k_base"


def test_an_event_brings_its_own_time() -> None:
    when = datetime(2025, 5, 5, tzinfo=UTC)
    effects = Folding().turn(user("a"), event_time=when)
    assert effects.context is not None
    assert effects.context.event_time == row(effects).event_time == when


def test_the_output_id_follows_from_session_event_and_policy() -> None:
    def output_id(**fields: Any) -> str:
        context = Folding(**fields.pop("folding", {})).turn(user("a"), event_id=fields.pop("event_id", "e"), **fields).context
        assert context is not None
        return context.output_id

    one = output_id()
    assert one == output_id()
    others = [output_id(event_id="f"), output_id(folding={"session_id": "t"}), output_id(policy={"min_tokens": 9})]
    assert len({one, *others}) == 4
    assert output_id(folding={"min_tokens": 9}) == output_id(policy={"min_tokens": 9})


def test_a_policy_of_one_turn_holds_for_that_turn_alone() -> None:
    folding = Folding()
    rows = "\n".join(f'{{"name": "name {n * n}", "value": {n * 7919}}}' for n in range(30))
    folding.turn(user("a"), call("c1"), result("c1", rows), policy={"records": {"enabled": False}})
    folding.turn(call("c2"), result("c2", rows))
    assert bytes(folding.bodies[2]) == bytes(messages(result("c1", rows))[0])
    assert len(folding.bodies[4]) < len(folding.bodies[2])
    assert row(folding.effects[0]).policy_version != row(folding.effects[1]).policy_version


@pytest.mark.parametrize("provider", ["openai", "anthropic", "gemini"])
def test_the_provider_an_event_names_stands(provider: Any) -> None:
    folding = Folding()
    folding.turn(user("a"), provider=provider)
    folding.turn(said("b"))
    assert [c.provider for c in folding.contexts] == [provider, provider]


def test_the_shape_of_later_messages_shows_the_provider() -> None:
    folding = Folding()
    folding.turn(user("a"))
    answer = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": "x"}]}
    folding.turn({"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "f", "input": {}}]}, answer)
    assert [c.provider for c in folding.contexts] == ["openai", "anthropic"]


def test_two_gemini_calls_of_one_name_are_answered_one_by_one() -> None:
    folding = Folding()
    part = {"functionResponse": {"name": "f", "response": {"output": "x"}}}
    folding.turn({"role": "user", "parts": [{"text": "a"}]}, {"role": "model", "parts": [{"functionCall": {"name": "f"}}] * 2})
    assert folding.turn({"role": "user", "parts": [part]}).context is None
    assert folding.turn({"role": "user", "parts": [part]}).context is not None
    assert folding.turn({"role": "user", "parts": [part]}).dead is not None


def test_an_erase_row_says_nothing_but_the_session_and_the_time() -> None:
    assert EraseMetric.__struct_fields__ == ("session_id", "event_time", "schema_version")
