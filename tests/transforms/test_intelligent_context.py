"""The intelligent context: what matters least leaves first, and the limit is kept."""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headroom_stream.config import IntelligentContextConfig, ScoringWeights
from headroom_stream.errors import ConfigurationError
from headroom_stream.learning import ToolUsage, learn
from headroom_stream.messages import view
from headroom_stream.relevance import RelevanceScore
from headroom_stream.transforms.conversation import MARKER
from headroom_stream.transforms.intelligent_context import IntelligentContextManager
from headroom_stream.transforms.result import Message, TransformResult
from tests.core.conversations import LOGS, RECORDS
from tests.transforms.talks import (
    PROSE,
    QUICK,
    REAL,
    agent,
    assert_calls_are_answered,
    encoded,
    expanded,
    round_of,
    said,
    system,
    talks,
    text,
    tokens,
    user,
)

ONLY_DROP = 0.0
"""A compress_threshold under which rounds leave at once."""


def only(signal: str) -> ScoringWeights:
    """Weights under which one signal alone counts."""
    none = dict.fromkeys(
        ("recency", "semantic_similarity", "toin_importance", "error_indicator", "forward_reference", "token_density"), 0.0
    )
    return ScoringWeights(**{**none, signal: 1.0})


def fitted(messages: list[Message], limit: int, *, query: str = "", toin: Any = None, **config: Any) -> TransformResult:
    settings = IntelligentContextConfig(**{"output_buffer_tokens": 0, "compress_threshold": ONLY_DROP, **config})
    return IntelligentContextManager(settings, toin=toin).apply(messages, REAL, model_limit=limit, query=query)


def talk(outputs: list[str], *, tool: str = "search") -> list[Message]:
    """A task, a round for each output, and two more rounds that stay anyway."""
    out = [system("Be brief."), user("Go.")]
    for i, output in enumerate([*outputs, "ok", "ok"]):
        out += round_of(f"c{i}", output, tool=tool)
    return out


def shown(result: TransformResult, what: str) -> bool:
    """Whether the model still sees it."""
    return any(what in text(m) for m in result.messages)


def filler(i: int) -> str:
    return f"part {i}: {PROSE}"


def test_a_context_within_the_limit_is_left_alone() -> None:
    messages = agent(3)
    result = fitted(messages, 100_000)
    assert result.messages == messages
    assert (result.transforms_applied, result.warnings) == ([], [])


def test_an_error_stays_when_other_rounds_leave() -> None:
    outputs = ["ERROR: disk full on node-7. " + PROSE, *map(filler, range(8))]
    assert shown(fitted(talk(outputs), 900, scoring_weights=only("error_indicator")), "disk full on node-7")
    assert not shown(fitted(talk(outputs), 900, scoring_weights=only("recency")), "disk full on node-7")


def test_what_is_near_to_the_query_stays() -> None:
    outputs = ["The luggage of booking QX81 is in Oslo. " + PROSE, *map(filler, range(8))]
    result = fitted(talk(outputs), 900, query="where is the luggage of QX81?", scoring_weights=only("semantic_similarity"))
    assert shown(result, "QX81 is in Oslo")
    assert not shown(fitted(talk(outputs), 900, scoring_weights=only("recency")), "QX81 is in Oslo")


def test_without_a_query_what_the_user_and_the_assistant_said_last_is_it() -> None:
    outputs = ["The luggage of booking QX81 is in Oslo. " + PROSE, *map(filler, range(8))]
    messages = talk(outputs)
    messages[1] = user("Where is the luggage of QX81?")
    assert shown(fitted(messages, 900, scoring_weights=only("semantic_similarity")), "QX81 is in Oslo")
    messages = [*talk(outputs), *round_of("z", "ok", arguments='{"booking": "QX81"}')]
    assert shown(fitted(messages, 900, scoring_weights=only("semantic_similarity")), "QX81 is in Oslo")


