"""What a client counts: totals of its own life, and a row of each call in a store."""

from __future__ import annotations

import atexit
import logging
import queue
import threading
from collections.abc import Callable

from headroom_stream.errors import HeadroomError
from headroom_stream.results import RequestMetrics
from headroom_stream.store import MetricsStore

log = logging.getLogger(__name__)

WAITING_ROWS = 10_000
"""Rows that wait for the store; more are lost, and counted."""


class Ledger:
    """Counts calls and keeps their rows. A thread of its own writes them, so that no call waits for a database.

    The store is opened with the first row. One that fails costs the row, never the call.
    """

    def __init__(self, open_store: Callable[[], MetricsStore]) -> None:
        self._open = open_store
        self._store: MetricsStore | None = None
        self._lock = threading.Lock()
        self._rows: queue.Queue[RequestMetrics | None] = queue.Queue(WAITING_ROWS)
        self._thread: threading.Thread | None = None
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
        """The store, with all rows in it that were recorded. Raises StorageError and ConfigurationError."""
        if self._thread is not None:
            self._rows.join()
        return self._opened()

    def record(self, row: RequestMetrics) -> None:
        """Count a call, and have its row kept."""
        with self._lock:
            self.requests += 1
            self.by_mode[row.mode] += 1
            self.tokens_saved += row.tokens_saved
            self.cache_hits += row.estimated_cache_hit
            self.fallbacks += row.error is not None
            if self._thread is None:
                self._thread = threading.Thread(target=self._write, name="headroom-ledger", daemon=True)
                self._thread.start()
                # What is on its way when a program ends is written before it does.
                atexit.register(self.close)
        try:
            self._rows.put_nowait(row)
        except queue.Full:
            self._lost("the store is too slow")

    def close(self) -> None:
        """Write what is left, and let the store go."""
        with self._lock:
            thread, self._thread = self._thread, None
        if thread is not None:
            atexit.unregister(self.close)
            self._rows.put(None)
            thread.join()
        with self._lock:
            store, self._store = self._store, None
        if store is not None:
            store.close()

    def _opened(self) -> MetricsStore:
        with self._lock:
            if self._store is None:
                self._store = self._open()
            return self._store

    def _write(self) -> None:
        while (row := self._rows.get()) is not None:
            try:
                self._opened().save(row)
            except HeadroomError as error:
                self._lost(str(error))
            finally:
                self._rows.task_done()
        self._rows.task_done()

    def _lost(self, why: str) -> None:
        with self._lock:
            self.lost_rows += 1
        log.warning("the metrics of a call could not be kept: %s", why)
