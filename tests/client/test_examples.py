"""What the client's documentation shows, with a broker and a worker."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

import headroom_stream
from headroom_stream import client
from headroom_stream.broker_access import access
from headroom_stream.client import messages_of, turn_event
from headroom_stream.config import KafkaSettings
from headroom_stream.errors import ConfigurationError, ValidationError
from headroom_stream.events import ContextBatch, TurnEvent
from tests.engine.test_compressor import TALK
from tests.support.docstrings import defined, examples
from tests.support.processes import Programs
from tests.worker.stream import READY_SECONDS, Stream


def test_the_names_at_the_root_are_the_clients() -> None:
    assert headroom_stream.TurnPublisher is client.TurnPublisher
    assert headroom_stream.ContextConsumer is client.ContextConsumer


def test_turns_are_made_of_dictionaries() -> None:
    event = turn_event("s", TALK[:2], model="m", query="q")
    assert isinstance(event, TurnEvent) and (event.session_id, event.model, event.query, event.history) == ("s", "m", "q", None)
    assert messages_of(ContextBatch(output_id="", session_id="", event_id="", messages=event.messages or [])) == TALK[:2]
    assert turn_event("s", history=TALK).messages is None
    with pytest.raises(ValidationError, match="a turn has no modell"):
        turn_event("s", TALK, modell="m")
    with pytest.raises(ValidationError, match="no JSON"):
        turn_event("s", [{"content": object()}])


@pytest.mark.broker
async def test_the_examples_of_the_client_run(embedded_broker: str, programs: Programs, tmp_path: Path) -> None:
    stream = await Stream.create(embedded_broker, programs, tmp_path, session_timeout_s=3)
    kafka = stream.settings.kafka

    class TurnPublisher(client.TurnPublisher):
        """On this test's own topics."""

        def __init__(self, **fields: Any) -> None:
            super().__init__(**{"kafka": kafka, **fields})

    class ContextConsumer(client.ContextConsumer):
        def __init__(self, **fields: Any) -> None:
            super().__init__(**{"kafka": kafka, **fields})

    assert len(examples(client)) == 3
    names = defined(
        client, BROKERS=embedded_broker, TurnPublisher=TurnPublisher, ContextConsumer=ContextConsumer, KafkaSettings=KafkaSettings
    )
    stream.worker().wait_for("worker ready", READY_SECONDS)
    first = await names["ready"]("s", TALK[:4])
    assert first[:3] == TALK[:3] and len(first[3]["content"]) < len(str(TALK[3]["content"]))
    second = await names["ready"]("s", TALK[4:6])
    assert second[:4] == first
    await names["publish"]([("t", TALK[:2]), ("u", TALK[:2])])
    seen: list[str] = []
    enough = asyncio.Event()

    async def handle(session: str, messages: list[Any]) -> None:
        seen.append(session)
        if set(seen) == {"s", "t", "u"}:
            enough.set()

    reading = asyncio.create_task(names["consume"](handle))
    async with asyncio.timeout(30):
        await enough.wait()
    reading.cancel()
    await asyncio.wait([reading])
    assert sorted(seen) == ["s", "s", "t", "u"]


def test_the_example_of_a_secured_broker_is_complete() -> None:
    kafka = defined(client, BROKERS="kafka-1:9093", KafkaSettings=KafkaSettings)["secured"]()
    # Nothing is missing but the files.
    with pytest.raises(ConfigurationError, match=r"kafka\.ca_file /etc/kafka/ca\.pem"):
        access(kafka)
