"""LangChain and LangGraph: compressed messages in a chain, before the model of an agent, or as an agent's middleware.

    chain = prompt | MessageCompressor() | model
    agent = create_agent(model, tools, middleware=[CompressionMiddleware()])
    agent = create_react_agent(model, tools, pre_model_hook=MessageCompressor().pre_model_hook)

Runs of a graph with a `thread_id` are turns of the session of that name; others are found by their messages. The state of a graph keeps
its messages as they came. `retrieve_tool` is for the agent's tools: by it the agent reads what was left out.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    ChatMessage,
    FunctionMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
    convert_to_messages,
)
from langchain_core.prompt_values import PromptValue
from langchain_core.runnables import Runnable, RunnableConfig
from langchain_core.runnables.config import ensure_config
from langchain_core.tools import BaseTool, StructuredTool

from headroom_stream.adapters.asking import DESCRIPTION, NAME, reader
from headroom_stream.adapters.bridge import Bridge, Message, Sent, with_texts_of, without_marks
from headroom_stream.engine import Compressor

if TYPE_CHECKING:
    from langchain.agents.middleware import AgentMiddleware

_CALLS = ("tool_use", "tool_call", "function_call", "server_tool_call", "input_json_delta")
"""Blocks that say once more what `tool_calls` says."""


class MessageCompressor(Runnable[LanguageModelInput, list[BaseMessage]]):
    """Takes what a chat model takes, and gives the messages to send to it.

    `compressor` and the options are those of `Bridge`.
    """

    def __init__(self, compressor: Compressor | None = None, **options: Any) -> None:
        self.bridge = Bridge(compressor, **options)

    def invoke(self, input: LanguageModelInput, config: RunnableConfig | None = None, **_kwargs: Any) -> list[BaseMessage]:  # noqa: A002 - LangChain's name
        """The messages to send."""
        if isinstance(input, PromptValue):
            messages = input.to_messages()
        else:
            messages = convert_to_messages([input] if isinstance(input, str) else input)
        return self.compress(messages, session=_thread(ensure_config(config)))

    async def ainvoke(self, input: LanguageModelInput, config: RunnableConfig | None = None, **_kwargs: Any) -> list[BaseMessage]:  # noqa: A002 - LangChain's name
        """The messages to send; the work is done in another thread."""
        return await asyncio.to_thread(self.invoke, input, config)

    def pre_model_hook(self, state: Any, config: RunnableConfig) -> dict[str, list[BaseMessage]]:
        """For `create_react_agent`: the model is given these messages, and the state stays."""
        messages = state["messages"] if isinstance(state, Mapping) else state.messages
        return {"llm_input_messages": self.compress(messages, session=_thread(config))}

    def compress(self, messages: Sequence[BaseMessage], *, session: str | None = None, model: str = "") -> list[BaseMessage]:
        """The messages to send: the same objects where nothing changed, copies with shorter text where something did."""
        sent = self.bridge.send(lambda: (messages, [_shown(message) for message in messages]), session=session, model=model)
        return list(messages) if sent is None else [_own(one) for one in sent]


def CompressionMiddleware(compressor: Compressor | None = None, **options: Any) -> AgentMiddleware[Any, Any]:  # noqa: N802 - read as a class where it is used
    """Middleware for `langchain.agents.create_agent`: each call of the model gets compressed messages."""
    # The package `langchain` is needed for agents alone, `langchain-core` for all of this module.
    from langchain.agents.middleware import AgentMiddleware, ModelRequest, ModelResponse  # noqa: PLC0415
    from langgraph.config import get_config  # noqa: PLC0415

    messages = MessageCompressor(compressor, **options)

    def compressed(request: ModelRequest[Any]) -> ModelRequest[Any]:
        system = [request.system_message] if request.system_message is not None else []
        sent = messages.compress([*system, *request.messages], session=_thread(get_config()))
        return request.override(messages=sent[len(system) :])  # type: ignore[arg-type]  # any messages are messages that a model takes

    class _Middleware(AgentMiddleware[Any, Any]):
        def wrap_model_call(self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], ModelResponse[Any]]) -> Any:
            return handler(compressed(request))

        async def awrap_model_call(
            self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], Awaitable[ModelResponse[Any]]]
        ) -> Any:
            return await handler(await asyncio.to_thread(compressed, request))

    return _Middleware()


def retrieve_tool(compressor: Compressor | None = None) -> BaseTool:
    """A tool for the agent: it reads what was left out of its messages. `compressor` as for who leaves it out."""
    return StructuredTool.from_function(reader(compressor), name=NAME, description=DESCRIPTION)


def _thread(config: Mapping[str, Any]) -> str | None:
    thread = (config.get("configurable") or {}).get("thread_id")
    return None if thread is None else str(thread)


def _shown(message: BaseMessage) -> Message:
    """The message as the engine reads it."""
    content: Any = without_marks(message.content)
    if isinstance(message, ToolMessage):
        name = {"name": message.name} if message.name else {}
        return {"role": "tool", "tool_call_id": message.tool_call_id, **name, "content": content}
    if isinstance(message, AIMessage):
        if isinstance(content, list):
            content = [block for block in content if not (isinstance(block, dict) and block.get("type") in _CALLS)]
        calls = [_call(one["id"], one["name"], json.dumps(one["args"])) for one in message.tool_calls]
        calls += [_call(one["id"], one["name"] or "", one["args"] or "") for one in message.invalid_tool_calls]
        return {"role": "assistant", "content": content, **({"tool_calls": calls} if calls else {})}
    if isinstance(message, FunctionMessage):
        return {"role": "function", "name": message.name, "content": content}
    if isinstance(message, SystemMessage):
        return {"role": "system", "content": content}
    if isinstance(message, ChatMessage):
        return {"role": message.role, "content": content}
    return {"role": "user", "content": content}


def _call(key: str | None, name: str, arguments: str) -> Message:
    return {"id": key or "", "type": "function", "function": {"name": name, "arguments": arguments}}


def _own(sent: Sent[BaseMessage]) -> BaseMessage:
    message = sent.origin
    if message is None:
        return HumanMessage(sent.message["content"])
    if not isinstance(message, ToolMessage | FunctionMessage):
        return message
    content = with_texts_of(message.content, sent.message["content"])
    return message if content == message.content else message.model_copy(update={"content": content})
