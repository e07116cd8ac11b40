"""URLs of stores."""

from __future__ import annotations

import pytest

from headroom_stream.errors import ConfigurationError, StorageError
from headroom_stream.store import open_store
from headroom_stream.store.opening import clickhouse_settings
from tests.store.calls import call


@pytest.mark.parametrize(
    "url", ["", "headroom.db", "sqlite://headroom.db", "sqlite:///", "postgres://h/db", "memory", "jsonl:///x"]
)
def test_a_url_of_another_form_is_refused_with_those_that_work(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"sqlite:///file\.db \(relative\)"):
        open_store(url)


@pytest.mark.parametrize(
    ("url", "address", "database"),
    [
        ("http://clickhouse:8123/db", "http://clickhouse:8123", "db"),
        ("https://user:pw@host/calls", "https://user:pw@host", "calls"),
        ("clickhouse://user:pw@host:8123/db", "http://user:pw@host:8123", "db"),
        ("http://127.0.0.1:18123", "http://127.0.0.1:18123", "headroom"),
    ],
)
def test_a_clickhouse_url_holds_address_and_database(url: str, address: str, database: str) -> None:
    found = clickhouse_settings(url)
    assert (found.url, found.database) == (address, database)


@pytest.mark.parametrize("url", ["http://", "http://host/a`b", "http://host/a/b", "http://host/db?x=1", "http://[::1/db"])
def test_a_clickhouse_url_that_says_something_else_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError):
        open_store(url)


def test_an_error_never_shows_the_password() -> None:
    with pytest.raises(StorageError) as caught:
        open_store("http://user:secret@127.0.0.1:9/db")
    assert "secret" not in str(caught.value)
    assert "can't reach ClickHouse" in str(caught.value)


@pytest.mark.broker
def test_the_tables_are_made_when_a_clickhouse_store_is_first_opened(clickhouse_store_url: str) -> None:
    with pytest.raises(StorageError, match="init"):
        open_store(clickhouse_store_url, create=False).query()
    first = open_store(clickhouse_store_url)
    first.save(call(1))
    again = open_store(clickhouse_store_url, create=False)
    assert again.query() == [call(1)]
    first.close()
    again.close()
