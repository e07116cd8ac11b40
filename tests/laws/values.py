"""JSON values with all that the notation has signs for, and what becomes of them from call to call."""

from __future__ import annotations

import json
from random import Random
from typing import Any

from tests.laws.kinds import record

_SCALARS = (
    1, 2.5, -0.0, None, True, "", "x", "some longer words of text here", "a: b", "00:12", "-1", "1e5", " lead", 'q"uote', "new\nline",
    "^", "…as in result 1", "{…as in result 1}", "…rest as in result 2", "json{a:1}", '{"a": [1, 2, 3], "b": "x"}', "=text", "a=key", "b?",
    "<id>", "https://example.com/a/b",
)  # fmt: skip
_KEYS = ("order_id", "a", "b c", "name", "status", "x:y", "key", "json", "json2", "n?", "list", "", "…")
_COLUMNS = ("id", "name", "status", "legs", "seat", "body", "url")
_DEEP = 3


def value(random: Random, depth: int = 0) -> Any:
    """An object, a list, a table, a string of JSON, or a plain value."""
    kind = random.choice(("scalar", "object", "object", "list", "table", "string", "keyed")) if depth <= _DEEP else "scalar"
    if kind == "object":
        return {random.choice(_KEYS): value(random, depth + 1) for _ in range(random.randint(0, 6))}
    if kind == "list":
        return [value(random, depth + 1) for _ in range(random.randint(0, 5))]
    if kind == "table":
        keys = random.sample(_COLUMNS, random.randint(1, 5))
        return [{key: value(random, depth + 2) for key in keys if random.random() < 0.9} for _ in range(random.randint(2, 25))]
    if kind == "string":
        return json.dumps(value(random, depth + 1), indent=random.choice((None, 2)))
    if kind == "keyed":
        return {f"k{n}": record(n, random) for n in range(random.randint(1, 5))}
    return random.choice(_SCALARS)


def changed(old: Any, random: Random) -> Any:
    """`old` as a later call gives it: some fields have another value, some are new, some are gone."""
    if isinstance(old, dict):
        out = {key: _or_new(inner, random) for key, inner in old.items() if random.random() > 0.02}
        return {**out, "new": value(random, _DEEP)} if random.random() < 0.1 else out
    return [_or_new(item, random) for item in old] if isinstance(old, list) else old


def _or_new(old: Any, random: Random) -> Any:
    return value(random, 2) if random.random() < 0.07 else changed(old, random)


def story(seed: int, length: int = 4) -> list[str]:
    """Answers of a session in JSON, many of them changed ones of before."""
    random = Random(seed)
    values: list[Any] = []
    for _ in range(length):
        one = changed(random.choice(values), random) if values and random.random() < 0.7 else value(random)
        values.append(one if isinstance(one, dict | list) else [one])
    return [json.dumps(one, indent=random.choice((None, None, 2)), ensure_ascii=random.random() < 0.5) for one in values]
