"""The pipeline: transforms in order, and none that can do harm."""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headroom_stream.config import (
    CacheAlignerConfig,
    HeadroomConfig,
    IntelligentContextConfig,
    RollingWindowConfig,
    SmartCrusherConfig,
)
from headroom_stream.errors import ConfigurationError
from headroom_stream.tokens import Tokenizer
from headroom_stream.transforms.cache_aligner import CacheAligner
from headroom_stream.transforms.pipeline import TransformPipeline
from headroom_stream.transforms.result import Message, Transform, TransformResult
from headroom_stream.transforms.rolling_window import RollingWindow
from headroom_stream.transforms.smart_crusher import SmartCrusher
from tests.transforms.talks import (
    QUICK,
    REAL,
    agent,
    assert_calls_are_answered,
    round_of,
    said,
    system,
    talks,
    text,
    tokens,
    user,
)

RULES = "Follow the policy of the house at all times. " * 20
ITEMS = json.dumps([{"id": i, "name": f"item {i}", "state": "ok", "note": f"seen {i * 7} times"} for i in range(200)])


class Changing:
    """A transform of our own for what the pipeline has to stand."""

    def __init__(self, change: Any, name: str = "changing") -> None:
        self.name = name
        self._change = change

    def apply(self, messages: Sequence[Message], tokenizer: Tokenizer | None = None, **options: Any) -> TransformResult:
        out = self._change([copy.deepcopy(m) for m in messages])
        assert tokenizer is not None
        return TransformResult(
            messages=out,
            tokens_before=tokens(list(messages), tokenizer),
            tokens_after=tokens(out, tokenizer),
            transforms_applied=[self.name] if out != list(messages) else [],
        )


def pipeline(*transforms: Transform, **options: Any) -> TransformPipeline:
    return TransformPipeline(list(transforms), tokenizer=REAL, **options)


def work() -> list[Message]:
    out = [system("Today is 2026-01-05.\n" + RULES), user("Which item is broken?")]
    for i in range(3):
        out += round_of(f"c{i}", ITEMS, tool="list_items")
    return [*out, said("None."), user("Sure?")]


def test_transforms_run_in_order_and_the_result_tells_of_all() -> None:
    result = pipeline(SmartCrusher(), CacheAligner(), RollingWindow(RollingWindowConfig(max_tokens=4_000))).transform(work())
    assert result.transforms_applied[:2] == ["smart_crusher", "cache_aligner"]
    assert result.tokens_before == tokens(work()) > result.tokens_after == tokens(result.messages)
    assert result.tokens_saved == result.tokens_before - result.tokens_after
    assert text(result.messages[0]).startswith("Today is [date-1].")
    assert result.cache_metrics is not None
    assert "[date-1]" in result.markers_inserted
    assert result.warnings == []
    assert set(result.originals.values()) == {ITEMS}
    assert result.transforms_summary == dict.fromkeys(result.transforms_applied, 1)
    assert result.timing == {}


def test_the_default_pipeline_does_what_the_default_config_says() -> None:
    names = [t.name for t in TransformPipeline().transforms]
    assert names == ["cache_aligner", "smart_crusher", "rolling_window"]
    assert TransformPipeline(tokenizer=REAL).transform(work()).transforms_applied == ["cache_aligner", "smart_crusher"]


@pytest.mark.parametrize("keyword", [True, False])
def test_a_config_may_take_the_place_of_the_list(keyword: bool) -> None:
    config = HeadroomConfig(smart_crusher=SmartCrusherConfig(enabled=False), rolling_window=RollingWindowConfig(max_tokens=800))
    made = TransformPipeline(config=config, tokenizer=REAL) if keyword else TransformPipeline(config, tokenizer=REAL)
    result = made.transform(work())
    assert [t.name for t in made.transforms] == ["cache_aligner", "rolling_window"]
    assert result.messages_removed > 0


def test_a_transform_that_raises_changes_nothing_and_a_warning_says_so() -> None:
    def fail(messages: list[Message]) -> list[Message]:
        raise RuntimeError("no luck")

    result = pipeline(Changing(fail, "unlucky"), CacheAligner()).transform(work())
    assert result.warnings == ["unlucky failed and changed nothing: RuntimeError: no luck"]
    assert result.transforms_applied == ["cache_aligner"]


def test_a_wrong_option_is_an_error_and_no_warning() -> None:
    with pytest.raises(ConfigurationError, match="dynamic_patterns"):
        pipeline(CacheAligner(CacheAlignerConfig(dynamic_patterns=["("]))).transform(work())
    with pytest.raises(ConfigurationError, match="smaller output buffer"):
        pipeline(RollingWindow()).transform(work(), model_limit=100)


def test_a_transform_that_enlarges_the_context_changes_nothing() -> None:
    result = pipeline(Changing(lambda m: [*m, user(RULES)], "longer")).transform(work())
    assert result.messages == work()
    assert result.warnings == ["longer would have enlarged the context and changed nothing"]
    assert result.transforms_applied == []


def test_messages_that_no_provider_would_take_are_refused_and_not_passed_on() -> None:
    result = pipeline(Changing(lambda m: [{"role": "nobody", "content": "x"}, *m[1:]], "odd")).transform(work())
    assert result.messages == work()
    assert len(result.warnings) == 1 and result.warnings[0].startswith("odd failed and changed nothing: RejectedEventError")


