"""Logs of Claude Code: trees of entries, of which each path is what the model saw."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from headroom_stream.errors import ImportFormatError
from headroom_stream.importers import Session, detect_file, read


class Log:
    """Writes entries the way the program does."""

    def __init__(self) -> None:
        self.entries: list[dict[str, Any]] = []

    def add(self, kind: str, parent: str | None, **fields: Any) -> str:
        uuid = f"u{len(self.entries)}"
        entry = {
            "parentUuid": parent,
            "isSidechain": False,
            "sessionId": "sess",
            "type": kind,
            "uuid": uuid,
            "timestamp": f"2026-01-02T03:04:{len(self.entries):02}.000Z",
        }
        self.entries.append({**entry, **fields})
        return uuid

    def user(self, parent: str | None, content: Any, **fields: Any) -> str:
        return self.add("user", parent, message={"role": "user", "content": content}, toolUseResult={"copy": content}, **fields)

    def result(self, parent: str | None, call: str, text: str, **fields: Any) -> str:
        return self.user(parent, [{"type": "tool_result", "tool_use_id": call, "content": text}], **fields)

    def answer(self, parent: str | None, message_id: str, block: dict[str, Any], **fields: Any) -> str:
        message = {
            "id": message_id,
            "type": "message",
            "role": "assistant",
            "model": "claude-opus-4-5",
            "content": [block],
            "usage": {"input_tokens": 3},
        }
        return self.add("assistant", parent, message=message, requestId="req_1", **fields)

    def read(self, folder: Path) -> list[Session]:
        file = folder / "sess.jsonl"
        file.write_text("".join(json.dumps(e) + "\n" for e in self.entries), encoding="utf-8")
        assert detect_file(file).format == "claude-code"
        return list(read(file))


def text(value: str) -> dict[str, Any]:
    return {"type": "text", "text": value}


def call(key: str) -> dict[str, Any]:
    return {"type": "tool_use", "id": key, "name": "Bash", "input": {"command": "ls"}}


def said(session: Session) -> list[list[dict[str, Any]]]:
    return [[json.loads(bytes(m)) for m in t.messages or ()] for t in session.turns]


def test_a_split_answer_is_one_message_and_the_results_of_its_calls_are_another(tmp_path: Path) -> None:
    log = Log()
    log.entries.append({"type": "summary", "summary": "Files", "leafUuid": "u9"})
    start = log.user(None, "List the files.")
    one = log.answer(start, "m1", {"type": "thinking", "thinking": "hm", "signature": "S=="})
    two = log.answer(one, "m1", call("t1"))
    log.result(two, "t1", "a.py")
    three = log.answer(two, "m1", call("t2"))
    done = log.result(three, "t2", "b.py")
    log.answer(done, "m2", text("Two files."))
    (session,) = log.read(tmp_path)
    assert (session.session_id, session.provider, session.model) == ("sess", "anthropic", "claude-opus-4-5")
    assert said(session) == [
        [{"role": "user", "content": "List the files."}],
        [
            {"role": "assistant", "content": [{"type": "thinking", "thinking": "hm", "signature": "S=="}, call("t1"), call("t2")]},
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": "t1", "content": "a.py"},
                    {"type": "tool_result", "tool_use_id": "t2", "content": "b.py"},
                ],
            },
        ],
    ]
    times = [t.event_time.second for t in session.turns if t.event_time]
    assert times == [1, 6]


def test_results_stand_before_other_text_of_the_same_message(tmp_path: Path) -> None:
    log = Log()
    one = log.answer(log.user(None, "Go"), "m1", call("t1"))
    meta = log.user(one, "A reminder.", isMeta=True)
    log.answer(log.result(meta, "t1", "out"), "m2", text("Done."))
    (session,) = log.read(tmp_path)
    assert said(session)[1][1]["content"] == [
        {"type": "tool_result", "tool_use_id": "t1", "content": "out"},
        text("A reminder."),
    ]


def test_a_subagent_is_a_session_of_its_own(tmp_path: Path) -> None:
    log = Log()
    one = log.answer(log.user(None, "Explore"), "m1", call("task"))
    side = log.user(None, "Sub task", isSidechain=True)
    log.answer(side, "s1", text("Found."), isSidechain=True)
    log.answer(log.result(one, "task", "Found."), "m2", text("Ok."))
    main, sub = log.read(tmp_path)
    assert (main.session_id, len(main.turns)) == ("sess", 2)
    assert (sub.session_id, said(sub)) == ("sess/u2", [[{"role": "user", "content": "Sub task"}]])


def test_a_branch_that_the_user_left_is_not_published(tmp_path: Path) -> None:
    log = Log()
    first = log.answer(log.user(None, "Hello"), "m1", text("Hi."))
    log.answer(log.user(first, "Wrong question"), "m2", text("Wrong answer"))
    log.answer(log.user(first, "Right question"), "m3", text("Right answer"))
    (session,) = log.read(tmp_path)
    assert said(session)[1] == [{"role": "assistant", "content": [text("Hi.")]}, {"role": "user", "content": "Right question"}]


def test_links_lead_through_entries_without_messages(tmp_path: Path) -> None:
    log = Log()
    start = log.user(None, "Hello")
    system = log.add("system", start, subtype="informational", content="note")
    log.answer(log.add("attachment", system, attachment={"type": "file"}), "m1", text("Hi."))
    (session,) = log.read(tmp_path)
    assert said(session) == [[{"role": "user", "content": "Hello"}]]


def test_a_compaction_begins_a_new_session(tmp_path: Path) -> None:
    log = Log()
    log.answer(log.user(None, "Hello"), "m1", text("Hi."))
    border = log.add("system", None, subtype="compact_boundary", logicalParentUuid="u1")
    log.answer(log.user(border, "Summary of before", isCompactSummary=True), "m2", text("On we go."))
    before, after = log.read(tmp_path)
    assert (before.session_id, after.session_id) == ("sess", "sess#2")
    assert said(after) == [[{"role": "user", "content": "Summary of before"}]]


def test_messages_that_no_model_wrote_are_left_out(tmp_path: Path) -> None:
    log = Log()
    start = log.user(None, "Hello")
    error = log.answer(start, "e", text("API Error"), isApiErrorMessage=True)
    log.entries[-1]["message"]["model"] = "<synthetic>"
    log.answer(log.user(error, "Again"), "m1", text("Hi."))
    (session,) = log.read(tmp_path)
    assert said(session) == [[{"role": "user", "content": "Hello"}, {"role": "user", "content": "Again"}]]


def test_entries_without_links_follow_each_other(tmp_path: Path) -> None:
    log = Log()
    log.answer(log.user(None, "Hello"), "m1", text("Hi."))
    log.answer(log.user("gone", "And?"), "m2", text("So."))
    for entry in log.entries:
        entry.pop("uuid")
        if entry["parentUuid"] != "gone":
            entry.pop("parentUuid")
    (session,) = log.read(tmp_path)
    assert len(session.turns) == 2


def test_blocks_keep_their_bytes(tmp_path: Path) -> None:
    odd = '{"type":"thinking" , "thinking":"\\u00e9", "signature":"a\\/b"}'
    lines = [
        '{"type":"user","sessionId":"s","message":{"role":"user","content":"x"}}',
        '{"type":"assistant","sessionId":"s","message":{"id":"m","role":"assistant","content":[' + odd + "]}}",
        '{"type":"assistant","sessionId":"s","message":{"id":"m","role":"assistant","content":[{"type":"text","text":"t"}]}}',
        '{"type":"user","sessionId":"s","message":{"role":"user","content":"y"}}',
        '{"type":"assistant","sessionId":"s","message":{"id":"n","role":"assistant","content":[]}}',
    ]
    file = tmp_path / "s.jsonl"
    file.write_text("\n".join(lines), encoding="utf-8")
    (session,) = read(file)
    assert session.turns[1].messages is not None
    assert odd.encode() in bytes(session.turns[1].messages[0])


def test_a_damaged_entry_is_named_by_its_line(tmp_path: Path) -> None:
    file = tmp_path / "s.jsonl"
    file.write_text('{"type":"summary","sessionId":"s"}\n{"type":"user","sessionId":"s"}\n', encoding="utf-8")
    with pytest.raises(ImportFormatError, match="line 2: expected a message in an entry of type user"):
        list(read(file))
