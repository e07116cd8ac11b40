"""The topics: their names, how they are made, and how many partitions they have."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError
from msgspec import Struct

from headroom_stream.broker_access import access, unreachable
from headroom_stream.config import Settings
from headroom_stream.errors import TransportError

CONNECT_SECONDS = 5.0
"""A broker that doesn't answer within this is reported; aiokafka alone would try for 40 s."""
_ALREADY_EXISTS = 36
DEAD_LETTER_ROOM = 64 * 1024
"""For the headers that a refused record gets: one of the greatest size has to fit as a dead letter too, or it stops the worker."""


class TopicReport(Struct, frozen=True):
    """What became of one topic."""

    name: str
    partitions: int
    created: bool
    """False: it was there before."""


def changelog_topic(settings: Settings) -> str:
    """The compacted topic in which the worker's group keeps its sessions."""
    return f"{settings.worker.group}-sessions-changelog"


async def ensure_topics(settings: Settings) -> list[TopicReport]:
    """Create the topics that are missing, in the order turns, contexts, metrics, dead letters, changelog.

    The changelog gets as many partitions as the turns topic has: a session's state lies on the partition of its turns. Raises
    TransportError if the broker can't be reached or refuses, or if the two topics that must agree don't.
    """
    async with _admin(settings) as admin:
        return await _ensure(admin, settings)


async def partition_count(settings: Settings, topic: str) -> int:
    """Partitions of a topic. Raises TransportError when the broker or the topic is not there."""
    async with _admin(settings) as admin:
        found = await _partitions(admin, [topic])
    if topic not in found:
        raise TransportError(f"no topic {topic!r} at {settings.kafka.brokers}: create the topics with `headroom-stream init`")
    return found[topic]


@asynccontextmanager
async def _admin(settings: Settings) -> AsyncIterator[AIOKafkaAdminClient]:
    """A connected admin client; what goes wrong with it is a TransportError."""
    brokers = settings.kafka.brokers
    admin = AIOKafkaAdminClient(**access(settings.kafka), request_timeout_ms=int(CONNECT_SECONDS * 1000))
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            await admin.start()
    except (KafkaError, OSError, TimeoutError, ValueError) as error:
        await admin.close()
        # ValueError: an address that is not host:port.
        raise unreachable(settings.kafka, error) from error
    try:
        async with asyncio.timeout(CONNECT_SECONDS * 4):
            yield admin
    except (KafkaError, OSError, TimeoutError) as error:
        raise TransportError(f"the broker at {brokers} did not do it: {error!r}") from error
    finally:
        await admin.close()


async def _ensure(admin: AIOKafkaAdminClient, settings: Settings) -> list[TopicReport]:
    kafka = settings.kafka
    changelog = changelog_topic(settings)
    names = [kafka.turns, kafka.contexts, kafka.metrics, kafka.dead, changelog]
    before = await _partitions(admin, names)
    turns = before.get(kafka.turns, kafka.partitions)
    wanted = [
        NewTopic(n, kafka.partitions, kafka.replication, topic_configs=_configs(settings, n)) for n in names if n != changelog
    ]
    wanted.append(NewTopic(changelog, turns, kafka.replication, topic_configs=_configs(settings, changelog)))
    missing = [topic for topic in wanted if topic.name not in before]
    if missing:
        answer = await admin.create_topics(missing)
        for name, code, *rest in answer.topic_errors:
            # Another process may have created it since we looked.
            if code not in (0, _ALREADY_EXISTS):
                raise TransportError(
                    "the broker refused to create a topic", {"topic": name, "code": code, "reason": rest[0] if rest else ""}
                )
    after = {t.name: t.num_partitions for t in missing} | before
    if after[changelog] != after[kafka.turns]:
        raise TransportError(
            f"{changelog} has {after[changelog]} partitions and {kafka.turns} has {after[kafka.turns]}; they must be equal. "
            "Give the worker a new group (worker.group), which gets a changelog of its own, or create one of the two topics anew",
        )
    # Apache Kafka elects leaders after it says that a topic is made; until then nobody can use it.
    while len(await _partitions(admin, names)) < len(names):  # noqa: ASYNC110 - the broker has no event to wait for
        await asyncio.sleep(0.05)
    return [TopicReport(name, after[name], created=name not in before) for name in names]


async def _partitions(admin: AIOKafkaAdminClient, names: list[str]) -> dict[str, int]:
    """Of those topics that exist and have leaders."""
    # By a list of all: asking for a missing one by name has some brokers create it.
    there = set(await admin.list_topics()) & set(names)
    if not there:
        return {}
    described = await admin.describe_topics(sorted(there))
    return {
        topic["topic"]: len(topic["partitions"])
        for topic in described
        if topic["error_code"] == 0 and topic["partitions"] and all(p["leader"] >= 0 for p in topic["partitions"])
    }


def _configs(settings: Settings, name: str) -> dict[str, str]:
    size = settings.kafka.max_message_bytes + (DEAD_LETTER_ROOM if name == settings.kafka.dead else 0)
    configs = {"max.message.bytes": str(size)}
    if name == changelog_topic(settings):
        configs["cleanup.policy"] = "compact"
    return configs
