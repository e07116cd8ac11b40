"""Rows of calls on their way to the metrics store, which never makes a call wait."""

from __future__ import annotations

import logging
import queue
import threading

from headroom_stream.errors import HeadroomError
from headroom_stream.results import RequestMetrics
from headroom_stream.store import open_store

log = logging.getLogger(__name__)

MOST = 10_000
"""Rows that wait for a slow store; further ones are lost, and counted."""
LEAVE_S = 5.0
"""For the last rows when the gateway stops."""


class Recorder:
    """Saves rows in a thread of its own. The store is opened at once. Raises ConfigurationError and StorageError."""

    def __init__(self, url: str) -> None:
        self._store = open_store(url)
        self._rows: queue.Queue[RequestMetrics | None] = queue.Queue(MOST)
        self.lost = 0
        self.saved = 0
        self._thread = threading.Thread(target=self._work, name="gateway-rows", daemon=True)
        self._thread.start()

    def add(self, row: RequestMetrics) -> None:
        """Take a row; never waits."""
        try:
            self._rows.put_nowait(row)
        except queue.Full:
            self.lost += 1

    def close(self) -> None:
        """Save what is left, within a few seconds, and let the store go."""
        try:
            self._rows.put(None, timeout=LEAVE_S)
        except queue.Full:
            log.warning("rows of metrics were left: the store is too slow")
        self._thread.join(LEAVE_S)
        self._store.close()

    def _work(self) -> None:
        while (row := self._rows.get()) is not None:
            try:
                self._store.save(row)
                self.saved += 1
            except HeadroomError as error:
                self.lost += 1
                log.warning("the metrics of a call could not be kept: %s", error)
