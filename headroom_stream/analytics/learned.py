"""What agents use of their tools' outputs, from the rows of all sessions, and as a section of a policy."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from itertools import groupby
from operator import attrgetter

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError
from msgspec import Struct

from headroom_stream.analytics.narrow import narrowed
from headroom_stream.analytics.store import one_line
from headroom_stream.errors import StorageError


class UsedField(Struct, frozen=True, kw_only=True):
    """A field that agents used."""

    tool: str
    field: str
    used: int
    """Outputs of which a value of this field came up later in what the agent wrote."""
    outputs: int
    """Outputs of the tool."""


def used_fields(
    client: Client, database: str, *, min_outputs: int, tenant: str | None = None, since: datetime | None = None
) -> list[UsedField]:
    """Fields that were used in at least `min_outputs` outputs, the most used first, tool by tool. Raises StorageError.

    Read with FINAL, so that rows delivered twice count once.
    """
    where, parameters = narrowed(tenant=tenant, since=since)
    sql = _USED.format(database=database, where=where)
    try:
        rows = list(client.query(sql, parameters=parameters).named_results())
    except ClickHouseError as error:
        raise StorageError(one_line(str(error)), {"code": getattr(error, "code", None)}) from error
    outputs = {row["tool"]: row["outputs"] for row in rows if not row["field"]}
    return [
        UsedField(tool=row["tool"], field=row["field"], used=row["used"], outputs=outputs.get(row["tool"], 0))
        for row in rows
        if row["field"] and row["used"] >= min_outputs
    ]


_USED = """
SELECT tool, field, sum(tool_usage.outputs) AS outputs, sum(tool_usage.used) AS used
FROM `{database}`.tool_usage FINAL
{where}
GROUP BY tool, field
ORDER BY tool, used DESC, field
"""


def policy_section(fields: Iterable[UsedField]) -> str:
    """`policy.learning.tools` as TOML, with the counts beside each field for who reads it over."""
    parts = []
    for tool, own in groupby(fields, key=attrgetter("tool")):
        keep = "".join(f"    {_quoted(one.field)},  # used in {one.used} of {one.outputs} outputs\n" for one in own)
        parts.append(f"[[policy.learning.tools]]\ntool = {_quoted(tool)}\nkeep = [\n{keep}]\n")
    return "\n".join(parts)


def _quoted(text: str) -> str:
    """A basic string of TOML: one of JSON, but for the one control character that JSON leaves as it is."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
