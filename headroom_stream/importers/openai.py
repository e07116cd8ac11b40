"""Conversations in the OpenAI chat shape."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from headroom_stream.importers import conversation
from headroom_stream.importers.session import Session
from headroom_stream.importers.source import Document

ROLES = frozenset({"system", "developer", "user", "assistant", "tool", "function"})


def sessions(documents: Iterable[Document]) -> Iterator[Session]:
    """Read them; messages keep their bytes. Raises ImportFormatError."""
    return conversation.sessions(documents, "openai", ROLES, "Is it another format? See --format.")
