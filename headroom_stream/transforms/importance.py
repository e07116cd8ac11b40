"""How much each round of a conversation matters for what comes next: a weighted sum of six signals, each from 0 to 1."""

from __future__ import annotations

import math
from collections.abc import Sequence

from msgspec import Struct

from headroom_stream.config.transforms import IntelligentContextConfig
from headroom_stream.content.log_lines import IMPORTANT
from headroom_stream.learning.values import values, words_of
from headroom_stream.relevance import Scorer
from headroom_stream.transforms.conversation import Conversation
from headroom_stream.transforms.learned import LearnedUse

NEUTRAL = 0.5
"""For rounds of which nothing was learnt: neither better nor worse than others."""
_CHARS = 100_000
"""Of a round's text that are looked at, from its start: errors and identifiers show early, and time stays bounded."""


class Signals(Struct, frozen=True, kw_only=True):
    """The signals of one round, under the names of their weights."""

    recency: float
    semantic_similarity: float
    toin_importance: float
    error_indicator: float
    forward_reference: float
    token_density: float


def scores(signals: Sequence[Signals], config: IntelligentContextConfig) -> list[float]:
    """The weighted sum of each round's signals, 0 to 1."""
    weights = config.scoring_weights.normalized()
    names = Signals.__struct_fields__
    return [sum(getattr(weights, name) * getattr(one, name) for name in names) for one in signals]


def signals(
    conversation: Conversation,
    rounds: Sequence[Sequence[int]],
    config: IntelligentContextConfig,
    *,
    query: str,
    scorer: Scorer,
    learned: LearnedUse | None,
) -> list[Signals]:
    """The signals of each round, given as the places of its messages, in order."""
    texts = [_text(conversation, places) for places in rounds]
    similar = [s.score for s in scorer.score_items(texts, query)] if query else [0.0] * len(rounds)
    tools = conversation.tools()
    referenced = _forward_references(conversation, rounds, texts)
    return [
        Signals(
            recency=math.exp(-config.recency_decay_rate * (len(rounds) - 1 - i)),
            semantic_similarity=similar[i],
            toin_importance=_learned_importance(conversation, places, tools, learned, config),
            error_indicator=1.0 if IMPORTANT.search(texts[i]) else 0.0,
            forward_reference=referenced[i],
            token_density=_density(texts[i]),
        )
        for i, places in enumerate(rounds)
    ]


def _text(conversation: Conversation, places: Sequence[int]) -> str:
    parts: list[str] = []
    for place in places:
        seen = conversation.reads[place].view
        parts += [seen.text, *(f"{c.name} {c.arguments}" for c in seen.calls)]
    return "\n".join(parts)[:_CHARS]


def _learned_importance(
    conversation: Conversation,
    places: Sequence[int],
    tools: Sequence[Sequence[str]],
    learned: LearnedUse | None,
    config: IntelligentContextConfig,
) -> float:
    """That of the most important output of a round: it would leave with the others."""
    if learned is None or not config.toin_integration:
        return NEUTRAL
    found: list[float] = []
    for place in places:
        for output, tool in zip(conversation.reads[place].view.outputs, tools[place], strict=True):
            if learned.confidence(tool, output.text) >= config.toin_confidence_threshold:
                value = learned.importance(tool, output.text)
                found += [] if value is None else [value]
    return max(found, default=NEUTRAL)


def _forward_references(conversation: Conversation, rounds: Sequence[Sequence[int]], texts: Sequence[str]) -> list[float]:
    """How much of each round is named again in a later one by the user or the assistant: 1 - 1/2^n for n values named."""
    last: dict[str, int] = {}
    for i, places in enumerate(rounds):
        for place in places:
            seen = conversation.reads[place].view
            for text in (*seen.texts, *(c.arguments for c in seen.calls)):
                last.update((value, i) for value in values(text[:_CHARS]))
    after = len(rounds)
    inside = {place for places in rounds for place in places}
    question = conversation.latest_question()
    if question is not None and question not in inside:
        last.update((value, after) for text in conversation.reads[question].view.texts for value in values(text[:_CHARS]))
    named = [sum(last.get(value, -1) > i for value in set(values(text))) for i, text in enumerate(texts)]
    return [1 - 0.5**count for count in named]


def _density(text: str) -> float:
    """Different words by words."""
    words = words_of(text)
    return len(set(words)) / len(words) if words else 0.0
