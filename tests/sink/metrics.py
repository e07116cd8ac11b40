"""Metrics for tests: made from a number, so that the same number is the same event."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from aiokafka import AIOKafkaProducer

from headroom_stream.config import Settings
from headroom_stream.events import DecisionMetric, EraseMetric, Metric, TurnMetric, encode

START = datetime(2026, 3, 1, tzinfo=UTC)


def turn(n: int, **more: Any) -> TurnMetric:
    """The n-th turn of ten sessions that take turns."""
    given: dict[str, Any] = {
        "output_id": f"o{n}",
        "session_id": f"s{n % 10}",
        "event_id": f"e{n}",
        "event_time": START + timedelta(seconds=n),
        "model": ("opus", "gpt")[n % 2],
        "tokens_before": 1000 + n,
        "tokens_after": 400 + n,
        "new_tokens_before": 100,
        "new_tokens_after": 40,
        "cost_before_nanousd": 5000 + n,
        "cost_after_nanousd": 2000 + n,
        "topic": "headroom.turns",
        "partition": n % 4,
        "offset": n // 4,
    }
    return TurnMetric(**(given | more))


def decision(n: int, **more: Any) -> DecisionMetric:
    """A decision of the n-th turn."""
    given: dict[str, Any] = {
        "output_id": f"o{n}",
        "session_id": f"s{n % 10}",
        "event_time": START + timedelta(seconds=n),
        "message": n,
        "kind": ("logs", "records")[n % 2],
        "action": "compressed",
        "lossless": n % 2 == 1,
        "tokens_before": 500,
        "tokens_after": 50 + n,
    }
    return DecisionMetric(**(given | more))


def erase(session: str, until: datetime) -> EraseMetric:
    return EraseMetric(session_id=session, event_time=until)


async def publish(settings: Settings, metrics: list[Metric | bytes | None], *, partition: int | None = None) -> None:
    """Send them, keyed by session; bytes and None go as they are, to partition 0."""
    producer = AIOKafkaProducer(bootstrap_servers=settings.kafka.brokers, max_request_size=settings.kafka.max_message_bytes)
    await producer.start()
    try:
        for metric in metrics:
            raw = metric is None or isinstance(metric, bytes)
            value = metric if raw else encode(metric)
            at = partition if partition is not None else 0 if raw else int(getattr(metric, "session_id", "0")[1:] or 0) % 2
            await producer.send(settings.kafka.metrics, value, key=b"k", partition=at)
        await producer.flush()
    finally:
        await producer.stop()