def test_what_is_named_again_later_stays() -> None:
    outputs = ["The order is ord_88412. " + PROSE, *map(filler, range(8))]
    messages = [*talk(outputs), said("I go on with ord_88412.")]
    assert shown(fitted(messages, 900, scoring_weights=only("forward_reference")), "The order is ord_88412")
    assert not shown(fitted([*talk(outputs), said("I go on.")], 900, scoring_weights=only("forward_reference")), "ord_88412. ")


def test_text_that_repeats_itself_goes_before_text_that_does_not() -> None:
    dense = " ".join(f"word{i:03}x" for i in range(40))
    outputs = [dense, *["again and again " * 50] * 8]
    assert shown(fitted(talk(outputs), 900, scoring_weights=only("token_density")), "word007x")
    assert not shown(fitted(talk(outputs), 900, scoring_weights=only("recency")), "word007x")


def test_a_scorer_of_ones_own_is_asked() -> None:
    class LikesOslo:
        def score_items(self, items: Sequence[Any], query: str) -> list[RelevanceScore]:
            return [RelevanceScore(score=float("Oslo" in item), reason="") for item in items]

    config = IntelligentContextConfig(
        output_buffer_tokens=0, compress_threshold=ONLY_DROP, scoring_weights=only("semantic_similarity")
    )
    outputs = ["It is in Oslo. " + PROSE, *map(filler, range(8))]
    result = IntelligentContextManager(config, scorer=LikesOslo()).apply(talk(outputs), REAL, model_limit=900, query="luggage")
    assert shown(result, "in Oslo")


def earlier(runs: int) -> ToolUsage:
    """Learned use: of what `find_order` gives, the agent takes over `locator`; what `list_ads` gives it never looks at again."""
    stats = None
    for i in range(runs):
        messages = [user("Go."), *round_of("a", json.dumps({"locator": f"LOC{i:05}"}), tool="find_order")]
        messages += [said(f"I take LOC{i:05}."), *round_of("b", json.dumps({"ad": f"AD{i:05}"}), tool="list_ads"), said("Done.")]
        stats = learn((view(encoded(m)) for m in messages), stats)
    assert stats is not None
    return ToolUsage(stats)


def mixed() -> list[Message]:
    """An order first, then many ads."""
    out = [user("Go."), *round_of("o", json.dumps({"locator": f"LOC99999 {PROSE}"}), tool="find_order")]
    for i in range(6):
        out += round_of(f"a{i}", json.dumps({"ad": f"AD{i:05} {PROSE}"}), tool="list_ads")
    return [*out, *round_of("x", "ok"), *round_of("y", "ok")]


def test_with_learned_use_a_field_stays_that_would_go() -> None:
    assert not shown(fitted(mixed(), 900), "LOC99999")
    assert shown(fitted(mixed(), 900, toin=earlier(10)), "LOC99999")


def test_learned_use_counts_only_where_it_is_asked_for_and_sure_enough() -> None:
    assert not shown(fitted(mixed(), 900, toin=earlier(10), toin_integration=False), "LOC99999")
    assert not shown(fitted(mixed(), 900, toin=earlier(10), toin_confidence_threshold=0.9), "LOC99999")


def test_scattered_gaps_have_a_marker_each() -> None:
    outputs = [filler(0), "ERROR: one. " + PROSE, filler(1), filler(2), "ERROR: two. " + PROSE, filler(3)]
    result = fitted(talk(outputs), 650, scoring_weights=only("error_indicator"))
    assert len(result.markers_inserted) == len(result.originals) == 3
    assert [text(m) for m in result.messages if MARKER.fullmatch(text(m))] == result.markers_inserted
    assert expanded(result) == talk(outputs)


def test_a_little_too_much_is_compressed_before_anything_leaves() -> None:
    messages = talk([RECORDS, PROSE])
    limit = tokens(messages) - 100
    result = fitted(messages, limit, compress_threshold=0.5)
    assert result.transforms_applied == ["intelligent_context:compress"]
    assert len(result.messages) == len(messages)
    assert result.tokens_after == tokens(result.messages) <= limit
    assert result.messages_removed == 0


