"""Rows of calls on their way to the metrics store, which never makes a call wait."""

from __future__ import annotations

import logging
import threading
from collections import deque

from headroom_stream.errors import HeadroomError
from headroom_stream.results import RequestMetrics
from headroom_stream.store import open_store

log = logging.getLogger(__name__)

MOST = 10_000
"""Rows that wait for a slow store; further ones are lost, and counted."""
EVERY_S = 0.1
"""Between two inserts. One for each row would have the thread fetch the interpreter from the server at each call."""
LEAVE_S = 5.0
"""For the last rows when the gateway stops."""


class Recorder:
    """Saves rows in a thread of its own. The store is opened at once. Raises ConfigurationError and StorageError."""

    def __init__(self, url: str) -> None:
        self._store = open_store(url)
        self._rows: deque[RequestMetrics] = deque()
        self._leaving = threading.Event()
        self.lost = 0
        self.saved = 0
        self._thread = threading.Thread(target=self._work, name="gateway-rows", daemon=True)
        self._thread.start()

    def add(self, row: RequestMetrics) -> None:
        """Take a row; never waits."""
        if len(self._rows) < MOST:
            self._rows.append(row)
        else:
            self.lost += 1

    def close(self) -> None:
        """Save what is left, within a few seconds, and let the store go."""
        self._leaving.set()
        self._thread.join(LEAVE_S)
        if self._rows:
            log.warning("%d rows of metrics were left: the store is too slow", len(self._rows))
        self._store.close()

    def _work(self) -> None:
        leaving = False
        while not leaving:
            leaving = self._leaving.wait(EVERY_S)
            if batch := [self._rows.popleft() for _ in range(len(self._rows))]:
                self._save(batch)

    def _save(self, batch: list[RequestMetrics]) -> None:
        try:
            self._store.save_all(batch)
            self.saved += len(batch)
        except HeadroomError as error:
            self.lost += len(batch)
            log.warning("the metrics of %d calls could not be kept: %s", len(batch), error)
