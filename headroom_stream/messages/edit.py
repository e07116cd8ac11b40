"""Changes to a message that leave every other byte as it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Raw

from headroom_stream.events import Provider
from headroom_stream.messages.model import Path


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


def get(body: bytes, path: Path) -> bytes:
    """The bytes of the value at a path."""
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


def user_message(text: str, provider: Provider) -> Raw:
    """A user message of ours in the provider's shape, for markers that stand by themselves."""
    if provider == "gemini":
        return Raw(msgspec.json.encode({"role": "user", "parts": [{"text": text}]}))
    return Raw(msgspec.json.encode({"role": "user", "content": text}))
