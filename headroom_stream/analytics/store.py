"""The connection to ClickHouse, and its errors as ours."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import unquote, urlsplit

import clickhouse_connect
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from headroom_stream.config import Settings
from headroom_stream.errors import ConfigurationError, StorageError

CONNECT_SECONDS = 5
_DATABASE_UNKNOWN = 81
_TABLE_UNKNOWN = 60
_NOISE = re.compile(r"^Received ClickHouse exception, code: \d+, server response: |\(for url [^)]*\)|\(version [^)]*\)")


def connect(settings: Settings, *, database: bool = True) -> Client:
    """A client of ClickHouse as `settings.clickhouse` says; `database=False` when the database may not exist yet.

    The client may be used by several threads. Raises StorageError, with a hint what to do.
    """
    url = urlsplit(settings.clickhouse.url)
    try:
        port = url.port
    except ValueError as error:
        raise ConfigurationError(f"clickhouse.url has no valid port: {error}") from error
    if url.scheme not in ("http", "https") or not url.hostname:
        raise ConfigurationError("clickhouse.url must be http[s]://[user:password@]host[:port]")
    with reported(settings):
        return clickhouse_connect.get_client(
            interface=url.scheme,
            host=url.hostname,
            port=port or (8443 if url.scheme == "https" else 8123),
            username=unquote(url.username) if url.username else "default",
            password=unquote(url.password or ""),
            database=settings.clickhouse.database if database else "default",
            connect_timeout=CONNECT_SECONDS,
            # A session would forbid two statements at once.
            autogenerate_session_id=False,
        )


@contextmanager
def reported(settings: Settings) -> Iterator[None]:
    """Turn the driver's errors into StorageError, one line each; `details["code"]` is ClickHouse's, if it answered."""
    try:
        yield
    except ClickHouseError as error:
        raise storage_error(error, settings) from error


def storage_error(error: ClickHouseError, settings: Settings) -> StorageError:
    """The StorageError for an error of the driver."""
    code = getattr(error, "code", None)
    if code is None:
        where = urlsplit(settings.clickhouse.url)
        text = f"can't reach ClickHouse at {where.hostname}:{where.port or ''}; is it running? (`headroom-stream up`)"
        return StorageError(text)
    hint = ""
    if code in (_DATABASE_UNKNOWN, _TABLE_UNKNOWN):
        hint = "; `headroom-stream init` creates the tables"
    return StorageError(one_line(str(error)) + hint, {"code": code})


def one_line(text: str) -> str:
    """ClickHouse's message without address, version and the list of all that the parser would have accepted."""
    text = _NOISE.sub("", " ".join(text.split()))
    text = text.partition(" Expected one of: ")[0].removeprefix("Code: ").strip()
    return text if len(text) <= 300 else text[:299] + "…"
