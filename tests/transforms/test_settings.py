"""Every setting of the transforms of whole conversations changes what it says it changes."""

from __future__ import annotations

from typing import Any

import pytest
from openai import OpenAI

from headroom_stream.client.headroom import HeadroomClient
from headroom_stream.config import (
    CacheAlignerConfig,
    HeadroomConfig,
    IntelligentContextConfig,
    RollingWindowConfig,
    ScoringWeights,
)
from headroom_stream.config.aliases import PageConfig
from headroom_stream.errors import ConfigurationError
from headroom_stream.transforms.cache_aligner import CacheAligner
from headroom_stream.transforms.pipeline import TransformPipeline
from headroom_stream.transforms.result import Message, TransformResult
from headroom_stream.transforms.rolling_window import RollingWindow
from tests.core.conversations import RECORDS
from tests.transforms.talks import PROSE, REAL, agent, said, system, text, tokens, user
from tests.transforms.test_cache_aligner import RULES, align, prompt_of
from tests.transforms.test_intelligent_context import earlier, filler, fitted, mixed, only, shown, talk


def windowed(
    messages: list[Message], *, max_tokens: int | None = None, model_limit: int | None = None, **config: Any
) -> TransformResult:
    window = RollingWindow(RollingWindowConfig(**config), tokenizer=REAL)
    return window.apply(messages, max_tokens=max_tokens, model_limit=model_limit)


def piped(messages: list[Message], *, model: str = "", model_limit: int | None = None, **config: Any) -> TransformResult:
    return TransformPipeline(HeadroomConfig(**config), tokenizer=REAL).transform(messages, model=model, model_limit=model_limit)


TODAY = "Today is 2026-01-05."


def aligner_enabled() -> bool:
    return prompt_of(align(TODAY)) != TODAY == prompt_of(align(TODAY, enabled=False))


def aligner_extract_dates() -> bool:
    kept = align(TODAY, extract_dates=False)
    return prompt_of(kept) == TODAY and kept.warnings != []


def aligner_normalize_whitespace() -> bool:
    return (
        prompt_of(align("a  \n\n\n\nb")) == "a\n\nb"
        and prompt_of(align("a  \n\n\n\nb", normalize_whitespace=False)) == "a  \n\n\n\nb"
    )


def aligner_stable_prefix_min_tokens() -> bool:
    def changed(least: int) -> bool:
        aligner = CacheAligner(CacheAlignerConfig(stable_prefix_min_tokens=least), tokenizer=REAL)
        return bool(aligner.align([system(TODAY)]).transforms_applied)

    size = tokens([system(TODAY)]) - 3
    return changed(size) and not changed(size + 1)


def aligner_dynamic_patterns() -> bool:
    line = "Working for tenant blue in mood green."
    moved = align(line, dynamic_patterns=[r"tenant (\w+)", r"green"])
    return prompt_of(moved) == "Working for tenant [value-1] in mood [value-2]." and prompt_of(align(line)) == line


def window_enabled() -> bool:
    return windowed(agent(20), max_tokens=1_000, enabled=False).messages == agent(20)


def window_config_max_tokens() -> bool:
    def left(size: int) -> int:
        return RollingWindow(RollingWindowConfig(max_tokens=size), tokenizer=REAL).apply(agent(20)).tokens_after

    return 1_000 < left(2_000) <= 2_000 and left(1_000) <= 1_000


def window_preserve_system() -> bool:
    def kept(preserve: bool) -> list[str]:
        messages = [*agent(12)[:20], system("Be quick."), *agent(6)[2:]]
        result = windowed(messages, max_tokens=800, preserve_system=preserve)
        return [m["content"] for m in result.messages if m["role"] == "system"]

    return kept(preserve=True) == ["Be brief.", "Be quick."] and kept(preserve=False) == []


def window_preserve_recent_turns() -> bool:
    # Among what may go, the newest goes first: so what stays at the end are the turns that are kept.
    def at_the_end(turns: int) -> int:
        result = windowed(agent(20), max_tokens=1_500, preserve_recent_turns=turns, drop_oldest_first=False)
        gap = next(i for i, m in enumerate(result.messages) if text(m) in result.markers_inserted)
        return (len(result.messages) - gap - 1) // 2

    return (at_the_end(1), at_the_end(4)) == (1, 4)


def window_drop_oldest_first() -> bool:
    def first_stays(oldest: bool) -> bool:
        return shown(windowed(agent(20), max_tokens=1_500, preserve_recent_turns=2, drop_oldest_first=oldest), "0 Every")

    return first_stays(oldest=False) and not first_stays(oldest=True)


