"""OpenAI chat and Anthropic messages: they share `role` and `content` and differ in what stands inside."""

from __future__ import annotations

from typing import Any

import msgspec

from headroom_stream.messages.model import Call, Output, Path, Reading, Role, View, reject, role_of


def read_chat(message: dict[str, Any], index: int) -> View:
    """Read a message of either shape."""
    role = role_of(message.get("role"))
    if role is None:
        raise reject(f"unknown role {message.get('role')!r}", index)
    seen = Reading()
    if isinstance(message.get("name"), str) and message["role"] != "function":
        seen.named.append(message["name"])
    if message["role"] in ("developer", "tool", "function"):
        seen.hints.add("openai")
    if role == "tool":
        _openai_result(message, seen, index)
    else:
        _content(message.get("content"), role, seen, index)
    if role == "user" and seen.answers and not seen.texts:
        role = "tool"
    calls = message.get("tool_calls")
    if calls is not None:
        seen.hints.add("openai")
        if role != "assistant" or not isinstance(calls, list):
            raise reject("tool_calls belong to an assistant message, as a list", index)
        for call in calls:
            seen.calls.append(_openai_call(call, index))
    legacy = message.get("function_call")
    if isinstance(legacy, dict) and role == "assistant":
        seen.hints.add("openai")
        name = str(legacy.get("name", ""))
        seen.calls.append(Call(name, name, str(legacy.get("arguments", ""))))
    return seen.view(role, message)


def _openai_call(call: Any, index: int) -> Call:
    if not isinstance(call, dict) or not isinstance(call.get("id"), str):
        raise reject("a tool call without an id", index)
    inner = call.get("function") or call.get("custom")
    if not isinstance(inner, dict) or not isinstance(inner.get("name"), str):
        raise reject(f"tool call {call['id']!r} names no function", index)
    arguments = inner.get("arguments", inner.get("input", ""))
    return Call(call["id"], inner["name"], arguments if isinstance(arguments, str) else msgspec.json.encode(arguments).decode())


def _openai_result(message: dict[str, Any], seen: Reading, index: int) -> None:
    key = message.get("name") if message["role"] == "function" else message.get("tool_call_id")
    if not isinstance(key, str):
        raise reject("a tool message without a tool_call_id", index)
    tool = message.get("name")
    tool = tool if isinstance(tool, str) else ""
    seen.answers.append(key)
    _result_content(message.get("content"), key, tool, ("content",), seen, index)


def _result_content(content: Any, key: str, tool: str, path: Path, seen: Reading, index: int) -> None:
    """The content of a tool result: a text, or blocks of which the text ones matter."""
    if isinstance(content, str):
        seen.outputs.append(Output(key, tool, content, path))
    elif isinstance(content, list):
        for i, block in enumerate(content):
            if isinstance(block, dict) and block.get("type") in ("text", "input_text") and isinstance(block.get("text"), str):
                seen.outputs.append(Output(key, tool, block["text"], (*path, i, "text")))
            else:
                seen.opaque += 1
    elif content is not None:
        raise reject("the content of a tool result is neither text nor blocks", index)


def _content(content: Any, role: Role, seen: Reading, index: int) -> None:
    if content is None:
        return
    if isinstance(content, str):
        seen.texts.append(content)
        return
    if not isinstance(content, list):
        raise reject("content is neither text nor blocks", index)
    for i, block in enumerate(content):
        if isinstance(block, str):
            seen.texts.append(block)
            continue
        kind = block.get("type") if isinstance(block, dict) else None
        if kind in ("text", "input_text", "output_text", "refusal") and isinstance(block.get("text", block.get("refusal")), str):
            seen.texts.append(block.get("text", block.get("refusal")))
        elif kind == "thinking" and isinstance(block.get("thinking"), str):
            seen.texts.append(block["thinking"])
        elif kind == "tool_use":
            seen.hints.add("anthropic")
            if role != "assistant" or not isinstance(block.get("id"), str) or not isinstance(block.get("name"), str):
                raise reject("a tool_use block needs an id and a name, in an assistant message", index)
            seen.calls.append(Call(block["id"], block["name"], msgspec.json.encode(block.get("input")).decode()))
        elif kind == "tool_result":
            seen.hints.add("anthropic")
            key = block.get("tool_use_id")
            if role != "user" or not isinstance(key, str):
                raise reject("a tool_result block needs a tool_use_id, in a user message", index)
            seen.answers.append(key)
            _result_content(block.get("content"), key, "", ("content", i, "content"), seen, index)
        else:
            seen.opaque += 1
