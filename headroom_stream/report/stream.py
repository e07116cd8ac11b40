"""Figures of the stream's own rows in ClickHouse, that the sink wrote: turns, decisions, dead letters."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

from msgspec import structs

from headroom_stream.analytics.narrow import narrowed
from headroom_stream.analytics.store import connect, reported
from headroom_stream.config import Settings
from headroom_stream.config.deployment import ClickHouseSettings
from headroom_stream.report.figures import Counted, Figures, Outputs, StreamFigures, of_cells
from headroom_stream.report.periods import Period
from headroom_stream.store.asking import NAMES_SHOWN, NamedUse
from headroom_stream.store.tally import Cell, Tally
from headroom_stream.store.times import naive

_MEASURES = {
    "calls": "countIf(emitted)",
    "before": "sumIf(tokens_before, emitted)",
    "sent": "sumIf(tokens_after, emitted)",
    "possible": "sumIf(tokens_after, emitted)",
    "priced": "countIf(has_price)",
    "cost_before": "sumIf(ifNull(cost_before_nanousd, 0), has_price) / 1e9",
    "cost_sent": "sumIf(ifNull(cost_after_nanousd, 0), has_price) / 1e9",
    "alignment": "sumIf(if(tokens_after > 0, 100 * cached_after / tokens_after, 0), emitted)",
    # A report of usage is a row of its own where it came in an event of its own.
    "reported": "sumIf(ifNull(usage_input_tokens, 0), has_usage)",
    "reported_cached": "sumIf(ifNull(usage_cache_read_tokens, 0), has_usage)",
}
_TURNS = (
    "WITH outcome = 'context' AS emitted, emitted AND isNotNull(cost_before_nanousd) AND isNotNull(cost_after_nanousd) AS has_price,"
    " isNotNull(usage_input_tokens) AND isNotNull(usage_cache_read_tokens) AS has_usage"
)
_CELLS = f"""{_TURNS}
SELECT intDiv(toUnixTimestamp64Milli(event_time), 3600000) AS hour, model, {", ".join(_MEASURES.values())}
FROM {{database}}.turns FINAL {{where}}
GROUP BY hour, model HAVING countIf(emitted) > 0 OR countIf(has_usage) > 0
ORDER BY hour, model"""  # noqa: S608 - constants
_TENANTS = f"""{_TURNS}
SELECT tenant, countIf(emitted) AS n, sumIf(tokens_before, emitted), sumIf(tokens_after, emitted)
FROM {{database}}.turns FINAL {{where}} GROUP BY tenant HAVING n > 0 ORDER BY 3 DESC, tenant LIMIT {NAMES_SHOWN}"""  # noqa: S608 - constants
_REWRITES = f"""SELECT epoch_reason, countIf(outcome = 'context' AND epoch_reason != '') AS n
FROM {{database}}.turns FINAL {{where}} GROUP BY epoch_reason HAVING n > 0 ORDER BY n DESC, epoch_reason LIMIT {NAMES_SHOWN}"""  # noqa: S608
_EVENTS = """SELECT outcome, countIf(outcome != 'context') AS n
FROM {database}.turns FINAL {where} GROUP BY outcome HAVING n > 0 ORDER BY n DESC, outcome"""
_OUTPUTS = f"""SELECT {{name}} AS name, count() AS n, countIf(lossless), sum(tokens_before), sum(tokens_after)
FROM {{database}}.decisions FINAL {{where}} GROUP BY name ORDER BY 4 DESC, name LIMIT {NAMES_SHOWN}"""  # noqa: S608 - constants
_FAILED = f"""SELECT reason, countIf(action = 'failed') AS n,
    sumIf(tokens_before, action = 'failed'), sumIf(tokens_after, action = 'failed')
FROM {{database}}.decisions FINAL {{where}} GROUP BY reason HAVING n > 0 ORDER BY n DESC, reason LIMIT {NAMES_SHOWN}"""  # noqa: S608
_DEAD = f"""SELECT stage, count() AS n
FROM {{database}}.dead_letters FINAL {{where}} GROUP BY stage ORDER BY n DESC, stage LIMIT {NAMES_SHOWN}"""  # noqa: S608 - constants


def of_stream(
    clickhouse: ClickHouseSettings, name: str, period: Period, start: datetime | None = None, end: datetime | None = None
) -> Figures:
    """Figures of the turns in ClickHouse. A call is a context that was emitted. Raises StorageError."""
    settings = Settings(clickhouse=clickhouse)
    where, parameters = narrowed(since=_aware(start), until=_aware(end))

    with closing(connect(settings)) as client, reported(settings):

        def ask(sql: str, **parts: str) -> Sequence[Sequence[Any]]:
            return client.query(
                sql.format(database=f"`{clickhouse.database}`", where=where, **parts), parameters=parameters
            ).result_rows

        cells = [
            Cell(hour=row[0], model=row[1], mode="optimize", tally=Tally(**dict(zip(_MEASURES, row[2:], strict=True))))
            for row in ask(_CELLS)
        ]
        return structs.replace(
            of_cells(cells, "stream", name, period, start, end),
            failures=[NamedUse(*row) for row in ask(_FAILED)],
            stream=StreamFigures(
                kinds=[Outputs(*row) for row in ask(_OUTPUTS, name="kind")],
                tools=[Outputs(*row) for row in ask(_OUTPUTS, name="tool")],
                tenants=[NamedUse(*row) for row in ask(_TENANTS)],
                rewrites=[Counted(*row) for row in ask(_REWRITES)],
                events=[Counted(*row) for row in ask(_EVENTS)],
                dead=[Counted(*row) for row in ask(_DEAD)],
            ),
        )


def _aware(time: datetime | None) -> datetime | None:
    return None if time is None else naive(time).replace(tzinfo=UTC)
