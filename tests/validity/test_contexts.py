"""Contexts are what providers take: at every turn, in every shape, under policies that change little, much, and that leave rounds out.

With HEADROOM_TRAJECTORIES, a folder of `*.jsonl` or `*.jsonl.gz` with a conversation in OpenAI's shape in each row (`messages`), all of
them are tried as well.
"""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from headroom_stream.events import Provider
from headroom_stream.messages import view, with_texts, without_cache_control
from headroom_stream.providers import AnthropicProvider
from tests.core.folding import Folding
from tests.support.provider_stub import refused_marks
from tests.support.shapes import Message, as_anthropic, as_gemini, as_openai, marked, turns
from tests.support.validity import faults
from tests.validity.conversations import CONVERSATIONS, INVISIBLE, parallel, plain

POLICIES: dict[str, dict[str, Any]] = {
    "balanced": {},
    "aggressive": {"preset": "aggressive"},
    "window": {"window": {"max_tokens": 900, "keep_last_turns": 1}},
}
SHAPES = {"openai": as_openai, "anthropic": as_anthropic, "gemini": as_gemini}
TRAJECTORIES = os.environ.get("HEADROOM_TRAJECTORIES")


def encoded(messages: Sequence[Message]) -> list[bytes]:
    return [json.dumps(m, ensure_ascii=False).encode() for m in messages]


def contexts(messages: Sequence[Message], provider: Provider, policy: dict[str, Any]) -> Iterator[Folding]:
    """A session after each of its turns that has a context."""
    folding = Folding(**policy)
    for turn in turns(messages):
        effects = folding.turn(*turn, provider=provider)
        assert effects.dead is None
        if effects.context is not None:
            yield folding


def without_outputs(body: bytes) -> Any:
    """A message but for its tool outputs and cache marks."""
    bare = without_cache_control(body)
    return json.loads(bytes(with_texts(bare, {output.path: "" for output in view(bare).outputs})))


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("name", CONVERSATIONS)
def test_every_context_is_valid(name: str, policy: str) -> None:
    provider, messages = CONVERSATIONS[name]
    assert faults(encoded(messages), provider) == []
    made = [faults(folding.bodies, provider) for folding in contexts(messages, provider, POLICIES[policy])]
    assert len(made) > 5
    assert [found for found in made if found] == []


@pytest.mark.parametrize("name", CONVERSATIONS)
def test_nothing_but_tool_outputs_changes(name: str) -> None:
    provider, messages = CONVERSATIONS[name]
    *_, last = contexts(messages, provider, POLICIES["aggressive"])
    assert [without_outputs(body) for body in last.bodies] == [without_outputs(body) for body in encoded(messages)]
    assert last.contexts[-1].tokens_after < last.contexts[-1].tokens_before


@pytest.mark.parametrize("name", CONVERSATIONS)
def test_what_is_left_out_leaves_in_whole_rounds(name: str) -> None:
    provider, messages = CONVERSATIONS[name]
    *_, last = contexts(messages, provider, POLICIES["window"])
    assert last.contexts[-1].message_count < len(messages)
    assert sum(b"earlier messages left out" in body for body in last.bodies) == 1


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("name", [name for name, (provider, _) in CONVERSATIONS.items() if provider == "anthropic"])
def test_cache_marks_go_where_anthropic_takes_them(name: str, policy: str) -> None:
    _, messages = CONVERSATIONS[name]
    folding = Folding(**POLICIES[policy])
    history: list[Message] = []
    for turn in turns(messages):
        history += turn
        # The program's own mark moves along, so the history changes at every turn.
        effects = folding.apply(history=[Raw(body) for body in encoded(marked(history))], provider="anthropic")
        if effects.context is None:
            continue
        sent = [json.loads(body) for body in folding.bodies]
        assert "cache_control" not in str(sent)
        request = AnthropicProvider().place_breakpoints("Be brief.", None, sent, effects.context.cache_breakpoints)
        assert 1 <= str(request.messages).count("cache_control") <= 4
        assert refused_marks({"system": request.system, "messages": request.messages}) == ""
        assert faults(encoded(request.messages), "anthropic") == []
    # Marks are no changes.
    assert policy == "window" or folding.contexts[-1].epoch == 0


texts = st.one_of(
    st.text(max_size=200),
    st.builds(lambda text, times: text * times, st.text(min_size=1, max_size=12), st.integers(50, 300)),
    st.sampled_from(["", " ", INVISIBLE, "\x1b[31m\x1b[0m" * 60, "\0" * 300, " \n" * 300, "\u200b" * 300]),
)


