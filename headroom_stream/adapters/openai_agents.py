"""The OpenAI Agents SDK: compressed input of every call of a model.

    compressed = RunConfig(call_model_input_filter=InputCompressor())
    result = Runner.run_sync(agent, "Which flight?", run_config=compressed)

The items of a run and of its session stay as they came; only what the model is sent is shorter. A conversation that the provider keeps
(`previous_response_id`, `conversation_id`) is sent in parts, which go as they came. `retrieve_tool` is for the agent's tools: by it the
agent reads what was left out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from agents import FunctionTool, TResponseInputItem, function_tool
from agents.run import CallModelData, ModelInputData

from headroom_stream.adapters.asking import DESCRIPTION, NAME, reader
from headroom_stream.adapters.bridge import Bridge, Message, Sent, with_texts_of, without_marks
from headroom_stream.engine import Compressor

Items = list[TResponseInputItem]
SessionOf = Callable[[CallModelData[Any]], str | None]
_CALLS = {"function_call": "arguments", "custom_tool_call": "input"}
"""Calls that a program answers, and where their arguments stand."""
_OUTPUTS = frozenset(("function_call_output", "custom_tool_call_output"))


class InputCompressor:
    """A `call_model_input_filter`.

    `session` names the session of a call, as from the context of the run; without it, it is found by its items. `compressor` and the
    options are those of `Bridge`.
    """

    def __init__(self, compressor: Compressor | None = None, *, session: SessionOf | None = None, **options: Any) -> None:
        self.bridge = Bridge(compressor, **options)
        self._session = session

    async def __call__(self, data: CallModelData[Any]) -> ModelInputData:
        """What the model is sent; the work is done in another thread."""
        items = await asyncio.to_thread(self.compress, data)
        return ModelInputData(input=items, instructions=data.model_data.instructions)

    def compress(self, data: CallModelData[Any]) -> Items:
        """The items to send: the same objects where nothing changed, copies with shorter text where something did."""
        given = data.model_data

        def read() -> tuple[list[Items], list[Message]]:
            groups, messages = _grouped(given.input)
            if given.instructions:
                return [[], *groups], [{"role": "system", "content": given.instructions}, *messages]
            return groups, messages

        model = data.agent.model if isinstance(data.agent.model, str) else ""
        session = self._session(data) if self._session is not None else None
        sent = self.bridge.send(read, session=session, model=model)
        return list(given.input) if sent is None else [item for one in sent for item in _own(one)]


def retrieve_tool(compressor: Compressor | None = None) -> FunctionTool:
    """A tool for the agent: it reads what was left out of its input. `compressor` as for who leaves it out."""
    return function_tool(reader(compressor), name_override=NAME, description_override=DESCRIPTION)


def _grouped(items: Items) -> tuple[list[Items], list[Message]]:
    """The items as chat messages: what a model says between two outputs is one message, with all its calls."""
    groups: list[Items] = []
    messages: list[Message] = []
    for item in items:
        shown = _shown(item)
        if shown["role"] == "assistant" and messages and messages[-1]["role"] == "assistant":
            groups[-1].append(item)
            messages[-1]["content"] += shown["content"]
            messages[-1].setdefault("tool_calls", []).extend(shown.get("tool_calls", []))
        else:
            groups.append([item])
            messages.append(shown)
    return groups, [_closed(message) for message in messages]


def _shown(item: Any) -> Message:
    """One item as the engine reads it. It sees of reasoning and of the provider's own tools that they are there."""
    kind, role = item.get("type", "message"), item.get("role")
    if kind in _OUTPUTS:
        return {"role": "tool", "tool_call_id": item["call_id"], "content": without_marks(item["output"])}
    if kind in _CALLS:
        function = {"name": item["name"], "arguments": item[_CALLS[kind]]}
        return {
            "role": "assistant",
            "content": [],
            "tool_calls": [{"id": item["call_id"], "type": "function", "function": function}],
        }
    if kind == "message" and role in ("user", "system", "developer"):
        return {"role": role, "content": without_marks(item["content"])}
    if kind == "message":
        content = item["content"]
        return {
            "role": "assistant",
            "content": [{"type": "output_text", "text": content}] if isinstance(content, str) else list(content),
        }
    return {"role": "assistant", "content": [{"type": kind}]}


def _closed(message: Message) -> Message:
    if message["role"] == "assistant" and not message.get("tool_calls"):
        message.pop("tool_calls", None)
    return message


def _own(sent: Sent[Items]) -> Items:
    if sent.origin is None:
        return [{"role": "user", "content": sent.message["content"]}]
    if sent.message["role"] != "tool":
        return sent.origin
    (item,) = sent.origin
    old: Any = item["output"]  # type: ignore[typeddict-item]  # `_shown` takes nothing else for the output of a tool
    output = with_texts_of(old, sent.message["content"])
    return [item] if output == old else [{**item, "output": output}]  # type: ignore[list-item]  # the same kind of item
