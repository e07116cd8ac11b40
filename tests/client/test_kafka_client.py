"""Publisher, reader and consumer on real brokers."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable, Iterator

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.structs import ConsumerRecord
from msgspec import Raw

from headroom_stream.client import ContextConsumer, MissingBaseError, TopicReader, TurnPublisher, end_offsets
from headroom_stream.config import Settings
from headroom_stream.errors import ConfigurationError, TransportError, ValidationError
from headroom_stream.events import ContextBatch, TurnEvent, decode_turn, encode
from tests.client.test_deltas import context
from tests.support.kafka_io import create_topics, produce, read_all, true_ends

MakeSettings = Callable[..., Settings]


def turn(session: str, n: int, **fields: object) -> TurnEvent:
    return TurnEvent(session_id=session, event_id=str(n), messages=[Raw(b'{"role": "user", "content": "hi"}')], **fields)  # type: ignore[arg-type] # any field


def record(batch: ContextBatch) -> tuple[bytes, bytes]:
    return batch.session_id.encode(), encode(batch)


@pytest.fixture
def silent_address() -> Iterator[str]:
    """An address that takes connections and never answers."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(16)
        yield f"127.0.0.1:{listening.getsockname()[1]}"


async def test_the_turns_of_a_session_arrive_in_order_under_its_key(broker: str, topics: Callable[[str], str]) -> None:
    topic = topics("turns")
    await create_topics(broker, [topic], partitions=4)
    async with TurnPublisher(brokers=broker, topic=topic) as publisher:
        first = await publisher.publish(turn("ä", 0, traceparent="00-a-b-01", tracestate="x=1"))
        for n in range(1, 200):
            await publisher.send(turn("ä", n))
            await publisher.send(turn(f"other-{n % 7}", n))
    records = await read_all(broker, topic)
    mine = [r for r in records if r.key == "ä".encode()]
    assert [decode_turn(r.value).event_id for r in mine] == [str(n) for n in range(200)]
    assert {r.partition for r in mine} == {first.partition}
    assert mine[0].headers == (("traceparent", b"00-a-b-01"), ("tracestate", b"x=1"))
    assert mine[1].headers == ()
    assert len(records) == 399


async def test_erasing_a_session_is_a_null_value(broker: str, topics: Callable[[str], str]) -> None:
    topic = topics("turns")
    await create_topics(broker, [topic])
    async with TurnPublisher(brokers=broker, topic=topic) as publisher:
        await publisher.erase("s")
    assert [(r.key, r.value) for r in await read_all(broker, topic)] == [(b"s", None)]


async def test_in_flight_records_are_bounded(embedded_broker: str, topics: Callable[[str], str]) -> None:
    topic = topics("turns")
    await create_topics(embedded_broker, [topic])
    async with TurnPublisher(brokers=embedded_broker, topic=topic, max_in_flight=3) as publisher:
        futures = [await publisher.send(turn("s", n)) for n in range(50)]
        # A slot is free only once a record before was acknowledged.
        assert sum(not f.done() for f in futures) <= 3
        await publisher.flush()
        assert [f.result().offset for f in futures] == list(range(50))


async def test_what_no_broker_would_take_is_refused_at_once(embedded_broker: str, topics: Callable[[str], str]) -> None:
    topic = topics("turns")
    await create_topics(embedded_broker, [topic])
    async with TurnPublisher(brokers=embedded_broker, topic=topic, max_message_bytes=10_000) as publisher:
        with pytest.raises(ValidationError, match="too large"):
            await publisher.publish(turn("s", 1, query="x" * 10_000))
        with pytest.raises(ValidationError, match="session_id"):
            await publisher.publish(turn("", 1))
        await publisher.publish(turn("s", 1))


@pytest.mark.parametrize("client", [TurnPublisher, ContextConsumer])
async def test_a_port_where_nobody_listens_is_an_error_within_seconds(client: type[TurnPublisher | ContextConsumer]) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    begun = time.monotonic()
    with pytest.raises(TransportError, match=f"can't reach a Kafka broker at {address}"):
        async with client(brokers=address):
            pass
    assert time.monotonic() - begun < 5


@pytest.mark.parametrize("client", [TurnPublisher, ContextConsumer])
async def test_an_address_that_never_answers_is_an_error_within_seconds(
    client: type[TurnPublisher | ContextConsumer], silent_address: str
) -> None:
    begun = time.monotonic()
    with pytest.raises(TransportError, match="can't reach"):
        async with client(brokers=silent_address, connect_timeout=0.5):
            pass
    assert time.monotonic() - begun < 6


@pytest.mark.parametrize("client", [TurnPublisher, ContextConsumer])
async def test_an_address_without_a_port_number_is_an_error(client: type[TurnPublisher | ContextConsumer]) -> None:
    with pytest.raises(TransportError):
        async with client(brokers="localhost:kafka", connect_timeout=1):
            pass


