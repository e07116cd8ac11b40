"""The questions that every store answers, as SQL that SQLite and ClickHouse both understand but for a few expressions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

from headroom_stream.errors import ValidationError
from headroom_stream.results import RequestMetrics
from headroom_stream.store.rows import COLUMNS, loaded
from headroom_stream.store.summary import as_summary
from headroom_stream.store.tally import WASTE, Cell, Tally
from headroom_stream.store.times import HOUR, clipped

NAMES_SHOWN = 50
"""Of transforms and of reasons: a text that differs with every call would make a list without end."""
_SENT = "CASE WHEN mode = 'optimize' THEN {0}_after ELSE {0}_before END"
_TOKENS_SENT, _COST_SENT = _SENT.format("tokens_input"), _SENT.format("cost")
_PRICED = "cost_before IS NOT NULL AND cost_after IS NOT NULL"
_MEASURES = {
    "calls": "count(*)",
    "before": "sum(tokens_input_before)",
    "sent": f"sum({_TOKENS_SENT})",
    "possible": "sum(tokens_input_after)",
    "priced": f"sum(CASE WHEN {_PRICED} THEN 1 ELSE 0 END)",
    "cost_before": f"coalesce(sum(CASE WHEN {_PRICED} THEN cost_before END), 0)",
    "cost_sent": f"coalesce(sum(CASE WHEN {_PRICED} THEN {_COST_SENT} END), 0)",
    "alignment": "sum(cache_alignment_score)",
    "reported": f"coalesce(sum(CASE WHEN cached_tokens IS NOT NULL THEN {_TOKENS_SENT} END), 0)",
    "reported_cached": "coalesce(sum(cached_tokens), 0)",
    "failed": "sum(CASE WHEN {failed} THEN 1 ELSE 0 END)",
}


class NamedUse(Struct, frozen=True):
    """Calls that have a name in common."""

    name: str
    calls: int
    before: int
    """Input tokens of these calls as they came."""
    sent: int


class Asks(ABC):
    """A store whose rows are asked for in SQL. `_select` and the expressions are what a database adds."""

    _table: str
    _groups: str
    """The same for sums of groups."""
    _hour: str
    """Hours since 1970."""
    _failed: str
    """Whether compression failed."""
    _transforms: str
    """Selects name, calls, tokens before and tokens sent of each transform, from `{calls}` that go by `{where}`."""

    @abstractmethod
    def _select(self, sql: str, parameters: Mapping[str, Any]) -> Sequence[Sequence[Any]]:
        """The rows that `sql` finds. Raises StorageError."""

    @abstractmethod
    def _placeholder(self, name: str) -> str:
        """Where the parameter of that name goes: `start` and `end` are microseconds, `limit` and hours are numbers, others are text."""

    @abstractmethod
    def _waste(self, kind: str) -> str:
        """The tokens of a kind of waste in a row."""

    @abstractmethod
    def _whole_rows(self, rows: Sequence[Sequence[Any]]) -> list[list[Any]]:
        """Values of `COLUMNS` as the database has them, as Python has them."""

    def query(
        self,
        start_time: datetime | None = None,
        end_time: datetime | None = None,
        model: str | None = None,
        mode: str | None = None,
        session_id: str | None = None,
        limit: int = 100,
    ) -> list[RequestMetrics]:
        """The rows that fit, newest first. Raises ValidationError for a limit below 0."""
        if limit < 0:
            raise ValidationError("limit must be 0 or more", {"limit": limit})
        where, parameters = self._where(start_time, end_time, model=model, mode=mode, session_id=session_id)
        return self._rows(where, "timestamp DESC, request_id DESC", parameters, limit)

    def summary(self, start_time: datetime | None = None, end_time: datetime | None = None) -> dict[str, Any]:
        """Sums over all rows: see `as_summary`."""
        return as_summary(self.cells(start_time, end_time))

    def cells(self, start_time: datetime | None = None, end_time: datetime | None = None) -> list[Cell]:
        """The sums of each hour, model and mode that has calls, oldest first."""
        # The hours too, since these are what an index of groups starts with.
        hours: dict[str, int] = {}
        if start_time is not None:
            hours["first_hour"] = clipped(start_time) // HOUR
        if end_time is not None:
            hours["last_hour"] = clipped(end_time) // HOUR
        within = [f"{self._hour} {'>=' if name == 'first_hour' else '<='} {self._placeholder(name)}" for name in hours]
        where, parameters = self._where(start_time, end_time, *within)
        measures = ", ".join([*_MEASURES.values(), *(f"coalesce(sum({self._waste(kind)}), 0)" for kind in WASTE)])
        sql = (
            f"SELECT {self._hour}, model, mode, {measures.format(failed=self._failed)} FROM {self._groups} {where}"  # noqa: S608 - constants
            f" GROUP BY {self._hour}, model, mode ORDER BY {self._hour}, model, mode"
        )
        found = self._select(sql, parameters | hours)
        width = 3 + len(_MEASURES)
        return [
            Cell(
                hour=row[0],
                model=row[1],
                mode=row[2],
                tally=Tally(**dict(zip(_MEASURES, row[3:width], strict=True)), waste=tuple(row[width:])),
            )
            for row in found
        ]

    def transforms(self, start_time: datetime | None = None, end_time: datetime | None = None) -> list[NamedUse]:
        """Calls by the transforms that were applied to them, most calls first. A call counts under each of its transforms."""
        where, parameters = self._where(start_time, end_time)
        sums = f"count(*) AS n, sum(tokens_input_before) AS b, sum({_TOKENS_SENT}) AS s"
        sql = self._transforms.format(calls=self._table, where=where, sums=sums)
        return [NamedUse(*row) for row in self._select(f"{sql} ORDER BY 2 DESC, 1 LIMIT {NAMES_SHOWN}", parameters)]

    def failures(self, start_time: datetime | None = None, end_time: datetime | None = None) -> list[NamedUse]:
        """Calls whose compression failed, by reason, most first."""
        where, parameters = self._where(start_time, end_time, "error IS NOT NULL")
        sql = (
            f"SELECT error, count(*), sum(tokens_input_before), sum({_TOKENS_SENT}) FROM {self._table} {where}"  # noqa: S608 - constants
            f" GROUP BY error ORDER BY 2 DESC, 1 LIMIT {NAMES_SHOWN}"
        )
        return [NamedUse(*row) for row in self._select(sql, parameters)]

    def slowest(
        self, start_time: datetime | None = None, end_time: datetime | None = None, limit: int = 10
    ) -> list[RequestMetrics]:
        """The calls whose compression took longest."""
        where, parameters = self._where(start_time, end_time, "latency_ms IS NOT NULL")
        return self._rows(where, "latency_ms DESC, request_id", parameters, limit)

    def _rows(self, where: str, order: str, parameters: dict[str, Any], limit: int) -> list[RequestMetrics]:
        sql = f"SELECT {', '.join(COLUMNS)} FROM {self._table} {where} ORDER BY {order} LIMIT {self._placeholder('limit')}"  # noqa: S608 - constants
        return loaded(self._whole_rows(self._select(sql, parameters | {"limit": limit})))

    def _where(self, start: datetime | None, end: datetime | None, *also: str, **equal: str | None) -> tuple[str, dict[str, Any]]:
        clauses = list(also)
        parameters: dict[str, Any] = {}
        for name, bound, operator in (("start", start, ">="), ("end", end, "<")):
            if bound is not None:
                clauses.append(f"timestamp {operator} {self._placeholder(name)}")
                parameters[name] = clipped(bound)
        for name, value in equal.items():
            if value is not None:
                clauses.append(f"{name} = {self._placeholder(name)}")
                parameters[name] = value
        return ("WHERE " + " AND ".join(clauses) if clauses else ""), parameters
