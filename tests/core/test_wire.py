"""The wire: its schemas as files, their evolution, and events of version 1 that have to be read for ever."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from headroom_stream.events import (
    SCHEMA_VERSION,
    DeadLetter,
    DeadMetric,
    DecisionMetric,
    EraseMetric,
    OriginalMetric,
    TurnMetric,
    UsageMetric,
    decode_context,
    decode_metric,
    decode_turn,
    encode,
)
from headroom_stream.wire_schemas import STRUCTS, documents, incompatibilities
from tests.core.conversations import LOGS, RECORDS, conversations
from tests.core.folding import Folding, call, result, user

ROOT = Path(__file__).parents[2]
SCHEMAS = ROOT / "schemas"
FIXTURES = Path(__file__).parents[1] / "fixtures" / "wire" / "1"
DOCUMENTS = documents()


def validator(name: str) -> Any:
    schema = DOCUMENTS[f"{name}.json"]
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


VALIDATORS = {name: validator(name) for name in STRUCTS}


@pytest.mark.parametrize("name", sorted(DOCUMENTS))
def test_the_files_are_those_that_the_structs_give(name: str) -> None:
    written = json.loads((SCHEMAS / name).read_text(encoding="utf-8"))
    assert written == DOCUMENTS[name], "run `headroom-stream schemas`"


def test_no_file_is_left_of_a_struct_that_is_gone() -> None:
    assert {p.name for p in SCHEMAS.glob("*.json")} == DOCUMENTS.keys()


RELEASED = sorted(p for p in (SCHEMAS / "released").glob("*/*.json") if p.name != "asyncapi.json")


@pytest.mark.parametrize("path", RELEASED, ids=lambda p: f"{p.parent.name}/{p.name}")
def test_what_was_released_is_still_read_and_written(path: Path) -> None:
    assert incompatibilities(json.loads(path.read_text(encoding="utf-8")), DOCUMENTS[path.name]) == []


def test_every_schema_was_released() -> None:
    current = {p.name for p in RELEASED if p.parent.name == str(SCHEMA_VERSION)}
    assert current == {f"{n}.json" for n in STRUCTS}


OLD: dict[str, Any] = {
    "$ref": "#/$defs/Event",
    "$defs": {
        "Event": {
            "type": "object",
            "required": ["id"],
            "properties": {
                "id": {"type": "string"},
                "count": {"type": "integer", "minimum": 0, "default": 0},
                "kind": {"enum": ["a", "b"], "default": "a"},
                "note": {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None, "description": "Free text."},
            },
        },
        "Part": {"type": "object", "properties": {}, "required": []},
    },
}


def changed(**properties: Any) -> dict[str, Any]:
    new = copy.deepcopy(OLD)
    for name, shape in properties.items():
        if shape is None:
            del new["$defs"]["Event"]["properties"][name]
        else:
            new["$defs"]["Event"]["properties"][name] = shape
    return new


def requiring(schema: dict[str, Any], *names: str) -> dict[str, Any]:
    schema["$defs"]["Event"]["required"] = list(names)
    return schema


def without_part() -> dict[str, Any]:
    new = copy.deepcopy(OLD)
    del new["$defs"]["Part"]
    return new


@pytest.mark.parametrize(
    ("new", "found"),
    [
        (changed(count=None), ["Event.count: removed"]),
        (changed(count=None, total={"type": "integer", "default": 0}), ["Event.count: removed"]),
        (changed(count={"type": "string", "default": 0}), ["Event.count: retyped"]),
        (changed(count={"type": "integer", "minimum": 1, "default": 0}), ["Event.count: retyped"]),
        (changed(kind={"enum": ["a"], "default": "a"}), ["Event.kind: retyped"]),
        (changed(note={"type": "string", "default": None}), ["Event.note: retyped"]),
        (requiring(changed(), "id", "count"), ["Event.count: now required"]),
        (requiring(changed(fresh={"type": "string"}), "id", "fresh"), ["Event.fresh: added without a default"]),
        (requiring(changed()), ["Event.id: no longer required"]),
        (changed(kind={"enum": ["a", "b"], "default": "b"}), ["Event.kind: another default"]),
        (without_part(), ["Part: removed"]),
    ],
)
def test_a_change_that_breaks_readers_or_writers_is_found(new: dict[str, Any], found: list[str]) -> None:
    assert incompatibilities(OLD, new) == found


@pytest.mark.parametrize(
    "new",
    [
        OLD,
        changed(fresh={"type": "string", "default": ""}),
        changed(kind={"enum": ["a", "b", "c"], "default": "a"}),
        changed(
            note={"anyOf": [{"type": "null"}, {"type": "string"}, {"type": "integer"}], "default": None, "description": "Text."}
        ),
        changed(count={"type": "integer", "minimum": 0, "default": 0, "description": "Now with words."}),
    ],
)
def test_a_field_that_is_added_or_widened_breaks_nothing(new: dict[str, Any]) -> None:
    assert incompatibilities(OLD, new) == []


def read(name: str) -> bytes:
    return (FIXTURES / name).read_bytes().strip()


def test_every_event_of_version_1_has_its_fixture() -> None:
    kinds = {p.stem for p in FIXTURES.glob("*.json")}
    assert all(any(k == name or k.startswith(f"{name}-") for k in kinds) for name in STRUCTS)


def test_a_turn_of_version_1_is_read() -> None:
    event = decode_turn(read("turn-messages.json"))
    assert (event.session_id, event.event_id, event.tenant, event.model, event.provider) == (
        "sess-1",
        "evt-1",
        "acme",
        "gpt-4o",
        "openai",
    )
    assert event.messages == [Raw(rb'{"role":"user","content":"Find \u00e9t\u00e9","n":1.00}')]
    assert (event.turn, event.query, event.close, event.history) == (1, "flights", True, None)
    assert event.policy == {"window": {"max_tokens": 9000}}
    assert event.usage == {"prompt_tokens": 12, "completion_tokens": 3}
    assert event.event_time == datetime(2026, 6, 1, 10, tzinfo=UTC)
    assert event.tracestate == "k=v"
    assert event.traceparent is not None


def test_turns_of_version_1_may_be_short_and_may_bring_unknown_fields() -> None:
    assert decode_turn(read("turn-least.json")).session_id == "sess-1"
    history = decode_turn(read("turn-history.json")).history
    assert history is not None
    assert len(history) == 2


def test_an_event_that_names_no_version_is_of_version_1() -> None:
    # Version 1 leaves its number out. A later version must write its own, or old readers take it for version 1.
    assert decode_turn(read("turn-least.json")).schema_version == 1
    assert decode_context(read("context-least.json")).schema_version == 1


def test_a_context_of_version_1_is_read() -> None:
    context = decode_context(read("context-full.json"))
    assert [bytes(m) for m in context.messages] == [b'{"role":"user","content":"Find","n":1.00}']
    assert (context.messages_from, context.message_count, context.first_changed_index) == (2, 3, 2)
    assert (context.epoch, context.tokens_exact, context.over_budget, context.provider) == (1, True, True, "anthropic")
    assert (context.prefix_hash, context.parent_hash, context.cache_breakpoints) == ("aa", "bb", [0, 1, 2])
    assert context.references[0].ref == "112fd68c506d"
    least = decode_context(read("context-least.json"))
    assert (least.provider, least.messages, least.epoch, least.turn) == ("openai", [], 0, 0)


@pytest.mark.parametrize(
    ("name", "struct"),
    [
        ("metric-turn", TurnMetric),
        ("metric-decision", DecisionMetric),
        ("metric-original", OriginalMetric),
        ("metric-usage", UsageMetric),
        ("metric-dead", DeadMetric),
        ("metric-erase", EraseMetric),
    ],
)
def test_a_metric_of_version_1_is_read_field_by_field(name: str, struct: type) -> None:
    source = json.loads(read(f"{name}.json"))
    metric = decode_metric(read(f"{name}.json"))
    assert type(metric) is struct
    for field, value in source.items():
        if field not in ("type", "event_time"):
            assert getattr(metric, field) == value, field
    assert getattr(metric, "event_time", None) == datetime(2026, 6, 1, 12, tzinfo=UTC)


def test_a_dead_letter_of_version_1_is_read_from_its_headers() -> None:
    headers = [(k, v.encode()) for k, v in json.loads(read("dead-letter.json")).items()]
    letter = DeadLetter.from_headers([("other", b"\xff"), *headers])
    assert letter == DeadLetter(
        topic="headroom.turns", partition=3, offset=42, timestamp=1_780_000_000_000, stage="decode", error="not JSON …", attempt=2
    )
    assert sorted(letter.to_headers()) == sorted(headers)


def test_headers_that_are_no_dead_letter_are_an_error() -> None:
    with pytest.raises(msgspec.ValidationError):
        DeadLetter.from_headers([("headroom.topic", b"t")])
    with pytest.raises(msgspec.ValidationError):
        DeadLetter.from_headers([("headroom.partition", b"\xff")])


letters = st.builds(
    DeadLetter,
    topic=st.text(max_size=20),
    partition=st.integers(0, 2**31),
    offset=st.integers(0, 2**63 - 1),
    timestamp=st.integers(-1, 2**62),
    stage=st.text(max_size=10),
    error=st.text(max_size=200),
    attempt=st.integers(1, 9),
)


@given(letters)
def test_a_dead_letter_survives_its_headers(letter: DeadLetter) -> None:
    assert DeadLetter.from_headers(letter.to_headers()) == letter


@pytest.mark.parametrize("path", sorted(p for p in FIXTURES.glob("*.json") if p.stem != "dead-letter"), ids=lambda p: p.stem)
def test_fixtures_validate_against_their_schema(path: Path) -> None:
    name = next(n for n in sorted(STRUCTS, key=len, reverse=True) if path.stem == n or path.stem.startswith(f"{n}-"))
    VALIDATORS[name].validate(json.loads(path.read_bytes()))


def check(folding: Folding) -> None:
    for effects in folding.effects:
        if effects.context is not None:
            VALIDATORS["context"].validate(json.loads(encode(effects.context)))
            assert decode_context(encode(effects.context)) == effects.context
        for metric in effects.metrics:
            name = f"metric-{type(metric).__name__.removesuffix('Metric').lower()}"
            VALIDATORS[name].validate(json.loads(encode(metric)))
            assert decode_metric(encode(metric)) == metric


@given(conversations(max_rounds=3))
def test_what_the_fold_sends_validates_against_the_schemas(events: list[list[Raw]]) -> None:
    folding = Folding(window={"max_tokens": 600})
    for event in events:
        folding.apply(event)
    folding.apply([], turn=1)
    folding.apply(usage={"prompt_tokens": 3})
    folding.apply(close=True)
    check(folding)


def test_rows_of_every_kind_validate() -> None:
    folding = Folding(model="gpt-4o")
    folding.turn(user("Go."), call("a", "b"), result("a", LOGS), result("b", RECORDS), tenant="acme", traceparent="00-1")
    folding.turn(user("x"), call("zz"))
    folding.turn(user("refused"))
    check(folding)
    kinds = {type(m) for e in folding.effects for m in e.metrics}
    assert kinds == {TurnMetric, DecisionMetric, OriginalMetric, UsageMetric, DeadMetric}
    erased = EraseMetric(session_id="s", event_time=datetime(2026, 1, 1, tzinfo=UTC))
    VALIDATORS["metric-erase"].validate(json.loads(encode(erased)))


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"session_id": ""},
        {"session_id": "s", "turn": 0},
        {"session_id": "s", "provider": "x"},
        {"session_id": "s", "messages": {}},
    ],
)
def test_the_schema_of_a_turn_refuses_what_the_decoder_refuses(event: dict[str, Any]) -> None:
    assert not VALIDATORS["turn"].is_valid(event)
    with pytest.raises(msgspec.ValidationError):
        decode_turn(json.dumps(event).encode())


def references(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
        return own + [r for v in value.values() for r in references(v)]
    return [r for v in value for r in references(v)] if isinstance(value, list) else []


def test_the_asyncapi_document_refers_to_what_exists() -> None:
    document = DOCUMENTS["asyncapi.json"]
    found = references(document)
    files = [r for r in found if r.startswith("./")]
    assert {r.removeprefix("./") for r in files} == {f"{n}.json" for n in STRUCTS}
    assert all((SCHEMAS / r).is_file() for r in files)
    for inner in (r for r in found if r.startswith("#/")):
        node = document
        for step in inner.removeprefix("#/").split("/"):
            node = node[step]
    assert all(r.startswith(("./", "#/")) for r in found)