@given(
    st.lists(st.lists(texts, min_size=1, max_size=3), min_size=1, max_size=4),
    st.sampled_from(sorted(SHAPES)),
    st.sampled_from([*POLICIES.values(), {"output_tokens": 60}, {"window": {"max_tokens": 120, "keep_last_turns": 1}}]),
)
def test_whatever_tools_print_contexts_are_valid(rounds: list[list[str]], provider: Provider, policy: dict[str, Any]) -> None:
    messages: list[Message] = [{"role": "user", "content": "Go."}]
    for n, outputs in enumerate(rounds):
        calls = [
            {"id": f"c{n}-{i}", "type": "function", "function": {"name": "run", "arguments": "{}"}} for i in range(len(outputs))
        ]
        messages.append({"role": "assistant", "content": None, "tool_calls": calls})
        messages += [{"role": "tool", "tool_call_id": f"c{n}-{i}", "content": text} for i, text in enumerate(outputs)]
    given_messages = SHAPES[provider](messages)
    assert faults(encoded(given_messages), provider) == []
    for folding in contexts(given_messages, provider, policy):
        assert faults(folding.bodies, provider) == []


def test_a_text_that_shows_nothing_does_not_become_a_text_of_nothing() -> None:
    result = {"type": "tool_result", "tool_use_id": "a", "content": [{"type": "text", "text": INVISIBLE}]}
    folding = Folding()
    folding.turn({"role": "user", "content": "Go."})
    folding.turn({"role": "assistant", "content": [{"type": "tool_use", "id": "a", "name": "run", "input": {}}]})
    folding.turn({"role": "user", "content": [result]})
    (block,) = json.loads(folding.bodies[-1])["content"][0]["content"]
    assert block["text"].startswith(f"[{len(INVISIBLE)} characters that show nothing left out, original ")


def _changed(provider: Provider, at: int, **fields: Any) -> tuple[Provider, list[Message]]:
    messages = [dict(m) for m in SHAPES[provider](plain()[:6])]
    messages[at] |= fields
    return provider, messages


def _without(provider: Provider, at: int) -> tuple[Provider, list[Message]]:
    messages = SHAPES[provider](plain()[:6])
    return provider, [*messages[:at], *messages[at + 1 :]]


BROKEN = {
    "unknown field": _changed("openai", 1, extra=1),
    "wrong type": _changed("openai", 1, content=[{"type": "text", "text": 5}]),
    "orphan result": _without("openai", 2),
    "no result": _without("openai", 3),
    "no calls": _changed("openai", 2, tool_calls=[]),
    "nothing said": ("openai", [{"role": "user", "content": "Go."}, {"role": "assistant"}]),
    "anthropic: unknown field": _changed("anthropic", 0, content=[{"type": "text", "text": "a", "extra": 1}]),
    "anthropic: orphan result": _without("anthropic", 1),
    "anthropic: no result": _without("anthropic", 2),
    "anthropic: blank text": _changed("anthropic", 0, content=[{"type": "text", "text": " "}]),
    "anthropic: no content": _changed("anthropic", 0, content=[]),
    "anthropic: starts with an answer": ("anthropic", [{"role": "assistant", "content": "Hi."}]),
    "anthropic: result after text": _changed(
        "anthropic", 2, content=[{"type": "text", "text": "a"}, {"type": "tool_result", "tool_use_id": "toolu_00001"}]
    ),
    "gemini: unknown field": _changed("gemini", 0, parts=[{"text": "a", "extra": 1}]),
    "gemini: response that is no object": _changed("gemini", 2, parts=[{"functionResponse": {"name": "find", "response": "x"}}]),
    "gemini: orphan response": _without("gemini", 1),
    "gemini: no response": _without("gemini", 2),
    "gemini: empty text": _changed("gemini", 0, parts=[{"text": ""}]),
    "gemini: no parts": _changed("gemini", 0, parts=[]),
    "gemini: other order": (
        "gemini",
        [*as_gemini(parallel())[:2], {"role": "user", "parts": as_gemini(parallel())[2]["parts"][::-1]}],
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_a_provider_refuses_is_found(name: str) -> None:
    provider, messages = BROKEN[name]
    assert faults(encoded(messages), provider) != []


def trajectories(path: Path) -> Iterator[list[Message]]:
    with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            if isinstance(row, dict) and row.get("messages"):
                yield row["messages"]


@pytest.mark.slow
@pytest.mark.timeout(3_600)
@pytest.mark.skipif(TRAJECTORIES is None, reason="HEADROOM_TRAJECTORIES names no folder")
@pytest.mark.parametrize("provider", SHAPES)
def test_every_context_of_real_conversations_is_valid(provider: Provider) -> None:
    budget = {"window": {"max_tokens": 3_000}}
    tried = 0
    for path in sorted(Path(TRAJECTORIES or "").rglob("*.jsonl*")):
        for number, trajectory in enumerate(trajectories(path)):
            messages = SHAPES[provider](trajectory)
            for policy in (POLICIES["balanced"], POLICIES["aggressive"], budget):
                for folding in contexts(messages, provider, policy):
                    assert faults(folding.bodies, provider) == [], (path.name, number, policy)
                    tried += 1
    assert tried > 0
