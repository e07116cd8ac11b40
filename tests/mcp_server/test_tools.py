"""The tools as a client of the protocol calls them: descriptions, typed answers, errors that a model can act on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

mcp = pytest.importorskip("mcp")

from mcp import Client  # noqa: E402 - the extra may be absent
from mcp.types import CallToolResult, TextContent  # noqa: E402

from headroom_stream.analytics.store import connect  # noqa: E402
from headroom_stream.config import Policy, Settings, ToolProfile  # noqa: E402
from headroom_stream.engine import Compressor, Originals  # noqa: E402
from headroom_stream.mcp_server import Work, make_server  # noqa: E402
from headroom_stream.sink.migrate import migrate  # noqa: E402
from headroom_stream.sink.rows import COLUMNS, to_row  # noqa: E402
from headroom_stream.tokenizers import load_tokenizer  # noqa: E402
from tests.cli.test_retrieve import LOG, stored  # noqa: E402
from tests.core.conversations import CODE, PROSE, RECORDS  # noqa: E402
from tests.core.folding import call, result, user  # noqa: E402
from tests.local.endpoint import endpoint, with_clickhouse  # noqa: E402
from tests.support.children import free_port  # noqa: E402

count = load_tokenizer().count


def nowhere() -> Settings:
    """Settings of a machine without ClickHouse."""
    return structs.replace(Settings(), clickhouse=structs.replace(Settings().clickhouse, url=f"http://127.0.0.1:{free_port()}"))


@pytest.fixture
def work() -> Work:
    return Work(nowhere())


async def ask(work: Work, tool: str, /, **arguments: Any) -> CallToolResult:
    async with Client(make_server(work)) as client:
        return await client.call_tool(tool, arguments)


def texts(answer: CallToolResult) -> list[str]:
    return [block.text for block in answer.content if isinstance(block, TextContent)]


def data(answer: CallToolResult) -> dict[str, Any]:
    assert not answer.is_error, texts(answer)
    found = answer.structured_content
    assert isinstance(found, dict)
    return found


async def test_each_tool_says_what_it_is_for_and_what_its_arguments_are(work: Work) -> None:
    async with Client(make_server(work)) as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
    assert sorted(tools) == ["headroom_compress", "headroom_retrieve", "headroom_stats"]
    for tool in tools.values():
        assert tool.title and tool.description and len(tool.description) > 80
        assert tool.output_schema and tool.output_schema["type"] == "object"
        assert tool.annotations is not None and tool.annotations.read_only_hint and not tool.annotations.open_world_hint
        assert all(one.get("description") for one in tool.input_schema["properties"].values())
    assert tools["headroom_retrieve"].input_schema["required"] == ["ref"]


async def test_a_text_comes_back_shorter_with_what_it_took(work: Work) -> None:
    answer = await ask(work, "headroom_compress", text=LOG)
    made = data(answer)
    short, about = texts(answer)
    assert made["text"] == short and "ERROR connection refused" in short
    assert (made["tokens_before"], made["tokens_after"]) == (count(LOG), count(short))
    assert made["tokens_saved"] == count(LOG) - count(short) > 0
    assert not made["lossless"] and made["transforms"] == ["logs"]
    assert made["refs"][0] in short and made["refs"][0] in about


async def test_json_in_a_string_is_a_text(work: Work) -> None:
    made = data(await ask(work, "headroom_compress", text=RECORDS))
    assert made["lossless"] and made["refs"] == [] and made["tokens_after"] < made["tokens_before"]
    assert "FLT007" in made["text"]
    assert data(await ask(work, "headroom_compress", text='"a"'))["text"] == '"a"'


async def test_what_would_not_get_shorter_comes_back_as_it_was(work: Work) -> None:
    made = data(await ask(work, "headroom_compress", text=CODE))
    assert made["text"] == CODE and made["tokens_saved"] == 0 and made["lossless"]


@pytest.mark.parametrize("budget", [60, 100, 300])
async def test_the_budget_of_a_text_is_kept(work: Work, budget: int) -> None:
    made = data(await ask(work, "headroom_compress", text=CODE + PROSE, token_budget=budget))
    assert count(made["text"]) == made["tokens_after"] <= budget
    assert not made["over_budget"]
    whole = data(await ask(work, "headroom_retrieve", ref=made["refs"][0]))
    assert whole["parts"][0]["text"] == CODE + PROSE


async def test_the_query_decides_what_stays(work: Work) -> None:
    text = "\n".join(f"def step_{n}(): return {n * 37}" for n in range(300))
    plain = data(await ask(work, "headroom_compress", text=text, token_budget=200))
    asked = data(await ask(work, "headroom_compress", text=text, token_budget=200, query='["step_151"]'))
    assert "step_151()" in asked["text"] and "step_151()" not in plain["text"]


async def test_messages_of_every_provider_come_back_in_their_shape(work: Work) -> None:
    openai = [user("What failed?"), call("a"), result("a", LOG)]
    made = data(await ask(work, "headroom_compress", messages=openai))
    assert made["messages"][:2] == openai[:2] and len(made["messages"][2]["content"]) < len(LOG)
    anthropic = [
        user("What failed?"),
        {"role": "assistant", "content": [{"type": "tool_use", "id": "a", "name": "run", "input": {}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a", "content": LOG}]},
    ]
    answer = await ask(work, "headroom_compress", messages=anthropic)
    assert data(answer)["messages"][2]["content"][0]["tool_use_id"] == "a"
    assert json.loads(texts(answer)[0]) == data(answer)["messages"]


async def test_the_budget_of_messages_is_kept(work: Work) -> None:
    talk = [user("Go."), *(m for i in range(20) for m in (call(f"c{i}"), result(f"c{i}", f"{i} {PROSE}")))]
    made = data(await ask(work, "headroom_compress", messages=talk, token_budget=500))
    assert made["tokens_after"] <= 500 and not made["over_budget"]
    assert data(await ask(work, "headroom_compress", messages=[user(PROSE * 9)], token_budget=50))["over_budget"]


async def test_calls_that_wait_go_as_they_came_and_it_says_why(work: Work) -> None:
    answer = await ask(work, "headroom_compress", messages=[user("Go."), call("a")])
    assert data(answer)["messages"] == [user("Go."), call("a")]
    assert "wait for their results" in texts(answer)[1]


async def test_the_tools_of_the_policy_have_their_profiles() -> None:
    policy = Policy(profiles=(ToolProfile(tools="read_*", skip_compression=True),))
    work = Work(structs.replace(nowhere(), policy=policy))
    assert data(await ask(work, "headroom_compress", text=LOG, tool="read_log"))["text"] == LOG
    assert data(await ask(work, "headroom_compress", text=LOG, tool="run"))["text"] != LOG


async def test_an_original_is_read_in_parts_and_by_search(work: Work) -> None:
    ref = data(await ask(work, "headroom_compress", text=LOG))["refs"][0]
    lines = LOG.split("\n")
    got: list[str] = []
    following: int | None = 1
    while following:
        page = data(await ask(work, "headroom_retrieve", ref=ref, first_line=following, max_tokens=700))
        got += page["parts"][0]["text"].split("\n")
        following = page["next_line"]
    assert got == lines and page["lines"] == len(lines) and page["found_in"] == "process"
    few = data(await ask(work, "headroom_retrieve", ref=f"[298 lines left out, original {ref}]", first_line=2, last_line=3))
    assert [part["text"] for part in few["parts"]] == ["\n".join(lines[1:3])] and few["next_line"] is None
    answer = await ask(work, "headroom_retrieve", ref=ref, query="connection refused")
    assert "lines 299-302 of 302:" in texts(answer)[0] and "connection refused" in data(answer)["parts"][0]["text"]
    within = data(await ask(work, "headroom_retrieve", ref=ref, query="request 250", first_line=100, last_line=280))
    assert any("request 250 " in part["text"] for part in within["parts"])
    assert all(100 <= part["start_line"] <= part["end_line"] <= 280 for part in within["parts"])


@pytest.mark.parametrize(
    ("tool", "arguments", "says"),
    [
        ("headroom_compress", {}, "either `text` or `messages`"),
        ("headroom_compress", {"text": "a", "messages": [{"role": "user", "content": "b"}]}, "either `text` or `messages`"),
        ("headroom_compress", {"messages": [{"role": "tool", "tool_call_id": "x", "content": "y"}]}, "x"),
        ("headroom_compress", {"messages": [{"content": "y"}]}, "role"),
        ("headroom_compress", {"text": "a", "token_budget": 1}, "greater than or equal to 20"),
        ("headroom_retrieve", {"ref": "the log"}, "12 hexadecimal digits"),
        ("headroom_retrieve", {"ref": "0123456789ab"}, "ClickHouse could not be asked"),
        ("headroom_retrieve", {"ref": "0123456789ab", "first_line": 0}, "greater than or equal to 1"),
    ],
)
async def test_an_error_is_the_tools_and_says_what_to_do(work: Work, tool: str, arguments: dict[str, Any], says: str) -> None:
    answer = await ask(work, tool, **arguments)
    assert answer.is_error and says in texts(answer)[0]


async def test_lines_that_are_not_there_and_words_that_are_nowhere_are_errors(work: Work) -> None:
    ref = data(await ask(work, "headroom_compress", text=LOG))["refs"][0]
    for arguments, says in (
        ({"first_line": 999}, "has 302"),
        ({"first_line": 9, "last_line": 8}, "the first before the last"),
        ({"query": "zebra"}, "nothing about 'zebra'"),
    ):
        answer = await ask(work, "headroom_retrieve", ref=ref, **arguments)
        assert answer.is_error and says in texts(answer)[0]


@pytest.mark.parametrize("name", ["headroom_retrieve", "mcp__headroom__headroom_retrieve"])
def test_what_an_agent_asked_back_reaches_it_as_it_was(name: str) -> None:
    talk = [user("What failed?"), call("a"), result("a", LOG), call("b", tool=name), result("b", LOG), call("c"), result("c", LOG)]
    sent = Compressor().turn(talk).result.messages
    assert sent[4]["content"] == LOG
    assert len(sent[2]["content"]) < len(LOG) and len(sent[6]["content"]) < len(LOG)


async def test_stats_count_what_this_server_did(work: Work) -> None:
    assert data(await ask(work, "headroom_stats"))["here"]["saved_percent"] == 0
    first = data(await ask(work, "headroom_compress", text=LOG))
    await ask(work, "headroom_compress", text=CODE)
    await ask(work, "headroom_retrieve", ref=first["refs"][0])
    found = data(await ask(work, "headroom_stats"))
    here = found["here"]
    assert (here["calls"], here["originals"], here["retrievals"], here["transforms"]) == (2, 1, 1, {"logs": 1})
    assert here["tokens_before"] == count(LOG) + count(CODE) and here["tokens_saved"] == first["tokens_saved"]
    assert found["stream"] is None and "can't reach ClickHouse" in found["stream_missing"]


async def test_an_original_that_memory_dropped_is_an_error() -> None:
    work = Work(nowhere(), compressor=Compressor(originals=Originals(max_bytes=100)))
    ref = data(await ask(work, "headroom_compress", text=LOG))["refs"][0]
    assert (await ask(work, "headroom_retrieve", ref=ref)).is_error


@given(text=st.text(min_size=1, max_size=300), query=st.text(max_size=20))
def test_any_text_gets_an_answer_that_is_not_longer(text: str, query: str) -> None:
    made = ANY.compress(text=text, query=query)
    assert made.text is not None and made.tokens_after <= made.tokens_before


ANY = Work(nowhere())


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A ClickHouse with the original of a log that a worker has cut."""
    with endpoint(tmp_path_factory.mktemp("clickhouse")) as url:
        made = with_clickhouse(Settings(), url)
        client = connect(made, database=False)
        migrate(client, made)
        client.close()
        client = connect(made)
        table, row = to_row(stored())
        client.insert(table, [row], column_names=COLUMNS[table])
        client.close()
        yield made


@pytest.mark.broker
async def test_what_a_worker_left_out_comes_from_clickhouse(filled: Settings) -> None:
    work = Work(filled)
    found = data(await ask(work, "headroom_retrieve", ref=stored().ref))
    assert (found["found_in"], found["tool"], found["parts"][0]["text"]) == ("clickhouse", "find", LOG)
    answer = await ask(work, "headroom_retrieve", ref="0" * 12)
    assert answer.is_error and "no original 000000000000 in ClickHouse" in texts(answer)[0]
    assert data(await ask(work, "headroom_stats"))["stream"]["contexts"] == 0
