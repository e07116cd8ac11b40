"""What the OpenAI and Anthropic formats share: an object with `messages`, a list of messages, or a list of such objects."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from headroom_stream.events import Provider
from headroom_stream.importers.session import Said, Session, SessionIds, content_id, session_of
from headroom_stream.importers.source import Document


class Conversation(Struct):
    """A conversation in a file. Fields that aren't named here, tool definitions among them, are not part of a turn."""

    messages: list[Raw]
    id: str | int | None = None
    model: str | None = None
    meta: dict[str, Any] | None = None


class Head(Struct):
    """What tells a message from other objects."""

    role: str
    content: Raw | UnsetType = UNSET


class _Nested(Struct):
    messages: Raw | UnsetType = UNSET


_conversation = msgspec.json.Decoder(Conversation)
_list = msgspec.json.Decoder(list[Raw])
_head = msgspec.json.Decoder(Head)
_nested = msgspec.json.Decoder(_Nested)

OBJECT = "a conversation, an object with `messages`, or a list of messages"


def conversations(document: Document) -> Iterator[Conversation]:
    """The conversations of a JSON value. Raises ImportFormatError."""
    if not document.data.lstrip().startswith(b"["):
        yield document.read(_conversation, OBJECT)
        return
    items = document.read(_list, OBJECT)
    if items and _has_messages(items[0]):
        for item in items:
            yield Document(document.path, document.line, bytes(item)).read(_conversation, OBJECT)
    else:
        yield Conversation(messages=items)


def _has_messages(item: Raw) -> bool:
    try:
        return _nested.decode(item).messages is not UNSET
    except msgspec.DecodeError:
        return False


def head(document: Document, index: int, message: Raw) -> Head:
    """Role and content of a message. Raises ImportFormatError that names the message."""
    try:
        return _head.decode(message)
    except msgspec.DecodeError as error:
        raise document.wrong(f"a message with a role at messages[{index}]", str(error)) from error


def sessions(documents: Iterable[Document], provider: Provider, roles: frozenset[str], hint: str) -> Iterator[Session]:
    """The conversations of a file as sessions. Roles that the provider doesn't have are an error, to which `hint` is added."""
    ids = SessionIds()
    for document in documents:
        for conversation in conversations(document):
            said = []
            for index, message in enumerate(conversation.messages):
                role = head(document, index, message).role
                if role not in roles:
                    raise document.wrong(f"a role of {', '.join(sorted(roles))} at messages[{index}]", f"got {role!r}. {hint}")
                said.append(Said(body=message, assistant=role == "assistant"))
            name = "" if conversation.id is None else str(conversation.id)
            name = name or content_id(conversation.messages)
            yield session_of(ids.unique(name), provider, said, _model(conversation))


def _model(conversation: Conversation) -> str:
    model = conversation.model or (conversation.meta or {}).get("model")
    return model if isinstance(model, str) else ""
