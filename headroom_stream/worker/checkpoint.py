"""The commit: the one place that decides in which order effects become durable."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Protocol

from headroom_stream.worker.processor import Batch, Outgoing


class Ports(Protocol):
    """What the commit needs of the world."""

    async def send(self, record: Outgoing) -> Awaitable[object]:
        """Hand a record to the producer; what comes back is done when the broker has acknowledged it."""

    async def send_state(self, partition: int, key: bytes, value: bytes | None) -> Awaitable[object]:
        """The same for a record of the changelog."""

    def store(self, partition: int, writes: Iterable[tuple[bytes, bytes | None]], acknowledged: Sequence[object]) -> None:
        """Write state locally. `acknowledged` are the results of `send_state`, in the same order."""


async def commit(partition: int, batch: Batch, ports: Ports, done: Callable[[], None]) -> None:
    """Make a batch durable.

    1. The batch is folded (by the caller), events of one session in order.
    2. Contexts, metrics and dead letters are sent; all acknowledgements are awaited.
    3. State goes to the changelog, segments before heads; all acknowledgements are awaited.
    4. State is written to the local store, which is therefore never ahead of the changelog.
    5. `done` lets the input offsets be committed.

    A crash before the end of 3 leaves the old heads: the events are folded again, to the same bytes under the same ids. After it the new
    heads say that they were applied, and they are skipped. Any exception must end the process: nothing here is to be tried again.
    """
    # Step 2.
    await _acknowledged([await ports.send(record) for record in batch.outgoing])
    # Step 3.
    written = await _acknowledged([await ports.send_state(partition, key, value) for key, value in batch.writes.items()])
    # Step 4.
    ports.store(partition, batch.writes.items(), written)
    # Step 5.
    done()


async def _acknowledged(pending: Sequence[Awaitable[object]]) -> list[object]:
    """One after the other: all of them are under way already, and the first that fails ends the commit."""
    return [await one for one in pending]
