"""Which rows a question is about."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any


def narrowed(
    *, tenant: str | None = None, session: str | None = None, since: datetime | None = None, until: datetime | None = None
) -> tuple[str, dict[str, Any]]:
    """A WHERE clause for one tenant, one session, events from `since` on and before `until`, with its parameters; empty for all rows."""
    clauses: list[str] = []
    parameters: dict[str, Any] = {}
    if tenant is not None:
        clauses.append("tenant = {tenant:String}")
        parameters["tenant"] = tenant
    if session is not None:
        clauses.append("session_id = {session:String}")
        parameters["session"] = session
    if since is not None:
        clauses.append("event_time >= {since:DateTime64(3, 'UTC')}")
        parameters["since"] = _in_utc(since)
    if until is not None:
        clauses.append("event_time < {until:DateTime64(3, 'UTC')}")
        parameters["until"] = _in_utc(until)
    return ("WHERE " + " AND ".join(clauses) if clauses else ""), parameters


def _in_utc(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
