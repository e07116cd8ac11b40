"""LiteLLM's calls and the hook of its proxy, against a provider of the tests' own."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

import pytest

litellm = pytest.importorskip("litellm")

from headroom_stream.adapters.litellm import HeadroomHook, acompletion, completion, hook  # noqa: E402 - the package may be absent
from headroom_stream.engine import Compressor  # noqa: E402
from headroom_stream.errors import CacheError  # noqa: E402
from tests.core.conversations import LOGS, RECORDS  # noqa: E402
from tests.engine.test_compressor import TALK  # noqa: E402
from tests.support.provider_stub import ProviderStub  # noqa: E402


def shown(messages: list[Any]) -> list[Any]:
    """What they say; names of originals aside, which follow from the session."""
    return [(m["role"], re.sub(r"original [0-9a-f]{12}", "original", m.get("content") or "")) for m in messages]


EXPECTED = shown(Compressor().turn(TALK).result.messages)


async def test_a_call_sends_the_provider_less() -> None:
    own = Compressor()
    async with ProviderStub() as stub:
        stub.reply("One.", "Two.")
        where: dict[str, Any] = {"api_base": stub.openai_url, "api_key": "k"}
        first = completion("openai/gpt-4o", TALK, compressor=own, headroom_session="s", **where)
        second = await acompletion("openai/gpt-4o", TALK, compressor=own, temperature=0.5, **where)
    assert (first.choices[0].message.content, second.choices[0].message.content) == ("One.", "Two.")
    assert own.sessions.knows("s")
    for request in stub.chats:
        assert shown(request.body["messages"]) == EXPECTED
        assert not any("headroom" in name for name in request.body)
    assert stub.last.body["temperature"] == 0.5


async def test_the_proxys_hook_compresses_calls_and_nothing_else() -> None:
    own = HeadroomHook(Compressor())
    key = SimpleNamespace(team_id="blue", user_id="ann")
    data = {"model": "gpt-4o", "messages": TALK, "metadata": {"session_id": "s"}}
    made = await own.async_pre_call_hook(key, None, data, "acompletion")
    assert shown(made["messages"]) == EXPECTED and data["messages"] is TALK and made["metadata"] == {"session_id": "s"}
    assert own.bridge.compressor.sessions.knows("blue/s")
    other = {"model": "m", "input": RECORDS}
    assert await own.async_pre_call_hook(key, None, other, "aembedding") is other
    assert isinstance(hook, litellm.integrations.custom_logger.CustomLogger)


async def test_what_one_team_left_out_another_cannot_read() -> None:
    own = HeadroomHook(Compressor())
    refs = []
    for team in ("blue", "red"):
        made = await own.async_pre_call_hook(SimpleNamespace(team_id=team, user_id=None), None, {"messages": TALK}, "completion")
        refs += re.findall(r"original ([0-9a-f]{12})", str(made["messages"]))
    engine = own.bridge.compressor
    assert engine.sessions.count == 2 and len(set(refs)) == 2
    assert engine.retrieve(refs[0], tenant="blue") == LOGS
    with pytest.raises(CacheError):
        engine.retrieve(refs[0], tenant="red")


async def test_messages_that_can_not_be_compressed_go_as_they_came() -> None:
    own = HeadroomHook(Compressor())
    data = {"messages": [{"role": "tool", "tool_call_id": "x", "content": "y"}]}
    assert await own.async_pre_call_hook(SimpleNamespace(), None, data, "completion") == data
    assert own.bridge.fallbacks == 1
