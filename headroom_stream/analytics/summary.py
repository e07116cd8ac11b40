"""What was saved: one answer from the rows of all sessions, or of some."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError
from msgspec import Struct

from headroom_stream.analytics.narrow import narrowed
from headroom_stream.analytics.store import one_line
from headroom_stream.errors import StorageError

NANO = 1_000_000_000


class ModelSummary(Struct, frozen=True, kw_only=True):
    """What was saved on the calls of one model."""

    model: str
    turns: int
    tokens_before: int
    tokens_after: int
    cost_before_usd: float | None
    cost_after_usd: float | None


class KindSummary(Struct, frozen=True, kw_only=True):
    """What became of the tool outputs of one kind of content."""

    kind: str
    count: int
    lossless: int
    """How many of them can be read back from the context itself."""
    tokens_before: int
    tokens_after: int


class Summary(Struct, frozen=True, kw_only=True):
    """Token sums are over emitted contexts: what the agents would have sent, call by call, and what was ready to send instead."""

    sessions: int
    turns: int
    """Contexts emitted."""
    tokens_before: int
    tokens_after: int
    tokens_saved: int
    saved_percent: float
    new_tokens_before: int
    """Of messages when they were first seen; each counts once here, and once a call in `tokens_before`."""
    new_tokens_after: int
    cost_before_usd: float | None
    """Input bill under prompt caching, of the turns whose model has a known price; null: of none."""
    cost_after_usd: float | None
    cost_saved_usd: float | None
    unpriced_turns: int
    """Contexts that the three sums above leave out."""
    rewrites: int
    """Turns at which history was rewritten, and the provider's cached prefix with it."""
    duplicates: int
    late: int
    dead_letters: int
    models: list[ModelSummary]
    kinds: list[KindSummary]


def summary(
    client: Client, database: str, *, tenant: str | None = None, session: str | None = None, since: datetime | None = None
) -> Summary:
    """Ask ClickHouse. `tenant` and `session` narrow it to one, `since` to events at or after it.

    Read with FINAL, so that rows delivered twice count once. Raises StorageError.
    """
    where, parameters = narrowed(tenant=tenant, session=session, since=since)
    try:
        total = _rows(client, _TURNS.format(keys="", where=where, group=""), database, parameters)[0]
        models = _rows(client, _TURNS.format(keys="model,", where=where, group=_BY_MODEL), database, parameters)
        kinds = _rows(client, _KINDS.format(where=where), database, parameters)
        dead = _rows(client, _DEAD.format(where=where), database, parameters)[0]["n"]
    except ClickHouseError as error:
        raise StorageError(one_line(str(error)), {"code": getattr(error, "code", None)}) from error
    before, after = total["before"], total["after"]
    cost_before, cost_after = _usd(total, "cost_before"), _usd(total, "cost_after")
    return Summary(
        sessions=total["sessions"],
        turns=total["turns"],
        tokens_before=before,
        tokens_after=after,
        tokens_saved=before - after,
        saved_percent=round(100 * (before - after) / before, 2) if before else 0.0,
        new_tokens_before=total["new_before"],
        new_tokens_after=total["new_after"],
        cost_before_usd=cost_before,
        cost_after_usd=cost_after,
        cost_saved_usd=(total["cost_before"] - total["cost_after"]) / NANO if total["priced"] else None,
        unpriced_turns=total["turns"] - total["priced"],
        rewrites=total["rewrites"],
        duplicates=total["duplicates"],
        late=total["late"],
        dead_letters=dead,
        models=[
            ModelSummary(
                model=row["model"],
                turns=row["turns"],
                tokens_before=row["before"],
                tokens_after=row["after"],
                cost_before_usd=_usd(row, "cost_before"),
                cost_after_usd=_usd(row, "cost_after"),
            )
            for row in models
            if row["turns"]
        ],
        kinds=[KindSummary(**row) for row in kinds],
    )


_TURNS = """
WITH outcome = 'context' AND isNotNull(cost_before_nanousd) AND isNotNull(cost_after_nanousd) AS has_price
SELECT {keys}
    uniqExactIf(session_id, outcome = 'context') AS sessions,
    countIf(outcome = 'context') AS turns,
    sumIf(tokens_before, outcome = 'context') AS before,
    sumIf(tokens_after, outcome = 'context') AS after,
    sumIf(new_tokens_before, outcome = 'context') AS new_before,
    sumIf(new_tokens_after, outcome = 'context') AS new_after,
    countIf(has_price) AS priced,
    sumIf(ifNull(cost_before_nanousd, 0), has_price) AS cost_before,
    sumIf(ifNull(cost_after_nanousd, 0), has_price) AS cost_after,
    countIf(outcome = 'context' AND epoch_reason != '') AS rewrites,
    countIf(outcome = 'duplicate') AS duplicates,
    countIf(outcome = 'late') AS late
FROM turns FINAL
{where}
{group}
"""
_BY_MODEL = "GROUP BY model ORDER BY before DESC, model"
_KINDS = """
SELECT kind, count() AS count, countIf(lossless) AS lossless, sum(decisions.tokens_before) AS tokens_before,
    sum(decisions.tokens_after) AS tokens_after
FROM decisions FINAL
{where}
GROUP BY kind
ORDER BY tokens_before DESC, kind
"""
_DEAD = "SELECT count() AS n FROM dead_letters FINAL {where}"


def _rows(client: Client, sql: str, database: str, parameters: dict[str, Any]) -> Sequence[dict[str, Any]]:
    for table in ("turns", "decisions", "dead_letters"):
        sql = sql.replace(f"FROM {table} FINAL", f"FROM `{database}`.{table} FINAL")
    return list(client.query(sql, parameters=parameters).named_results())


def _usd(row: dict[str, Any], column: str) -> float | None:
    return row[column] / NANO if row["priced"] else None
