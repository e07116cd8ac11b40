"""Small conversations, policies that do one thing, and a tokenizer whose counts can be done by hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Raw

from headroom_stream.evaluation.conversation import Conversation
from headroom_stream.evaluation.measure import Measured, PolicyRun, measure
from headroom_stream.evaluation.reading import Reading

Message = dict[str, Any]


class Letters:
    """A token a character."""

    name = "letters"

    def count(self, text: str) -> int:
        return len(text)

    def count_within(self, text: str, whole: str, tokens: int) -> int:
        return self.count(text)

    def exact_for(self, model: str) -> bool:
        return False


def user(text: str) -> Message:
    return {"role": "user", "content": text}


def says(text: str) -> Message:
    return {"role": "assistant", "content": text}


def calls(key: str, name: str = "look", arguments: str = "{}") -> Message:
    call = {"id": key, "type": "function", "function": {"name": name, "arguments": arguments}}
    return {"role": "assistant", "content": None, "tool_calls": [call]}


def result(key: str, text: str) -> Message:
    return {"role": "tool", "tool_call_id": key, "content": text}


def raws(messages: Sequence[Message]) -> list[Raw]:
    return [Raw(msgspec.json.encode(message)) for message in messages]


def talk(*messages: Message, family: str = "family", name: str = "talk", unanswered: bool = False) -> Conversation:
    return Conversation(id=name, family=family, messages=raws(messages), unanswered=unanswered)


def reading(*messages: Message, **options: Any) -> Reading:
    return Reading(talk(*messages, **options), Letters())


class View:
    """A policy that makes its context from all messages so far, each time anew."""

    def __init__(self, make: Callable[[list[Message]], list[Message]]) -> None:
        self._make = make
        self._messages: list[Message] = []

    def turn(self, new: Sequence[Mapping[str, Any]], /) -> list[Message]:
        self._messages += [dict(message) for message in new]
        return self._make(self._messages)


def keeping() -> View:
    return View(list)


def changing_outputs(change: Callable[[str], str]) -> View:
    return View(lambda messages: [{**m, "content": change(m["content"])} if m["role"] == "tool" else m for m in messages])


def dropping() -> View:
    return changing_outputs(lambda _: "gone")


def measured(run: PolicyRun, *messages: Message, **options: Any) -> Measured:
    """Under a clock that stands, so that equal runs are equal."""
    return measure(reading(*messages, **options), run, clock=lambda: 0.0)
