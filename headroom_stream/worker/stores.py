"""Faust's table stores as a plain mapping of bytes, written only after the changelog has acknowledged."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol

import faust
from faust.types import TP

from headroom_stream.session.state import is_head_key

Writes = Iterable[tuple[bytes, bytes | None]]


class StateStore(Protocol):
    """The local copy of the sessions of the assigned partitions. Calls come with Faust's current event set to one of the partition."""

    def read(self, key: bytes) -> bytes | None:
        """The value of a key, None where there is none."""

    def heads(self) -> Iterator[tuple[bytes, bytes]]:
        """The heads of all sessions that are here."""

    def write(self, partition: int, writes: Writes, acknowledged: Sequence[Any]) -> None:
        """Store what the changelog has; `acknowledged` are its record positions."""


class MemoryStore:
    """Over `memory://`. The table's own interface would send each write to the changelog once more, so its dict is used."""

    def __init__(self, table: faust.Table) -> None:
        self._data: dict[bytes, bytes] = table.data.data
        # Which partition a key belongs to: Faust drops the keys of partitions that went to another worker by it.
        self._partitions: dict[bytes, int] = table.data._key_partition  # noqa: SLF001 - no public way

    def read(self, key: bytes) -> bytes | None:
        return self._data.get(key)

    def heads(self) -> Iterator[tuple[bytes, bytes]]:
        return ((key, value) for key, value in self._data.items() if is_head_key(key))

    def write(self, partition: int, writes: Writes, acknowledged: Sequence[Any]) -> None:  # noqa: ARG002 - nothing to persist
        for key, value in writes:
            if value is None:
                self._data.pop(key, None)
                self._partitions.pop(key, None)
            else:
                self._data[key] = value
                self._partitions[key] = partition


class RocksStore:
    """Over `rocksdb://`: a restart reads only what the changelog has beyond the persisted offset."""

    def __init__(self, table: faust.Table) -> None:
        self._data = table.data

    def read(self, key: bytes) -> bytes | None:
        value: bytes | None = self._data.get(key)
        return value

    def heads(self) -> Iterator[tuple[bytes, bytes]]:
        return ((key, value) for key, value in self._data.items() if is_head_key(key))

    def write(self, partition: int, writes: Writes, acknowledged: Sequence[Any]) -> None:  # noqa: ARG002 - from the current event
        for key, value in writes:
            if value is None:
                self._data.pop(key, None)
            else:
                self._data[key] = value
        if acknowledged:
            last = acknowledged[-1]
            self._data.set_persisted_offset(TP(last.topic, last.partition), last.offset)


def state_store(table: faust.Table) -> StateStore:
    """The adapter for the store that the table was made with."""
    return RocksStore(table) if table.data.url.scheme == "rocksdb" else MemoryStore(table)
