"""Calls with their whole history, as programs make them: sessions are found, contexts append, originals come back."""

from __future__ import annotations

import copy
import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headroom_stream.config import Policy, override
from headroom_stream.engine import Call, Compressor, Originals, Sessions
from headroom_stream.errors import CacheError, ConfigurationError, RejectedEventError, ValidationError
from headroom_stream.events import OriginalMetric
from tests.core.conversations import LOGS, PROSE, RECORDS
from tests.core.folding import START, call, result, said, user

TALK = [
    {"role": "system", "content": "Be brief."},
    user("Which flight?"),
    call("a"),
    result("a", RECORDS),
    call("b"),
    result("b", LOGS),
    said("The first one."),
    user("Are you sure?"),
    call("c"),
    result("c", RECORDS),
]
ENDS = (2, 4, 6, 8, 10)


def contexts(compressor: Compressor, talk: list[dict[str, Any]] = TALK, **options: Any) -> list[list[dict[str, Any]]]:
    return [compressor.turn(talk[:end], Call(**options)).result.messages for end in ENDS]


def test_the_calls_of_a_conversation_are_turns_of_one_session() -> None:
    compressor = Compressor()
    last: list[dict[str, Any]] = []
    for messages in contexts(compressor):
        assert messages[: len(last)] == last
        last = messages
    assert compressor.sessions.count == 1
    assert len(last) == len(TALK)
    assert "same as result 1" in last[-1]["content"]


def test_a_named_session_sends_the_same_as_one_that_is_found() -> None:
    found = Compressor()
    sent = contexts(found)
    assert contexts(Compressor(), session=found.turn(TALK).result.session_id) == sent


def test_messages_that_did_not_change_are_the_callers_own_objects() -> None:
    sent = Compressor().turn(TALK).result.messages
    changed = [i for i, (a, b) in enumerate(zip(TALK, sent, strict=True)) if a is not b]
    assert changed == [3, 5, 9]


def test_nothing_of_the_callers_is_changed() -> None:
    before = copy.deepcopy(TALK)
    contexts(Compressor())
    assert before == TALK


def test_the_same_call_again_has_the_same_answer() -> None:
    compressor = Compressor()
    assert compressor.turn(TALK).result.messages == compressor.turn(TALK).result.messages
    assert compressor.sessions.count == 1


def test_another_branch_of_a_conversation_is_a_session_of_its_own() -> None:
    compressor = Compressor()
    contexts(compressor)
    other = [*TALK[:6], said("None."), user("Why?")]
    assert compressor.turn(other).result.session_id != compressor.turn(TALK).result.session_id
    assert compressor.sessions.count == 2


def test_a_history_that_was_edited_is_told_anew_in_its_session() -> None:
    compressor = Compressor()
    contexts(compressor, session="s")
    edited = [*TALK[:6], said("None."), user("Why?")]
    sent = compressor.turn(edited, Call(session="s")).result.messages
    assert sent == Compressor().turn(edited, Call(session="s")).result.messages
    assert [m["content"] for m in sent[6:]] == ["None.", "Why?"]


def test_sessions_of_tenants_are_apart() -> None:
    compressor = Compressor()
    ids = {compressor.turn(TALK, Call(tenant=tenant)).result.session_id for tenant in ("a", "b")}
    assert len(ids) == 2


def test_a_session_that_was_forgotten_is_told_from_its_start() -> None:
    sessions = Sessions()
    compressor = Compressor(sessions)
    compressor.turn(TALK[:6], Call(session="s"))
    sessions.forget()
    sent = compressor.turn(TALK, Call(session="s")).result.messages
    assert len(sent) == len(TALK)
    assert sent[:2] == TALK[:2]


def test_a_session_that_somebody_else_went_on_with_is_told_from_its_start() -> None:
    sessions = Sessions()
    one, other = Compressor(sessions), Compressor(sessions)
    one.turn(TALK[:4], Call(session="s"))
    other.turn(TALK[:8], Call(session="s"))
    sent = one.turn(TALK, Call(session="s")).result
    assert len(sent.messages) == len(TALK)
    assert sent.messages[7] == TALK[7]


def test_a_preview_changes_no_session() -> None:
    compressor = Compressor()
    compressor.turn(TALK[:4], Call(session="s"))
    seen = compressor.turn(TALK, Call(session="s"), preview=True).result
    again = compressor.turn(TALK, Call(session="s"), preview=True).result
    assert seen == again
    assert compressor.turn(TALK, Call(session="s")).result == seen


def test_a_call_without_a_session_leaves_none() -> None:
    compressor = Compressor()
    one, two = compressor.compress(TALK).result, compressor.compress(TALK).result
    assert one == two
    assert one.tokens_after < one.tokens_before
    assert compressor.sessions.count == 0


def test_diagnostics_tell_of_each_message() -> None:
    rows = Compressor().compress(TALK, diagnostics=True).result.diagnostics
    assert rows is not None
    assert [row.message_index for row in rows] == list(range(len(TALK)))
    assert [row.action for row in rows if row.tokens_after < row.tokens_before] == [
        "compressed:records",
        "compressed:logs",
        "compressed:records",
    ]


@pytest.mark.parametrize("session", [None, "s"])
def test_a_budget_is_kept(session: str | None) -> None:
    compressor = Compressor()
    for n in range(3, 30):
        talk = [user("Go."), *(m for i in range(n) for m in (call(f"c{i}"), result(f"c{i}", f"{i} {PROSE}")))]
        sent = compressor.turn(talk, Call(max_tokens=700, session=session)).result
        assert sent.tokens_after <= 700
        assert not sent.over_budget


