"""Runs of the OpenAI Agents SDK, against a provider of the tests' own."""

from __future__ import annotations

import copy
import re
from functools import partial
from typing import Any

import pytest

pytest.importorskip("agents")

import openai
from agents import Agent, RunConfig, Runner, SQLiteSession, function_tool
from agents.models.openai_chatcompletions import OpenAIChatCompletionsModel
from agents.run import CallModelData, ModelInputData

from headroom_stream.adapters import openai_agents
from headroom_stream.adapters.openai_agents import InputCompressor
from headroom_stream.engine import Compressor
from tests.core.conversations import CODE, LOGS, RECORDS
from tests.support.docstrings import defined
from tests.support.provider_stub import ProviderStub, Reply, ToolCall


def called(key: str, **fields: Any) -> dict[str, Any]:
    return {"type": "function_call", "call_id": key, "name": "search", "arguments": "{}", "id": f"fc_{key}", **fields}


def gave(key: str, output: Any) -> dict[str, Any]:
    return {"type": "function_call_output", "call_id": key, "output": output}


IMAGE = {"type": "input_image", "image_url": "data:image/png;base64,AAAA", "detail": "low"}
TALK: list[dict[str, Any]] = [
    {"role": "user", "content": [{"type": "input_text", "text": "Which flight?"}, IMAGE]},
    {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "c2ln"},
    {
        "type": "message",
        "id": "msg_1",
        "role": "assistant",
        "status": "completed",
        "content": [{"type": "output_text", "text": "I look.", "annotations": []}],
    },
    called("a"),
    called("b", status="completed"),
    gave("a", RECORDS),
    gave("b", [{"type": "input_text", "text": LOGS}, IMAGE]),
    {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search", "query": "flights"}},
    {"type": "custom_tool_call", "call_id": "c", "name": "run", "input": "ls"},
    {"type": "custom_tool_call_output", "call_id": "c", "output": RECORDS},
    {"role": "assistant", "content": "The first."},
    {"role": "user", "content": "Sure?"},
]
AGENT: Agent[Any] = Agent(name="a", instructions="Be brief.", model="gpt-4o")


def compressed(own: InputCompressor, items: list[dict[str, Any]], instructions: str | None = "Be brief.") -> list[Any]:
    data = CallModelData(model_data=ModelInputData(input=items, instructions=instructions), agent=AGENT, context=None)  # type: ignore[arg-type]  # items as JSON has them
    return own.compress(data)


def test_only_texts_of_outputs_are_shorter_and_all_else_is_the_programs_own() -> None:
    before = copy.deepcopy(TALK)
    own = InputCompressor(Compressor())
    sent = compressed(own, TALK)
    assert before == TALK and own.bridge.fallbacks == 0
    assert [i for i, (a, b) in enumerate(zip(TALK, sent, strict=True)) if a is not b] == [5, 6, 9]
    assert len(sent[5]["output"]) < len(RECORDS) and {**sent[5], "output": RECORDS} == TALK[5]
    assert len(sent[6]["output"][0]["text"]) < len(LOGS) and sent[6]["output"][1] == IMAGE
    assert sent[9]["type"] == "custom_tool_call_output" and "result 1" in sent[9]["output"]
    assert compressed(own, TALK[:1], None) == TALK[:1]


def test_calls_of_a_run_are_turns_of_one_session() -> None:
    own = InputCompressor(Compressor(), session=lambda data: "run-7")
    last: list[Any] = []
    for end in (1, 7, 10, 12):
        sent = compressed(own, TALK[:end])
        assert sent[: len(last)] == last
        last = sent
    assert own.bridge.compressor.sessions.knows("run-7") and own.bridge.compressor.sessions.count == 1


def test_a_budget_leaves_out_whole_rounds_and_says_so() -> None:
    talk = [
        {"role": "user", "content": "Go."},
        *(item for n in range(30) for item in (called(f"k{n}"), gave(f"k{n}", f"{n} {CODE}"))),
    ]
    own = InputCompressor(Compressor(), max_tokens=600)
    sent = compressed(own, talk)
    assert own.bridge.fallbacks == 0 and len(sent) < len(talk)
    assert [i.get("call_id") for i in sent if i.get("type") == "function_call"] == [
        i.get("call_id") for i in sent if i.get("type") == "function_call_output"
    ]
    assert sent[-1]["call_id"] == "k29" and any("original" in str(i.get("content")) for i in sent)


def test_parts_of_a_conversation_that_the_provider_keeps_go_as_they_came() -> None:
    own = InputCompressor(Compressor())
    part = [gave("a", RECORDS)]
    assert compressed(own, part) == part and own.bridge.fallbacks == 1


def test_the_example_of_the_module_runs() -> None:
    with ProviderStub() as stub:
        stub.reply("None.")
        client = openai.AsyncOpenAI(base_url=stub.openai_url, api_key="k")
        agent: Agent[Any] = Agent(name="a", model=OpenAIChatCompletionsModel("gpt-4o", openai_client=client))
        names = defined(openai_agents, agent=agent, Runner=Runner, RunConfig=partial(RunConfig, tracing_disabled=True))
    assert names["result"].final_output == "None."


def test_items_that_can_not_be_read_go_as_they_came() -> None:
    own = InputCompressor(Compressor())
    odd = [{"type": "function_call", "call_id": "a"}, gave("a", RECORDS)]
    assert compressed(own, odd) == odd and own.bridge.fallbacks == 1


async def test_an_agent_reads_what_was_left_out() -> None:
    own = Compressor()

    @function_tool
    def look(q: str) -> str:
        """Read the log."""
        return LOGS

    (ref,) = re.findall(r"original ([0-9a-f]{12})", str(compressed(InputCompressor(own), [called("a"), gave("a", LOGS)], None)))
    async with ProviderStub() as stub:
        stub.reply(Reply("", calls=(ToolCall(name="headroom_retrieve", arguments={"ref": ref, "query": ""}, id="k1"),)), "Seen.")
        client = openai.AsyncOpenAI(base_url=stub.openai_url, api_key="k")
        agent: Agent[Any] = Agent(
            name="a",
            tools=[look, openai_agents.retrieve_tool(own)],
            model=OpenAIChatCompletionsModel("gpt-4o", openai_client=client),
        )
        await Runner.run(agent, "Go.", run_config=RunConfig(call_model_input_filter=InputCompressor(own), tracing_disabled=True))
    assert stub.last.body["messages"][-1]["content"] == LOGS


async def test_a_run_sends_the_provider_less_and_keeps_its_items() -> None:
    @function_tool
    def search(q: str) -> str:
        """Find flights."""
        return RECORDS

    async with ProviderStub() as stub:
        stub.reply(Reply("", calls=(ToolCall(name="search", arguments={"q": "x"}, id="k1"),)), "The first.", "Yes.")
        client = openai.AsyncOpenAI(base_url=stub.openai_url, api_key="k")
        agent: Agent[Any] = Agent(
            name="a", instructions="Be brief.", tools=[search], model=OpenAIChatCompletionsModel("gpt-4o", openai_client=client)
        )
        config = RunConfig(call_model_input_filter=InputCompressor(Compressor()), tracing_disabled=True)
        session = SQLiteSession("s")
        first = await Runner.run(agent, "Which flight?", run_config=config, session=session)
        second = await Runner.run(agent, "Sure?", run_config=config, session=session)
        kept = await session.get_items()
        session.close()
    assert (first.final_output, second.final_output) == ("The first.", "Yes.")
    assert [item["output"] for item in kept if item.get("type") == "function_call_output"] == [RECORDS]  # type: ignore[typeddict-item]
    bodies = [request.body["messages"] for request in stub.chats]
    assert bodies[1][: len(bodies[0])] == bodies[0] and bodies[2][: len(bodies[1])] == bodies[1]
    (output,) = [message for message in bodies[2] if message["role"] == "tool"]
    assert output["tool_call_id"] == "k1" and "FLT007" in output["content"] and len(output["content"]) < len(RECORDS)
