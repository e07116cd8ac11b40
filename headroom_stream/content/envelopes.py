"""JSON around one printed text: `{"output": "…", "metadata": {"exit_code": 0}}`, `[{"type": "text", "text": "…"}]`.

Such an answer is a text, with each line break and quotation mark written in two characters. It is opened only where every field is
known: what was printed, or how it went.
"""

from __future__ import annotations

import json
import re
from typing import Any

_PRINTED = ("output", "stdout", "text", "content", "result", "stderr")
STATUS: dict[str, tuple[Any, ...]] = {
    "exit_code": (0,),
    "exitCode": (0,),
    "returncode": (0,),
    "return_code": (0,),
    "is_error": (False,),
    "isError": (False,),
    "interrupted": (False,),
    "isImage": (False,),
    "timed_out": (False,),
    "success": (True,),
    "type": ("text",),
    "signal": (None,),
    "error": (None, ""),
}
"""How it went, and what says that it went well. That goes, anything else is said."""
_TIMES = ("duration", "duration_ms", "duration_seconds", "wall_time")
_HALF_CHARACTER = re.compile("[\ud800-\udfff]")
"""A cut through an escaped pair: JSON can say it, a text that is sent can't."""
_START = re.compile(r'\[?\s{0,20}\{\s{0,20}"(?:metadata|' + "|".join((*_PRINTED, *STATUS, *_TIMES)) + r')"\s*:')


def opened(text: str) -> list[tuple[str, str]] | None:
    """The fields that `text` says, as (name, text), or None if it is no such envelope. What went well and times are not among them."""
    if "\\n" not in text or _START.match(text) is None:
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    items = value if type(value) is list else [value]
    if not items or not all(type(item) is dict and any(type(item.get(name)) is str for name in _PRINTED) for item in items):
        return None
    out: list[tuple[str, str]] = []
    for item in items:
        fields = dict(item)
        metadata = fields.pop("metadata", {})
        if type(metadata) is not dict or fields.keys() & metadata.keys() or (said := _said({**metadata, **fields})) is None:
            return None
        out += said
    return out


def _said(fields: dict[str, Any]) -> list[tuple[str, str]] | None:
    """How it went where it did not go well, then what was printed; None where a field is not known."""
    status, printed = [], []
    for name, value in fields.items():
        if type(value) is str and _HALF_CHARACTER.search(value):
            return None
        if name in _PRINTED and type(value) is str:
            if value.strip():
                printed.append((name, value))
        elif name in STATUS and type(value) in (int, bool, str, type(None)):
            if value not in STATUS[name]:
                status.append((name, json.dumps(value, ensure_ascii=False)))
        elif name not in _TIMES or type(value) not in (int, float):
            return None
    return status + printed
