"""Chat messages of OpenAI, Anthropic and Gemini: what the engine needs to see of them, with their bytes kept.

A message stays the JSON that came. `view` reads from it what matters here (who speaks, which calls it makes, which it answers,
where the text of its tool outputs lies), and `with_texts` writes new text into those places; every other byte of the value stands.
Image, thinking, signature and unknown blocks are never looked into.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec
from msgspec import Raw, Struct

from headroom_stream.errors import RejectedEventError
from headroom_stream.events import Provider

Role = Literal["system", "user", "assistant", "tool"]
Path = tuple[str | int, ...]

_ROLES: dict[str, Role] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
    "model": "assistant",
    "tool": "tool",
    "function": "tool",
}


class Call(Struct, frozen=True):
    """A tool call that the client has to answer."""

    key: str
    """The call's id; for shapes without ids, the name."""
    name: str
    arguments: str


class Output(Struct, frozen=True):
    """Text of a tool output, and where it lies in the message."""

    key: str
    """Of the call that it answers."""
    tool: str
    """Name of the tool if the message says it, else empty."""
    text: str
    path: Path


class View(Struct, frozen=True, kw_only=True):
    """What the engine sees of a message."""

    role: Role
    calls: tuple[Call, ...] = ()
    answers: tuple[str, ...] = ()
    """Keys of the calls that its tool results answer."""
    outputs: tuple[Output, ...] = ()
    texts: tuple[str, ...] = ()
    """Other text that the model reads."""
    named: tuple[str, ...] = ()
    """Speaker names, which cost tokens in the OpenAI shape."""
    opaque: int = 0
    """Parts whose tokens can't be counted here: images, documents, provider-specific blocks."""
    hints: frozenset[Provider] = frozenset()
    """Providers whose shape this message can only be."""
    cache_control: bool = False
    """Carries Anthropic cache breakpoints of its own."""
    digest: str = ""
    """Equal for messages that are equal as JSON, cache breakpoints aside."""

    @property
    def text(self) -> str:
        """All of its text, for people and for relevance."""
        return "\n".join((*self.texts, *(o.text for o in self.outputs)))


def _reject(what: str, index: int) -> RejectedEventError:
    return RejectedEventError("messages", f"message {index}: {what}", {"message": index})


def view(raw: Raw | bytes, index: int = 0) -> View:
    """Read one message. `index` names it in errors. Raises RejectedEventError when no provider would take it."""
    try:
        message = msgspec.json.decode(raw)
    except (msgspec.DecodeError, RecursionError) as error:
        raise _reject(f"not JSON that can be read: {error}", index) from error
    if not isinstance(message, dict):
        raise _reject("not an object", index)
    if "parts" in message and "content" not in message:
        return _gemini(message, bytes(raw), index)
    return _chat(message, index)


class _Reading:
    """What has been seen of a message so far."""

    def __init__(self, raw: bytes = b"") -> None:
        self.raw = raw
        self.calls: list[Call] = []
        self.answers: list[str] = []
        self.outputs: list[Output] = []
        self.texts: list[str] = []
        self.named: list[str] = []
        self.opaque = 0
        self.hints: set[Provider] = set()

    def view(self, role: Role, message: dict[str, Any]) -> View:
        digest, marked = _digest(message)
        return View(
            role=role,
            calls=tuple(self.calls),
            answers=tuple(self.answers),
            outputs=tuple(self.outputs),
            texts=tuple(self.texts),
            named=tuple(self.named),
            opaque=self.opaque,
            hints=frozenset(self.hints),
            cache_control=marked,
            digest=digest,
        )


def _chat(message: dict[str, Any], index: int) -> View:
    """OpenAI chat and Anthropic messages: they share `role` and `content` and differ in what stands inside."""
    role = _role(message.get("role"))
    if role is None:
        raise _reject(f"unknown role {message.get('role')!r}", index)
    seen = _Reading()
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
            raise _reject("tool_calls belong to an assistant message, as a list", index)
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
        raise _reject("a tool call without an id", index)
    inner = call.get("function") or call.get("custom")
    if not isinstance(inner, dict) or not isinstance(inner.get("name"), str):
        raise _reject(f"tool call {call['id']!r} names no function", index)
    arguments = inner.get("arguments", inner.get("input", ""))
    return Call(call["id"], inner["name"], arguments if isinstance(arguments, str) else msgspec.json.encode(arguments).decode())


