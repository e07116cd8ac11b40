"""Creates the topics, and leaves those that exist as they are."""

from __future__ import annotations

import asyncio

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError
from msgspec import Struct

from headroom_stream.config import Settings
from headroom_stream.errors import TransportError

CONNECT_SECONDS = 5.0
"""A broker that doesn't answer within this is reported; aiokafka alone would try for 40 s."""
_ALREADY_EXISTS = 36


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
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka.brokers, request_timeout_ms=int(CONNECT_SECONDS * 1000))
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            await admin.start()
    except (KafkaError, OSError, TimeoutError) as error:
        await admin.close()
        raise TransportError(
            "can't reach the broker; is it running? (`headroom-stream up`)", {"brokers": settings.kafka.brokers}
        ) from error
    try:
        async with asyncio.timeout(CONNECT_SECONDS * 4):
            return await _ensure(admin, settings)
    except (KafkaError, OSError, TimeoutError) as error:
        raise TransportError(f"the broker did not create the topics: {error!r}", {"brokers": settings.kafka.brokers}) from error
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
    return [TopicReport(name, after[name], created=name not in before) for name in names]


async def _partitions(admin: AIOKafkaAdminClient, names: list[str]) -> dict[str, int]:
    there = set(await admin.list_topics()) & set(names)
    if not there:
        return {}
    described = await admin.describe_topics(sorted(there))
    return {topic["topic"]: len(topic["partitions"]) for topic in described if topic["error_code"] == 0}


def _configs(settings: Settings, name: str) -> dict[str, str]:
    configs = {"max.message.bytes": str(settings.kafka.max_message_bytes)}
    if name == changelog_topic(settings):
        configs["cleanup.policy"] = "compact"
    return configs
