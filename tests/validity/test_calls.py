"""What a wrapped client sends is what providers take: with a budget, a system prompt that changes, and cache marks."""

from __future__ import annotations

from typing import Any

import anthropic
import openai
import pytest
from google import genai

from headroom_stream import CacheAlignerConfig, HeadroomClient, RollingWindowConfig
from headroom_stream.events import Provider
from tests.support.provider_stub import ProviderStub
from tests.support.shapes import Message, turns
from tests.support.validity import faults
from tests.validity.conversations import CONVERSATIONS
from tests.validity.test_contexts import encoded

RULES = "Answer from what the tools say, and say where it stands. " * 12


def wrapped(stub: ProviderStub, provider: Provider, window: RollingWindowConfig | None) -> HeadroomClient:
    inner: Any = genai.Client(api_key="k", http_options={"base_url": stub.url})
    if provider == "openai":
        inner = openai.OpenAI(base_url=stub.openai_url, api_key="k", max_retries=0)
    elif provider == "anthropic":
        inner = anthropic.Anthropic(base_url=stub.url, api_key="k", max_retries=0)
    return HeadroomClient(
        inner,
        default_mode="optimize",
        store_url="memory://",
        fallback=False,
        cache_aligner_config=CacheAlignerConfig(),
        rolling_window_config=window,
    )


def ask(client: HeadroomClient, provider: Provider, history: list[Message], minute: int) -> None:
    prompt = f"{RULES}The time is 2026-11-21T13:{minute:02}:00."
    if provider == "openai":
        rest = [m for m in history if m["role"] not in ("system", "developer")]
        client.chat.completions.create(model="gpt-4o", messages=[{"role": "system", "content": prompt}, *rest])
    elif provider == "anthropic":
        client.messages.create(model="claude-sonnet-5", max_tokens=9, system=prompt, messages=history)
    else:
        client.models.generate_content(model="gemini-2.5-flash", contents=history, config={"system_instruction": prompt})


@pytest.mark.parametrize("window", [None, RollingWindowConfig(max_tokens=900, preserve_recent_turns=1)], ids=["whole", "window"])
@pytest.mark.parametrize("name", CONVERSATIONS)
def test_every_request_is_valid(name: str, window: RollingWindowConfig | None) -> None:
    provider, messages = CONVERSATIONS[name]
    history: list[Message] = []
    with ProviderStub() as stub, wrapped(stub, provider, window) as client:
        for minute, turn in enumerate(turns(messages)):
            history += turn
            if history[-1]["role"] not in ("assistant", "model"):
                ask(client, provider, history, minute)
        sent = [_messages(request.body) for request in stub.chats]
        assert client.get_stats()["session"]["fallbacks"] == 0
    assert len(sent) > 5
    assert [found for one in sent if (found := faults(encoded(one), provider))] == []
    if window is not None:
        assert "earlier messages left out" in str(sent[-1])
    if provider == "anthropic":
        assert all(1 <= str(one).count("'cache_control'") <= 4 for one in sent)


def _messages(body: Any) -> list[Message]:
    found: list[Message] = body["messages"] if "messages" in body else body["contents"]
    return found
