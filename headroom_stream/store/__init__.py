"""Where a client keeps a row of each call: SQLite, memory or ClickHouse, behind one protocol."""

from __future__ import annotations

from headroom_stream.store.opening import open_store
from headroom_stream.store.protocol import MetricsStore

__all__ = ["MetricsStore", "open_store"]
