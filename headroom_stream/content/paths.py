"""Names of fields within a value, whatever the value: `orders[].id`, `prices.*`."""

from __future__ import annotations

ITEMS = "[]"
"""What stands in a path for the items of a list."""
_MAX_KEY = 60


def field(path: str, key: str) -> str:
    """The path of a field of the object at `path`; a key that is data (one with a digit, such as an id or a date) is `*`."""
    name = "*" if any(map(str.isdigit, key)) or len(key) > _MAX_KEY else key
    return f"{path}.{name}" if path else name