def test_far_too_much_leaves_at_once() -> None:
    messages = talk([RECORDS, PROSE])
    result = fitted(messages, tokens(messages) - 400, compress_threshold=0.05)
    assert result.transforms_applied == ["intelligent_context"]


def test_compression_stops_when_the_limit_is_kept() -> None:
    messages = talk([RECORDS, RECORDS.replace("FLT", "ABC")])
    result = fitted(messages, tokens(messages) - 50, compress_threshold=0.5)
    assert sum(a != b for a, b in zip(messages, result.messages, strict=True)) == 1


def test_what_compression_leaves_out_is_named_and_kept() -> None:
    messages = talk([LOGS, PROSE])
    result = fitted(messages, tokens(messages) - 100, compress_threshold=0.5)
    assert result.transforms_applied == ["intelligent_context:compress"]
    (marker,) = result.markers_inserted
    (ref,) = result.originals
    assert result.originals[ref] == LOGS
    assert f"original {ref}" in marker and shown(result, marker)


def test_a_lossless_step_needs_no_marker() -> None:
    messages = talk([RECORDS, PROSE])
    result = fitted(messages, tokens(messages) - 100, compress_threshold=0.5)
    assert (result.markers_inserted, result.originals) == ([], {})


def test_outputs_of_protected_tools_are_not_compressed() -> None:
    messages = talk([RECORDS, PROSE])
    config = IntelligentContextConfig(output_buffer_tokens=0, compress_threshold=0.5)
    limit = tokens(messages) - 100
    result = IntelligentContextManager(config).apply(messages, REAL, model_limit=limit, protected_tools=("search",))
    assert result.transforms_applied == ["intelligent_context"]


def test_without_importance_the_oldest_go_first() -> None:
    outputs = ["ERROR: disk full. " + PROSE, *map(filler, range(8))]
    result = fitted(talk(outputs), 900, use_importance_scoring=False)
    assert not shown(result, "disk full")
    assert result.transforms_applied == ["intelligent_context"]
    assert len(result.markers_inserted) == 1


def test_the_limit_has_to_be_given() -> None:
    with pytest.raises(ConfigurationError, match="model_limit"):
        IntelligentContextManager().apply(agent(1), REAL)
    with pytest.raises(ConfigurationError, match="smaller output buffer"):
        IntelligentContextManager().apply(agent(1), REAL, model_limit=4_000)


configs = st.builds(
    IntelligentContextConfig,
    keep_system=st.booleans(),
    keep_last_turns=st.integers(0, 3),
    output_buffer_tokens=st.integers(0, 50),
    use_importance_scoring=st.booleans(),
    recency_decay_rate=st.floats(0, 2),
    compress_threshold=st.sampled_from([0.0, 0.2, 5.0]),
)


@given(talks(), configs, st.integers(60, 1_500))
def test_laws_of_the_intelligent_context(messages: list[Message], config: IntelligentContextConfig, limit: int) -> None:
    given_messages = copy.deepcopy(messages)
    manager = IntelligentContextManager(config)
    result = manager.apply(messages, QUICK, model_limit=limit)
    budget = limit - config.output_buffer_tokens
    assert messages == given_messages
    assert result.tokens_after == tokens(result.messages, QUICK)
    assert_calls_are_answered(result.messages)
    assert (result.tokens_after <= budget) != bool(result.warnings)
    # Nothing leaves without a marker, and what the markers name is all that left.
    back = expanded(result)
    assert len(back) == len(messages)
    assert result.messages_removed == len(messages) - sum(not MARKER.fullmatch(text(m)) for m in result.messages)
    if "intelligent_context:compress" not in result.transforms_applied:
        assert sorted(map(json.dumps, back)) == sorted(map(json.dumps, messages))
    assert IntelligentContextManager(config).apply(messages, QUICK, model_limit=limit) == result
