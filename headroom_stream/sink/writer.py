"""Carries the steps of a batch out in ClickHouse, and tells what is worth another try."""

from __future__ import annotations

from collections.abc import Sequence

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError, OperationalError

from headroom_stream.analytics.store import connect, storage_error
from headroom_stream.config import Settings
from headroom_stream.errors import StorageError
from headroom_stream.sink.batch import Erase, Insert
from headroom_stream.sink.rows import COLUMNS

_PASSING_CODES = frozenset({159, 164, 202, 209, 210, 241, 242, 243, 252, 319, 425, 439, 745, 999, 1000})
"""ClickHouse's codes for trouble that passes: timeouts, load, memory, too many parts, read-only replicas, a full disk, Keeper."""


class UnavailableError(StorageError):
    """ClickHouse can't take rows now. The sink tries again by itself; nothing is lost while Kafka keeps the metrics."""


class Writer:
    """Blocking calls of ClickHouse over one connection, made when first needed and anew after trouble. Not for several threads."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._client: Client | None = None
        self._types: dict[str, list[str]] = {}

    def apply(self, step: Insert | Erase) -> None:
        """Do one step; done again it changes nothing. Raises UnavailableError for what passes, StorageError for what doesn't."""
        try:
            client = self._connected()
            if isinstance(step, Insert):
                self._insert(client, step)
            else:
                self._erase(client, step)
        except StorageError as error:
            self.close()
            if _passes(error.details.get("code")):
                raise UnavailableError(error.message, error.details) from error
            raise
        except ClickHouseError as error:
            self.close()
            found = storage_error(error, self._settings)
            if isinstance(error, OperationalError) or _passes(getattr(error, "code", None)):
                raise UnavailableError(found.message, found.details) from error
            raise found from error

    def close(self) -> None:
        """Forget the connection."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def _connected(self) -> Client:
        if self._client is None:
            self._client = connect(self._settings)
            self._types.clear()
        return self._client

    def _insert(self, client: Client, step: Insert) -> None:
        columns = COLUMNS[step.table]
        types = self._types.get(step.table)
        if types is None:
            types = self._types[step.table] = _column_types(client, step.table, columns)
        # All set here, as servers differ in their defaults. An asynchronous insert would be acknowledged before it is safe.
        settings = {
            "async_insert": 0,
            "insert_deduplicate": 1,
            "insert_deduplication_token": step.token,
            "deduplicate_blocks_in_dependent_materialized_views": 1,
            # A batch of old transcripts spans many months, and the server refuses more than a hundred of them at once.
            "max_partitions_per_insert_block": 0,
        }
        client.insert(step.table, step.rows, column_names=columns, column_type_names=types, settings=settings)

    def _erase(self, client: Client, step: Erase) -> None:
        for table in COLUMNS:
            where = "session_id = {session:String} AND event_time <= {until:DateTime64(3, 'UTC')}"
            client.command(
                f"DELETE FROM {table} WHERE {where}",  # noqa: S608 - our own table names
                parameters={"session": step.session_id, "until": step.until.strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]},
                settings={"lightweight_deletes_sync": 2},
            )


def _passes(code: int | None) -> bool:
    return code is None or code in _PASSING_CODES


def _column_types(client: Client, table: str, columns: Sequence[str]) -> list[str]:
    found = {row[0]: row[1] for row in client.query(f"DESCRIBE TABLE {table}").result_rows}
    missing = [column for column in columns if column not in found]
    if missing:
        raise StorageError(f"table {table} lacks {', '.join(missing)}; `headroom-stream init` brings it up to date", {"code": 16})
    return [found[column] for column in columns]
