"""Conversations in the shape of Anthropic's Messages API.

The system prompt is a field beside `messages` there, as tool definitions are. The agent sends both with every call by itself, so
they are no part of the turns.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from headroom_stream.importers import conversation
from headroom_stream.importers.session import Session
from headroom_stream.importers.source import Document

ROLES = frozenset({"user", "assistant"})


def sessions(documents: Iterable[Document]) -> Iterator[Session]:
    """Read them; messages keep their bytes. Raises ImportFormatError."""
    return conversation.sessions(documents, "anthropic", ROLES, "If these are OpenAI messages, pass --format openai.")