def window_output_buffer_tokens() -> bool:
    def left(buffer: int) -> int:
        return windowed(agent(20), model_limit=3_000, output_buffer_tokens=buffer).tokens_after

    return 2_000 < left(0) <= 3_000 and left(2_000) <= 1_000


def context_enabled() -> bool:
    errors = talk(["ERROR: disk full. " + PROSE, *map(filler, range(8))])

    def kept(enabled: bool) -> bool:
        context = {"enabled": enabled, "scoring_weights": only("error_indicator"), "compress_threshold": 0.0}
        return shown(piped(errors, model_limit=900, output_buffer_tokens=0, intelligent_context=context), "disk full")

    return kept(enabled=True) and not kept(enabled=False)


def context_keep_system() -> bool:
    def kept(keep: bool) -> bool:
        return fitted(agent(10), 400, keep_system=keep, keep_last_turns=0).messages[0] == system("Be brief.")

    return kept(keep=True) and not kept(keep=False)


def context_keep_last_turns() -> bool:
    # By importance the errors would stay, and they are the earliest.
    outputs = [f"ERROR: disk {i} is full. {PROSE}" for i in range(6)]
    messages = [*talk(outputs)[:-4], *agent(4)[2:]]

    def first_stays(turns: int) -> bool:
        return shown(fitted(messages, 900, keep_last_turns=turns, scoring_weights=only("error_indicator")), "disk 5")

    return first_stays(1) and not first_stays(4)


def context_output_buffer_tokens() -> bool:
    return fitted(agent(20), 2_000).tokens_after > 1_000 >= fitted(agent(20), 2_000, output_buffer_tokens=1_000).tokens_after


def context_use_importance_scoring() -> bool:
    outputs = ["ERROR: disk full. " + PROSE, *map(filler, range(8))]

    def kept(use: bool) -> bool:
        return shown(fitted(talk(outputs), 900, use_importance_scoring=use, scoring_weights=only("error_indicator")), "disk full")

    return kept(use=True) and not kept(use=False)


def context_recency_decay_rate() -> bool:
    # Without decay all are equally recent, and density alone decides.
    dense = " ".join(f"word{i:03}x" for i in range(40))
    messages = talk([dense, *["again and again " * 50] * 8])
    weights = {**dict.fromkeys(WEIGHTS, 0.0), "recency": 10.0, "token_density": 1.0}

    def old_stays(rate: float) -> bool:
        return shown(fitted(messages, 900, recency_decay_rate=rate, scoring_weights=ScoringWeights(**weights)), "word007x")

    return old_stays(0.0) and not old_stays(0.3)


def context_toin_integration() -> bool:
    return shown(fitted(mixed(), 900, toin=earlier(10)), "LOC99999") and not shown(
        fitted(mixed(), 900, toin=earlier(10), toin_integration=False), "LOC99999"
    )


def context_toin_confidence_threshold() -> bool:
    # Ten outputs seen make a confidence of 10/14.
    def kept(threshold: float) -> bool:
        return shown(fitted(mixed(), 900, toin=earlier(10), toin_confidence_threshold=threshold), "LOC99999")

    return kept(0.71) and not kept(0.72)


