"""Agent conversations as providers take them, for laws that hold for all of them."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st
from msgspec import Raw

from headroom_stream.events import Provider

RECORDS = json.dumps(
    [{"id": f"FLT{i:03}", "origin": "JFK", "price": 100 + i, "seats": {"economy": i, "business": 2}} for i in range(12)], indent=2
)
LOGS = "\n".join(f"2026-01-01 10:00:{i % 60:02} INFO worker-{i % 3} request {i} served in {i * 7 % 90} ms" for i in range(60))
TERMINAL = "\n".join(f"\x1b[32mok\x1b[0m step {i}: \rok step {i} done      " for i in range(20))
PROSE = " ".join(["the quick brown fox, it jumps over the lazy dog, and nobody minds;"] * 12)
CODE = "def area(r):\n    return 3.14 * r * r\n\n\n" * 10
OBJECT = json.dumps(
    {"name": "Ann", "tags": ["a", "b"], "nested": {"n": 1.00, "text": "x" * 200, "list": list(range(40))}}, indent=4
)
OUTPUTS = (RECORDS, LOGS, TERMINAL, PROSE, CODE, OBJECT, "", "ok", "nothing found", '{"n": 1}', 'né"\\ \u2028 end')
TOOLS = ("search", "read_log", "run")


def openai(messages: list[tuple[str, Any]]) -> list[dict[str, Any]]:
    """`messages` are (kind, what): ("user", text), ("call", [(id, tool)]), ("result", [(id, tool, output)]), …"""
    out: list[dict[str, Any]] = []
    for kind, what in messages:
        if kind == "call":
            calls = [{"id": k, "type": "function", "function": {"name": t, "arguments": json.dumps({"q": k})}} for k, t in what]
            out.append({"role": "assistant", "content": None, "tool_calls": calls})
        elif kind == "result":
            out += [{"role": "tool", "tool_call_id": k, "content": text} for k, _, text in what]
        else:
            out.append({"role": kind, "content": what})
    return out


def anthropic(messages: list[tuple[str, Any]]) -> list[dict[str, Any]]:
    out: list[dict[str, Any]] = []
    for kind, what in messages:
        if kind == "call":
            blocks: list[dict[str, Any]] = [{"type": "thinking", "thinking": "hm", "signature": "c2ln"}]
            blocks += [{"type": "tool_use", "id": k, "name": t, "input": {"q": k}} for k, t in what]
            out.append({"role": "assistant", "content": blocks})
        elif kind == "result":
            results = [
                {"type": "tool_result", "tool_use_id": k, "content": [{"type": "text", "text": text}]} for k, _, text in what
            ]
            out.append({"role": "user", "content": results})
        else:
            out.append({"role": "user" if kind == "system" else kind, "content": [{"type": "text", "text": what}]})
    return out


def gemini(messages: list[tuple[str, Any]]) -> list[dict[str, Any]]:
    out: list[dict[str, Any]] = []
    for kind, what in messages:
        if kind == "call":
            out.append({"role": "model", "parts": [{"functionCall": {"name": t, "args": {"q": k}}} for k, t in what]})
        elif kind == "result":
            parts = [{"functionResponse": {"name": t, "response": {"output": text}}} for _, t, text in what]
            out.append({"role": "user", "parts": parts})
        else:
            out.append({"role": "model" if kind == "assistant" else "user", "parts": [{"text": what}]})
    return out


SHAPES: dict[Provider, Any] = {"openai": openai, "anthropic": anthropic, "gemini": gemini}


def encoded(messages: list[dict[str, Any]]) -> list[Raw]:
    return [Raw(json.dumps(m).encode()) for m in messages]


@st.composite
def plots(draw: st.DrawFn, *, max_rounds: int = 6) -> list[tuple[str, Any]]:
    """What happens in a conversation, in no provider's shape."""
    out: list[tuple[str, Any]] = []
    if draw(st.booleans()):
        out.append(("system", "You are an agent. Answer briefly."))
    out.append(("user", draw(st.sampled_from(["Find the flight FLT007.", "Why does request 41 fail?", "Fix the bug."]))))
    number = 0
    for _ in range(draw(st.integers(1, max_rounds))):
        tools = draw(st.lists(st.sampled_from(TOOLS), max_size=3))
        if tools:
            calls = [(f"call_{number + i}", tool) for i, tool in enumerate(tools)]
            number += len(calls)
            out.append(("call", calls))
            out.append(("result", [(k, t, draw(st.sampled_from(OUTPUTS))) for k, t in calls]))
        else:
            out.append(("assistant", draw(st.sampled_from(["Done.", "I looked, and found nothing."]))))
            out.append(("user", draw(st.sampled_from(["Go on.", "And request 17?"]))))
    return out


@st.composite
def conversations(draw: st.DrawFn, *, max_rounds: int = 6) -> list[list[Raw]]:
    """The events of a conversation: its messages, cut anywhere, also between calls and their results."""
    shape = SHAPES[draw(st.sampled_from(tuple(SHAPES)))]
    messages = encoded(shape(draw(plots(max_rounds=max_rounds))))
    out: list[list[Raw]] = []
    while messages:
        size = draw(st.integers(1, 4))
        out.append(messages[:size])
        messages = messages[size:]
    return out
