"""Whether a provider would take messages: by the types of its own SDK, and by the rules that its API enforces beside them.

Each function returns what is wrong, in words; nothing where all is well. The types are those of the requests, checked strictly: fields
that they do not have are faults.
"""

from __future__ import annotations

import functools
import operator
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import GenericAlias
from typing import Any, Literal, get_args, get_type_hints

import msgspec
from anthropic.types.assistant_message_param import AssistantMessageParam
from anthropic.types.user_message_param import UserMessageParam
from google.genai import types
from openai.types.chat import ChatCompletionMessageParam
from pydantic import ConfigDict, TypeAdapter, ValidationError, create_model
from typing_extensions import is_typeddict

from headroom_stream.events import Provider

Message = dict[str, Any]
_STRICT = ConfigDict(extra="forbid", strict=True)
_TOOL_USE_ID = re.compile(r"[a-zA-Z0-9_-]+")


def _message() -> Any:
    """A message with the blocks that a request may have. Anthropic's own type also takes those of answers, which take any field."""
    hint = get_type_hints(UserMessageParam)["content"]
    assert hint == get_type_hints(AssistantMessageParam)["content"]
    block: Any = functools.reduce(operator.or_, (kind for kind in _parts(hint) if is_typeddict(kind)))
    content: Any = str | GenericAlias(list, (block,))
    fields: dict[str, Any] = {"role": (Literal["user", "assistant"], ...), "content": (content, ...)}
    return create_model("Message", __config__=_STRICT, **fields)


def _parts(hint: Any) -> Iterator[Any]:
    yield hint
    for part in get_args(hint):
        yield from _parts(part)


_OPENAI = TypeAdapter[Any](list[ChatCompletionMessageParam], config=_STRICT)
_ANTHROPIC = _message()


@functools.lru_cache(maxsize=4096)
def typed(body: bytes, provider: Provider) -> str:
    """What of one message does not fit the types of the SDK."""
    message = msgspec.json.decode(body)
    try:
        if provider == "gemini":
            types.Content.model_validate_json(body, strict=True)
        elif provider == "anthropic":
            _walked(_ANTHROPIC.model_validate(message).content)
        else:
            _walked(_OPENAI.validate_python([message]))
    except ValidationError as error:
        return f"{error.error_count()} errors: {error.errors()[0]['loc']} {error.errors()[0]['msg']}"
    return ""


def _walked(value: Any) -> None:
    """Look at all of it: pydantic checks an `Iterable` only as it is read."""
    if isinstance(value, Mapping):
        for one in value.values():
            _walked(one)
    elif isinstance(value, Iterable) and not isinstance(value, str | bytes):
        for one in value:
            _walked(one)


def openai_rules(messages: Sequence[Message]) -> Iterator[str]:
    """What OpenAI's chat completions refuse."""
    open_calls: list[str] = []
    for i, m in enumerate(messages):
        if m["role"] == "tool":
            if m["tool_call_id"] not in open_calls:
                yield f"{i}: a tool's message must follow the message with its call"
            else:
                open_calls.remove(m["tool_call_id"])
            continue
        if open_calls:
            yield f"{i}: calls {open_calls} have no results before it"
        calls = m.get("tool_calls")
        open_calls = [call["id"] for call in calls or ()]
        if len(set(open_calls)) < len(open_calls):
            yield f"{i}: calls with the same id"
        if calls == []:
            yield f"{i}: an empty list of calls"
        if m["role"] == "assistant" and not any(
            m.get(field) is not None for field in ("content", "refusal", "function_call", "tool_calls")
        ):
            yield f"{i}: an answer without content and calls"
        if m["role"] != "assistant" and not isinstance(m.get("content"), str | list):
            yield f"{i}: no content"
        if m.get("content") == []:
            yield f"{i}: an empty list of parts"
    if open_calls:
        yield f"the last calls {open_calls} have no results"


def anthropic_rules(messages: Sequence[Message]) -> Iterator[str]:
    """What Anthropic's messages refuse. Messages of one role in a row are one there."""
    turns = _merged(messages)
    if turns and turns[0][0] != "user":
        yield "the first message is not the user's"
    seen: set[str] = set()
    waiting: list[str] = []
    for i, (role, blocks) in enumerate(turns):
        results = [b["tool_use_id"] for b in blocks if b["type"] == "tool_result"]
        if sorted(results) != sorted(waiting):
            yield f"{i}: results {results} for the calls {waiting} of the message before"
        if any(b["type"] != "tool_result" for b in blocks[: len(results)]):
            yield f"{i}: results do not come first"
        waiting = [b["id"] for b in blocks if b["type"] == "tool_use"]
        if role == "user" and waiting:
            yield f"{i}: the user calls tools"
        for key in waiting:
            if key in seen or not _TOOL_USE_ID.fullmatch(key):
                yield f"{i}: the id {key!r} is not a new one of letters, digits, _ and -"
            seen.add(key)
        if not blocks:
            yield f"{i}: no content"
        for block in [*blocks, *(c for b in blocks if isinstance(b.get("content"), list) for c in b["content"])]:
            if block["type"] == "text" and not block["text"].strip():
                yield f"{i}: a text of nothing"
    if waiting:
        yield f"the last calls {waiting} have no results"


def _merged(messages: Sequence[Message]) -> list[tuple[str, list[Message]]]:
    turns: list[tuple[str, list[Message]]] = []
    for m in messages:
        content = m["content"]
        blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
        if turns and turns[-1][0] == m["role"]:
            turns[-1][1].extend(blocks)
        else:
            turns.append((m["role"], list(blocks)))
    return turns


def gemini_rules(contents: Sequence[Message]) -> Iterator[str]:
    """What Gemini's generateContent refuses."""
    if contents and contents[0].get("role", "user") != "user":
        yield "the first content is not the user's"
    waiting: list[str] = []
    for i, content in enumerate(contents):
        parts = content["parts"]
        calls = [p["functionCall"]["name"] for p in parts if "functionCall" in p]
        results = [p["functionResponse"]["name"] for p in parts if "functionResponse" in p]
        if results != waiting:
            yield f"{i}: responses {results} for the calls {waiting} of the content before"
        if results and len(results) < len(parts):
            yield f"{i}: responses among other parts"
        if calls and (content.get("role") != "model" or i == 0 or contents[i - 1].get("role", "user") != "user"):
            yield f"{i}: calls do not come right after the user's content or responses"
        waiting = calls
        if not parts:
            yield f"{i}: no parts"
        if any(part.get("text") == "" for part in parts):
            yield f"{i}: a text of nothing"
    if waiting:
        yield f"the last calls {waiting} have no responses"


_RULES = {"openai": openai_rules, "anthropic": anthropic_rules, "gemini": gemini_rules}


def faults(bodies: Sequence[bytes], provider: Provider) -> list[str]:
    """All that is wrong with the messages of a context."""
    found = [f"{i}: {fault}" for i, body in enumerate(bodies) if (fault := typed(body, provider))]
    return found or list(_RULES[provider]([msgspec.json.decode(body) for body in bodies]))
