"""OpenAI, Anthropic and turn-event transcripts: files in, sessions out."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headroom_stream.errors import ImportFormatError
from headroom_stream.events import TurnEvent, encode
from headroom_stream.importers import detect_file, read
from headroom_stream.importers.openai import sessions
from headroom_stream.importers.source import Document

OPENAI: list[dict[str, Any]] = [
    {"role": "system", "content": "You help."},
    {"role": "user", "content": "How many files?"},
    {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "ls", "arguments": "{}"}}],
    },
    {"role": "tool", "tool_call_id": "c1", "content": "a\nb"},
    {"role": "assistant", "content": "Two."},
    {"role": "assistant", "content": "Anything else?"},
    {"role": "user", "content": "No."},
]
ANTHROPIC: list[dict[str, Any]] = [
    {"role": "user", "content": [{"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}}]},
    {
        "role": "assistant",
        "content": [
            {"type": "thinking", "thinking": "look", "signature": "Sig=="},
            {"type": "tool_use", "id": "t1", "name": "look", "input": {"x": 1.0}},
        ],
    },
    {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": [{"type": "text", "text": "a cat"}]}]},
    {"role": "assistant", "content": "A cat."},
]


def lines(path: Path, *values: Any) -> Path:
    path.write_text("".join(json.dumps(v) + "\n" for v in values), encoding="utf-8")
    return path


def bodies(events: list[TurnEvent]) -> list[bytes]:
    return [bytes(m) for e in events for m in e.messages or ()]


def test_each_call_of_the_model_is_a_turn_with_the_messages_since_the_call_before(tmp_path: Path) -> None:
    file = lines(tmp_path / "a.jsonl", {"id": "s1", "model": "gpt-4o", "messages": OPENAI, "tools": [{"type": "function"}]})
    (session,) = read(file)
    assert (session.session_id, session.provider, session.model) == ("s1", "openai", "gpt-4o")
    assert [[json.loads(bytes(m)) for m in t.messages or ()] for t in session.turns] == [OPENAI[:2], OPENAI[2:4], OPENAI[4:5]]
    assert [(t.turn, t.event_id, t.session_id, t.event_time) for t in session.turns] == [
        (1, "1", "s1", None),
        (2, "2", "s1", None),
        (3, "3", "s1", None),
    ]


def test_an_assistant_message_that_opens_the_conversation_is_no_call(tmp_path: Path) -> None:
    greeting = [
        {"role": "assistant", "content": "Hello!"},
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "?"},
    ]
    (session,) = read(lines(tmp_path / "a.jsonl", {"messages": greeting}))
    assert [[json.loads(bytes(m)) for m in t.messages or ()] for t in session.turns] == [greeting[:2]]


def test_messages_keep_their_bytes(tmp_path: Path) -> None:
    odd = '{ "role":"user" ,"content":"\\u00e9 \\/ é", "n": 1.00, "big": 123456789012345678901234567890 }'
    file = tmp_path / "a.jsonl"
    file.write_text('{"messages": [' + odd + ', {"role": "assistant", "content": ""}]}\n', encoding="utf-8")
    (session,) = read(file)
    assert bodies(session.turns) == [odd.encode()]
    assert odd.encode() in encode(session.turns[0])


def test_blocks_of_anthropic_messages_keep_their_bytes_and_the_system_prompt_stays_with_the_agent(tmp_path: Path) -> None:
    file = lines(tmp_path / "a.jsonl", {"id": 7, "system": "Be brief.", "model": "claude-sonnet-4-5", "messages": ANTHROPIC})
    (session,) = read(file)
    assert (session.session_id, session.provider, session.model) == ("7", "anthropic", "claude-sonnet-4-5")
    assert bodies(session.turns) == [json.dumps(m).encode() for m in ANTHROPIC[:3]]


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("shape", ["object", "messages", "conversations"])
@pytest.mark.parametrize("compressed", [False, True])
def test_one_json_value_is_read_like_json_lines(tmp_path: Path, indent: int | None, shape: str, compressed: bool) -> None:
    value: Any = {"object": {"messages": OPENAI}, "messages": OPENAI, "conversations": [{"messages": OPENAI}]}[shape]
    data = json.dumps(value, indent=indent).encode()
    file = tmp_path / "transcript.json"
    file.write_bytes(gzip.compress(data) if compressed else data)
    (session,) = read(file)
    assert [json.loads(b) for b in bodies(session.turns)] == OPENAI[:5]
    assert not any(b"\n" in b for b in bodies(session.turns))


def test_a_conversation_without_an_id_gets_the_same_one_each_time(tmp_path: Path) -> None:
    file = lines(tmp_path / "a.jsonl", {"messages": OPENAI}, {"messages": OPENAI[:5]})
    first, second = read(file)
    assert [s.session_id for s in read(file)] == [first.session_id, second.session_id]
    assert first.session_id != second.session_id


def test_two_conversations_under_one_id_stay_apart(tmp_path: Path) -> None:
    file = lines(tmp_path / "a.jsonl", {"id": "x", "messages": OPENAI}, {"id": "x", "messages": OPENAI})
    assert [s.session_id for s in read(file)] == ["x", "x#2"]


def test_the_limit_counts_conversations_and_stops_reading_there(tmp_path: Path) -> None:
    file = lines(tmp_path / "a.jsonl", *({"id": str(n), "messages": OPENAI} for n in range(3)))
    with file.open("a") as more:
        more.write("damaged\n")
    assert [s.session_id for s in read(file, format="openai", limit=2)] == ["0", "1"]
    with pytest.raises(ImportFormatError, match=r"a\.jsonl, line 4"):
        list(read(file, format="openai"))


def test_turn_events_come_back_as_they_were_written(tmp_path: Path) -> None:
    raw = msgspec.Raw(b'{"role": "user", "content":  "hi"}')
    events = [
        TurnEvent(session_id="a", event_id="e1", messages=[raw], query="q", tenant="t"),
        TurnEvent(session_id="a", close=True),
        TurnEvent(session_id="b", history=[raw], provider="gemini", model="gemini-2.5-pro"),
    ]
    file = tmp_path / "turns.jsonl.gz"
    file.write_bytes(gzip.compress(b"\n".join(map(encode, events))))
    assert detect_file(file).format == "turns"
    a, b = read(file)
    assert [*map(encode, a.turns), *map(encode, b.turns)] == [*map(encode, events)]
    assert (a.provider, b.provider, b.model) == (None, "gemini", "gemini-2.5-pro")


@pytest.mark.parametrize(
    ("value", "expected", "why"),
    [
        ({"messages": OPENAI}, "openai", "role 'system'"),
        ({"messages": OPENAI[1:]}, "openai", r"messages\[1\] has tool_calls"),
        ({"messages": ANTHROPIC}, "anthropic", "image block"),
        ({"messages": ANTHROPIC[3:], "system": "x"}, "anthropic", "system prompt"),
        ({"messages": ANTHROPIC[3:], "model": "claude-opus-4-5"}, "anthropic", "names the model"),
        ({"messages": ANTHROPIC[3:]}, "openai", "fit OpenAI and Anthropic alike"),
        (ANTHROPIC, "anthropic", "line 1"),
    ],
)
def test_the_format_is_told_from_the_content_and_why_is_said(tmp_path: Path, value: Any, expected: str, why: str) -> None:
    found = detect_file(lines(tmp_path / "a.jsonl", value))
    assert found.format == expected
    assert re.search(why, found.evidence)


def test_a_later_line_tells_the_format_when_the_first_is_plain(tmp_path: Path) -> None:
    file = lines(tmp_path / "a.jsonl", {"messages": ANTHROPIC[3:]}, {"messages": ANTHROPIC})
    assert detect_file(file).format == "anthropic"


@pytest.mark.parametrize(
    ("content", "format_", "message"),
    [
        (b"", "auto", "line 1: expected a transcript; the file is empty"),
        (b'{"messages": []}\n{"messages": 5}\n', "openai", "line 2: expected a conversation"),
        (b'{"messages": [{"content": "x"}]}\n', "openai", r"line 1: expected a message with a role at messages\[0\]"),
        (
            b'\n{"messages": [{"role": "tool"}]}\n',
            "anthropic",
            r"line 2: expected a role of assistant, user at messages\[0\]; got 'tool'",
        ),
        (b'{"text": "no transcript"}\n', "auto", "line 1: expected a transcript: conversations with `messages`"),
        (b'{"contents": []}\n', "auto", "Gemini"),
        (b"not json", "auto", "line 1: expected"),
        (b'{"session_id": ""}', "turns", "line 1: expected a turn event"),
        (b'{"session_id": "a", "schema_version": 99}', "turns", "upgrade"),
        (b"\x1f\x8b\x08broken", "auto", "can't read"),
    ],
)
def test_wrong_input_is_named_by_file_line_and_expectation(tmp_path: Path, content: bytes, format_: Any, message: str) -> None:
    file = tmp_path / "wrong.jsonl"
    file.write_bytes(content)
    with pytest.raises(ImportFormatError, match=message) as caught:
        list(read(file, format=format_))
    assert "wrong.jsonl" in str(caught.value)


def test_a_missing_file_is_an_import_error(tmp_path: Path) -> None:
    with pytest.raises(ImportFormatError, match="No such file"):
        list(read(tmp_path / "absent.jsonl"))


def test_json_lines_are_read_one_at_a_time() -> None:
    taken = 0

    def source() -> Any:
        nonlocal taken
        for n in range(1000):
            taken += 1
            yield Document(Path("x"), n + 1, b'{"messages": [{"role": "user", "content": "a"}]}')

    stream = sessions(source())
    next(stream)
    assert taken == 1


messages = st.lists(
    st.tuples(st.sampled_from(["user", "assistant", "assistant", "tool", "system"]), st.text(max_size=5)).map(
        lambda pair: json.dumps({"role": pair[0], "content": pair[1]}).encode()
    ),
    max_size=12,
)


@given(messages)
def test_the_turns_together_are_the_conversation_up_to_its_last_assistant_message(conversation: list[bytes]) -> None:
    data = b'{"messages": [' + b",".join(conversation) + b"]}"
    (session,) = sessions([Document(Path("x"), 1, data)])
    calls = [i for i, m in enumerate(conversation) if json.loads(m)["role"] == "assistant" and i]
    assert bodies(session.turns) == conversation[: calls[-1] if calls else 0]
    assert len(session.turns) == len(calls)
    assert all(turn.messages for turn in session.turns)