@pytest.mark.parametrize("client", [TurnPublisher, ContextConsumer])
async def test_a_missing_topic_is_an_error_and_is_not_created(
    client: type[TurnPublisher | ContextConsumer], broker: str, topics: Callable[[str], str]
) -> None:
    topic = topics("absent")
    for _ in range(2):
        with pytest.raises(TransportError, match="init"):
            async with client(brokers=broker, topic=topic):
                pass


@pytest.mark.parametrize("size", [1, 2, 500])
async def test_partitions_end_after_the_last_record_of_the_last_batch(broker: str, topics: Callable[[str], str], size: int) -> None:
    topic = topics("ends")
    await create_topics(broker, [topic], partitions=3)
    for n in range(2):
        await produce(broker, topic, [(b"k", b"%d" % n)] * size, linger_ms=50)
    tps = [TopicPartition(topic, p) for p in range(3)]
    consumer = AIOKafkaConsumer(bootstrap_servers=broker, auto_offset_reset="earliest", enable_auto_commit=False)
    async with consumer:
        consumer.assign(tps)
        (filled,) = [tp for tp, end in (await true_ends(broker, topic)).items() if end]
        consumer.seek(tps[filled], 1)
        consumer.pause(tps[0])
        for _ in range(3):
            assert await end_offsets(consumer, tps) == {tp: 2 * size if tp.partition == filled else 0 for tp in tps}
        # Neither positions nor pauses have moved, and what is produced later counts.
        assert (await consumer.position(tps[filled]), consumer.paused()) == (1, {tps[0]})
        await produce(broker, topic, [(b"k", b"more")] * size)
        assert (await end_offsets(consumer, tps))[tps[filled]] == 3 * size
        consumer.resume(tps[0])
        assert (await consumer.getone(tps[filled])).offset == 1


async def test_a_reader_gives_what_is_there_and_stops(broker: str, topics: Callable[[str], str]) -> None:
    topic = topics("read")
    await create_topics(broker, [topic], partitions=3)
    await produce(broker, topic, [(b"%d" % n, b"%d" % n) for n in range(1000)], linger_ms=50)
    async with TopicReader(brokers=broker, topic=topic, from_beginning=True) as reader:
        await produce(broker, topic, [(b"later", b"x")])
        values = [r.value async for r in reader.so_far() if r.key != b"later"]
    assert sorted(values) == sorted(b"%d" % n for n in range(1000))


async def test_reading_an_empty_topic_to_its_end_gives_nothing(broker: str, topics: Callable[[str], str]) -> None:
    topic = topics("empty")
    await create_topics(broker, [topic], partitions=2)
    async with TopicReader(brokers=broker, topic=topic, from_beginning=True) as reader:
        assert [r async for r in reader.so_far()] == []


async def test_a_reader_from_now_on_sees_nothing_of_before(broker: str, topics: Callable[[str], str]) -> None:
    topic = topics("now")
    await create_topics(broker, [topic])
    await produce(broker, topic, [(b"k", b"old")] * 50, linger_ms=50)
    async with TopicReader(brokers=broker, topic=topic) as reader:
        await produce(broker, topic, [(b"k", b"new")])
        found: list[ConsumerRecord] = []
        async with asyncio.timeout(10):
            while not found:
                found = await reader.poll(0.5)
    assert [r.value for r in found] == [b"new"]


async def test_contexts_come_once_and_whole(broker: str, topics: Callable[[str], str]) -> None:
    topic = topics("contexts")
    await create_topics(broker, [topic], partitions=2)
    sent = [context(0, [b"1", b"2"]), context(1, [b"3"], start=2), context(0, [b"1", b"2"]), context(2, [b"4"], start=1)]
    await produce(broker, topic, [*map(record, sent), (b"gone", None), record(context(0, [b"9"], session="other"))], linger_ms=50)
    async with ContextConsumer(brokers=broker, topic=topic, from_beginning=True, session="s") as consumer:
        found = [c async for c in consumer.so_far()]
    assert [[bytes(m) for m in c.messages] for c in found] == [[b"1", b"2"], [b"1", b"2", b"3"], [b"1", b"4"]]


async def test_a_delta_without_its_base_is_raised_and_the_stream_goes_on(
    embedded_broker: str, topics: Callable[[str], str]
) -> None:
    topic = topics("contexts")
    await create_topics(embedded_broker, [topic])
    await produce(embedded_broker, topic, [record(context(1, [b"3"], start=2)), record(context(0, [b"9"], session="other"))])
    async with ContextConsumer(brokers=embedded_broker, topic=topic, from_beginning=True) as consumer, asyncio.timeout(20):
        stream = aiter(consumer)
        with pytest.raises(MissingBaseError):
            await anext(stream)
        assert (await anext(stream)).session_id == "other"
    async with ContextConsumer(brokers=embedded_broker, topic=topic, from_beginning=True, incomplete="give") as consumer:
        assert [c.messages_from async for c in consumer.so_far()] == [2, 0]


