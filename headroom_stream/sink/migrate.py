"""Brings the ClickHouse schema up to date: numbered SQL files, each applied once, forward only."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from importlib.resources import files

from clickhouse_connect.driver.client import Client
from msgspec import Struct

from headroom_stream.analytics.store import reported
from headroom_stream.config import Settings
from headroom_stream.errors import ConfigurationError, StorageError

_FILE = re.compile(r"(\d{4})_(\w+)\.sql\Z")
_DATABASE = re.compile(r"[A-Za-z_][A-Za-z_0-9]*\Z")
_COMMENT = re.compile(r"--[^\n]*")


class Migration(Struct, frozen=True):
    """One step of the schema."""

    number: int
    name: str
    sql: str
    """With `{database}` where the name of the database goes."""

    @property
    def checksum(self) -> str:
        """Of the text as it stands in the package, so that it doesn't depend on the database."""
        return hashlib.sha256(self.sql.encode()).hexdigest()

    def statements(self, database: str) -> list[str]:
        """What to run, in order."""
        text = _COMMENT.sub("", self.sql).replace("{database}", f"`{database}`")
        return [part.strip() for part in text.split(";") if part.strip()]


def packaged() -> list[Migration]:
    """The migrations that ship with this version, in order."""
    there = files("headroom_stream.sink").joinpath("migrations").iterdir()
    named = [(match, entry) for entry in there if (match := _FILE.match(entry.name))]
    return sorted((Migration(int(m[1]), m[2], e.read_text(encoding="utf-8")) for m, e in named), key=lambda m: m.number)


def migrate(client: Client, settings: Settings, migrations: Sequence[Migration] | None = None) -> list[Migration]:
    """Create the database if need be and apply what is missing; returns that.

    Raises StorageError if a migration that was applied has changed since, or if the database is ahead of this version. A migration
    that was cut off halfway runs again: each statement must bear that (IF NOT EXISTS).
    """
    database = settings.clickhouse.database
    if not _DATABASE.match(database):
        raise ConfigurationError("clickhouse.database must be a plain identifier", {"database": database})
    given = packaged() if migrations is None else list(migrations)
    ledger = f"`{database}`.schema_migrations"
    with reported(settings):
        client.command(f"CREATE DATABASE IF NOT EXISTS `{database}`")
        client.command(
            f"CREATE TABLE IF NOT EXISTS {ledger} (number UInt32, name String, checksum String, "
            "applied_at DateTime64(3, 'UTC') DEFAULT now64(3)) ENGINE = ReplacingMergeTree ORDER BY number",
        )
        rows = client.query(f"SELECT number, name, checksum FROM {ledger} FINAL ORDER BY number").result_rows  # noqa: S608 - checked name
        _refuse_changes(rows, given)
        applied = {number for number, _, _ in rows}
        missing = [m for m in given if m.number not in applied]
        for migration in missing:
            for statement in migration.statements(database):
                client.command(statement)
            client.insert(
                ledger, [(migration.number, migration.name, migration.checksum)], column_names=["number", "name", "checksum"]
            )
    return missing


def _refuse_changes(applied: Sequence[Sequence[object]], given: Sequence[Migration]) -> None:
    known = {m.number: m for m in given}
    for number, name, checksum in applied:
        migration = known.get(int(str(number)))
        if migration is None:
            raise StorageError(
                "the database was migrated by a newer version of headroom-stream; upgrade this one",
                {"migration": f"{number}_{name}"},
            )
        if migration.checksum != checksum:
            raise StorageError(
                "a migration changed after it was applied; restore its file and put the change into a new one",
                {"migration": f"{number:04}_{name}"},
            )
