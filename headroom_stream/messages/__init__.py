"""Chat messages of OpenAI, Anthropic and Gemini: what the engine needs to see of them, with their bytes kept.

A message stays the JSON that came. `view` reads from it what matters here (who speaks, which calls it makes, which it answers,
where the text of its tool outputs lies), and `with_texts` writes new text into those places; every other byte of the value stands.
Nothing ever changes image, thinking, signature and unknown blocks.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec import Raw

from headroom_stream.errors import RejectedEventError
from headroom_stream.events import Provider
from headroom_stream.messages.chat import read_chat
from headroom_stream.messages.edit import user_message, with_texts, without_cache_control
from headroom_stream.messages.gemini import read_gemini
from headroom_stream.messages.identity import digest
from headroom_stream.messages.model import Call, Output, Path, Role, View, reject

__all__ = [
    "Call",
    "Output",
    "Path",
    "Role",
    "View",
    "detect_provider",
    "digest",
    "user_message",
    "view",
    "with_texts",
    "without_cache_control",
]


def view(raw: Raw | bytes, index: int = 0) -> View:
    """Read one message. `index` names it in errors. Raises RejectedEventError when no provider would take it."""
    try:
        message = msgspec.json.decode(raw)
        if not isinstance(message, dict):
            raise reject("not an object", index)
        if "parts" in message and "content" not in message:
            return read_gemini(message, bytes(raw), index)
        return read_chat(message, index)
    except (msgspec.DecodeError, RecursionError) as error:
        raise reject(f"not JSON that can be read: {error}", index) from error


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
