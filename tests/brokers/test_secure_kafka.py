"""Every client of this package against a broker that asks who is there."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec import Raw, structs

from headroom_stream.client import ContextConsumer, TopicReader, TurnPublisher
from headroom_stream.client.kafka_transport import KafkaTransport
from headroom_stream.client.outbox import ToTopic
from headroom_stream.config import Settings
from headroom_stream.engine import Call, Compressor
from headroom_stream.errors import TransportError
from headroom_stream.events import TurnEvent
from headroom_stream.sink.sink import run_sink
from headroom_stream.topics import ensure_topics
from tests.engine.test_compressor import TALK
from tests.support.apache_kafka import KafkaUnavailableError
from tests.support.certificates import KEY_PASSWORD
from tests.support.naming import make_settings
from tests.support.processes import Programs
from tests.support.secure_kafka import PASSWORD, USER, SecureKafka, secure_kafka

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(240)]

READY_SECONDS = 45


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecureKafka]:
    try:
        with secure_kafka(tmp_path_factory.mktemp("secure")) as running:
            yield running
    except KafkaUnavailableError as error:
        pytest.skip(str(error))


def let_in(secure: SecureKafka, way: str, **changes: Any) -> Settings:
    """Settings that the broker accepts, or would but for `changes`."""
    files = secure.files
    user = {"username": USER, "password": PASSWORD}
    ways: dict[str, tuple[str, dict[str, Any]]] = {
        "passwords": (secure.passwords, {"security_protocol": "SASL_SSL", "ca_file": files.ca, **user}),
        "certificate": (
            secure.mutual,
            {"security_protocol": "SSL", "ca_file": files.ca, "cert_file": files.client, "key_file": files.client_key},
        ),
        "unencrypted": (secure.unencrypted, {"security_protocol": "SASL_PLAINTEXT", **user}),
    }
    address, fields = ways[way]
    made = make_settings(address, partitions=2)
    return structs.replace(made, kafka=structs.replace(made.kafka, **(fields | changes)))


async def round_trip(settings: Settings) -> bytes:
    """A turn published, and read again."""
    kafka = settings.kafka
    await ensure_topics(settings)
    event = TurnEvent(session_id="s", event_id="1", messages=[Raw(b'{"role":"user","content":"hi"}')])
    async with TopicReader(topic=kafka.turns, kafka=kafka, from_beginning=True) as reader, TurnPublisher(kafka=kafka) as publisher:
        await publisher.publish(event)
        while not (records := await reader.poll()):
            pass
    return bytes(records[0].key)


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
@pytest.mark.parametrize("way", ["passwords", "unencrypted"])
async def test_a_name_and_a_password_let_in(secure: SecureKafka, way: str, mechanism: str) -> None:
    assert await round_trip(let_in(secure, way, sasl_mechanism=mechanism)) == b"s"


async def test_a_certificate_lets_in(secure: SecureKafka) -> None:
    locked = {"key_file": secure.files.client_locked_key, "key_password": KEY_PASSWORD}
    for changes in ({}, locked, {"cert_file": secure.files.client_both, "key_file": ""}):
        assert await round_trip(let_in(secure, "certificate", **changes)) == b"s"


@pytest.mark.parametrize(
    ("way", "changes"),
    [
        ("passwords", {"password": "wr0ng-word"}),
        ("passwords", {"sasl_mechanism": "SCRAM-SHA-512", "password": "wr0ng-word"}),
        ("passwords", {"username": "nobody"}),
        ("passwords", {"ca_file": "stranger"}),
        ("passwords", {"ca_file": ""}),
        ("passwords", {"security_protocol": "PLAINTEXT", "username": "", "password": "", "ca_file": ""}),
        ("unencrypted", {"password": "wr0ng-word"}),
        ("certificate", {"cert_file": "", "key_file": ""}),
        ("certificate", {"ca_file": "stranger"}),
    ],
)
async def test_who_is_not_let_in_is_told_so_within_seconds(
    secure: SecureKafka, way: str, changes: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    if changes.get("ca_file") == "stranger":
        changes = changes | {"ca_file": secure.files.stranger}
    settings = let_in(secure, way, **changes)
    caplog.set_level(logging.DEBUG)
    for client in (TurnPublisher(kafka=settings.kafka), ContextConsumer(kafka=settings.kafka)):
        with pytest.raises(TransportError, match="can't reach a Kafka broker") as raised:
            async with client:
                pass
        assert PASSWORD not in str(raised.value) and "wr0ng-word" not in str(raised.value)
    with pytest.raises(TransportError, match="can't reach a Kafka broker"):
        await ensure_topics(settings)
    assert PASSWORD not in caplog.text and "wr0ng-word" not in caplog.text


async def test_metrics_of_clients_and_the_sink_get_in(secure: SecureKafka) -> None:
    settings = let_in(secure, "passwords", sasl_mechanism="SCRAM-SHA-512")
    await ensure_topics(settings)

    def send() -> None:
        delivery = ToTopic(settings)
        delivery.send([("s", b"{}")])
        delivery.close()

    await asyncio.to_thread(send)
    async with TopicReader(topic=settings.kafka.metrics, kafka=settings.kafka, from_beginning=True) as reader:
        assert [record.value async for record in reader.so_far()] == [b"{}"]
    ended = asyncio.Event()
    ended.set()
    await run_sink(settings, stop=ended)
    with pytest.raises(TransportError):
        await run_sink(let_in(secure, "passwords", password="wr0ng-word"), stop=ended)


@pytest.mark.parametrize("way", ["passwords", "certificate"])
def test_a_worker_gets_in_and_its_successor_goes_on_with_its_sessions(
    secure: SecureKafka, way: str, programs: Programs, tmp_path: Path
) -> None:
    settings = let_in(secure, way)
    asyncio.run(ensure_topics(settings))
    kafka = settings.kafka
    environ = {"HEADROOM_STREAM_WORKER__GROUP": settings.worker.group}
    for name in (
        "brokers",
        "turns",
        "contexts",
        "metrics",
        "dead",
        "security_protocol",
        "username",
        "ca_file",
        "cert_file",
        "key_file",
    ):
        environ[f"HEADROOM_STREAM_KAFKA__{name.upper()}"] = getattr(kafka, name)
    if kafka.password:
        (tmp_path / "password").write_text(kafka.password + "\n", encoding="utf-8")
        environ["HEADROOM_STREAM_KAFKA__PASSWORD_FILE"] = str(tmp_path / "password")
    near = Compressor()
    transport = KafkaTransport(kafka)
    far = Compressor(transport=transport)
    try:
        for end in (2, len(TALK)):
            worker = programs.headroom("worker", env=environ)
            worker.wait_for("worker ready", READY_SECONDS)
            expected = near.turn(TALK[:end], Call(session="s")).result.messages
            assert far.turn(TALK[:end], Call(session="s")).result.messages == expected
            assert worker.terminate() == 0
            assert PASSWORD not in worker.output()
    finally:
        transport.close()