def _openai_result(message: dict[str, Any], seen: _Reading, index: int) -> None:
    key = message.get("name") if message["role"] == "function" else message.get("tool_call_id")
    if not isinstance(key, str):
        raise _reject("a tool message without a tool_call_id", index)
    tool = message.get("name")
    tool = tool if isinstance(tool, str) else ""
    seen.answers.append(key)
    _result_content(message.get("content"), key, tool, ("content",), seen, index)


def _result_content(content: Any, key: str, tool: str, path: Path, seen: _Reading, index: int) -> None:
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
        raise _reject("the content of a tool result is neither text nor blocks", index)


def _content(content: Any, role: Role, seen: _Reading, index: int) -> None:
    if content is None:
        return
    if isinstance(content, str):
        seen.texts.append(content)
        return
    if not isinstance(content, list):
        raise _reject("content is neither text nor blocks", index)
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
                raise _reject("a tool_use block needs an id and a name, in an assistant message", index)
            seen.calls.append(Call(block["id"], block["name"], msgspec.json.encode(block.get("input")).decode()))
        elif kind == "tool_result":
            seen.hints.add("anthropic")
            key = block.get("tool_use_id")
            if role != "user" or not isinstance(key, str):
                raise _reject("a tool_result block needs a tool_use_id, in a user message", index)
            seen.answers.append(key)
            _result_content(block.get("content"), key, "", ("content", i, "content"), seen, index)
        else:
            seen.opaque += 1


def _role(name: Any) -> Role | None:
    return _ROLES.get(name) if isinstance(name, str) else None


def _gemini(message: dict[str, Any], raw: bytes, index: int) -> View:
    role = _role(message.get("role", "user"))
    parts = message["parts"]
    if role is None:
        raise _reject(f"unknown role {message.get('role')!r}", index)
    if not isinstance(parts, list):
        raise _reject("parts is not a list", index)
    seen = _Reading(raw)
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
        elif isinstance(part, dict) and isinstance(part.get("text"), str) and not part.get("thought"):
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


def _gemini_response(response: Any, key: str, tool: str, path: Path, seen: _Reading) -> None:
    """A function response is an object. Its string values are the outputs; one of other values is taken as JSON text."""
    if not isinstance(response, dict):
        seen.opaque += 1
        return
    if response and all(isinstance(v, str) for v in response.values()):
        for field, text in response.items():
            seen.outputs.append(Output(key, tool, text, (*path, field)))
    else:
        # Its own characters: decoding and encoding would round long numbers.
        seen.outputs.append(Output(key, tool, _get(seen.raw, path).decode(), path))


def with_texts(raw: Raw | bytes, texts: Mapping[Path, str]) -> Raw:
    """The message with the text at each of the paths replaced. All other blocks keep their bytes.

    A path that leads to an object (a Gemini response) receives `{"result": text}`, since an object has to stand there.
    """
    body = bytes(raw)
    for path, text in texts.items():
        # A response may have a field of the same name, which holds a text.
        whole = path[-1] == "response" and path[-2] != "response"
        value: Any = {"result": text} if whole else text
        body = _put(body, path, msgspec.json.encode(value))
    return Raw(body)


def _get(body: bytes, path: Path) -> bytes:
    for step in path:
        if isinstance(step, int):
            body = bytes(msgspec.json.decode(body, type=list[Raw])[step])
        else:
            body = bytes(msgspec.json.decode(body, type=dict[str, Raw])[step])
    return body


