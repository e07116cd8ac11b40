"""Which rows a question is about."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any


def narrowed(*, tenant: str | None = None, session: str | None = None, since: datetime | None = None) -> tuple[str, dict[str, Any]]:
    """A WHERE clause for one tenant, one session, events at or after a time, and its parameters; empty for all rows."""
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
        parameters["since"] = since.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
    return ("WHERE " + " AND ".join(clauses) if clauses else ""), parameters
