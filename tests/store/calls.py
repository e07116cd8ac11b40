"""Rows of calls, made from a number: the same number is the same call."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from headroom_stream.results import RequestMetrics

START = datetime(2026, 3, 1)
"""A Sunday."""


def call(n: int, **more: Any) -> RequestMetrics:
    """The n-th call: one a minute, two models, every fifth in audit mode."""
    given: dict[str, Any] = {
        "request_id": f"r{n}",
        "timestamp": START + timedelta(minutes=n),
        "model": ("opus", "gpt")[n % 2],
        "mode": "audit" if n % 5 == 0 else "optimize",
        "tokens_input_before": 1000 + n,
        "tokens_input_after": 400 + n,
        "session_id": f"s{n % 3}",
        "cost_before": 0.02,
        "cost_after": 0.01,
        "cache_alignment_score": float(n % 101),
        "waste_signals": {"json_bloat": 10 + n, "repetition": n},
        "transforms_applied": ["logs", "records"] if n % 2 else ["logs"],
        "latency_ms": float(n % 7),
    }
    return RequestMetrics(**(given | more))


FULL = RequestMetrics(
    request_id="full",
    timestamp=datetime(2026, 3, 1, 12, 30, 15, 123456),
    model="claude-sonnet-4-5",
    mode="optimize",
    tokens_input_before=1000,
    tokens_input_after=600,
    session_id="Sitzung-ä-名",
    provider="anthropic",
    stream=True,
    tokens_output=50,
    cached_tokens=300,
    cost_before=0.1 + 0.2,
    cost_after=1e-9,
    block_breakdown={"system": 10, "other": 0},
    waste_signals={"json_bloat": 5, "reread": 7},
    stable_prefix_hash="ab12",
    cache_alignment_score=99.5,
    cache_optimizer_used="anthropic",
    cache_optimizer_strategy="explicit",
    cacheable_tokens=500,
    breakpoints_inserted=2,
    estimated_cache_hit=True,
    semantic_cache_hit=True,
    transforms_applied=["logs", "records", 'quote"d'],
    tool_units_dropped=1,
    turns_dropped=2,
    messages_hash="cd34",
    latency_ms=1.25,
    error="no ranks",
)
"""A row with a value in every field."""
