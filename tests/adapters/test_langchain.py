"""LangChain's and LangGraph's own objects, chains, agents and graphs."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("langchain_core")
pytest.importorskip("langgraph")

from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.prompts import ChatPromptTemplate, MessagesPlaceholder
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.prebuilt import create_react_agent
from pydantic import Field

from headroom_stream.adapters import langchain
from headroom_stream.adapters.langchain import CompressionMiddleware, MessageCompressor
from headroom_stream.engine import Compressor
from headroom_stream.errors import ConfigurationError
from tests.core.conversations import CODE, LOGS, PROSE, RECORDS
from tests.support.docstrings import examples

IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}


def asked(*keys: str, name: str = "search", **fields: Any) -> AIMessage:
    calls = [{"name": name, "args": {"q": key}, "id": key, "type": "tool_call"} for key in keys]
    return AIMessage("", tool_calls=calls, id=f"ai-{keys[0]}", **fields)


def answered(key: str, content: Any, **fields: Any) -> ToolMessage:
    return ToolMessage(content, tool_call_id=key, id=f"tool-{key}", **fields)


TALK: list[BaseMessage] = [
    SystemMessage("Be brief.", id="s"),
    HumanMessage([{"type": "text", "text": "Which flight?"}, IMAGE], id="h", name="ann", additional_kwargs={"k": 1}),
    asked(
        "a", "b", response_metadata={"model_name": "m"}, usage_metadata={"input_tokens": 1, "output_tokens": 2, "total_tokens": 3}
    ),
    answered("a", RECORDS, name="search", artifact={"rows": 12}, status="error"),
    answered("b", [{"type": "text", "text": LOGS, "cache_control": {"type": "ephemeral"}}, IMAGE]),
    AIMessage([{"type": "thinking", "thinking": "hm", "signature": "c2ln"}, {"type": "text", "text": "The first."}], id="ai"),
    HumanMessage("Sure?", id="h2"),
    asked("c"),
    answered("c", RECORDS),
]


def compressor(**options: Any) -> MessageCompressor:
    return MessageCompressor(Compressor(), **options)


def test_only_texts_of_outputs_are_shorter_and_all_else_is_the_programs_own() -> None:
    before = [message.model_copy(deep=True) for message in TALK]
    sent = compressor().invoke(TALK)
    assert before == TALK
    assert [i for i, (a, b) in enumerate(zip(TALK, sent, strict=True)) if a is not b] == [3, 4, 8]
    for old, new in ((TALK[3], sent[3]), (TALK[8], sent[8])):
        assert len(str(new.content)) < len(str(old.content))
        assert new.model_copy(update={"content": old.content}) == old
    text, image = list(sent[4].content)
    assert isinstance(text, dict) and len(text["text"]) < len(LOGS)
    assert (text["type"], text["cache_control"]) == ("text", {"type": "ephemeral"}) and image == IMAGE


def test_a_chain_sends_the_model_what_is_left() -> None:
    seen: list[Sequence[BaseMessage]] = []

    class Model(GenericFakeChatModel):
        def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> Any:
            seen.append(messages)
            return super()._generate(messages, *args, **kwargs)

    prompt = ChatPromptTemplate.from_messages([("system", "Be brief."), MessagesPlaceholder("talk")])
    chain = prompt | compressor() | Model(messages=iter([AIMessage("One."), AIMessage("Two.")]))
    assert chain.invoke({"talk": TALK[1:]}).content == "One."
    assert asyncio.run(chain.ainvoke({"talk": TALK[1:]})).content == "Two."
    assert [m.content for m in seen[0]] == [m.content for m in compressor().invoke(TALK)]
    assert [m.content for m in seen[1]] == [m.content for m in seen[0]]


def test_it_takes_what_a_model_takes() -> None:
    assert compressor().invoke("Hello") == [HumanMessage("Hello")]
    assert compressor().invoke([("system", "a"), {"role": "user", "content": "b"}]) == [SystemMessage("a"), HumanMessage("b")]


def test_calls_of_a_thread_are_turns_of_its_session() -> None:
    own = compressor()
    last: list[BaseMessage] = []
    for end in (2, 5, 7, 9):
        sent = own.invoke(TALK[:end], {"configurable": {"thread_id": "t-1"}})
        assert sent[: len(last)] == last
        last = sent
    assert own.bridge.compressor.sessions.knows("t-1")
    assert "same as result 1" in str(last[-1].content)


def test_a_budget_leaves_out_rounds_and_says_so() -> None:
    talk: list[BaseMessage] = [SystemMessage("Be brief."), HumanMessage("Go.")]
    for n in range(30):
        talk += [asked(f"c{n}"), answered(f"c{n}", f"{n} {CODE}")]
    own = compressor(max_tokens=600)
    sent = own.invoke(talk)
    assert own.bridge.fallbacks == 0 and len(sent) < len(talk)
    assert sent[0] is talk[0] and sent[-1].id == talk[-1].id and sent[-2] is talk[-2]
    (note,) = [m for m in sent if isinstance(m, HumanMessage) and m.id is None and "original" in str(m.content)]
    (ref,) = [word.strip("]") for word in str(note.content).replace(",", " ").split() if len(word.strip("]")) == 12]
    assert "Go." in own.bridge.compressor.retrieve(ref) or "c0" in own.bridge.compressor.retrieve(ref)


def test_a_query_and_profiles_are_heeded() -> None:
    kept = compressor(tool_profiles={"search": {"skip_compression": True}}).invoke(TALK)
    assert all(a is b for a, b in zip(TALK, kept, strict=True))
    with pytest.raises(ConfigurationError, match="no option budget"):
        compressor(budget=3)


def test_messages_that_no_provider_takes_go_as_they_came_and_it_is_counted(caplog: pytest.LogCaptureFixture) -> None:
    own = compressor()
    orphan = [HumanMessage("Go."), answered("x", RECORDS)]
    assert own.invoke(orphan) == orphan
    assert own.bridge.fallbacks == 1 and "go as they came" in caplog.text
    waiting = TALK[:3]
    assert own.invoke(waiting) == waiting and own.bridge.fallbacks == 1


def test_anthropics_blocks_of_calls_are_not_counted_as_more_calls() -> None:
    said = asked("a").model_copy(
        update={"content": [{"type": "text", "text": "I look."}, {"type": "tool_use", "id": "a", "name": "search", "input": {}}]}
    )
    own = compressor()
    sent = own.invoke([HumanMessage("Go."), said, answered("a", LOGS)])
    assert sent[1] is said and len(str(sent[2].content)) < len(LOGS) and own.bridge.fallbacks == 0


class Scripted(GenericFakeChatModel):
    """A model that says what it is told to, and notes what it was sent."""

    seen: list[list[BaseMessage]] = Field(default_factory=list)

    def bind_tools(self, tools: Any, **kwargs: Any) -> Any:
        return self

    def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> Any:
        self.seen.append(list(messages))
        return super()._generate(messages, *args, **kwargs)


@tool
def search(q: str) -> str:
    """Find flights."""
    return RECORDS if q == "a" else LOGS


def script() -> Scripted:
    return Scripted(messages=iter([asked("a"), asked("b"), AIMessage("Done."), asked("c"), AIMessage("Again.")]))


CONFIG: Any = {"configurable": {"thread_id": "graph-1"}}


def ran(agent: Any, model: Scripted, own: Compressor) -> None:
    """Two runs of a thread: the model is sent less, the state keeps all, and each call goes on where the one before ended."""
    agent.invoke({"messages": [HumanMessage("Which flight?")]}, CONFIG)
    state = asyncio.run(agent.ainvoke({"messages": [HumanMessage("And now?")]}, CONFIG))["messages"]
    outputs = [m.content for m in state if isinstance(m, ToolMessage)]
    assert outputs == [RECORDS, LOGS, LOGS]
    assert len(model.seen) == 5
    last = [m for m in model.seen[-1] if isinstance(m, ToolMessage)]
    assert all(len(str(m.content)) < len(RECORDS) for m in last) and [m.tool_call_id for m in last] == ["a", "b", "c"]
    for earlier, later in zip(model.seen, model.seen[1:], strict=False):
        assert [m.content for m in later[: len(earlier)]] == [m.content for m in earlier]
    assert own.sessions.knows("graph-1") and own.sessions.count == 1


@pytest.mark.filterwarnings("ignore:create_react_agent has been moved")
def test_a_react_agent_with_a_hook_before_its_model() -> None:
    model, own = script(), Compressor()
    hook = MessageCompressor(own).pre_model_hook
    agent = create_react_agent(model, [search], prompt="Be brief.", pre_model_hook=hook, checkpointer=InMemorySaver())
    ran(agent, model, own)


def test_an_agent_with_middleware() -> None:
    agents = pytest.importorskip("langchain.agents")
    model, own = script(), Compressor()
    agent = agents.create_agent(
        model, [search], system_prompt="Be brief.", middleware=[CompressionMiddleware(own)], checkpointer=InMemorySaver()
    )
    ran(agent, model, own)
    assert isinstance(model.seen[0][0], SystemMessage)


def test_an_agent_reads_what_was_left_out() -> None:
    own = Compressor()
    messages = MessageCompressor(own)
    sent = messages.invoke([HumanMessage("Go."), asked("a"), answered("a", LOGS)])
    (ref,) = re.findall(r"original ([0-9a-f]{12})", str(sent[2].content))
    read = langchain.retrieve_tool(own)
    assert read.name == "headroom_retrieve" and sorted(read.args) == ["query", "ref"]
    assert read.invoke({"ref": f"[59 lines left out, original {ref}]"}) == LOGS
    assert "request 41 served" in read.invoke({"ref": ref, "query": "request 41"})
    assert "nothing about" in read.invoke({"ref": ref, "query": "zebra"})
    assert "no original" in read.invoke({"ref": "0" * 12}) and "no reference" in read.invoke({"ref": "it"})
    again = [HumanMessage("Go."), asked("a"), answered("a", LOGS), asked("r", name=read.name), answered("r", LOGS)]
    assert messages.invoke(again)[-1].content == LOGS


@pytest.mark.filterwarnings("ignore:create_react_agent has been moved")
def test_the_examples_of_the_module_run() -> None:
    agents = pytest.importorskip("langchain.agents")
    prompt = ChatPromptTemplate.from_messages([("system", "Be brief."), ("user", "{question}")])
    names = {"create_agent": agents.create_agent, "create_react_agent": create_react_agent, "tools": [search], "prompt": prompt}
    (example,) = examples(langchain)
    for line in example.strip().split("\n"):
        scope = {**vars(langchain), **names, "model": script()}
        exec(line, scope)
        if "chain" in scope:
            assert scope["chain"].invoke({"question": "Which flight?"}).tool_calls[0]["id"] == "a"
        else:
            state = scope["agent"].invoke({"messages": [HumanMessage("Which flight?")]})
            assert state["messages"][-1].content == "Done."


@given(st.lists(st.sampled_from([RECORDS, LOGS, PROSE, CODE, "ok", ""]), max_size=6), st.data())
def test_any_conversation_comes_back_in_order_with_its_own_messages(outputs: list[str], data: st.DataObject) -> None:
    talk: list[BaseMessage] = [HumanMessage("Go.")]
    for n, output in enumerate(outputs):
        talk += [asked(f"c{n}"), answered(f"c{n}", output)]
        if data.draw(st.booleans()):
            talk += [AIMessage("Well."), HumanMessage("Go.")]
    sent = compressor().invoke(talk)
    assert [m.model_copy(update={"content": ""}) for m in sent] == [m.model_copy(update={"content": ""}) for m in talk]
    assert all(a is b for a, b in zip(talk, sent, strict=True) if not isinstance(a, ToolMessage))
