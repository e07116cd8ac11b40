"""`compress` as a program calls it."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from headroom_stream.engine import Compressor
from headroom_stream.errors import CacheError, ConfigurationError, ValidationError
from headroom_stream.in_process import CompressionHooks, compress, retrieve
from headroom_stream.results import CompressResult
from tests.core.conversations import LOGS, PROSE
from tests.core.folding import call, result, user
from tests.engine.test_compressor import ENDS, TALK


def test_a_call_gives_fewer_tokens_and_says_how_many() -> None:
    before = copy.deepcopy(TALK)
    made = compress(TALK, model="gpt-4o")
    assert before == TALK
    assert made.tokens_before - made.tokens_after == made.tokens_saved > 0
    assert made.compression_ratio == made.fraction_saved == made.tokens_saved / made.tokens_before
    assert made.fraction_left == 1 - made.fraction_saved
    assert made.transforms_applied == ["logs", "records"]
    assert made.compressed and not made.lossless
    assert compress(TALK) == made


def test_what_is_left_out_comes_back_whole_or_in_part() -> None:
    (ref,) = compress(TALK).refs
    assert retrieve(ref) == LOGS
    assert "request 41 served" in retrieve(ref, "request 41")
    assert len(retrieve(ref, "request 41")) < len(LOGS)
    with pytest.raises(CacheError):
        retrieve("0" * 12)


def test_a_budget_is_kept_exactly() -> None:
    talk = [user("Go."), *(m for i in range(30) for m in (call(f"c{i}"), result(f"c{i}", f"{i} {PROSE}")))]
    for budget in (250, 400, 1_000, 3_000):
        assert compress(talk, token_budget=budget).tokens_after <= budget
    assert compress(talk, model_limit=4_600).tokens_after <= 600
    assert compress(talk, model_limit=None, token_budget=None).messages[0] == talk[0]
    assert compress([user(PROSE * 20)], token_budget=300).over_budget
    with pytest.raises(ConfigurationError, match="token_budget"):
        compress(talk, model_limit=4_000)


def test_sessions_append() -> None:
    own = Compressor()
    last: list[Any] = []
    for end in ENDS:
        made = compress(TALK[:end], session="s", compressor=own).messages
        assert made[: len(last)] == last
        last = made
    assert own.sessions.count == 1


def test_options_have_their_effect() -> None:
    assert compress(TALK, optimize=False).messages == TALK
    assert compress(TALK, optimize=False).tokens_saved == 0
    assert compress(TALK, frozen_message_count=4).messages[:4] == TALK[:4]
    assert compress(TALK, tool_profiles={"*": {"skip_compression": True}}).messages == TALK
    assert compress(TALK, policy={"lossy": False}).lossless
    assert "request 41 served" in compress(TALK, query="request 41").messages[5]["content"]
    rows = compress(TALK, diagnostics=True).diagnostics
    assert rows is not None
    assert sum(row.tokens_before - row.tokens_after for row in rows) == compress(TALK).tokens_saved


def test_hooks_see_messages_before_and_the_result_after() -> None:
    seen: list[tuple[int, str]] = []

    class Hooks(CompressionHooks):
        def pre_compress(self, messages: list[Any], model: str) -> list[Any]:
            return messages[:4]

        def post_compress(self, result: CompressResult, model: str) -> None:
            seen.append((len(result.messages), model))

    assert len(compress(TALK, "gpt-4.1", hooks=Hooks()).messages) == 4
    assert seen == [(4, "gpt-4.1")]


def test_messages_that_are_none_are_refused() -> None:
    wrong: Any
    for wrong in ("hello", {"role": "user"}, [1], [{"role": "nobody", "content": "x"}], [result("x", "y")]):
        with pytest.raises(ValidationError):
            compress(wrong)
    assert compress([]).messages == []
