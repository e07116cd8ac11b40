"""The client over a broker and a worker: the same bytes as in one process, and an error that can be read where nobody answers."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from headroom_stream.client.kafka_transport import KafkaTransport
from headroom_stream.config import KafkaSettings
from headroom_stream.engine import Call, Compressor
from headroom_stream.errors import TransportError
from headroom_stream.events import ContextBatch
from headroom_stream.gateway.answers import Compressed
from tests.engine.test_compressor import ENDS, TALK
from tests.sdk.agents import anthropic_history, gemini_history
from tests.sdk.test_headroom_client import ask_claude, ask_gpt, claude, gpt
from tests.support.children import free_port
from tests.support.gateway import running_gateway
from tests.support.processes import Programs
from tests.support.provider_stub import ProviderStub
from tests.worker.stream import READY_SECONDS, Stream

TALKS = {"openai": [TALK[:end] for end in ENDS], "anthropic": [anthropic_history(n) for n in range(4)]}
TALKS["gemini"] = [gemini_history(n) for n in range(4)]


@pytest.fixture(scope="module")
def running(embedded_broker: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stream]:
    """A broker with topics and a worker that is ready."""
    folder = tmp_path_factory.mktemp("transport")
    programs = Programs(folder)
    try:
        stream = asyncio.run(Stream.create(embedded_broker, programs, folder, session_timeout_s=3))
        stream.worker().wait_for("worker ready", READY_SECONDS)
        yield stream
    finally:
        programs.stop_all()


def contexts(compressor: Compressor, shape: str, **options: object) -> list[ContextBatch]:
    made = [compressor.turn(talk, Call(session=f"same-{shape}", model="gpt-4o", **options)).context for talk in TALKS[shape]]  # type: ignore[arg-type]
    return [one for one in made if one is not None]


@pytest.mark.parametrize("shape", sorted(TALKS))
def test_a_worker_gives_the_bytes_that_this_process_gives(running: Stream, shape: str) -> None:
    transport = KafkaTransport(running.settings.kafka)
    try:
        far = contexts(Compressor(transport=transport), shape)
    finally:
        transport.close()
    near = contexts(Compressor(), shape)
    assert [[bytes(m) for m in c.messages] for c in far] == [[bytes(m) for m in c.messages] for c in near]
    assert [(c.prefix_hash, c.tokens_before, c.tokens_after, c.references) for c in far] == [
        (c.prefix_hash, c.tokens_before, c.tokens_after, c.references) for c in near
    ]


@pytest.mark.parametrize(("shape", "processes"), [("openai", 0), ("anthropic", 0), ("gemini", 0), ("openai", 2)])
def test_a_gateway_gives_the_bytes_that_a_worker_gives(running: Stream, shape: str, processes: int) -> None:
    session = f"gateway-{shape}-{processes}"
    transport = KafkaTransport(running.settings.kafka)
    try:
        compressor = Compressor(transport=transport)
        far = [compressor.turn(talk, Call(session=session, model="gpt-4o")).context for talk in TALKS[shape]]
    finally:
        transport.close()
    with running_gateway(processes=processes) as gateway:
        for talk, context in zip(TALKS[shape], far, strict=True):
            reply = gateway.post("/v1/compress", {"model": "gpt-4o", "messages": talk, "config": {"session_id": session}})
            assert context is not None
            assert [bytes(m) for m in msgspec.json.decode(reply.body, type=Compressed).messages] == [
                bytes(m) for m in context.messages
            ]


def test_a_client_sends_the_provider_the_same_over_a_broker(running: Stream) -> None:
    with ProviderStub() as stub:
        for make, ask in ((gpt, ask_gpt), (claude, ask_claude)):
            with make(stub, transport="kafka", settings=running.settings) as far:
                for calls in range(4):
                    ask(far, calls, headroom_session=f"client-{make.__name__}")
                assert far.get_stats()["session"]["fallbacks"] == 0
                assert far.validate_setup()["valid"]
            near = make(stub)
            for calls in range(4):
                ask(near, calls, headroom_session=f"client-{make.__name__}")
            bodies = [request.body for request in stub.chats[-8:]]
            assert bodies[:4] == bodies[4:]


def test_a_second_client_goes_on_with_a_session_it_has_not_seen(running: Stream) -> None:
    sent = []
    for part in (TALK[:4], TALK):
        transport = KafkaTransport(running.settings.kafka)
        sent.append(Compressor(transport=transport).turn(part, Call(session="handed-on")).result.messages)
        transport.close()
    assert sent[1][:4] == sent[0]
    assert "same as result 1" in sent[1][-1]["content"]


def test_without_a_broker_there_is_an_error_and_then_a_fallback(tmp_path: Path) -> None:
    nowhere = KafkaSettings(brokers=f"127.0.0.1:{free_port()}")
    transport = KafkaTransport(nowhere, timeout=2)
    with pytest.raises(TransportError, match="can't reach"):
        Compressor(transport=transport).turn(TALK)
    transport.close()


def test_without_a_worker_a_turn_times_out(embedded_broker: str, tmp_path: Path) -> None:
    programs = Programs(tmp_path)
    stream = asyncio.run(Stream.create(embedded_broker, programs, tmp_path, session_timeout_s=3))
    transport = KafkaTransport(stream.settings.kafka, timeout=1)
    with pytest.raises(TransportError, match="is a worker running"):
        Compressor(transport=transport).turn(TALK)
    transport.close()
