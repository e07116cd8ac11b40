"""Fixtures of the sink."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.local.endpoint import endpoint


@pytest.fixture(scope="session")
def clickhouse_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An embedded ClickHouse endpoint."""
    with endpoint(tmp_path_factory.mktemp("clickhouse")) as url:
        yield url
