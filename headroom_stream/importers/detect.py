"""Tells the format of a transcript from its content."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Any, Literal

import msgspec
from msgspec import Struct

from headroom_stream.importers.source import Document

Format = Literal["openai", "anthropic", "claude-code", "turns"]

LOOK_AT = 50
"""Documents read before the choice is made. Agents call tools early; Claude Code logs may begin with many snapshots."""

_OPENAI_ROLES = ("system", "developer", "tool", "function")
_OPENAI_FIELDS = ("tool_calls", "function_call", "tool_call_id")
_ANTHROPIC_BLOCKS = ("tool_use", "tool_result", "thinking", "redacted_thinking", "image", "document")
_LOG_TYPES = ("user", "assistant", "system", "summary")


class Detection(Struct, frozen=True):
    """The format a file is read as, and why."""

    format: Format
    evidence: str


def detect(documents: Iterable[Document]) -> Detection:
    """Choose by the first document that tells. Raises ImportFormatError when it is no transcript at all."""
    plain: Document | None = None
    first: Document | None = None
    for document in islice(documents, LOOK_AT):
        first = first or document
        found = _look(document)
        if found is not None:
            return found
        plain = plain or (document if _messages(msgspec.json.decode(document.data)) is not None else None)
    if plain is not None:
        return Detection("openai", "plain user and assistant messages, which fit OpenAI and Anthropic alike")
    expected = "a transcript: conversations with `messages`, a Claude Code log, or turn events"
    if first is None:
        raise ValueError("no documents")
    raise first.wrong(expected)


def _look(document: Document) -> Detection | None:
    try:
        value = msgspec.json.decode(document.data)
    except msgspec.DecodeError as error:
        raise document.wrong("JSON", str(error)) from error
    place = f"line {document.line}"
    if isinstance(value, dict):
        if isinstance(value.get("session_id"), str) and "role" not in value:
            return Detection("turns", f"{place} has a session_id")
        if "sessionId" in value or (value.get("type") in _LOG_TYPES and ("message" in value or "leafUuid" in value)):
            return Detection("claude-code", f"{place} is a log entry of type {value.get('type')!r}")
        if "contents" in value and "messages" not in value:
            raise document.wrong("a transcript of OpenAI, Anthropic or Claude Code", "`contents` is Gemini's, which isn't read yet")
        if "system" in value and "messages" in value:
            return Detection("anthropic", f"{place} has a system prompt beside its messages")
    for index, message in enumerate(_messages(value) or ()):
        found = _message(message, f"{place}, messages[{index}]")
        if found is not None:
            return found
    model = value.get("model") if isinstance(value, dict) else None
    if isinstance(model, str) and "claude" in model.lower():
        return Detection("anthropic", f"{place} names the model {model}")
    return None


def _messages(value: Any) -> list[Any] | None:
    """The messages of a conversation, or of the first one in a list of them."""
    if isinstance(value, list) and value and isinstance(value[0], dict):
        if "messages" in value[0]:
            return _messages(value[0])
        return value if "role" in value[0] else None
    if isinstance(value, dict) and isinstance(value.get("messages"), list):
        messages: list[Any] = value["messages"]
        return messages
    return None


def _message(message: Any, place: str) -> Detection | None:
    if not isinstance(message, dict):
        return None
    if message.get("role") in _OPENAI_ROLES:
        return Detection("openai", f"{place} has the role {message['role']!r}")
    for field in _OPENAI_FIELDS:
        if message.get(field):
            return Detection("openai", f"{place} has {field}")
    content = message.get("content")
    for block in content if isinstance(content, list) else ():
        kind = block.get("type") if isinstance(block, dict) else None
        if kind in _ANTHROPIC_BLOCKS:
            return Detection("anthropic", f"{place} has a {kind} block")
        if kind in ("image_url", "input_audio", "refusal"):
            return Detection("openai", f"{place} has a {kind} part")
    return None