def context_compress_threshold() -> bool:
    messages = talk([RECORDS, PROSE])
    size = tokens(messages)

    def compressed(threshold: float) -> bool:
        return "intelligent_context:compress" in fitted(messages, size * 5 // 6, compress_threshold=threshold).transforms_applied

    return compressed(0.25) and not compressed(0.15)


def context_scoring_weights() -> bool:
    outputs = ["ERROR: disk full. " + PROSE, *map(filler, range(8))]

    def kept(signal: str) -> bool:
        return shown(fitted(talk(outputs), 900, scoring_weights=only(signal)), "disk full")

    return kept("error_indicator") and not kept("recency")


WEIGHTS = ("recency", "semantic_similarity", "toin_importance", "error_indicator", "forward_reference", "token_density")


def weighs(signal: str, messages: list[Message], sign: str, **options: Any) -> bool:
    """What carries the signal stays when the signal counts, and goes when only age does."""
    by_signal = fitted(messages, 900, scoring_weights=only(signal), **options)
    return shown(by_signal, sign) and not shown(fitted(messages, 900, scoring_weights=only("recency"), **options), sign)


def weight_recency() -> bool:
    outputs = ["ERROR: disk full. " + PROSE, *map(filler, range(8))]
    return not shown(fitted(talk(outputs), 900, scoring_weights=only("recency")), "disk full") and shown(
        fitted(talk(outputs), 900, scoring_weights=ScoringWeights(recency=0)), "disk full"
    )


def weight_semantic_similarity() -> bool:
    outputs = ["The luggage is in Oslo. " + PROSE, *map(filler, range(8))]
    return weighs("semantic_similarity", talk(outputs), "in Oslo", query="Oslo luggage")


def weight_toin_importance() -> bool:
    return weighs("toin_importance", mixed(), "LOC99999", toin=earlier(10))


def weight_error_indicator() -> bool:
    return weighs("error_indicator", talk(["ERROR: disk full. " + PROSE, *map(filler, range(8))]), "disk full")


def weight_forward_reference() -> bool:
    messages = [*talk(["The order is ord_88412. " + PROSE, *map(filler, range(8))]), said("I go on with ord_88412.")]
    return weighs("forward_reference", messages, "The order is ord_88412")


def weight_token_density() -> bool:
    return weighs("token_density", talk([" ".join(f"word{i:03}x" for i in range(40)), *["again and again " * 50] * 8]), "word007x")


def all_model_context_limits() -> bool:
    limits = {"small": 5_000}
    return (
        piped(agent(20), model="small").messages_removed
        == 0
        < piped(agent(20), model="small", model_context_limits=limits).messages_removed
    )


def all_output_buffer_tokens() -> bool:
    def left(buffer: int | None) -> int:
        return piped(
            agent(20), model_limit=5_000, output_buffer_tokens=buffer, rolling_window={"output_buffer_tokens": 4_500}
        ).tokens_after

    return left(None) <= 500 < left(4_000) <= 1_000


def all_generate_diff_artifact() -> bool:
    return piped(agent(3)).diff_artifact is None is not piped(agent(3), generate_diff_artifact=True).diff_artifact


def all_smart_crusher() -> bool:
    messages = talk([RECORDS, PROSE])
    return piped(messages, smart_crusher={"enabled": False}).messages == messages != piped(messages).messages


def all_cache_aligner() -> bool:
    messages = [system(f"{TODAY}\n{RULES}"), user("Hi.")]
    return piped(messages, cache_aligner={"enabled": False}).messages == messages != piped(messages).messages


def all_rolling_window() -> bool:
    return piped(agent(20), rolling_window={"max_tokens": 1_000}).messages_removed > 0 == piped(agent(20)).messages_removed


def client_store_url() -> bool:
    config = HeadroomConfig(store_url="memory://")
    return bool(HeadroomClient(OpenAI(api_key="k"), config=config).get_stats()["config"]["store_url"] == "memory://")


def client_default_mode() -> bool:
    config = HeadroomConfig(store_url="memory://", default_mode="optimize")
    return HeadroomClient(OpenAI(api_key="k"), config=config).mode == "optimize"


EFFECTS = {
    "CacheAlignerConfig.enabled": aligner_enabled,
    "CacheAlignerConfig.extract_dates": aligner_extract_dates,
    "CacheAlignerConfig.normalize_whitespace": aligner_normalize_whitespace,
    "CacheAlignerConfig.stable_prefix_min_tokens": aligner_stable_prefix_min_tokens,
    "CacheAlignerConfig.dynamic_patterns": aligner_dynamic_patterns,
    "RollingWindowConfig.enabled": window_enabled,
    "RollingWindowConfig.max_tokens": window_config_max_tokens,
    "RollingWindowConfig.preserve_system": window_preserve_system,
    "RollingWindowConfig.preserve_recent_turns": window_preserve_recent_turns,
    "RollingWindowConfig.drop_oldest_first": window_drop_oldest_first,
    "RollingWindowConfig.output_buffer_tokens": window_output_buffer_tokens,
    "IntelligentContextConfig.enabled": context_enabled,
    "IntelligentContextConfig.keep_system": context_keep_system,
    "IntelligentContextConfig.keep_last_turns": context_keep_last_turns,
    "IntelligentContextConfig.output_buffer_tokens": context_output_buffer_tokens,
    "IntelligentContextConfig.use_importance_scoring": context_use_importance_scoring,
    "IntelligentContextConfig.scoring_weights": context_scoring_weights,
    "IntelligentContextConfig.recency_decay_rate": context_recency_decay_rate,
    "IntelligentContextConfig.toin_integration": context_toin_integration,
    "IntelligentContextConfig.toin_confidence_threshold": context_toin_confidence_threshold,
    "IntelligentContextConfig.compress_threshold": context_compress_threshold,
    "ScoringWeights.recency": weight_recency,
    "ScoringWeights.semantic_similarity": weight_semantic_similarity,
    "ScoringWeights.toin_importance": weight_toin_importance,
    "ScoringWeights.error_indicator": weight_error_indicator,
    "ScoringWeights.forward_reference": weight_forward_reference,
    "ScoringWeights.token_density": weight_token_density,
    "HeadroomConfig.smart_crusher": all_smart_crusher,
    "HeadroomConfig.cache_aligner": all_cache_aligner,
    "HeadroomConfig.rolling_window": all_rolling_window,
    "HeadroomConfig.intelligent_context": context_enabled,
    "HeadroomConfig.model_context_limits": all_model_context_limits,
    "HeadroomConfig.output_buffer_tokens": all_output_buffer_tokens,
    "HeadroomConfig.generate_diff_artifact": all_generate_diff_artifact,
    "HeadroomConfig.store_url": client_store_url,
    "HeadroomConfig.default_mode": client_default_mode,
}
CONFIGS: tuple[type[PageConfig], ...] = (
    CacheAlignerConfig,
    RollingWindowConfig,
    IntelligentContextConfig,
    ScoringWeights,
    HeadroomConfig,
)
FIELDS = [f"{config.__name__}.{name}" for config in CONFIGS for name in config._types]


@pytest.mark.parametrize("field", FIELDS)
def test_a_setting_has_an_effect(field: str) -> None:
    assert field in EFFECTS, "a new setting needs a test that shows its effect"
    assert EFFECTS[field]()


def test_no_effect_is_tested_of_a_setting_that_is_gone() -> None:
    assert EFFECTS.keys() == set(FIELDS)


def test_the_defaults_are_those_of_the_page() -> None:
    assert RollingWindowConfig() == RollingWindowConfig(
        enabled=True, max_tokens=100_000, preserve_system=True, preserve_recent_turns=5, drop_oldest_first=True
    )
    assert CacheAlignerConfig() == CacheAlignerConfig(
        enabled=True, extract_dates=True, normalize_whitespace=True, stable_prefix_min_tokens=100, dynamic_patterns=[]
    )
    assert IntelligentContextConfig() == IntelligentContextConfig(
        enabled=False,
        keep_system=True,
        keep_last_turns=2,
        output_buffer_tokens=4_000,
        use_importance_scoring=True,
        toin_integration=True,
    )


@pytest.mark.parametrize(
    ("config", "alias", "field", "value"),
    [
        (RollingWindowConfig, "keep_last_turns", "preserve_recent_turns", 3),
        (RollingWindowConfig, "keep_system", "preserve_system", False),
        (IntelligentContextConfig, "preserve_recent_turns", "keep_last_turns", 3),
        (IntelligentContextConfig, "preserve_system", "keep_system", False),
    ],
)
def test_names_of_the_other_vocabulary_are_aliases(config: type[PageConfig], alias: str, field: str, value: object) -> None:
    assert config(**{alias: value}) == config(**{field: value}) != config()
    assert getattr(config(**{field: value}), alias) == value


def test_parts_of_the_whole_can_be_set_in_place() -> None:
    config = HeadroomConfig()
    config.smart_crusher.min_tokens_to_crush = 100
    config.cache_aligner.enabled = True
    config.rolling_window.preserve_recent_turns = 3
    assert (config.smart_crusher.min_tokens_to_crush, config.rolling_window.keep_last_turns) == (100, 3)
    assert HeadroomConfig().rolling_window.preserve_recent_turns == 5


def test_weights_are_normalised_to_one_and_the_defaults_where_all_are_nothing() -> None:
    weights = ScoringWeights(
        recency=3, semantic_similarity=1, toin_importance=0, error_indicator=0, forward_reference=0, token_density=0
    )
    assert weights.normalized() == ScoringWeights(**{**dict.fromkeys(WEIGHTS, 0.0), "recency": 0.75, "semantic_similarity": 0.25})
    assert sum(getattr(ScoringWeights().normalized(), name) for name in WEIGHTS) == pytest.approx(1)
    assert ScoringWeights(**dict.fromkeys(WEIGHTS, 0.0)).normalized() == ScoringWeights()


@pytest.mark.parametrize(
    ("config", "given"),
    [
        (IntelligentContextConfig, {"summarization_enabled": True}),
        (IntelligentContextConfig, {"warm_tier_enabled": True}),
        (CacheAlignerConfig, {"entropy_threshold": 0.5}),
        (HeadroomConfig, {"tool_crusher": {}}),
        (RollingWindowConfig, {"max_tokenz": 1}),
        (RollingWindowConfig, {"max_tokens": 0}),
        (ScoringWeights, {"recency": -1}),
        (IntelligentContextConfig, {"toin_confidence_threshold": 2}),
    ],
)
def test_settings_that_mean_nothing_here_are_refused(config: type[PageConfig], given: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(given))):
        config(**given)
