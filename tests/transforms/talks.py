"""Conversations for transforms that are used directly, and what must hold of any context that comes out."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st
from msgspec import Raw

from headroom_stream.messages import view
from headroom_stream.tokenizers import EstimatingTokenizer, load_tokenizer
from headroom_stream.tokens import PER_CONTEXT, Tokenizer, count_message
from headroom_stream.transforms.conversation import MARKER
from headroom_stream.transforms.result import Message, TransformResult
from tests.core.conversations import SHAPES, plots

PROSE = " ".join(["Every morning the ferry leaves the island, and nobody on the pier looks up."] * 12)
"""About 180 tokens that tell nothing."""
REAL = load_tokenizer(network=False)
QUICK = EstimatingTokenizer()
"""For laws, which hold for any tokenizer."""


def tokens(messages: list[Message], tokenizer: Tokenizer = REAL) -> int:
    """Of a context, counted anew."""
    return PER_CONTEXT + sum(count_message(view(encoded(m)), tokenizer) for m in messages)


def encoded(message: Message) -> Raw:
    return Raw(json.dumps(message).encode())


def text(message: Message) -> str:
    return view(encoded(message)).text


def system(content: str) -> Message:
    return {"role": "system", "content": content}


def user(content: str) -> Message:
    return {"role": "user", "content": content}


def said(content: str) -> Message:
    return {"role": "assistant", "content": content}


def round_of(key: str, output: str = PROSE, *, tool: str = "search", arguments: str = "{}") -> list[Message]:
    """A call and its result."""
    call = {"id": key, "type": "function", "function": {"name": tool, "arguments": arguments}}
    return [
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": key, "content": output},
    ]


def agent(rounds: int, **given: Any) -> list[Message]:
    """A task, and rounds of about 180 tokens."""
    out = [system("Be brief."), user("Find the flight.")]
    for i in range(rounds):
        out += round_of(f"c{i}", f"{i} {PROSE}", **given)
    return out


@st.composite
def talks(draw: st.DrawFn, *, max_rounds: int = 8) -> list[Message]:
    """A conversation in one of the providers' shapes, up to any of its messages."""
    messages: list[Message] = SHAPES[draw(st.sampled_from(tuple(SHAPES)))](draw(plots(max_rounds=max_rounds)))
    return messages[: draw(st.just(len(messages)) | st.integers(0, len(messages)))]


def assert_calls_are_answered(messages: list[Message]) -> None:
    """Every result follows its call, and every call that is not of the last message has its result."""
    waiting: list[str] = []
    for message in messages:
        seen = view(encoded(message))
        for key in seen.answers:
            assert key in waiting, "a result without its call"
            waiting.remove(key)
        assert seen.answers or not waiting, "a call whose result is gone"
        waiting += [call.key for call in seen.calls]


def expanded(result: TransformResult) -> list[Message]:
    """The messages with what markers stand for put back, markers within as well."""
    return [m for message in result.messages for m in _expanded(message, result)]


def _expanded(message: Message, result: TransformResult) -> list[Message]:
    if not MARKER.fullmatch(text(message)):
        return [message]
    ref = text(message).rpartition("original ")[2].rstrip("]")
    return [m for inner in json.loads(result.originals[ref]) for m in _expanded(inner, result)]
