"""JSON Schemas and an AsyncAPI 3 document of the wire, made from the Structs in `events`."""

from __future__ import annotations

import inspect
from typing import Any

import msgspec

from headroom_stream.config import KafkaSettings
from headroom_stream.events import (
    SCHEMA_VERSION,
    ContextBatch,
    DeadLetter,
    DeadMetric,
    DecisionMetric,
    EraseMetric,
    OriginalMetric,
    TurnEvent,
    TurnMetric,
    UsageMetric,
)

STRUCTS: dict[str, Any] = {
    "turn": TurnEvent,
    "context": ContextBatch,
    "metric-turn": TurnMetric,
    "metric-decision": DecisionMetric,
    "metric-original": OriginalMetric,
    "metric-usage": UsageMetric,
    "metric-dead": DeadMetric,
    "metric-erase": EraseMetric,
    "dead-letter": DeadLetter,
}
_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def documents() -> dict[str, dict[str, Any]]:
    """The files of the folder `schemas/`, by name."""
    out = {f"{name}.json": _schema(struct) for name, struct in STRUCTS.items()}
    out["asyncapi.json"] = _asyncapi()
    return out


def _schema(struct: Any) -> dict[str, Any]:
    return {"$schema": _DIALECT, **_dedented(msgspec.json.schema(struct))}


def _dedented(value: Any) -> Any:
    """Docstrings carry the indentation of the source."""
    if isinstance(value, dict):
        return {k: inspect.cleandoc(v) if k == "description" and isinstance(v, str) else _dedented(v) for k, v in value.items()}
    return [_dedented(v) for v in value] if isinstance(value, list) else value


def _asyncapi() -> dict[str, Any]:
    topics = KafkaSettings()
    messages = {
        "turns": ["turn"],
        "contexts": ["context"],
        "metrics": [n for n in STRUCTS if n.startswith("metric-")],
    }
    says = {
        "turns": "Turns of agents, keyed by session_id. A null value erases the session.",
        "contexts": "Contexts that are ready to send to the model, keyed by session_id.",
        "metrics": "Rows for ClickHouse, keyed by session_id.",
        "dead": "Refused records, key and value untouched; the headers say why.",
    }
    channels: dict[str, Any] = {}
    for name, text in says.items():
        own = messages.get(name)
        channels[name] = {
            "address": getattr(topics, name),
            "description": text,
            "messages": {m: {"$ref": f"#/components/messages/{m}"} for m in own or ["dead-letter"]},
        }
    listed = [m for own in messages.values() for m in own]
    components = {
        m: {
            "name": m,
            "contentType": "application/json",
            "bindings": {"kafka": {"key": {"type": "string", "description": "session_id"}}},
            "payload": {"schemaFormat": "application/schema+json;version=draft-2020-12", "schema": {"$ref": f"./{m}.json"}},
        }
        for m in listed
    }
    components["dead-letter"] = {
        "name": "dead-letter",
        "description": "Kafka headers `headroom.<field>`, values as text.",
        "headers": {"schemaFormat": "application/schema+json;version=draft-2020-12", "schema": {"$ref": "./dead-letter.json"}},
    }
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "headroom-stream",
            "version": str(SCHEMA_VERSION),
            "description": "Turns of agents in, compressed contexts out, metrics for ClickHouse.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": {
            "receiveTurns": {"action": "receive", "channel": {"$ref": "#/channels/turns"}},
            "sendContexts": {"action": "send", "channel": {"$ref": "#/channels/contexts"}},
            "sendMetrics": {"action": "send", "channel": {"$ref": "#/channels/metrics"}},
            "sendDead": {"action": "send", "channel": {"$ref": "#/channels/dead"}},
        },
        "components": {"messages": components},
    }


def incompatibilities(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """What in `new` breaks readers or writers of `old`: fields gone, of another type or default, newly required or no longer so.

    Defaults are left out on the wire, so a field with another default says something else to the other side.

    Both are schemas of one Struct. An empty list: compatible.
    """
    out: list[str] = []
    olds, news = old.get("$defs", {}), new.get("$defs", {})
    for name, before in olds.items():
        after = news.get(name)
        if after is None:
            out.append(f"{name}: removed")
            continue
        for field, shape in before.get("properties", {}).items():
            if field not in after.get("properties", {}):
                out.append(f"{name}.{field}: removed")
            elif not _accepts(shape, after["properties"][field]):
                out.append(f"{name}.{field}: retyped")
            elif "default" in shape and shape["default"] != after["properties"][field].get("default"):
                out.append(f"{name}.{field}: another default")
        known = before.get("properties", {})
        required = set(after.get("required", [])) - set(before.get("required", []))
        out += [f"{name}.{field}: {'now required' if field in known else 'added without a default'}" for field in sorted(required)]
        relaxed = set(before.get("required", [])) - set(after.get("required", []))
        out += [f"{name}.{field}: no longer required" for field in sorted(relaxed & after.get("properties", {}).keys())]
    return out


_NOT_TYPE = ("description", "default", "title")


def _accepts(before: Any, after: Any) -> bool:
    """Whether every value of the old shape is one of the new: the same shape, or a union or enumeration that only grew."""
    old, new = _alternatives(before), _alternatives(after)
    if any("enum" in o for o in old):
        values = {v for n in new for v in n.get("enum", [])}
        old_values = {v for o in old for v in o.get("enum", [])}
        rest = [o for o in old if "enum" not in o]
        return old_values <= values and all(o in new for o in rest)
    return all(o in new for o in old)


def _alternatives(shape: Any) -> list[dict[str, Any]]:
    options = shape.get("anyOf", [shape])
    return [{k: v for k, v in o.items() if k not in _NOT_TYPE} for o in options]
