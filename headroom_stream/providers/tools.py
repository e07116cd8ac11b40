"""Definitions of functions in OpenAI's shape, counted by the rule of its cookbook."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from headroom_stream.providers.wire import to_json, to_plain
from headroom_stream.tokens import Tokenizer

_PROPERTIES = 3
_PROPERTY = 3
_ENUM = -3
_ENUM_ITEM = 3
_END = 12
_MAX_DEPTH = 20
_FUNCTION = frozenset(("name", "description", "parameters"))
_SCHEMA = frozenset(("type", "properties", "required"))
_FIELD = frozenset(("type", "description", "enum"))


def count_functions(tools: Sequence[Mapping[str, Any]], tokenizer: Tokenizer, *, start: int) -> tuple[int, bool]:
    """Tokens of the definitions, and whether the rule covers them.

    The rule is for functions whose parameters are plain: a function costs `start` and "name:description"; parameters cost 3, each of
    them 3 and "name:type:description"; an enum 3 less and 3 more for each of its values; all functions together 12 at their end. A full
    stop at the end of a description is dropped. What is nested is counted by the same rule, other tools as JSON; both are outside of it.
    """
    total, covered, functions = 0, True, False
    for tool in to_plain(list(tools)):
        function = tool.get("function") if isinstance(tool, dict) else None
        if not isinstance(function, dict) or not isinstance(function.get("name"), str):
            total, covered = total + tokenizer.count(to_json(tool).decode()), False
            continue
        functions = True
        total += start + tokenizer.count(f"{function['name']}:{_told(function)}")
        covered = covered and _FUNCTION.issuperset(function) and bool(_told(function))
        tokens, plain = _schema(function.get("parameters"), tokenizer, 0)
        total, covered = total + tokens, covered and plain
    return total + _END * functions, covered


def _schema(schema: Any, tokenizer: Tokenizer, depth: int) -> tuple[int, bool]:
    """Tokens of the properties of an object's schema, and whether the rule covers them."""
    properties = schema.get("properties") if isinstance(schema, dict) else None
    if not isinstance(properties, dict) or not properties:
        return 0, schema is None or (isinstance(schema, dict) and _SCHEMA.issuperset(schema))
    total, covered = _PROPERTIES, depth == 0 and _SCHEMA.issuperset(schema)
    for name, field in properties.items():
        if not isinstance(field, dict) or depth > _MAX_DEPTH:
            total, covered = total + tokenizer.count(to_json({name: field}).decode()), False
            continue
        kind = field.get("type")
        # The rule's own example has no field without these; what OpenAI makes of one is not said.
        covered = covered and isinstance(kind, str) and bool(_told(field)) and _FIELD.issuperset(field)
        total += _PROPERTY + tokenizer.count(f"{name}:{kind if isinstance(kind, str) else 'any'}:{_told(field)}")
        values = field.get("enum")
        if isinstance(values, list):
            total += _ENUM + sum(_ENUM_ITEM + tokenizer.count(v if isinstance(v, str) else to_json(v).decode()) for v in values)
            covered = covered and all(isinstance(v, str) for v in values)
        inner = field.get("items") if kind == "array" else field
        if isinstance(inner, dict) and "properties" in inner:
            tokens, _ = _schema(inner, tokenizer, depth + 1)
            total, covered = total + tokens, False
    return total, covered


def _told(described: Mapping[str, Any]) -> str:
    """A description without the full stop at its end."""
    text = described.get("description")
    return text.removesuffix(".") if isinstance(text, str) else ""
