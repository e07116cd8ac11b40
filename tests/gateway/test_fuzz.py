"""Whatever a request holds, there is a documented answer, and the next request is served."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.core.conversations import OUTPUTS, SHAPES, plots
from tests.support.gateway import RunningGateway

TEXTS = st.one_of(
    st.sampled_from(OUTPUTS), st.text(max_size=200), st.sampled_from(["\x00", "\u2028", "🜁" * 50, "[same as result 1]", " " * 500])
)
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(allow_nan=False), TEXTS)
JSON: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=12), inner, max_size=4)),
    max_leaves=12,
)
KEYS = (
    "role",
    "content",
    "tool_calls",
    "tool_call_id",
    "name",
    "id",
    "type",
    "text",
    "function",
    "arguments",
    "input",
    "parts",
    "tool_use_id",
)
SHAPED: st.SearchStrategy[Any] = st.recursive(
    st.one_of(
        SCALARS,
        st.sampled_from(
            ["system", "user", "assistant", "tool", "tool_use", "tool_result", "text", "image", "thinking", "call_0", "model"]
        ),
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(KEYS), inner, max_size=5)),
    max_leaves=16,
)
"""Of the words that messages are made of, put together in any way."""
CONFIGS = st.fixed_dictionaries(
    {},
    optional={
        "session_id": st.one_of(st.sampled_from(["one", "two"]), TEXTS),
        "default_mode": st.sampled_from(["audit", "optimize", "simulate", "other"]),
        "mode": st.sampled_from([None, "ccr", "lossless", "other"]),
        "generate_diff_artifact": st.booleans(),
        "frozen_message_count": st.integers(-1, 30),
        "protect_recent": st.integers(-1, 5),
        "keep_turns": st.integers(-1, 5),
        "tool_profiles": st.one_of(JSON, st.just({"run": {"skip_compression": True}})),
        "policy": st.one_of(JSON, st.sampled_from([{"preset": "aggressive"}, {"preset": "nope"}, {"window": 5}, {"lossy": False}])),
        "smart_crusher": st.one_of(JSON, st.just({"max_items_after_crush": 3})),
        "cache_aligner": st.one_of(JSON, st.just({"enabled": True})),
        "rolling_window": st.one_of(JSON, st.just({"max_tokens": 50})),
        "model_context_limits": JSON,
        "anything": JSON,
    },
)


@st.composite
def bent(draw: st.DrawFn) -> list[Any]:
    """A conversation in which something is not as it should be."""
    messages: list[Any] = SHAPES[draw(st.sampled_from(tuple(SHAPES)))](draw(plots(max_rounds=4)))
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(messages) - 1))
        match draw(st.sampled_from(["drop", "twice", "swap", "field", "other", "text"])):
            case "drop" if len(messages) > 1:
                del messages[at]
            case "twice":
                messages.insert(at, messages[at])
            case "swap":
                messages[at], messages[0] = messages[0], messages[at]
            case "field" if isinstance(messages[at], dict):
                messages[at] = messages[at] | {draw(st.sampled_from(KEYS)): draw(SHAPED)}
            case "text" if isinstance(messages[at], dict):
                messages[at] = messages[at] | {"content": draw(TEXTS)}
            case _:
                messages[at] = draw(SHAPED)
    return messages


def checked(gateway: RunningGateway, path: str, body: Any) -> None:
    reply = gateway.post(path, body if isinstance(body, bytes) else json.dumps(body).encode(errors="surrogatepass"))
    assert reply.status in (200, 400), reply.body[:500]
    if reply.status == 400:
        error = reply.json().get("error")
        assert error["type"] == "invalid_request" if error else isinstance(reply.json()["detail"], str)


ANYWHERE = settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


@ANYWHERE
@given(
    messages=bent(),
    config=st.one_of(st.none(), CONFIGS),
    budget=st.one_of(st.none(), st.integers(0, 500)),
    query=st.one_of(st.none(), TEXTS),
)
def test_bent_conversations_are_answered(
    gateway: RunningGateway, messages: list[Any], config: Any, budget: int | None, query: str | None
) -> None:
    checked(
        gateway, "/v1/compress", {"messages": messages, "model": "gpt-4o", "config": config, "token_budget": budget, "query": query}
    )


@ANYWHERE
@given(messages=st.lists(st.one_of(SHAPED, st.dictionaries(st.sampled_from(KEYS), SHAPED, max_size=6)), max_size=5))
def test_pieces_of_messages_in_any_order_are_answered(gateway: RunningGateway, messages: list[Any]) -> None:
    checked(gateway, "/v1/compress", {"messages": messages, "model": "claude-sonnet-5", "config": {"session_id": "pieces"}})


@ANYWHERE
@given(
    body=st.one_of(JSON, st.binary(max_size=60)),
    path=st.sampled_from(["compress", "usage", "retrieve/tool_call", "telemetry/import"]),
)
def test_any_body_is_answered(gateway: RunningGateway, body: Any, path: str) -> None:
    checked(gateway, f"/v1/{path}", body)


@ANYWHERE
@given(call=st.one_of(SHAPED, JSON, st.dictionaries(st.sampled_from([*KEYS, "function_call", "args"]), SHAPED)))
def test_any_call_of_a_tool_is_answered(gateway: RunningGateway, call: Any) -> None:
    checked(gateway, "/v1/retrieve/tool_call", {"tool_call": call})


@pytest.fixture(autouse=True, scope="module")
def _still_served(gateway: RunningGateway) -> Any:
    yield
    assert gateway.post("/v1/compress", {"messages": [{"role": "user", "content": "hi"}], "model": "m"}).status == 200
    assert gateway.get("/health").json()["status"] == "healthy"
