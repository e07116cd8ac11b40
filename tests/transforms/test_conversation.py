"""What transforms see of a conversation."""

from __future__ import annotations

import pytest

from headroom_stream.transforms.conversation import VALUES, Conversation, read_messages
from headroom_stream.transforms.result import Message
from tests.transforms.talks import QUICK, round_of, said, system, user

MARKER = "[12 earlier messages left out to fit 4000 tokens: 6 search, original 0123456789ab]"


def conversation(*messages: Message) -> Conversation:
    return read_messages(messages, QUICK)


@pytest.mark.parametrize("ours", [MARKER, MARKER.replace(": 6 search", ""), f"{VALUES}\n[date-1] = 2026-01-05"])
def test_markers_and_values_of_ours_are_no_question_of_the_users(ours: str) -> None:
    assert conversation(user("Find it."), *round_of("a"), user(ours)).latest_question() == 0


@pytest.mark.parametrize("theirs", [f"{MARKER} What is this?", f"See {VALUES}", "[12 earlier messages]", ""])
def test_other_messages_are(theirs: str) -> None:
    assert conversation(user("Find it."), *round_of("a"), user(theirs)).latest_question() == 3


def test_what_is_sought_is_what_user_and_assistant_said_last() -> None:
    talk = conversation(user("Find it."), said("Where?"), user("There."), *round_of("a", arguments='{"place": "there"}'))
    assert talk.sought() == 'There.\n{"place": "there"}'
    assert conversation(user("Find it.")).sought() == "Find it."
    assert conversation(system("Be brief.")).sought() == ""


def test_rounds_begin_with_the_assistant_and_reach_to_the_next() -> None:
    talk = conversation(system("Be brief."), user("Go."), *round_of("a"), user("Well?"), said("Done."))
    assert talk.units() == [range(2, 5), range(5, 6)]


def test_rounds_that_a_result_reaches_across_are_one() -> None:
    call, result = round_of("a")
    talk = conversation(call, said("Wait."), result, said("Done."))
    assert talk.units() == [range(3), range(3, 4)]


def test_calls_of_one_name_are_answered_in_their_order() -> None:
    call: Message = {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {}}}]}
    result: Message = {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {"output": "x"}}}]}
    assert conversation(call, result, call, result).units() == [range(2), range(2, 4)]
    assert conversation(call, call, result, result).units() == [range(4)]


def test_tools_are_named_by_the_calls_that_they_answer() -> None:
    talk = conversation(*round_of("a", tool="find"), {"role": "tool", "tool_call_id": "b", "content": "x"})
    assert talk.tools() == [(), ("find",), ("",)]