def _put(body: bytes, path: Sequence[str | int], value: bytes) -> bytes:
    if not path:
        return value
    step, rest = path[0], path[1:]
    if isinstance(step, int):
        items = msgspec.json.decode(body, type=list[Raw])
        items[step] = Raw(_put(bytes(items[step]), rest, value))
        return msgspec.json.encode(items)
    fields = msgspec.json.decode(body, type=dict[str, Raw])
    fields[step] = Raw(_put(bytes(fields[step]), rest, value))
    return msgspec.json.encode(fields)


def without_cache_control(raw: Raw | bytes) -> Raw:
    """The message without its `cache_control` marks.

    Clients move these marks along as a conversation grows. Kept, they would pile up past the four that Anthropic takes; a context
    says itself where breakpoints pay.
    """
    body = bytes(raw)
    fields = msgspec.json.decode(body, type=dict[str, Raw])
    fields.pop("cache_control", None)
    content = fields.get("content")
    if content is not None and bytes(content).lstrip().startswith(b"["):
        blocks = msgspec.json.decode(content, type=list[Raw])
        fields["content"] = Raw(msgspec.json.encode([_strip_block(b) for b in blocks]))
    return Raw(msgspec.json.encode(fields))


def _strip_block(block: Raw) -> Raw:
    body = bytes(block)
    if not body.lstrip().startswith(b"{"):
        return block
    fields = msgspec.json.decode(body, type=dict[str, Raw])
    changed = fields.pop("cache_control", None) is not None
    inner = fields.get("content")
    if inner is not None and bytes(inner).lstrip().startswith(b"["):
        blocks = msgspec.json.decode(inner, type=list[Raw])
        stripped = [_strip_block(b) for b in blocks]
        if any(a is not b for a, b in zip(blocks, stripped, strict=True)):
            fields["content"], changed = Raw(msgspec.json.encode(stripped)), True
    return Raw(msgspec.json.encode(fields)) if changed else block


def digest(raw: Raw | bytes) -> str:
    """Hash of a message as JSON: white space, the order of keys and cache breakpoints make no difference.

    Clients write their history anew at every call and move their breakpoints along; it is the same message all the same. One that
    can't be read has an empty digest, which no stored message has.
    """
    try:
        message = msgspec.json.decode(raw)
    except (msgspec.DecodeError, RecursionError):
        return ""
    return _digest(message)[0] if isinstance(message, dict) else ""


def _digest(message: dict[str, Any]) -> tuple[str, bool]:
    bare, marked = _without_cache_control(message)
    return hashlib.blake2b(msgspec.json.encode(bare, order="sorted"), digest_size=16).hexdigest(), marked


def _without_cache_control(value: Any) -> tuple[Any, bool]:
    """The same on decoded values, for digests; and whether there was a mark."""
    content = value.get("content")
    marked = "cache_control" in value
    if isinstance(content, list):
        pairs = [_without_cache_control(b) if isinstance(b, dict) else (b, False) for b in content]
        if any(m for _, m in pairs):
            value, marked = {**value, "content": [v for v, _ in pairs]}, True
    if "cache_control" in value:
        value = {k: v for k, v in value.items() if k != "cache_control"}
    return value, marked


def detect_provider(views: Sequence[View], model: str = "") -> Provider | None:
    """The provider whose shape the messages have; by the model's name where they fit several; None when nothing tells."""
    shown = {p for v in views for p in v.hints}
    if len(shown) > 1:
        raise RejectedEventError("messages", "messages of more than one provider's shape", {"shapes": ", ".join(sorted(shown))})
    if shown:
        return shown.pop()
    name = model.rsplit("/", 1)[-1].lower()
    if name.startswith("claude"):
        return "anthropic"
    if name.startswith("gemini"):
        return "gemini"
    if name.startswith(("gpt", "o1", "o3", "o4", "chatgpt")) or any(v.role == "system" for v in views):
        return "openai"
    return None


def user_message(text: str, provider: Provider) -> Raw:
    """A user message of ours in the provider's shape, for markers that stand by themselves."""
    if provider == "gemini":
        return Raw(msgspec.json.encode({"role": "user", "parts": [{"text": text}]}))
    return Raw(msgspec.json.encode({"role": "user", "content": text}))
