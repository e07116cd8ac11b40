"""A conversation in OpenAI's shape as the programs for other providers would have written it.

It is done as SDKs' users do it, in the several ways that they do: results as texts and as blocks, as objects and under one key, cache
marks that move along. What a shape has no place for is said in another way, never left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

Message = dict[str, Any]
_NOTHING = "(nothing)"
"""In place of texts of nothing, which Anthropic and Gemini refuse."""


def as_openai(messages: Sequence[Message]) -> list[Message]:
    """The same, with the fields that the API has; `name` is none of a tool's message."""
    return [{k: v for k, v in m.items() if k != "name" or m["role"] != "tool"} for m in messages]


def as_anthropic(messages: Sequence[Message]) -> list[Message]:
    """Messages beside the system prompt, which is a field of its own there."""
    out: list[Message] = []
    names: dict[str, str] = {}
    calls = 0
    for m in messages:
        if m["role"] in ("system", "developer"):
            continue
        if m["role"] == "tool":
            result = _result(names[m["tool_call_id"]], text_of(m["content"]), number=calls)
            if out and out[-1]["role"] == "user" and out[-1]["content"][0]["type"] == "tool_result":
                out[-1]["content"].append(result)
            else:
                out.append({"role": "user", "content": [result]})
            continue
        text = text_of(m.get("content"))
        blocks: list[Message] = [{"type": "text", "text": text}] if text.strip() else []
        for call in m.get("tool_calls") or ():
            calls += 1
            names[call["id"]] = f"toolu_{calls:05}"
            if calls % 3 == 0 and len(blocks) < 2:
                blocks.insert(0, {"type": "thinking", "thinking": "What next?", "signature": "c2ln"})
            blocks.append(
                {"type": "tool_use", "id": names[call["id"]], "name": call["function"]["name"], "input": _arguments(call)}
            )
        role = "assistant" if m["role"] == "assistant" else "user"
        out.append({"role": role, "content": blocks or [{"type": "text", "text": _NOTHING}]})
    return out


def _result(key: str, text: str, *, number: int) -> Message:
    block: Message = {"type": "tool_result", "tool_use_id": key}
    if number % 2 and text.strip():
        block["content"] = [{"type": "text", "text": text}]
    elif text or number % 3:
        block["content"] = text
    if "error" in text[:40].lower():
        block["is_error"] = True
    return block


def marked(messages: Sequence[Message]) -> list[Message]:
    """With a cache mark at the end, as programs set it that move it along at each call."""
    last = messages[-1]
    blocks = [{"type": "text", "text": last["content"]}] if isinstance(last["content"], str) else last["content"]
    blocks = [*blocks[:-1], {**blocks[-1], "cache_control": {"type": "ephemeral"}}]
    return [*messages[:-1], {**last, "content": blocks}]


def as_gemini(messages: Sequence[Message]) -> list[Message]:
    """Contents beside the system instruction. Calls have no ids; results stand in one content, in the order of their calls."""
    out: list[Message] = []
    waiting: dict[str, tuple[int, str]] = {}
    results: dict[int, Message] = {}
    for m in messages:
        if m["role"] in ("system", "developer"):
            continue
        if m["role"] == "tool":
            place, name = waiting.pop(m["tool_call_id"])
            results[place] = {"functionResponse": {"name": name, "response": _response(text_of(m["content"]), len(out))}}
            if not waiting:
                out.append({"role": "user", "parts": [results[i] for i in sorted(results)]})
                results = {}
            continue
        text = text_of(m.get("content"))
        parts: list[Message] = [{"text": text}] if text else []
        for i, call in enumerate(m.get("tool_calls") or ()):
            waiting[call["id"]] = (i, call["function"]["name"])
            part: Message = {"functionCall": {"name": call["function"]["name"], "args": _arguments(call)}}
            parts.append(part if i else part | {"thoughtSignature": "c2ln"})
        out.append({"role": "model" if m["role"] == "assistant" else "user", "parts": parts or [{"text": _NOTHING}]})
    return out


def _response(text: str, number: int) -> Message:
    if number % 2:
        try:
            value = json.loads(text)
        except ValueError:
            value = None
        if isinstance(value, dict):
            return value
    return {"output" if number % 3 else "result": text}


def _arguments(call: Message) -> Message:
    try:
        value = json.loads(call["function"]["arguments"] or "{}")
    except ValueError:
        value = None
    return value if isinstance(value, dict) else {"arguments": call["function"]["arguments"]}


def text_of(content: Any) -> str:
    """The text of a content."""
    if isinstance(content, list):
        return "\n".join(block.get("text", "") for block in content)
    return content or ""


def turns(messages: Iterable[Message]) -> list[list[Message]]:
    """The messages as a program has them turn by turn: all before the first answer, then each answer with what follows it."""
    out: list[list[Message]] = [[]]
    for m in messages:
        if m["role"] in ("assistant", "model") and out[-1]:
            out.append([])
        out[-1].append(m)
    return [turn for turn in out if turn]
