"""What a client counts: totals of its own life, and a row of each call in a store."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from headroom_stream.errors import HeadroomError
from headroom_stream.results import RequestMetrics
from headroom_stream.store import MetricsStore

log = logging.getLogger(__name__)


class Ledger:
    """Counts calls and keeps their rows. The store is opened with the first row; one that fails costs the row, never the call."""

    def __init__(self, open_store: Callable[[], MetricsStore]) -> None:
        self._open = open_store
        self._store: MetricsStore | None = None
        self._lock = threading.Lock()
        self.requests = 0
        self.by_mode = {"audit": 0, "optimize": 0, "simulate": 0}
        self.tokens_saved = 0
        self.cache_hits = 0
        """Calls whose prompt began with that of the call before."""
        self.fallbacks = 0
        """Calls that went as they came because compression failed."""
        self.lost_rows = 0

    @property
    def store(self) -> MetricsStore:
        """The store, opened. Raises StorageError and ConfigurationError."""
        with self._lock:
            if self._store is None:
                self._store = self._open()
            return self._store

    def record(self, row: RequestMetrics) -> None:
        """Count a call and keep its row."""
        with self._lock:
            self.requests += 1
            self.by_mode[row.mode] += 1
            self.tokens_saved += row.tokens_saved
            self.cache_hits += row.estimated_cache_hit
            self.fallbacks += row.error is not None
        try:
            self.store.save(row)
        except HeadroomError as error:
            with self._lock:
                self.lost_rows += 1
            log.warning("the metrics of a call could not be kept: %s", error)

    def close(self) -> None:
        """Let the store go."""
        with self._lock:
            store, self._store = self._store, None
        if store is not None:
            store.close()
