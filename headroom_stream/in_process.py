"""`compress`: messages in, fewer tokens out, in one call and in this process."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import structs

from headroom_stream.engine import Call, Compressor
from headroom_stream.errors import ConfigurationError
from headroom_stream.results import CompressResult

MODEL_LIMIT = 200_000
OUTPUT_BUFFER = 4_000
"""Kept free for the answer where the budget comes from the model's limit."""


class CompressionHooks:
    """What a program does before and after a compression. Override what you need."""

    def pre_compress(self, messages: list[Any], model: str) -> list[Any]:  # noqa: ARG002 - for those who override it
        """The messages to compress."""
        return messages

    def post_compress(self, result: CompressResult, model: str) -> None:
        """Look at what came of it."""


def compress(
    messages: Sequence[Any],
    model: str = "gpt-4o",
    model_limit: int | None = MODEL_LIMIT,
    optimize: bool = True,
    hooks: CompressionHooks | None = None,
    *,
    token_budget: int | None = None,
    session: str | None = None,
    query: str | None = None,
    keep_turns: int | None = None,
    tool_profiles: Mapping[str, Mapping[str, Any]] | None = None,
    frozen_message_count: int = 0,
    policy: Mapping[str, Any] | None = None,
    diagnostics: bool = False,
    compressor: Compressor | None = None,
) -> CompressResult:
    """The messages with their tool outputs compressed, in the shape they came in (OpenAI, Anthropic or Gemini).

        result = compress(messages, model="gpt-4o", token_budget=100_000)
        client.chat.completions.create(model="gpt-4o", messages=result.messages)

    `token_budget` is kept, by leaving out the oldest rounds and then by cutting outputs; without it the budget is `model_limit` less
    4,000 tokens for the answer, and with neither there is none. `result.over_budget` says that what must stay (instructions, the
    question, calls) exceeds it by itself.

    Calls without a `session` know nothing of one another: equal calls have equal answers. Calls of a `session` give its whole history each
    time, and the context only grows at its end, which keeps the provider's cache warm.

    `query` is what the agent looks for, and is kept; `keep_turns` rounds at the end stay longest; `tool_profiles` says what differs for
    tools (`{"bash": {"skip_compression": True}}`); `frozen_message_count` messages at the start stay as they came; `policy` changes
    anything else, in the shape of `Policy`. With `optimize=False` messages stay as they came and are only counted. `diagnostics` adds
    what became of each message. `compressor` has sessions and originals of its own, in place of this module's.

    What was left out is named in `result.refs` and comes back by `retrieve`. Raises ValidationError for messages that no provider would
    take, ConfigurationError for options that make no sense.
    """
    given = list(messages) if isinstance(messages, Sequence) and not isinstance(messages, str | bytes) else messages
    if hooks is not None:
        given = hooks.pre_compress(list(given), model)
    engine = compressor or shared()
    call = Call(
        model=model,
        session=session,
        query=query,
        max_tokens=_budget(token_budget, model_limit),
        keep_turns=keep_turns,
        tool_profiles=tool_profiles or {},
        frozen_messages=frozen_message_count,
        policy=policy or {},
    )
    if not optimize:
        result = _counted(engine, given, call)
    elif session is None:
        result = engine.compress(given, call, diagnostics=diagnostics).result
    else:
        result = engine.turn(given, call).result
    if hooks is not None:
        hooks.post_compress(result, model)
    return result


def _budget(token_budget: int | None, model_limit: int | None) -> int | None:
    if token_budget is not None:
        return token_budget
    if model_limit is None:
        return None
    if model_limit <= OUTPUT_BUFFER:
        raise ConfigurationError(
            f"model_limit {model_limit} has no room beside {OUTPUT_BUFFER} tokens for the answer; give token_budget"
        )
    return model_limit - OUTPUT_BUFFER


def _counted(engine: Compressor, messages: Sequence[Any], call: Call) -> CompressResult:
    """The messages as they came."""
    prepared = engine.compress(messages, structs.replace(call, frozen_messages=len(messages), max_tokens=None))
    return structs.replace(prepared.result, messages=list(messages), cache_breakpoints=[])


def retrieve(ref: str, query: str | None = None, *, compressor: Compressor | None = None) -> str:
    """What `compress` left out under a name, whole or the passages that a query is about. Raises CacheError if it is not here."""
    return (compressor or shared()).retrieve(ref, query)


@functools.cache
def shared() -> Compressor:
    """The sessions and originals of `compress` in this process."""
    return Compressor()
