"""Contents of Gemini: parts with text, calls and responses, where calls may have no id."""

from __future__ import annotations

from typing import Any

import msgspec

from headroom_stream.messages.edit import get
from headroom_stream.messages.model import Call, Output, Path, Reading, View, reject, role_of


def read_gemini(message: dict[str, Any], raw: bytes, index: int) -> View:
    """Read a content of Gemini. `raw` is the message, for values whose own characters count."""
    role = role_of(message.get("role", "user"))
    parts = message["parts"]
    if role is None:
        raise reject(f"unknown role {message.get('role')!r}", index)
    if not isinstance(parts, list):
        raise reject("parts is not a list", index)
    seen = Reading(raw)
    seen.hints.add("gemini")
    for i, part in enumerate(parts):
        call = _either(part, "functionCall", "function_call")
        answer = _either(part, "functionResponse", "function_response")
        if call is not None:
            name = str(call[1].get("name", ""))
            seen.calls.append(Call(str(call[1].get("id") or name), name, msgspec.json.encode(call[1].get("args")).decode()))
        elif answer is not None:
            field, body = answer
            name = str(body.get("name", ""))
            key = str(body.get("id") or name)
            seen.answers.append(key)
            _gemini_response(body.get("response"), key, name, ("parts", i, field, "response"), seen)
        elif isinstance(part, dict) and isinstance(part.get("text"), str):
            seen.texts.append(part["text"])
        else:
            seen.opaque += 1
    if role == "user" and seen.answers:
        role = "tool"
    return seen.view(role, message)


def _either(part: Any, *names: str) -> tuple[str, dict[str, Any]] | None:
    """The first of the fields that is there: Gemini's SDKs write both spellings."""
    if isinstance(part, dict):
        for name in names:
            if isinstance(part.get(name), dict):
                return name, part[name]
    return None


def _gemini_response(response: Any, key: str, tool: str, path: Path, seen: Reading) -> None:
    """A function response is an object. Its string values are the outputs; one of other values is taken as JSON text."""
    if not isinstance(response, dict):
        seen.opaque += 1
        return
    if response and all(isinstance(v, str) for v in response.values()):
        for field, text in response.items():
            seen.outputs.append(Output(key, tool, text, (*path, field)))
    else:
        # Its own characters: decoding and encoding would round long numbers.
        seen.outputs.append(Output(key, tool, get(seen.raw, path).decode(), path))
