"""Full histories: what is new in them, and what happens when the client changed them."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.core.conversations import SHAPES, encoded, plots
from tests.core.folding import Folding, call, messages, prefix_hash, result, row, said, user

FIRST = [user("Find it."), call("c1"), result("c1", "found")]
SECOND = [call("c2"), result("c2", "more")]
QUERY = "request 41"
"""The same for all events: what an output keeps is steered by what was asked when it came."""
THIRD = [said("Done."), user("And now?")]


def three_turns() -> Folding:
    folding = Folding()
    for n in (FIRST, FIRST + SECOND, FIRST + SECOND + THIRD):
        folding.apply(None, history=messages(*n))
    return folding


def test_a_longer_history_appends_what_is_new() -> None:
    folding = three_turns()
    assert [row(e).new_messages for e in folding.effects] == [3, 2, 2]
    assert [c.first_changed_index for c in folding.contexts] == [0, 3, 5]
    assert {c.epoch for c in folding.contexts} == {0}


def test_a_history_written_otherwise_is_the_same_history() -> None:
    folding = three_turns()
    marked = [{**m, "cache_control": {"type": "ephemeral"}} for m in FIRST] + SECOND + THIRD + [said("Bye.")]
    effects = folding.apply(None, history=messages(*(dict(reversed(m.items())) for m in marked)))
    assert row(effects).new_messages == 1
    assert row(effects).epoch == 0


def test_an_edited_message_ends_the_epoch_and_what_came_before_it_stands() -> None:
    folding = three_turns()
    before = folding.bodies
    edited = [*FIRST, call("c2"), result("c2", "other"), *THIRD]
    effects = folding.apply(None, history=messages(*edited))
    assert row(effects).epoch == 1
    assert row(effects).epoch_reason == "history changed"
    assert effects.context is not None
    # The first event's segment stands; the second, which was changed in part, is taken in again.
    assert effects.context.first_changed_index == 3
    assert folding.bodies == [bytes(m) for m in messages(*edited)]
    assert folding.bodies[:3] == before[:3]
    assert effects.context.parent_hash == folding.contexts[-2].prefix_hash


def test_a_truncated_history_ends_the_epoch() -> None:
    folding = three_turns()
    effects = folding.apply(None, history=messages(*FIRST))
    assert (row(effects).epoch, row(effects).epoch_reason, row(effects).new_messages) == (1, "history changed", 0)
    assert folding.bodies == [bytes(m) for m in messages(*FIRST)]
    assert effects.removed == (2, 3)


def test_a_history_that_the_client_compacted_starts_over() -> None:
    folding = three_turns()
    compacted = [user("Summary: it was found."), said("Done."), user("And now?")]
    effects = folding.apply(None, history=messages(*compacted))
    assert effects.context is not None
    assert effects.context.first_changed_index == 0
    assert row(effects).epoch == 1
    assert folding.bodies == [bytes(m) for m in messages(*compacted)]
    assert effects.removed == (1, 2, 3)


def test_a_history_that_ends_amid_a_call_waits_for_its_result() -> None:
    folding = three_turns()
    assert folding.apply(None, history=messages(*FIRST, call("c2"))).context is None
    effects = folding.turn(result("c2", "late"))
    assert effects.context is not None
    assert effects.context.message_count == 5


def test_messages_that_waited_and_were_never_sent_do_not_stand_in_the_cache() -> None:
    folding = Folding()
    folding.turn(*FIRST)
    folding.turn(call("c2", "c3"))
    folding.turn(result("c2", "one"))
    # The call stands and its first result is another: four messages are kept, of which three were sent.
    effects = folding.apply(None, history=messages(*FIRST, call("c2", "c3"), result("c2", "other"), result("c3", "two")))
    assert effects.context is not None
    assert row(effects).new_messages == 2
    assert effects.context.first_changed_index == 3
    assert effects.context.parent_hash == prefix_hash(folding.bodies[:3])


def test_after_a_rewrite_deltas_append_again() -> None:
    folding = three_turns()
    folding.apply(None, history=messages(*FIRST))
    effects = folding.turn(said("Bye."))
    assert effects.context is not None
    assert (effects.context.epoch, effects.context.first_changed_index) == (1, 3)


def test_a_rewind_between_the_answers_of_two_calls_of_one_name_leaves_one_open() -> None:
    folding = Folding()
    calls = {"role": "model", "parts": [{"functionCall": {"name": "f"}}] * 2}
    answer = {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {"output": "x"}}}]}
    start = [{"role": "user", "parts": [{"text": "a"}]}, calls]
    folding.turn(*start)
    folding.turn(answer)
    folding.turn(answer)
    folding.turn({"role": "model", "parts": [{"text": "done"}]})
    effects = folding.apply(None, history=messages(*start, answer))
    assert row(effects).outcome == "pending"
    assert folding.turn(answer).context is not None


@given(plots(max_rounds=5), st.sampled_from(tuple(SHAPES)), st.data())
def test_any_change_of_history_gives_what_a_fresh_session_would(plot: list[Any], shape: str, data: st.DataObject) -> None:
    conversation = encoded(SHAPES[shape](plot))  # type: ignore[index]  # a key of SHAPES
    folding = Folding()
    size = 0
    while size < len(conversation):
        size += data.draw(st.integers(1, 3))
        folding.apply(None, history=conversation[:size], query=QUERY)
    before = folding.bodies if folding.contexts else []
    epoch = row(folding.effects[-1]).epoch
    # Cut the history, and go on differently.
    keep = data.draw(st.integers(0, len(conversation) - 1))
    changed = [*conversation[:keep], *encoded(SHAPES[shape]([("user", "Something else.")]))]  # type: ignore[index]  # as above
    fresh = Folding()
    expected = fresh.apply(None, history=changed, query=QUERY)
    effects = folding.apply(None, history=changed, query=QUERY)
    assert (effects.dead is None) == (expected.dead is None)
    if effects.dead is not None:
        return
    assert row(effects).epoch == epoch + 1
    assert effects.context is not None
    assert folding.session is not None
    assert fresh.session is not None
    assert folding.bodies == fresh.bodies
    first = effects.context.first_changed_index
    assert folding.bodies[:first] == before[:first]
    # The same as if nothing had come before, but for the counters that go on.
    for field in ("received", "received_hash", "tokens_before", "tokens_after", "bytes", "prefix_hash", "open_calls", "dropped"):
        assert getattr(folding.session.head, field) == getattr(fresh.session.head, field), field
    assert folding.session.head.prefix_hash == prefix_hash(folding.bodies)
