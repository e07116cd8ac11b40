"""Every event gives its context once, whatever happens to the workers in between."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from pathlib import Path

import msgspec
import pytest
from msgspec import Raw

from headroom_stream.events import DeadLetter, TurnEvent, encode
from tests.support.kafka_io import wait_until
from tests.support.processes import Programs
from tests.worker.stream import READY_SECONDS, Stream, conversation, interleaved

pytestmark = pytest.mark.timeout(240)


async def _arrived(stream: Stream, count: int, timeout: float = 60) -> None:  # noqa: ASYNC109 - says what was awaited
    async def enough() -> bool:
        return len(await stream.output_ids()) >= count

    await wait_until(enough, timeout=timeout, every=0.25)


async def _ready(worker: object) -> None:
    await asyncio.to_thread(worker.wait_for, "worker ready", READY_SECONDS)  # type: ignore[attr-defined]


async def test_every_turn_gives_exactly_one_context(stream: Stream) -> None:
    events = interleaved(conversation(f"s{i}", 8) for i in range(10))
    worker = stream.worker()
    await stream.publish(events)
    await _arrived(stream, len(events))
    assert await asyncio.to_thread(worker.terminate) == 0
    counted = Counter((c.session_id, c.event_id) for c in await stream.contexts())
    assert counted == Counter((e.session_id, e.event_id) for e in events)
    await stream.agrees_with_golden()


async def test_contexts_of_a_session_only_append(stream: Stream) -> None:
    stream.worker()
    await stream.publish(conversation("s", 12))
    await _arrived(stream, 12)
    before = None
    for context in sorted(await stream.contexts(), key=lambda c: c.turn):
        bodies = [bytes(m) for m in context.messages]
        if before is not None:
            assert context.first_changed_index == len(before)
            assert bodies[: len(before)] == before
        before = bodies


async def test_a_clean_stop_leaves_nothing_to_do_again(stream: Stream) -> None:
    events = interleaved(conversation(f"s{i}", 6) for i in range(6))
    first = stream.worker()
    await stream.publish(events)
    await _arrived(stream, len(events))
    assert await asyncio.to_thread(first.terminate) == 0
    more = conversation("late", 3)
    await stream.publish(more)
    second = stream.worker()
    await _arrived(stream, len(events) + len(more), timeout=READY_SECONDS)
    assert await asyncio.to_thread(second.terminate) == 0
    assert "3 events folded" in second.output()
    assert len(await stream.contexts()) == len(events) + len(more)


async def test_sigterm_amid_a_backlog_ends_the_worker_at_once_and_loses_nothing(stream: Stream) -> None:
    events = interleaved(conversation(f"s{i}", 60, rows=30) for i in range(24))
    await stream.publish(events)
    worker = stream.worker()
    await _ready(worker)
    start = time.monotonic()
    assert await asyncio.to_thread(worker.terminate, 40) == 0
    assert time.monotonic() - start < 10
    assert len(await stream.output_ids()) < len(events), "the worker was done before it was stopped"
    stream.worker()
    await _arrived(stream, len(events), timeout=READY_SECONDS + 30)
    await stream.agrees_with_golden()


@pytest.mark.broker
async def test_an_on_disk_store_goes_on_where_it_was(embedded_broker: str, programs: Programs, tmp_path: Path) -> None:
    stream = await Stream.create(embedded_broker, programs, tmp_path, session_timeout_s=3)
    options = ["--store", "rocksdb://?driver=rocksdict"]
    env = {"HEADROOM_STREAM_WORKER__DATA_DIR": str(tmp_path / "state")}
    events = interleaved(conversation(f"s{i}", 12) for i in range(5))
    half = len(events) // 2
    worker = stream.worker(*options, env=env)
    await stream.publish(events[:half])
    await _arrived(stream, half)
    worker.kill()
    assert any((tmp_path / "state").rglob("*.sst")) or any((tmp_path / "state").rglob("*.log"))
    await stream.publish(events[half:])
    stream.worker(*options, env=env)
    await _arrived(stream, len(events), timeout=READY_SECONDS)
    await stream.agrees_with_golden()


@pytest.mark.chaos
async def test_a_worker_killed_in_the_middle_loses_and_doubles_nothing(stream: Stream) -> None:
    events = interleaved(conversation(f"s{i}", 60, rows=30) for i in range(12))
    third = len(events) // 3
    worker = stream.worker()
    await _ready(worker)
    await stream.publish(events[:third])
    await _arrived(stream, third // 3)
    worker.kill()
    assert len(await stream.output_ids()) < len(events)
    await stream.publish(events[third : 2 * third])
    worker = stream.worker()
    await _arrived(stream, third + third // 2, timeout=READY_SECONDS)
    worker.kill()
    await stream.publish(events[2 * third :])
    stream.worker()
    await _arrived(stream, len(events), timeout=READY_SECONDS + 60)
    await stream.agrees_with_golden()


@pytest.mark.chaos
async def test_a_second_worker_joining_and_one_leaving_loses_and_doubles_nothing(stream: Stream) -> None:
    events = interleaved(conversation(f"s{i}", 60, rows=20) for i in range(12))
    half = len(events) // 2
    first = stream.worker()
    await _ready(first)
    publishing = asyncio.create_task(_slowly(stream, events[:half], pause=0.05))
    second = stream.worker()
    await _ready(second)
    shared = await asyncio.to_thread(second.wait_for, r"partitions \d+(, \d+)*$", READY_SECONDS)
    assert 0 < shared.group().count(",") + 1 < 4
    await publishing
    await _arrived(stream, half)
    publishing = asyncio.create_task(_slowly(stream, events[half:], pause=0.05))
    assert await asyncio.to_thread(first.terminate) == 0
    await publishing
    await _arrived(stream, len(events), timeout=READY_SECONDS + 60)
    await stream.agrees_with_golden()


async def _slowly(stream: Stream, events: list[TurnEvent], *, pause: float) -> None:
    for i in range(0, len(events), 20):
        await stream.publish(events[i : i + 20])
        await asyncio.sleep(pause)


def _turn(session_id: str, *messages: object, **fields: object) -> tuple[bytes, bytes]:
    event = TurnEvent(session_id=session_id, messages=[Raw(msgspec.json.encode(m)) for m in messages], **fields)  # type: ignore[arg-type]
    return session_id.encode(), encode(event)


def _greatest(session_id: str, limit: int) -> tuple[bytes, bytes]:
    """A turn that just fits a record, whose batch has some bytes of its own."""
    key, value = _turn(session_id, {"role": "user", "content": ""})
    return key, value.replace(b'"content":""', b'"content":"' + b"x" * (limit - len(value) - 400) + b'"')


async def test_bad_input_ends_in_the_dead_letter_topic_and_the_stream_goes_on(stream: Stream) -> None:
    hello = {"role": "user", "content": "hello"}
    orphan = {"role": "tool", "tool_call_id": "nobody", "content": "42"}
    huge = {"role": "user", "content": "x" * 20_000_000}
    bad = {
        "decode": (b"garbage", b"\x00\xff not json"),
        "schema": (b"empty", b"{}"),
        "schema version": (b"future", json.dumps({"session_id": "future", "schema_version": 99, "messages": [hello]}).encode()),
        "messages": _turn("orphan", hello, orphan),
        "size": _turn("huge", huge),
        "size of the greatest record": _greatest("greatest", stream.settings.kafka.max_message_bytes),
    }
    worker = stream.worker()
    for record in bad.values():
        await stream.produce([record, _turn("good", hello)])
    await _arrived(stream, len(bad), timeout=READY_SECONDS)

    async def all_refused() -> bool:
        return len(await stream.read(stream.settings.kafka.dead)) >= len(bad)

    # The good turns lie on other partitions, and may be done first.
    await wait_until(all_refused, timeout=20)
    dead = await stream.read(stream.settings.kafka.dead)
    assert len(dead) == len(bad)
    for what, (key, value) in bad.items():
        letter = next(r for r in dead if r.key == key)
        assert letter.value == value
        why = DeadLetter.from_headers(letter.headers)
        assert why.stage == what.split()[0]
        assert (why.topic, why.attempt) == (stream.settings.kafka.turns, 1)
        assert why.error
    assert worker.returncode is None
    assert {c.session_id for c in await stream.contexts()} == {"good"}


async def test_a_null_value_erases_the_session(stream: Stream) -> None:
    stream.worker()
    await stream.publish(conversation("s", 3))
    await _arrived(stream, 3)
    assert await stream.state()
    await stream.produce([(b"s", None)])

    async def gone() -> bool:
        return not await stream.state()

    await wait_until(gone, timeout=20)