def test_what_a_transform_must_not_touch_is_put_back() -> None:
    def shout(messages: list[Message]) -> list[Message]:
        return [{**m, "content": "x"} if m.get("content") else m for m in messages]

    plain = pipeline(Changing(shout)).transform(work())
    assert [m["content"] for m in plain.messages if m["role"] == "tool"] == ["x"] * 3
    profiles = {"list_items": {"skip_compression": True}, "other": {"skip_compression": False}}
    spared = pipeline(Changing(shout)).transform(work(), tool_profiles=profiles)
    assert [m["content"] for m in spared.messages if m["role"] == "tool"] == [ITEMS] * 3
    assert spared.messages[0]["content"] == "x"
    frozen = pipeline(Changing(shout)).transform(work(), frozen_message_count=4)
    assert frozen.messages[:4] == work()[:4]
    assert frozen.messages[5]["content"] == "x"
    assert frozen.tokens_after == tokens(frozen.messages)


def test_a_transform_that_takes_out_frozen_messages_changes_nothing() -> None:
    result = pipeline(Changing(lambda m: m[1:], "eager")).transform(work(), frozen_message_count=1)
    assert result.messages == work()
    assert result.warnings == ["eager touched messages that are frozen and changed nothing"]


def test_a_tool_profile_is_respected_by_the_crusher() -> None:
    profiles = {"list_items": {"skip_compression": True}}
    result = pipeline(SmartCrusher()).transform(work(), tool_profiles=profiles)
    assert result.messages == work()


def test_a_tool_profile_that_says_anything_else_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="has no max_items; it has skip_compression"):
        pipeline().transform(work(), tool_profiles={"x": {"max_items": 3}})


def test_a_limit_may_come_with_the_call_or_by_the_models_name() -> None:
    config = HeadroomConfig(model_context_limits={"small": 5_000}, smart_crusher=SmartCrusherConfig(enabled=False))
    made = TransformPipeline(config, tokenizer=REAL)
    assert made.transform(agent(20)).messages_removed == 0
    assert made.transform(agent(20), model="small").tokens_after <= 1_000
    assert made.apply(agent(20), "small") == made.transform(agent(20), model="small")
    assert made.transform(agent(20), model="small", output_buffer=3_000).tokens_after > 1_000
    assert made.transform(agent(20), model="small", model_limit=6_000).tokens_after > 1_000


def test_a_clock_gives_timings() -> None:
    ticks = iter(range(100))
    made = pipeline(CacheAligner(), SmartCrusher(), clock=lambda: float(next(ticks)))
    assert made.transform(work()).timing == {"cache_aligner": 1000.0, "smart_crusher": 1000.0}


def test_the_diff_says_what_each_transform_did() -> None:
    crushed = TransformPipeline(HeadroomConfig(), tokenizer=REAL).transform(work()).tokens_after
    config = HeadroomConfig(generate_diff_artifact=True, rolling_window=RollingWindowConfig(max_tokens=crushed - 50))
    ticks = iter(range(100))
    made = TransformPipeline(config, tokenizer=REAL, clock=lambda: float(next(ticks)))
    result = made.transform(work(), request_id="r1")
    diff = result.diff_artifact
    assert diff is not None
    assert (diff.request_id, diff.original_tokens, diff.optimized_tokens) == ("r1", result.tokens_before, result.tokens_after)
    assert diff.total_tokens_saved == result.tokens_saved == sum(d.tokens_saved for d in diff.transforms)
    assert (
        [d.transform_name for d in diff.transforms]
        == result.transforms_applied
        == ["cache_aligner", "smart_crusher", "rolling_window"]
    )
    assert [d.duration_ms for d in diff.transforms] == [1000.0] * 3
    assert diff.transforms[-1].items_removed == result.messages_removed > 0
    assert diff.transforms[-1].items_kept + result.messages_removed == len(work()) + 1


@given(talks(), st.integers(300, 3_000), st.integers(0, 4))
def test_laws_of_the_pipeline(messages: list[Message], limit: int, frozen: int) -> None:
    given_messages = copy.deepcopy(messages)
    config = HeadroomConfig(
        cache_aligner=CacheAlignerConfig(stable_prefix_min_tokens=0),
        smart_crusher=SmartCrusherConfig(min_tokens_to_crush=20, max_items_after_crush=5),
        intelligent_context=IntelligentContextConfig(enabled=limit % 2 == 0),
    )
    result = TransformPipeline(config, tokenizer=QUICK).transform(
        messages, model_limit=limit, output_buffer=0, frozen_message_count=frozen
    )
    assert messages == given_messages
    assert result.messages[:frozen] == messages[:frozen]
    assert result.tokens_after == tokens(result.messages, QUICK)
    assert_calls_are_answered(result.messages)
    assert result.tokens_after <= limit or any("exceed the budget" in w for w in result.warnings)
    again = TransformPipeline(config, tokenizer=QUICK).transform(
        messages, model_limit=limit, output_buffer=0, frozen_message_count=frozen
    )
    assert again == result
