"""Which items tell of an error: by what their fields are called and by what stands in them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from headroom_stream.content.log_lines import IMPORTANT
from headroom_stream.content.records import NumberText
from headroom_stream.transforms.crush.columns import Column
from headroom_stream.transforms.crush.values import Scalar

_ERROR_PATH = re.compile(
    r"(?:^|[._-])(?:err|errors?|exceptions?|fail|failed|failures?|faults?|stderr|traceback|stacktrace)(?:$|[._-])"
    r"|[a-z](?:Error|Exception|Failure)s?(?:$|[._-]|[A-Z])",
    re.IGNORECASE,
)
_STATUS_PATH = re.compile(r"(?:^|[._-])(?:status|code|status_?code|http_?status|response_?code)$", re.IGNORECASE)
_GOOD_PATH = re.compile(r"(?:^|[._-])(?:success|succeeded|ok|passed|valid|healthy)$", re.IGNORECASE)
_LEVEL_PATH = re.compile(r"(?:^|[._-])(?:level|lvl|severity|priority|loglevel)$", re.IGNORECASE)
_LEVELS = {"E", "F", "ERR", "CRIT", "ALERT", "EMERG"}
_NOTHING = {"", "0", "none", "null", "false", "no", "ok", "[]", "{}", "n/a", "-"}
_READ_CHARS = 400
"""Of a text; an error says so at its beginning, and long prose speaks of everything."""


def erroneous(columns: Sequence[Column], total: int) -> set[int]:
    """Places of items that tell of an error. A field by which more than half of all items would do so tells nothing."""
    out: set[int] = set()
    for column in columns:
        judged = {value: _bad(column.path, value) for value in dict.fromkeys(column.values)}
        found = [at for at, value in zip(column.at, column.values, strict=True) if judged[value]]
        if 2 * len(found) <= total:
            out.update(found)
    return out


def _bad(path: str, value: Scalar) -> bool:
    if value is None:
        return False
    if isinstance(value, bool):
        return value if _ERROR_PATH.search(path) else (not value and _GOOD_PATH.search(path) is not None)
    if _ERROR_PATH.search(path) and value.strip().lower() not in _NOTHING:
        return True
    if type(value) is NumberText:
        return _STATUS_PATH.search(path) is not None and len(value) == 3 and value[0] in "45"
    if value.upper() in _LEVELS and _LEVEL_PATH.search(path):
        return True
    return IMPORTANT.search(value[:_READ_CHARS]) is not None
