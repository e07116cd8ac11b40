"""A conversation in the shapes of OpenAI, Anthropic and Gemini: the same steps, each as that provider's client would write them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Protocol

from msgspec import Struct

from headroom_stream.events import Provider

Message = dict[str, Any]


class ToolCall(Struct, frozen=True):
    """A tool and the arguments it is called with."""

    tool: str
    arguments: dict[str, Any] = {}


class Step(Struct, frozen=True, kw_only=True):
    """What an agent does in a turn: says something, and either calls tools or hears from the user again."""

    say: str
    calls: tuple[ToolCall, ...] = ()
    then_user: str = ""
    """What the user answers, where no tool was called."""


class Shape(Protocol):
    """Writes turns as messages. Numbers make the ids of calls: they count the session's calls."""

    provider: Provider

    def opening(self, system: str, task: str) -> list[Message]:
        """What stands before the first call of the model."""

    def turn(self, step: Step, outputs: Sequence[str], first_call: int) -> list[Message]:
        """What a turn adds: the assistant's message, and the outputs of its calls in order or the user's answer."""


class OpenAI:
    provider: Provider = "openai"

    def opening(self, system: str, task: str) -> list[Message]:
        return [{"role": "system", "content": system}, {"role": "user", "content": task}]

    def turn(self, step: Step, outputs: Sequence[str], first_call: int) -> list[Message]:
        if not step.calls:
            return [{"role": "assistant", "content": step.say}, {"role": "user", "content": step.then_user}]
        ids = [f"call_{n:04}" for n in range(first_call, first_call + len(step.calls))]
        calls = [
            {"id": i, "type": "function", "function": {"name": c.tool, "arguments": json.dumps(c.arguments)}}
            for i, c in zip(ids, step.calls, strict=True)
        ]
        results = [{"role": "tool", "tool_call_id": i, "content": text} for i, text in zip(ids, outputs, strict=True)]
        return [{"role": "assistant", "content": step.say, "tool_calls": calls}, *results]


class Anthropic:
    """The instructions are a field beside the messages there, so they are no part of the turns."""

    provider: Provider = "anthropic"

    def opening(self, system: str, task: str) -> list[Message]:
        del system
        return [{"role": "user", "content": task}]

    def turn(self, step: Step, outputs: Sequence[str], first_call: int) -> list[Message]:
        if not step.calls:
            return [{"role": "assistant", "content": step.say}, {"role": "user", "content": step.then_user}]
        ids = [f"toolu_{n:04}" for n in range(first_call, first_call + len(step.calls))]
        uses = [{"type": "tool_use", "id": i, "name": c.tool, "input": c.arguments} for i, c in zip(ids, step.calls, strict=True)]
        results = [{"type": "tool_result", "tool_use_id": i, "content": text} for i, text in zip(ids, outputs, strict=True)]
        return [
            {"role": "assistant", "content": [{"type": "text", "text": step.say}, *uses]},
            {"role": "user", "content": results},
        ]


class Gemini:
    """The instructions are a field of their own there too, and calls have no ids: a result names its function."""

    provider: Provider = "gemini"

    def opening(self, system: str, task: str) -> list[Message]:
        del system
        return [{"role": "user", "parts": [{"text": task}]}]

    def turn(self, step: Step, outputs: Sequence[str], first_call: int) -> list[Message]:
        del first_call
        if not step.calls:
            return [{"role": "model", "parts": [{"text": step.say}]}, {"role": "user", "parts": [{"text": step.then_user}]}]
        calls = [{"functionCall": {"name": c.tool, "args": c.arguments}} for c in step.calls]
        results = [
            {"functionResponse": {"name": c.tool, "response": {"output": text}}}
            for c, text in zip(step.calls, outputs, strict=True)
        ]
        return [{"role": "model", "parts": [{"text": step.say}, *calls]}, {"role": "user", "parts": results}]
