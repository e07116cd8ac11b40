"""What a client asks of a store."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Protocol

from headroom_stream.results import RequestMetrics


class MetricsStore(Protocol):
    """Rows of calls. Methods may be called from several threads; all raise StorageError where the database fails.

    Times are UTC; one without a zone is taken as UTC. `start_time` is the first moment that counts, `end_time` the first that no longer
    does.
    """

    def save(self, row: RequestMetrics) -> None:
        """Keep a row. One with the same `request_id` replaces the one before. Raises ValidationError for a value that can't be kept."""
        ...

    def query(
        self,
        start_time: datetime | None = None,
        end_time: datetime | None = None,
        model: str | None = None,
        mode: str | None = None,
        session_id: str | None = None,
        limit: int = 100,
    ) -> list[RequestMetrics]:
        """The rows that fit, newest first."""
        ...

    def summary(self, start_time: datetime | None = None, end_time: datetime | None = None) -> dict[str, Any]:
        """Sums over all rows, as `store.summary` describes them."""
        ...

    def close(self) -> None:
        """Let the database go. A closed store raises StorageError."""
        ...
