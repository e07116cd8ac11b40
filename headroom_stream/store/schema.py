"""The SQLite schema: numbered steps, each applied once, forward only. `PRAGMA user_version` counts them."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from headroom_stream.errors import StorageError

APPLICATION = 0x48655374
"""`PRAGMA application_id`: tells our files from those of other programs, which may have a table of the same name."""

_FIRST = """
CREATE TABLE requests
(
    request_id               TEXT NOT NULL PRIMARY KEY,
    timestamp                INTEGER NOT NULL, -- microseconds since 1970, UTC
    model                    TEXT NOT NULL,
    mode                     TEXT NOT NULL,
    tokens_input_before      INTEGER NOT NULL,
    tokens_input_after       INTEGER NOT NULL,
    session_id               TEXT NOT NULL,
    provider                 TEXT NOT NULL,
    stream                   INTEGER NOT NULL,
    tokens_output            INTEGER,
    cached_tokens            INTEGER,
    cost_before              REAL,
    cost_after               REAL,
    block_breakdown          TEXT NOT NULL,
    waste_signals            TEXT NOT NULL,
    stable_prefix_hash       TEXT NOT NULL,
    cache_alignment_score    REAL NOT NULL,
    cache_optimizer_used     TEXT,
    cache_optimizer_strategy TEXT,
    cacheable_tokens         INTEGER NOT NULL,
    breakpoints_inserted     INTEGER NOT NULL,
    estimated_cache_hit      INTEGER NOT NULL,
    semantic_cache_hit       INTEGER NOT NULL,
    transforms_applied       TEXT NOT NULL,
    tool_units_dropped       INTEGER NOT NULL,
    turns_dropped            INTEGER NOT NULL,
    messages_hash            TEXT NOT NULL,
    latency_ms               REAL,
    error                    TEXT,
    -- Computed, so that the index below can hold them.
    hour                     INTEGER AS (timestamp / 3600000000),
    failed                   INTEGER AS (error IS NOT NULL),
    json_bloat               INTEGER AS (json_extract(waste_signals, '$.json_bloat')),
    html_noise               INTEGER AS (json_extract(waste_signals, '$.html_noise')),
    base64                   INTEGER AS (json_extract(waste_signals, '$.base64')),
    whitespace               INTEGER AS (json_extract(waste_signals, '$.whitespace')),
    dynamic_date             INTEGER AS (json_extract(waste_signals, '$.dynamic_date')),
    repetition               INTEGER AS (json_extract(waste_signals, '$.repetition')),
    reread                   INTEGER AS (json_extract(waste_signals, '$.reread')),
    reread_compressed        INTEGER AS (json_extract(waste_signals, '$.reread_compressed'))
);
CREATE INDEX by_time ON requests (timestamp, request_id);
CREATE INDEX by_session ON requests (session_id, timestamp);
CREATE INDEX by_error ON requests (error) WHERE error IS NOT NULL;
-- Holds all that the sums of a report read, in the order of their groups: a third of the pages, and nothing to sort.
CREATE INDEX by_group ON requests
(
    hour, model, mode, timestamp, tokens_input_before, tokens_input_after, cost_before, cost_after, cache_alignment_score, cached_tokens,
    failed, latency_ms, json_bloat, html_noise, base64, whitespace, dynamic_date, repetition, reread, reread_compressed
);
-- The same for transforms, of which the calls mostly share few lists.
CREATE INDEX by_transforms ON requests (transforms_applied, mode, timestamp, tokens_input_before, tokens_input_after);
"""

STEPS: tuple[str, ...] = (_FIRST,)
"""Never change one that was released: add another."""


def bring_up(connection: sqlite3.Connection, steps: Sequence[str] = STEPS) -> None:
    """Apply the steps that the file lacks, all or none of them. Several processes may do so at once.

    Raises StorageError for a file of another program or of a newer version.
    """
    if _missing(connection, steps) == []:
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        # Asked again: another process may have done it while this one waited for the lock.
        for step in _missing(connection, steps):
            # `executescript` would commit first.
            for statement in filter(str.strip, step.split(";")):
                connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION}")
        connection.execute(f"PRAGMA user_version = {len(steps)}")
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def _missing(connection: sqlite3.Connection, steps: Sequence[str]) -> list[str]:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    if application != APPLICATION and (version or connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone()):
        raise StorageError("the file holds tables of another program; give a store_url of another file")
    if version > len(steps):
        raise StorageError("the file was written by a newer version of headroom-stream; upgrade this one")
    return list(steps[version:])
