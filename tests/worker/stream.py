"""A stream under test: topics of its own, workers as processes, and what a run without any fault gives."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec
from aiokafka.structs import ConsumerRecord
from msgspec import Raw, structs

from headroom_stream.config import Settings
from headroom_stream.events import ContextBatch, TurnEvent, decode_context, encode
from headroom_stream.price_table import load_prices
from headroom_stream.session.state import is_head_key
from headroom_stream.tokenizers import load_tokenizer
from headroom_stream.topics import changelog_topic, ensure_topics
from headroom_stream.worker.processor import Batch, Processor, Record
from tests.support.kafka_io import produce, read_all
from tests.support.naming import make_settings
from tests.support.processes import Program, Programs

READY_SECONDS = 45
"""The embedded broker lets a group wait for up to 11 s after a member is gone, and a busy machine takes its time."""


class Stream:
    """`turns -> workers -> contexts` on a broker."""

    def __init__(self, settings: Settings, programs: Programs, folder: Path) -> None:
        self.settings = settings
        self._programs = programs
        self._config = folder / "headroom.toml"
        kafka, worker = settings.kafka, settings.worker
        lines = [
            "[kafka]",
            *(f"{n} = {json.dumps(getattr(kafka, n))}" for n in ("brokers", "turns", "contexts", "metrics", "dead")),
        ]
        lines += ["[worker]", f"group = {json.dumps(worker.group)}", f"session_timeout_s = {worker.session_timeout_s}"]
        self._config.write_text("\n".join(lines))
        assert tomllib.loads(self._config.read_text())["kafka"]["turns"] == kafka.turns

    @classmethod
    async def create(
        cls, brokers: str, programs: Programs, folder: Path, *, session_timeout_s: float, partitions: int = 4
    ) -> Stream:
        settings = make_settings(brokers, partitions=partitions)
        settings = structs.replace(settings, worker=structs.replace(settings.worker, session_timeout_s=session_timeout_s))
        await ensure_topics(settings)
        return cls(settings, programs, folder)

    def worker(self, *args: str, env: dict[str, str] | None = None) -> Program:
        return self._programs.headroom("worker", "--config", str(self._config), *args, env=env)

    async def publish(self, events: Iterable[TurnEvent]) -> None:
        await self.produce([(e.session_id.encode(), encode(e)) for e in events])

    async def produce(self, records: Sequence[tuple[bytes | None, bytes | None]]) -> None:
        await produce(self.settings.kafka.brokers, self.settings.kafka.turns, records)

    async def read(self, topic: str) -> list[ConsumerRecord]:
        return await read_all(self.settings.kafka.brokers, topic)

    async def contexts(self) -> list[ContextBatch]:
        """All deliveries, repeated ones too."""
        return [decode_context(r.value) for r in await self.read(self.settings.kafka.contexts)]

    async def output_ids(self) -> set[str]:
        return {c.output_id for c in await self.contexts()}

    async def golden(self) -> tuple[Batch, dict[bytes, bytes]]:
        """What the records on the turns topic give, folded in one go: everything that goes out, and the state that is left."""
        processor = Processor(self.settings, load_tokenizer(), load_prices())
        batch = Batch()
        table: dict[bytes, bytes] = {}
        for found in await self.read(self.settings.kafka.turns):
            processor.apply(as_record(found), batch, table.get)
            for key, value in batch.writes.items():
                table.pop(key, None) if value is None else table.__setitem__(key, value)
            batch.writes.clear()
        return batch, table

    async def state(self) -> dict[bytes, bytes]:
        """The state that the changelog holds."""
        table: dict[bytes, bytes] = {}
        for record in await self.read(changelog_topic(self.settings)):
            if record.value is None:
                table.pop(record.key, None)
            else:
                table[record.key] = record.value
        return table

    async def agrees_with_golden(self) -> None:
        """Nothing missing, nothing else, repeated deliveries byte-identical, state equal."""
        batch, table = await self.golden()
        for topic in (self.settings.kafka.contexts, self.settings.kafka.metrics, self.settings.kafka.dead):
            wanted = {(o.key, o.value, _origin(o.headers)) for o in batch.outgoing if o.topic == topic}
            found = {(r.key, r.value, _origin(r.headers)) for r in await self.read(topic)}
            assert len(wanted) == len(found & wanted), f"{topic}: {len(wanted - found)} of {len(wanted)} records missing"
            assert found == wanted, f"{topic}: {len(found - wanted)} records that a run without faults does not give"
        state = await self.state()
        assert {k for k in state if is_head_key(k)} == {k for k in table if is_head_key(k)}
        assert {k: state[k] for k in table} == table


def _origin(headers: Iterable[tuple[str, bytes]]) -> bytes:
    """Tells dead letters of equal records apart."""
    return dict(headers).get("headroom.offset", b"")


def as_record(found: ConsumerRecord) -> Record:
    return Record(
        topic=found.topic,
        partition=found.partition,
        offset=found.offset,
        timestamp=found.timestamp,
        key=found.key,
        value=found.value,
        headers=tuple(found.headers),
    )


def conversation(session_id: str, turns: int, *, rows: int = 12) -> list[TurnEvent]:
    """An agent that asks for records and logs again and again."""
    events = [
        TurnEvent(
            session_id=session_id,
            event_id="1",
            turn=1,
            model="gpt-5",
            messages=_raw({"role": "user", "content": "Which orders are late?"}),
        )
    ]
    for n in range(2, turns + 1):
        call = {"id": f"call_{n}", "type": "function", "function": {"name": "orders", "arguments": json.dumps({"page": n})}}
        listed = [{"order": n * 100 + i, "state": "late" if i % 5 == 0 else "paid", "total": i * 1.5} for i in range(rows)]
        messages = _raw(
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": call["id"], "content": json.dumps(listed)},
        )
        events.append(TurnEvent(session_id=session_id, event_id=str(n), turn=n, model="gpt-5", messages=messages))
    return events


def interleaved(sessions: Iterable[list[TurnEvent]]) -> list[TurnEvent]:
    """The sessions' events as they would come from agents that run side by side."""
    listed = list(sessions)
    return [events[i] for i in range(max(map(len, listed))) for events in listed if i < len(events)]


def with_turn(event: TurnEvent, turn: int) -> TurnEvent:
    return structs.replace(event, turn=turn)


def _raw(*messages: object) -> list[Raw]:
    return [Raw(msgspec.json.encode(m)) for m in messages]
