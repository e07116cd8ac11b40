"""From a URL to a store."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import urlsplit

from headroom_stream.config.deployment import ClickHouseSettings
from headroom_stream.errors import ConfigurationError
from headroom_stream.store.sqlite import MemoryStore, SqliteStore

if TYPE_CHECKING:
    from headroom_stream.store.clickhouse import ClickHouseStore

_SQLITE = "sqlite:///"
_KNOWN = "sqlite:///file.db (relative), sqlite:////path/file.db, memory://, http[s]://[user:password@]host:8123/database"
_DATABASE = re.compile(r"[A-Za-z_]\w*\Z", re.ASCII)

Store: TypeAlias = "SqliteStore | ClickHouseStore"


def open_store(url: str, *, create: bool = True) -> Store:
    """The store at `url`: sqlite:///file.db, sqlite:////path/file.db, memory:// (a new one each time) or ClickHouse's HTTP address, with
    the database as its path (`headroom` if there is none).

    With `create=False` nothing is made: a file that does not exist reads as an empty store. Raises ConfigurationError for a URL of another
    form, StorageError where the database can't be opened.
    """
    if url.startswith(_SQLITE) and len(url) > len(_SQLITE):
        path = url.removeprefix(_SQLITE)
        return MemoryStore() if path == ":memory:" or (not create and not Path(path).exists()) else SqliteStore(path)
    if url == "memory://":
        return MemoryStore()
    if is_clickhouse(url):
        from headroom_stream.store.clickhouse import ClickHouseStore  # noqa: PLC0415 - its driver takes a tenth of a second to load

        return ClickHouseStore(clickhouse_settings(url), create=create)
    raise ConfigurationError(f"store_url names no store; it must be one of {_KNOWN}", {"scheme": url.partition(":")[0][:20]})


def is_clickhouse(url: str) -> bool:
    """Whether the URL's scheme is one of ClickHouse's."""
    return url.startswith(("http://", "https://", "clickhouse://"))


def clickhouse_settings(url: str) -> ClickHouseSettings:
    """Address and database of `http[s]://[user:password@]host[:port][/database]`, or the same with `clickhouse://` for `http://`.

    Raises ConfigurationError. What it says never holds the password.
    """
    if url.startswith("clickhouse://"):
        url = "http" + url.removeprefix("clickhouse")
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise ConfigurationError(f"store_url can't be read: {error}") from error
    database = parts.path.strip("/") or ClickHouseSettings().database
    if not parts.hostname or parts.query or parts.fragment or not _DATABASE.match(database):
        raise ConfigurationError(
            "store_url must be http[s]://[user:password@]host[:port][/database], the database a plain identifier"
        )
    return ClickHouseSettings(url=f"{parts.scheme}://{parts.netloc}", database=database)
