"""Fixtures of the stores."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from headroom_stream.config import Settings
from headroom_stream.store.opening import Store, open_store
from tests.local.endpoint import endpoint, with_clickhouse


@pytest.fixture(scope="session")
def clickhouse_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An embedded ClickHouse endpoint."""
    with endpoint(tmp_path_factory.mktemp("clickhouse")) as url:
        yield url


@pytest.fixture
def clickhouse_store_url(clickhouse_url: str) -> str:
    """A database of its own, not made yet."""
    settings = with_clickhouse(Settings(), clickhouse_url).clickhouse
    return f"{settings.url}/{settings.database}"


@pytest.fixture(params=["sqlite", "memory", pytest.param("clickhouse", marks=pytest.mark.broker)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """An empty store of each kind."""
    url = {"sqlite": f"sqlite:///{tmp_path / 'calls.db'}", "memory": "memory://"}.get(request.param)
    made = open_store(url or request.getfixturevalue("clickhouse_store_url"))
    yield made
    made.close()
