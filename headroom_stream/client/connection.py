"""Starting and stopping Kafka clients: within seconds, or with a clear error."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress
from typing import Protocol

from aiokafka.errors import KafkaError

from headroom_stream.broker_access import unreachable
from headroom_stream.config import KafkaSettings
from headroom_stream.errors import TransportError

CONNECT_SECONDS = 5.0
"""A broker that is there answers in milliseconds; an address that swallows packets would hang a client for minutes."""

REQUEST_MS = 10_000
"""How long a record may wait for a broker that went away. aiokafka's 40 s would look like a hang to whoever awaits a publish."""


class KafkaClient(Protocol):
    """What producers and consumers share."""

    async def start(self) -> None:
        """Connect."""

    async def stop(self) -> None:
        """Disconnect."""


Topics = Callable[[], Awaitable[Collection[str]]]


async def start(client: KafkaClient, *, kafka: KafkaSettings, topic: str, topics: Topics, seconds: float) -> None:
    """Connect, and see that the topic is there: by a list of all, since asking for it by name would have some brokers create it.

    Raises TransportError, with the client stopped.
    """
    try:
        async with asyncio.timeout(seconds):
            await client.start()
            known = await topics()
    except (KafkaError, OSError, TimeoutError, ValueError) as error:
        await stop(client)
        # ValueError: an address that is not host:port.
        raise unreachable(kafka, error) from error
    if topic not in known:
        await stop(client)
        raise TransportError(f"no topic {topic!r} at {kafka.brokers}: create the topics with `headroom-stream init`")


async def stop(client: KafkaClient) -> None:
    """Disconnect. A broker that is gone can't delay this, nor make it fail: there is nothing left to lose by then."""
    with suppress(KafkaError, OSError, TimeoutError):
        async with asyncio.timeout(CONNECT_SECONDS):
            await client.stop()
