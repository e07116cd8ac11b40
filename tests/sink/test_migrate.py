"""The schema and its ledger."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest
from clickhouse_connect.driver.client import Client

from headroom_stream.analytics.store import connect
from headroom_stream.config import Settings
from headroom_stream.errors import ConfigurationError, StorageError
from headroom_stream.sink.migrate import Migration, migrate, packaged
from headroom_stream.sink.rows import COLUMNS
from tests.local.endpoint import with_clickhouse

pytestmark = pytest.mark.broker

FIRST = Migration(1, "first", "-- a; comment\nCREATE TABLE IF NOT EXISTS {database}.a (n Int8) ENGINE = MergeTree ORDER BY n;")
SECOND = Migration(2, "second", "ALTER TABLE {database}.a ADD COLUMN IF NOT EXISTS m Int8")


@pytest.fixture
def settings(clickhouse_url: str) -> Settings:
    return with_clickhouse(Settings(), clickhouse_url)


@pytest.fixture
def client(settings: Settings) -> Iterator[Client]:
    made = connect(settings, database=False)
    yield made
    made.close()


def test_the_tables_have_a_column_for_every_field(settings: Settings, client: Client) -> None:
    assert migrate(client, settings) == packaged()
    for table, columns in COLUMNS.items():
        found = [row[0] for row in client.query(f"DESCRIBE TABLE {settings.clickhouse.database}.{table}").result_rows]
        assert found == [*columns, "inserted_at"]


def test_what_was_applied_is_not_applied_again(settings: Settings, client: Client) -> None:
    assert migrate(client, settings, [FIRST]) == [FIRST]
    assert migrate(client, settings, [FIRST, SECOND]) == [SECOND]
    assert migrate(client, settings, [FIRST, SECOND]) == []


def test_a_changed_migration_is_refused_and_nothing_is_applied(settings: Settings, client: Client) -> None:
    migrate(client, settings, [FIRST])
    changed = msgspec.structs.replace(FIRST, sql=FIRST.sql + "\n")
    with pytest.raises(StorageError, match="changed after it was applied"):
        migrate(client, settings, [changed, SECOND])
    assert migrate(client, settings, [FIRST, SECOND]) == [SECOND]


def test_an_older_version_refuses_a_newer_database(settings: Settings, client: Client) -> None:
    migrate(client, settings, [FIRST, SECOND])
    with pytest.raises(StorageError, match="newer version"):
        migrate(client, settings, [FIRST])


def test_a_database_name_that_needs_quoting_is_refused(settings: Settings, client: Client) -> None:
    odd = msgspec.structs.replace(settings, clickhouse=msgspec.structs.replace(settings.clickhouse, database="a`; DROP"))
    with pytest.raises(ConfigurationError):
        migrate(client, odd)
