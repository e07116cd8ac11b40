"""Rows in a SQLite file that several threads and processes write at once, or in memory."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import msgspec

from headroom_stream.errors import StorageError
from headroom_stream.results import RequestMetrics
from headroom_stream.store.asking import Asks
from headroom_stream.store.rows import COLUMNS, NESTED, values_of
from headroom_stream.store.schema import bring_up
from headroom_stream.store.times import micros, time_of

LOCK_SECONDS = 10.0
"""How long a write waits for those of others, which take well below a millisecond each. Longer means that somebody holds the file."""
_MEMORY = ":memory:"
_INSERT = f"INSERT OR REPLACE INTO requests ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})"  # noqa: S608 - our columns
_TIME = COLUMNS.index("timestamp")
_NESTED = [COLUMNS.index(name) for name in sorted(NESTED)]
_HINTS = {
    sqlite3.SQLITE_BUSY: "another program holds it locked; close what has a transaction open on it, such as a database browser",
    sqlite3.SQLITE_LOCKED: "another program holds it locked; close what has a transaction open on it, such as a database browser",
    sqlite3.SQLITE_NOTADB: "it is no SQLite file; give another store_url, or move it away and a new one is made",
    sqlite3.SQLITE_CORRUPT: "the file is damaged; move it away and a new one is made",
    sqlite3.SQLITE_CANTOPEN: "it can't be opened; does its folder exist, and may this process write there?",
    sqlite3.SQLITE_READONLY: "it is read-only for this process; change its permissions, or give another store_url",
    sqlite3.SQLITE_PERM: "it is read-only for this process; change its permissions, or give another store_url",
    sqlite3.SQLITE_FULL: "the disk is full; make room",
    sqlite3.SQLITE_IOERR: "the disk fails; see the system's log. Network file systems can't hold a store",
}


MEMORY_ROWS = 20_000
"""Of a store in memory: some 20 MB."""
_TRIM = "DELETE FROM requests WHERE rowid <= (SELECT max(rowid) FROM requests) - :most"


class SqliteStore(Asks):
    """Rows in the file at `path`, which is made if it does not exist. Raises StorageError, which says what to do about the file.

    A row is on disk when `save` returns: the death of the process loses none, that of the machine at most the last ones.
    """

    _table = "requests"
    # Left to itself SQLite would look each row up by its time, and sort them all.
    _groups = "requests INDEXED BY by_group"
    _hour = "hour"
    _failed = "failed"
    # Calls mostly share few lists of transforms: these are grouped first, and only then taken apart.
    _transforms = """
        SELECT name, sum(n), sum(b), sum(s) FROM (
            SELECT value AS name, n, b, s
            FROM (
                SELECT transforms_applied AS list, {sums}
                FROM {calls} INDEXED BY by_transforms {where} GROUP BY transforms_applied
            ), json_each(list)
            GROUP BY list, name
        )
        GROUP BY name"""

    def __init__(self, path: str | Path) -> None:
        self.path = str(path)
        self._lock = threading.Lock()
        self._writer: sqlite3.Connection | None = None
        self._process = 0
        self._closed = False
        with self._reported(), self._lock:
            self._writing()

    def save(self, row: RequestMetrics) -> None:
        """Keep a row; see MetricsStore."""
        self.save_all([row])

    def save_all(self, rows: Sequence[RequestMetrics]) -> None:
        """Keep all rows or none of them."""
        values = [_values(row) for row in rows]
        with self._reported(), self._lock:
            connection = self._writing()
            connection.execute("BEGIN IMMEDIATE")
            try:
                connection.executemany(_INSERT, values)
                connection.execute("COMMIT")
            except BaseException:
                connection.execute("ROLLBACK")
                raise

    def close(self) -> None:
        """Let the file go."""
        with self._lock:
            self._closed = True
            if self._writer is not None and self._process == os.getpid():
                self._writer.close()
            self._writer = None

    def _select(self, sql: str, parameters: Mapping[str, Any]) -> Sequence[Sequence[Any]]:
        with self._reported():
            if self.path == _MEMORY:
                with self._lock:
                    return self._writing().execute(sql, parameters).fetchall()
            if self._closed:
                raise StorageError("the store is closed")
            # A connection of its own: a long question must not keep rows from being saved.
            with closing(self._connect()) as connection:
                return connection.execute(sql, parameters).fetchall()

    def _placeholder(self, name: str) -> str:
        return f":{name}"

    def _waste(self, kind: str) -> str:
        return kind

    def _whole_rows(self, rows: Sequence[Sequence[Any]]) -> list[list[Any]]:
        return [_from_columns(list(row)) for row in rows]

    def _writing(self) -> sqlite3.Connection:
        if self._closed:
            raise StorageError("the store is closed")
        if self._writer is None or (self._process != os.getpid() and self.path != _MEMORY):
            # A connection must not be used after a fork: the child opens its own and lets that of its parent be.
            connection = self._connect()
            try:
                if self.path != _MEMORY:
                    # Readers and a writer do not wait for each other.
                    connection.execute("PRAGMA journal_mode = WAL")
                    connection.execute("PRAGMA synchronous = NORMAL")
                bring_up(connection)
            except BaseException:
                connection.close()
                raise
            self._writer, self._process = connection, os.getpid()
        return self._writer

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self.path, timeout=LOCK_SECONDS, isolation_level=None, check_same_thread=False)

    @contextmanager
    def _reported(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            # The code's low byte is its kind.
            hint = _HINTS.get(getattr(error, "sqlite_errorcode", 0) & 0xFF, str(error))
            raise StorageError(f"the metrics store {self.path} failed: {hint}", {"error": str(error)}) from error
        except StorageError as error:
            raise StorageError(f"the metrics store {self.path} failed: {error.message}", error.details) from error


class MemoryStore(SqliteStore):
    """Rows in memory, gone with the store. Of more than `most` rows the oldest go, so that a server may run for as long as it likes."""

    def __init__(self, most: int = MEMORY_ROWS) -> None:
        super().__init__(_MEMORY)
        self._most = most

    def save_all(self, rows: Sequence[RequestMetrics]) -> None:
        """Keep all rows or none of them, and let the oldest go where there are too many."""
        super().save_all(rows)
        with self._reported(), self._lock:
            self._writing().execute(_TRIM, {"most": self._most})


def _values(row: RequestMetrics) -> list[Any]:
    values = values_of(row)
    values[_TIME] = micros(row.timestamp)
    for at in _NESTED:
        values[at] = msgspec.json.encode(values[at]).decode()
    return values


def _from_columns(values: list[Any]) -> list[Any]:
    values[_TIME] = time_of(values[_TIME])
    for at in _NESTED:
        values[at] = msgspec.json.decode(values[at])
    return values
