"""Originals by their names: those of this process, then those that the sink stored in ClickHouse."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Literal, TypeVar

from clickhouse_connect.driver.client import Client
from msgspec import Struct

from headroom_stream.analytics.originals import original
from headroom_stream.analytics.store import connect
from headroom_stream.analytics.summary import Summary, summary
from headroom_stream.config import Settings
from headroom_stream.engine import Originals
from headroom_stream.errors import CacheError, StorageError, ValidationError

T = TypeVar("T")


class Found(Struct, frozen=True, kw_only=True):
    """An original."""

    tool: str
    kind: str
    tokens: int
    content: str
    found_in: Literal["process", "clickhouse"]


class Archive:
    """Looks originals and sums up. Connects to ClickHouse when it is first asked for something; may be used by several threads."""

    def __init__(self, settings: Settings, originals: Originals) -> None:
        self._settings = settings
        self._originals = originals
        self._client: Client | None = None
        self._lock = threading.Lock()

    def find(self, ref: str, query: str = "") -> Found:
        """The original that `ref` names. Raises ValidationError if it is nowhere."""
        try:
            kept = self._originals.get(ref, query=query).original
        except CacheError:
            return self._stored(ref)
        return Found(tool=kept.tool, kind=kept.kind, tokens=kept.tokens, content=kept.content, found_in="process")

    def sums(self) -> Summary:
        """What workers saved. Raises StorageError."""
        return self._ask(lambda client: summary(client, self._settings.clickhouse.database))

    def _stored(self, ref: str) -> Found:
        try:
            row = self._ask(lambda client: original(client, self._settings.clickhouse.database, ref))
        except StorageError as error:
            raise ValidationError(
                f"no original {ref} in this server's memory, and ClickHouse could not be asked: {error}"
            ) from error
        return Found(tool=row.tool, kind=row.kind, tokens=row.tokens, content=row.content, found_in="clickhouse")

    def _ask(self, question: Callable[[Client], T]) -> T:
        with self._lock:
            if self._client is None:
                self._client = connect(self._settings)
            client = self._client
        return question(client)
