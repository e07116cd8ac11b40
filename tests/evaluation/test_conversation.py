"""Conversations from files and from turn events are whole, and belong to the right family."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from headroom_stream.errors import ImportFormatError
from headroom_stream.evaluation.conversation import Conversation, from_file, from_turns
from headroom_stream.events import TurnEvent, encode
from tests.evaluation.talk import calls, raws, result, says, user

MESSAGES = [user("Go."), calls("c"), result("c", "order_8812"), says("It is order_8812.")]


def texts(conversation: Conversation) -> list[Any]:
    return [json.loads(bytes(message)) for message in conversation.messages]


def test_a_file_gives_whole_conversations_with_the_last_answer(tmp_path: Path) -> None:
    file = tmp_path / "runs.jsonl.gz"
    rows = [{"id": n, "model": "gpt-4o", "messages": MESSAGES} for n in range(3)]
    file.write_bytes(gzip.compress("\n".join(map(json.dumps, rows)).encode()))
    first, second = from_file(file, limit=2)
    assert (first.id, second.id, first.family, first.model, first.unanswered) == ("0", "1", "runs", "gpt-4o", False)
    assert texts(first) == MESSAGES


def test_a_rows_own_set_is_its_family(tmp_path: Path) -> None:
    file = tmp_path / "mixed.jsonl"
    rows = [{"set": "shop", "messages": MESSAGES}, {"set": "code", "messages": MESSAGES}, {"set": 4, "messages": []}]
    file.write_text("\n".join(map(json.dumps, rows)))
    assert [c.family for c in from_file(file)] == ["shop", "code", "mixed"]


def test_a_list_of_messages_is_a_conversation(tmp_path: Path) -> None:
    file = tmp_path / "one.json"
    file.write_text(json.dumps(MESSAGES, indent=2))
    (only,) = from_file(file)
    assert (only.family, texts(only)) == ("one", MESSAGES)


def test_what_is_no_transcript_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text('{"rows": 4}\n')
    with pytest.raises(ImportFormatError, match="line 1"):
        list(from_file(file))


def test_a_conversation_of_another_shape_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text(json.dumps({"messages": MESSAGES}))
    with pytest.raises(
        ImportFormatError, match=r"line 1: expected a role of assistant, user at messages\[2\]; got 'tool'. See --format"
    ):
        list(from_file(file, format="anthropic"))


def test_a_claude_code_log_goes_up_to_its_last_call(tmp_path: Path) -> None:
    entries = [
        {"type": "user", "uuid": "1", "parentUuid": None, "sessionId": "s", "message": user("Go.")},
        {"type": "assistant", "uuid": "2", "parentUuid": "1", "sessionId": "s", "message": {**says("On it."), "model": "claude-x"}},
        {"type": "user", "uuid": "3", "parentUuid": "2", "sessionId": "s", "message": user("And?")},
        {"type": "assistant", "uuid": "4", "parentUuid": "3", "sessionId": "s", "message": says("Done.")},
    ]
    file = tmp_path / "log.jsonl"
    file.write_text("\n".join(map(json.dumps, entries)))
    (only,) = from_file(file)
    assert (only.id, only.model, only.unanswered) == ("s", "claude-x", True)
    assert [m["content"] for m in texts(only)] == ["Go.", "On it.", "And?"]


def event(**fields: Any) -> TurnEvent:
    made: dict[str, Any] = {name: raws(value) if isinstance(value, list) else value for name, value in fields.items()}
    return TurnEvent(session_id="s", **made)


def test_turn_events_are_joined() -> None:
    events = [event(messages=MESSAGES[:1], model="m"), event(usage={"input_tokens": 1}), event(messages=MESSAGES[1:3])]
    (only,) = from_turns("s", "f", events)
    assert (only.id, only.family, only.model, only.unanswered, texts(only)) == ("s", "f", "m", True, MESSAGES[:3])


def test_a_full_history_adds_what_is_new() -> None:
    (only,) = from_turns("s", "f", [event(history=MESSAGES[:1]), event(history=MESSAGES[:3])])
    assert texts(only) == MESSAGES[:3]


def test_a_history_that_was_rewritten_begins_another_conversation() -> None:
    first, second = from_turns("s", "f", [event(history=MESSAGES[:3]), event(history=[user("Else.")])])
    assert (first.id, second.id) == ("s", "s#2")
    assert (texts(first), texts(second)) == (MESSAGES[:3], [user("Else.")])


def test_a_file_of_turn_events_is_read(tmp_path: Path) -> None:
    file = tmp_path / "turns.jsonl"
    file.write_bytes(encode(event(messages=MESSAGES[:1])) + b"\n" + encode(event(messages=MESSAGES[1:3])))
    (only,) = from_file(file)
    assert (only.family, only.id, texts(only)) == ("turns", "s", MESSAGES[:3])
