"""The transforms as a program uses them, by the examples of the API page: no tokenizer has to be given."""

from __future__ import annotations

import pytest

from headroom_stream import direct, transforms
from headroom_stream.config import IntelligentContextConfig, RollingWindowConfig
from headroom_stream.direct import CacheAligner, IntelligentContextManager, RollingWindow, SmartCrusher, TransformPipeline
from headroom_stream.tokenizers import load_tokenizer
from tests.transforms.talks import agent, system, tokens, user

PROMPT = system("Today is 2026-01-05. " + "Follow the policy of the house. " * 20)


def test_the_aligner() -> None:
    result = CacheAligner().align([PROMPT, user("Hi.")])
    assert result.messages[0]["content"].startswith("Today is [date-1].")


def test_the_rolling_window() -> None:
    config = RollingWindowConfig(max_tokens=100_000, preserve_system=True, preserve_recent_turns=5, drop_oldest_first=True)
    result = RollingWindow(config).apply(agent(20), max_tokens=1_000)
    assert result.tokens_after == tokens(result.messages, load_tokenizer()) <= 1_000


def test_the_intelligent_context() -> None:
    config = IntelligentContextConfig(keep_system=True, keep_last_turns=2, use_importance_scoring=True)
    result = IntelligentContextManager(config, toin=None).apply(agent(20), load_tokenizer(), model_limit=5_000)
    assert result.tokens_after <= 1_000
    assert IntelligentContextManager(config).apply(agent(20), model_limit=5_000) == result


def test_the_pipeline() -> None:
    pipeline = TransformPipeline([SmartCrusher(), CacheAligner(), RollingWindow()])
    assert pipeline.transform([PROMPT, *agent(3)[1:]]).transforms_applied == ["cache_aligner"]


@pytest.mark.parametrize("name", [n for n in transforms.__all__ if not n.startswith("Transform") or n == "TransformPipeline"])
def test_the_package_of_the_transforms_has_them_too(name: str) -> None:
    assert issubclass(getattr(direct, name), getattr(transforms, name))


def test_what_the_package_has_not_is_an_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Nothing'"):
        transforms.Nothing  # noqa: B018 - reading it is the test