def test_what_a_call_says_of_tools_and_turns_is_honoured() -> None:
    compressor = Compressor()
    kept = compressor.compress(TALK, Call(tool_profiles={"find": {"skip_compression": True}})).result
    assert kept.messages == TALK
    frozen = compressor.compress(TALK, Call(frozen_messages=4)).result
    assert frozen.messages[:4] == TALK[:4]
    assert frozen.messages[5] != TALK[5]
    assert "request 41 served" in compressor.compress(TALK, Call(query="request 41")).result.messages[5]["content"]


def test_a_call_that_makes_no_sense_is_refused() -> None:
    compressor = Compressor()
    with pytest.raises(ConfigurationError, match="budget"):
        compressor.turn(TALK, Call(max_tokens=0))
    with pytest.raises(RejectedEventError, match="no_such"):
        compressor.turn(TALK, Call(policy={"no_such": 1}))
    with pytest.raises(RejectedEventError, match="which no open call"):
        compressor.turn([result("x", "text")])
    with pytest.raises(ValidationError, match="list"):
        compressor.turn("hello")
    with pytest.raises(ValidationError, match="no JSON"):
        compressor.turn([object()])
    assert compressor.turn(TALK).result.tokens_saved > 0


def test_calls_without_results_go_as_they_came_and_say_why() -> None:
    compressor = Compressor()
    compressor.turn(TALK[:2])
    waiting = compressor.turn(TALK[:3]).result
    assert waiting.messages == TALK[:3]
    assert waiting.error is not None
    assert compressor.turn(TALK[:4]).result.messages == Compressor().turn(TALK[:4]).result.messages


def test_waste_is_told_of_the_whole_conversation() -> None:
    compressor = Compressor()
    for end in ENDS:
        prepared = compressor.turn(TALK[:end])
    assert prepared.waste.reread_tokens > prepared.waste.reread_compressed_tokens > 0
    assert prepared.waste == Compressor().turn(TALK).waste
    assert prepared.blocks == Compressor().compress(TALK).blocks


def test_no_messages_are_no_messages() -> None:
    assert Compressor().turn([]).result.messages == Compressor().compress([]).result.messages == []


class Block:
    """As the answers of provider SDKs: an object that dumps itself."""

    def __init__(self, **fields: Any) -> None:
        self.fields = fields

    def model_dump(self, **_: Any) -> dict[str, Any]:
        return self.fields


def test_answers_of_an_sdk_can_be_put_back_as_they_are() -> None:
    answer = Block(role="assistant", content="Hm.")
    nested: dict[str, Any] = {"role": "assistant", "content": [Block(type="text", text="Hm.")]}
    assert Compressor().turn([user("Go."), answer, user("And?")]).result.messages[1:2] == [answer]
    assert Compressor().turn([user("Go."), nested, user("And?")]).result.messages[1:2] == [nested]


def test_what_was_left_out_comes_back() -> None:
    compressor = Compressor()
    prepared = compressor.turn(TALK)
    (ref,) = prepared.result.refs
    kept = compressor.originals.get(ref)
    assert kept.original.content == LOGS
    assert kept.tokens_after < kept.original.tokens
    assert compressor.originals.retrievals == 1
    with pytest.raises(CacheError):
        compressor.originals.get(ref, tenant="another")


def original(ref: str, size: int = 100) -> OriginalMetric:
    return OriginalMetric(ref=ref, session_id="s", event_time=START, content="x" * size)


def test_originals_go_when_they_are_old_or_too_many() -> None:
    now = [0.0]
    originals = Originals(max_bytes=3_000, seconds=60, clock=lambda: now[0])
    originals.add([original(str(n), 500) for n in range(5)])
    assert len(originals) == 3
    assert originals.get("4").original.content
    now[0] = 61
    with pytest.raises(CacheError, match="older"):
        originals.get("4")
    originals.add([original("new")])
    assert len(originals) == 1


def test_turns_of_several_threads_do_not_mix() -> None:
    compressor, wanted = Compressor(), contexts(Compressor(), session="s")
    made: dict[int, list[Any]] = {}

    def work(number: int) -> None:
        made[number] = contexts(compressor, session=f"s{number}")

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    names = {m["content"] for number in made for m in made[number][-1] if m["role"] == "tool" and "original" not in m["content"]}
    assert names <= {m["content"] for m in wanted[-1] if m["role"] == "tool"}
    assert len(made) == 8


@given(st.lists(st.sampled_from([RECORDS, LOGS, PROSE, "ok"]), min_size=1, max_size=6), st.data())
def test_how_often_a_program_calls_makes_no_difference_to_what_is_there(texts: list[str], data: st.DataObject) -> None:
    """Wherever calls were made on the way, the facts are the same: each output is there, or its original is."""
    talk = [user("Go.")]
    compressor = Compressor(Sessions(override(Policy(), {"references": {"enabled": False}})))
    for n, text in enumerate(texts):
        talk += [call(f"c{n}"), result(f"c{n}", text)]
        if data.draw(st.booleans()):
            compressor.turn(talk, Call(session="s"))
    sent = compressor.turn(talk, Call(session="s")).result
    alone = [compressor.compress([*talk[:1], call("c"), result("c", text)]).result.messages[-1]["content"] for text in texts]
    got = [m["content"] for m in sent.messages if m["role"] == "tool"]
    assert [text.partition("original ")[0] for text in got] == [text.partition("original ")[0] for text in alone]
