"""What was left out of contexts, whole, by the name in its marker."""

from __future__ import annotations

import re
from datetime import datetime

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError
from msgspec import Struct

from headroom_stream.analytics.store import one_line
from headroom_stream.errors import StorageError, ValidationError

_REF = re.compile("[0-9a-f]{12}")
_SQL = """
SELECT ref, session_id, event_time, tenant, tool, kind, tokens, content
FROM originals
WHERE ref = {ref:String}{within}
ORDER BY event_time DESC, inserted_at DESC
LIMIT 1
"""
"""A row that was delivered twice is there twice, with the same content."""


class Original(Struct, frozen=True, kw_only=True):
    """A tool output as it came; of kind `window`, the messages that a token budget forced out, as a JSON list."""

    ref: str
    session_id: str
    event_time: datetime
    tenant: str
    tool: str
    kind: str
    """What the context has in its place."""
    tokens: int
    content: str


def original(client: Client, database: str, ref: str, *, session: str | None = None) -> Original:
    """The original that `ref` names; `session` narrows the search to one, which makes it quick in a large table.

    Raises ValidationError if there is none, StorageError if ClickHouse refuses the question.
    """
    if not _REF.fullmatch(ref):
        raise ValidationError(
            f"{ref[:40]!r} is no reference: they are 12 hexadecimal digits, as in `[9 lines left out, original 31da97fc1e2c]`"
        )
    within = " AND session_id = {session:String}" if session is not None else ""
    sql = _SQL.replace("FROM originals", f"FROM `{database}`.originals").replace("{within}", within)
    parameters = {"ref": ref} if session is None else {"ref": ref, "session": session}
    try:
        rows = list(client.query(sql, parameters=parameters).named_results())
    except ClickHouseError as error:
        raise StorageError(one_line(str(error)), {"code": getattr(error, "code", None)}) from error
    if not rows:
        among = f" of session {session!r}" if session is not None else ""
        hint = "the sink stores originals a moment after their context: is it running? (`headroom-stream sink`)"
        raise ValidationError(f"no original {ref}{among} in ClickHouse; {hint}")
    return Original(**rows[0])