async def test_a_record_that_is_no_context_is_named_and_the_stream_goes_on(
    embedded_broker: str, topics: Callable[[str], str]
) -> None:
    topic = topics("contexts")
    await create_topics(embedded_broker, [topic])
    await produce(embedded_broker, topic, [(b"s", b"not json"), record(context(0, [b"1"]))])
    async with ContextConsumer(brokers=embedded_broker, topic=topic, from_beginning=True) as consumer, asyncio.timeout(20):
        stream = aiter(consumer)
        with pytest.raises(ValidationError, match=r"no context.*offset=0"):
            await anext(stream)
        assert (await anext(stream)).event_id == "0"


@pytest.mark.slow  # leaving and joining a group takes a broker ten seconds
async def test_a_group_goes_on_after_the_last_context_that_was_dealt_with(broker: str, topics: Callable[[str], str]) -> None:
    topic, group = topics("contexts"), topics("group")
    await create_topics(broker, [topic])
    await produce(broker, topic, [record(context(n, [b"%d" % n])) for n in range(10)], linger_ms=50)

    async def fail_with_the_next(consumer: ContextConsumer) -> None:
        async with consumer:
            async for found in consumer:
                assert found.event_id == "3"
                raise ConnectionAbortedError

    def member() -> ContextConsumer:
        return ContextConsumer(brokers=broker, topic=topic, group=group, from_beginning=True)

    async with asyncio.timeout(60):
        async with member() as consumer:
            stream = aiter(consumer)
            assert [(await anext(stream)).event_id for _ in range(3)] == ["0", "1", "2"]
        with pytest.raises(ConnectionAbortedError):
            await fail_with_the_next(member())
        # The third was given to someone who failed with it: it comes again.
        async with member() as consumer:
            assert (await anext(aiter(consumer))).event_id == "3"


async def echo(settings: Settings, started: asyncio.Event, turns: int) -> None:
    """Answers each turn with a context, as a worker would, and each of them twice."""
    async with TopicReader(brokers=settings.kafka.brokers, topic=settings.kafka.turns) as reader:
        started.set()
        while turns:
            for found in await reader.poll():
                event = decode_turn(found.value)
                answer = ContextBatch(
                    output_id=f"{event.session_id}/{event.event_id}",
                    session_id=event.session_id,
                    event_id=event.event_id or "",
                    messages=event.messages or [],
                )
                await produce(settings.kafka.brokers, settings.kafka.contexts, [record(answer)] * 2)
                turns -= 1


async def test_a_request_gives_the_context_of_its_own_turn(embedded_broker: str, make_settings: MakeSettings) -> None:
    settings: Settings = make_settings(embedded_broker, partitions=2)
    kafka = settings.kafka
    await create_topics(embedded_broker, [kafka.turns, kafka.contexts], partitions=2)
    started = asyncio.Event()
    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        group.create_task(echo(settings, started, 6))
        await started.wait()
        async with (
            TurnPublisher(brokers=kafka.brokers, topic=kafka.turns) as publisher,
            ContextConsumer(brokers=kafka.brokers, topic=kafka.contexts) as consumer,
        ):
            answers = await asyncio.gather(*(consumer.request(publisher, turn(f"s{n % 3}", n)) for n in range(5)))
            assert [(a.session_id, a.event_id) for a in answers] == [(f"s{n % 3}", str(n)) for n in range(5)]
            unnamed = TurnEvent(session_id="s", messages=[Raw(b'{"role":"user"}')])
            assert [bytes(m) for m in (await consumer.request(publisher, unnamed)).messages] == [b'{"role":"user"}']


async def test_a_request_that_no_worker_answers_ends_with_a_clear_error(embedded_broker: str, make_settings: MakeSettings) -> None:
    kafka = make_settings(embedded_broker).kafka
    await create_topics(embedded_broker, [kafka.turns, kafka.contexts])
    async with (
        TurnPublisher(brokers=kafka.brokers, topic=kafka.turns) as publisher,
        ContextConsumer(brokers=kafka.brokers, topic=kafka.contexts) as consumer,
    ):
        with pytest.raises(TransportError, match=r"no context within 0\.3 s: is a worker running"):
            await consumer.request(publisher, turn("s", 1), timeout=0.3)


async def test_a_request_with_a_group_is_refused(embedded_broker: str, make_settings: MakeSettings) -> None:
    consumer = ContextConsumer(brokers=embedded_broker, group="g")
    with pytest.raises(ConfigurationError, match="group"):
        await consumer.request(TurnPublisher(brokers=embedded_broker), turn("s", 1))


async def test_a_publisher_that_was_not_entered_says_so() -> None:
    with pytest.raises(TransportError, match="async with"):
        await TurnPublisher().publish(turn("s", 1))
