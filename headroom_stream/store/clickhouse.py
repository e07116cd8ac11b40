"""Rows in ClickHouse's table `requests`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from clickhouse_connect.driver.client import Client

from headroom_stream.analytics.store import connect, reported
from headroom_stream.config import Settings
from headroom_stream.config.deployment import ClickHouseSettings
from headroom_stream.errors import StorageError
from headroom_stream.results import RequestMetrics
from headroom_stream.sink.migrate import migrate
from headroom_stream.store.asking import Asks
from headroom_stream.store.rows import COLUMNS, values_of
from headroom_stream.store.times import micros, naive, time_of

_UNKNOWN = frozenset({60, 81})
"""ClickHouse's codes for a table and a database that are not there."""
_NUMBERS = frozenset({"limit", "first_hour", "last_hour"})
_TIME = COLUMNS.index("timestamp")


class ClickHouseStore(Asks):
    """Rows in the table `requests` of ClickHouse. With `create` the database and its tables are made where they are missing.

    A row is stored when `save` returns. The server gathers rows of several clients before it writes them, which can take a fifth of a
    second. Raises StorageError.
    """

    _hour = "intDiv(toUnixTimestamp64Micro(timestamp), 3600000000)"
    _failed = "error IS NOT NULL"
    _transforms = """
        SELECT name, {sums}
        FROM (SELECT *, arrayJoin(arrayDistinct(transforms_applied)) AS name FROM {calls} {where})
        GROUP BY name"""

    def __init__(self, settings: ClickHouseSettings, *, create: bool = True) -> None:
        self._settings = Settings(clickhouse=settings)
        self._table = self._groups = f"`{settings.database}`.requests FINAL"
        self._insert_into = f"`{settings.database}`.requests"
        # Not to the database itself, which may not be there yet.
        self._client: Client | None = connect(self._settings, database=False)
        if create:
            self._complete()

    def save(self, row: RequestMetrics) -> None:
        """Keep a row; see MetricsStore."""
        self.save_all([row])

    def save_all(self, rows: Sequence[RequestMetrics]) -> None:
        """Keep several rows by one insert."""
        values = [_values(row) for row in rows]
        with reported(self._settings):
            self._open().insert(
                self._insert_into,
                values,
                column_names=COLUMNS,
                # An asynchronous insert is acknowledged once it is written; a part for each call would be too many.
                settings={"async_insert": 1, "wait_for_async_insert": 1, "max_partitions_per_insert_block": 0},
            )

    def close(self) -> None:
        """Let the connection go."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def _open(self) -> Client:
        if self._client is None:
            raise StorageError("the store is closed")
        return self._client

    def _complete(self) -> None:
        try:
            self._select(f"SELECT 1 FROM {self._insert_into} LIMIT 0", {})  # noqa: S608 - a checked name
        except StorageError as error:
            if error.details.get("code") not in _UNKNOWN:
                raise
            # Only then, since an account that may write rows need not be one that may create tables.
            migrate(self._open(), self._settings)

    def _select(self, sql: str, parameters: Mapping[str, Any]) -> Sequence[Sequence[Any]]:
        with reported(self._settings):
            return self._open().query(sql, parameters=dict(parameters)).result_rows

    def _placeholder(self, name: str) -> str:
        if name in ("start", "end"):
            return f"fromUnixTimestamp64Micro({{{name}:Int64}}, 'UTC')"
        return f"{{{name}:{'Int64' if name in _NUMBERS else 'String'}}}"

    def _waste(self, kind: str) -> str:
        return f"waste_signals['{kind}']"

    def _whole_rows(self, rows: Sequence[Sequence[Any]]) -> list[list[Any]]:
        return [[naive(value) if isinstance(value, datetime) else value for value in row] for row in rows]


def _values(row: RequestMetrics) -> list[Any]:
    values = values_of(row)
    values[_TIME] = time_of(micros(row.timestamp)).replace(tzinfo=UTC)
    return values
