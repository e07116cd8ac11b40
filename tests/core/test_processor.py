"""The processor: records in, records and writes out."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from headroom_stream.config import Settings, override
from headroom_stream.errors import StateError
from headroom_stream.events import DeadLetter, DeadMetric, EraseMetric, TurnMetric, decode_context, decode_metric
from headroom_stream.session.state import head_key, is_head_key, segment_key
from headroom_stream.tokenizers import load_tokenizer
from headroom_stream.worker.processor import Batch, Outgoing, Processor, Record
from tests.core.folding import call, result, said, user

TOKENIZER = load_tokenizer(network=False)
NOON = 1_780_000_000_000


class Running:
    """A processor over a dict, in the order of the commit."""

    def __init__(self, settings: Settings | None = None) -> None:
        self.settings = settings or Settings()
        self.table: dict[bytes, bytes] = {}
        self.processor = Processor(self.settings, TOKENIZER)
        self.offset = 0

    def record(self, value: bytes | None, *, key: bytes | None = b"s", **fields: Any) -> Record:
        self.offset += 1
        given: dict[str, Any] = {
            "topic": "headroom.turns",
            "partition": 3,
            "offset": self.offset - 1,
            "timestamp": NOON + self.offset,
        }
        return Record(key=key, value=value, **{**given, **fields})

    def run(self, *records: Record) -> Batch:
        batch = self.processor.process(records, self.table.get)
        self.write(batch)
        return batch

    def sweep(self) -> None:
        """As a worker does some time after all offsets are committed."""
        self.write(self.processor.expired(3, committed=self.offset))

    def write(self, batch: Batch) -> None:
        for key, value in batch.writes.items():
            if value is None:
                self.table.pop(key, None)
            else:
                self.table[key] = value

    def turn(self, *messages: dict[str, Any], session: str = "s", **fields: Any) -> Batch:
        return self.run(self.record(turn(*messages, session=session, **fields), key=session.encode()))


def turn(*messages: dict[str, Any], session: str = "s", **fields: Any) -> bytes:
    return json.dumps({"session_id": session, "messages": messages, **fields}).encode()


def to(batch: Batch, topic: str) -> list[Outgoing]:
    return [o for o in batch.outgoing if o.topic == f"headroom.{topic}"]


def metrics(batch: Batch) -> list[Any]:
    return [decode_metric(o.value or b"") for o in to(batch, "metrics")]


def dead(batch: Batch) -> tuple[Outgoing, DeadLetter]:
    (out,) = to(batch, "dead")
    return out, DeadLetter.from_headers(out.headers)


def test_a_turn_sends_its_context_and_row_and_writes_segment_before_head() -> None:
    running = Running()
    batch = running.turn(user("Find it."))
    (context,) = to(batch, "contexts")
    assert context.key == b"s"
    assert context.timestamp == NOON + 1
    assert decode_context(context.value or b"").session_id == "s"
    (row,) = metrics(batch)
    assert isinstance(row, TurnMetric)
    assert (row.topic, row.partition, row.offset) == ("headroom.turns", 3, 0)
    assert list(batch.writes) == [segment_key("s", 1), head_key("s")]
    assert (batch.folded, batch.skipped, batch.dead) == (1, 0, 0)
    assert batch.bytes == sum(len(o.value or b"") for o in batch.outgoing) + sum(len(v or b"") for v in batch.writes.values())


def test_within_a_batch_a_head_is_written_once_behind_all_segments_it_names() -> None:
    running = Running()
    records = [running.record(turn(m)) for m in (user("a"), said("b"), user("c"))]
    batch = running.run(*records)
    assert list(batch.writes) == [*(segment_key("s", n) for n in (1, 2, 3)), head_key("s")]
    assert len(to(batch, "contexts")) == 3


@pytest.mark.parametrize(
    ("stage", "value"),
    [
        ("decode", b"\xff\xfe\x00garbage"),
        ("decode", b"not json"),
        ("decode", b""),
        ("decode", b'{"session_id":"s"'),
        ("decode", b'{"session_id":"s","messages":[' + b"[" * 100_000 + b"]" * 100_000 + b"]}"),
        ("decode", b'{"session_id":"s","usage":' + b'{"a":' * 100_000 + b"1" + b"}" * 100_000 + b"}"),
        ("schema", b"{}"),
        ("schema", b"[]"),
        ("schema", b"null"),
        ("schema", b'"s"'),
        ("schema", b'{"session_id":""}'),
        ("schema", b'{"session_id":7}'),
        ("schema", b'{"session_id":"s","messages":{}}'),
        ("schema", b'{"session_id":"s","schema_version":0}'),
        ("schema", b'{"session_id":"s","schema_version":99,"messages":[]}'),
        ("schema", b'{"session_id":"s","provider":"cohere","messages":[]}'),
        ("schema", b'{"session_id":"s","turn":0,"messages":[]}'),
        ("schema", b'{"session_id":"s","event_time":"2026-01-01T00:00:00","messages":[]}'),
        ("schema", b'{"session_id":"other","messages":[]}'),
        ("messages", b'{"session_id":"s","messages":[]}'),
        ("messages", b'{"session_id":"s","messages":[{"role":["user"]}]}'),
        ("policy", b'{"session_id":"s","messages":[],"policy":{"nope":1}}'),
    ],
)
def test_a_record_that_cannot_be_applied_becomes_a_dead_letter_untouched(stage: str, value: bytes) -> None:
    running = Running()
    record = running.record(value, headers=(("mine", b"\x00\xff"),))
    batch = running.run(record)
    out, letter = dead(batch)
    assert (out.key, out.value, out.timestamp) == (record.key, value, record.timestamp)
    assert out.headers[0] == ("mine", b"\x00\xff")
    assert (letter.topic, letter.partition, letter.offset, letter.timestamp) == ("headroom.turns", 3, 0, record.timestamp)
    assert (letter.stage, letter.attempt) == (stage, 1)
    assert DeadLetter.from_headers(letter.to_headers()) == letter
    (row,) = metrics(batch)
    assert isinstance(row, DeadMetric)
    assert (row.stage, row.error, row.offset) == (letter.stage, letter.error, 0)
    assert batch.dead == 1
    assert batch.writes == {}
    assert running.turn(user("a")).folded == 1


@pytest.mark.parametrize("key", [None, b"", b"other", b"\xff"])
def test_a_record_under_another_key_is_refused(key: bytes | None) -> None:
    running = Running()
    out, letter = dead(running.run(running.record(turn(user("a")), key=key)))
    assert letter.stage == "schema"
    assert out.key == key


def test_a_null_value_without_a_key_is_refused() -> None:
    running = Running()
    out, letter = dead(running.run(running.record(None, key=None)))
    assert letter.stage == "schema"
    assert out.value is None


def test_an_event_above_the_limit_is_refused_unread() -> None:
    running = Running(Settings(policy=override(Settings().policy, {"limits": {"event_bytes": 100}})))
    out, letter = dead(running.run(running.record(b"x" * 101)))
    assert letter.stage == "size"
    assert out.value == b"x" * 101


def test_a_dead_letter_that_is_replayed_and_refused_again_counts_its_attempts() -> None:
    running = Running()
    first, _ = dead(running.run(running.record(b"nonsense")))
    second, letter = dead(running.run(running.record(first.value, key=first.key, headers=first.headers)))
    assert letter.attempt == 2
    assert letter.offset == 1
    third, letter = dead(running.run(running.record(second.value, key=second.key, headers=second.headers)))
    assert letter.attempt == 3
    assert third.value == b"nonsense"


@pytest.mark.parametrize("attempt", [b"", b"-1", b"many", "²".encode(), b"9" * 5_000, b"\xff", None])
def test_headers_that_make_no_sense_do_no_harm(attempt: Any) -> None:
    running = Running()
    headers = (("headroom.attempt", attempt), ("traceparent", None), ("tracestate", None))
    _, letter = dead(running.run(running.record(b"nonsense", headers=headers)))
    assert letter.attempt == 1
    batch = running.run(running.record(turn(user("a")), headers=headers))
    assert batch.folded == 1
    assert batch.dead == 0


@pytest.mark.parametrize("timestamp", [-1, 0, 2**52, 2**62])
def test_a_timestamp_that_no_calendar_has_does_no_harm(timestamp: int) -> None:
    running = Running()
    assert running.run(running.record(turn(user("a")), timestamp=timestamp)).folded == 1
    batch = running.run(running.record(b"nonsense", timestamp=timestamp))
    assert dead(batch)[0].timestamp == timestamp


def test_trace_context_comes_from_the_event_or_from_a_header() -> None:
    running = Running()
    headers = (("traceparent", b"00-aa-bb-01"), ("tracestate", b"k=v"))
    (out,) = to(running.run(running.record(turn(user("a")), headers=headers)), "contexts")
    context = decode_context(out.value or b"")
    assert (context.traceparent, context.tracestate) == ("00-aa-bb-01", "k=v")
    assert out.headers == (("traceparent", b"00-aa-bb-01"),)
    (out,) = to(running.run(running.record(turn(said("b"), traceparent="mine"), headers=headers)), "contexts")
    assert decode_context(out.value or b"").traceparent == "mine"


def test_a_record_at_or_below_the_head_was_delivered_and_is_skipped() -> None:
    running = Running()
    first, second = running.record(turn(user("a"))), running.record(turn(said("b")))
    running.run(first, second)
    before = dict(running.table)
    for processor in (running.processor, Processor(running.settings, TOKENIZER)):
        running.processor = processor
        batch = running.run(first, second)
        assert (batch.skipped, batch.folded, batch.outgoing, batch.writes) == (2, 0, [], {})
    assert running.table == before


def test_the_same_offset_of_another_partition_or_topic_is_another_record() -> None:
    running = Running()
    running.run(running.record(turn(user("a")), offset=7))
    assert running.run(running.record(turn(said("b")), offset=7, partition=4)).folded == 1
    assert running.run(running.record(turn(user("c")), offset=7, partition=4, topic="other")).folded == 1


def test_a_null_value_wipes_every_key_of_the_session_and_tells_the_sink() -> None:
    running = Running()
    for message in (user("a"), said("b"), user("c")):
        running.turn(message)
    running.turn(user("x"), session="t")
    batch = running.run(running.record(None))
    assert {k: v for k, v in batch.writes.items() if k != head_key("s")} == {segment_key("s", n): None for n in (1, 2, 3)}
    assert b"hello" not in running.table[head_key("s")]
    running.sweep()
    assert running.table.keys() == {head_key("t"), segment_key("t", 1)}
    (erased,) = metrics(batch)
    assert erased == EraseMetric(session_id="s", event_time=erased.event_time)
    # And again, for what the sink may have left.
    again = running.run(running.record(None))
    assert isinstance(metrics(again)[0], EraseMetric)
    assert running.turn(user("new")).folded == 1


def test_erasing_within_the_batch_that_began_the_session_leaves_nothing() -> None:
    running = Running()
    running.run(running.record(turn(user("a"))), running.record(turn(said("b"))), running.record(None))
    running.sweep()
    assert running.table == {}


def test_a_session_that_begins_anew_before_the_sweep_is_not_swept() -> None:
    running = Running()
    running.turn(user("a"))
    running.run(running.record(None))
    running.turn(user("b"))
    running.sweep()
    assert running.table.keys() == {head_key("s"), segment_key("s", 2)}
    assert running.turn(said("c")).folded == 1


def test_what_is_left_of_a_closed_session_goes_only_when_its_offset_is_committed() -> None:
    running = Running()
    running.turn(user("a"))
    running.run(running.record(None))
    assert running.processor.expired(3, committed=1).writes == {}
    assert running.processor.expired(4, committed=9).writes == {}
    assert running.processor.expired(3, committed=2).writes == {segment_key("s", 1): None, head_key("s"): None}


def test_segments_that_a_cut_left_behind_are_wiped_too() -> None:
    """A worker that died between the head and the removals of a rewrite leaves segments that no head names."""
    running = Running()
    for i in range(4):
        running.turn(*([user("a")] if i == 0 else [said(f"b{i}"), user("go on")]))
    left = {k: v for k, v in running.table.items() if not is_head_key(k)}
    history = {"session_id": "s", "history": [user("something else")]}
    running.run(running.record(json.dumps(history).encode()))
    running.table |= left
    running.processor.forget()
    running.run(running.record(None))
    running.sweep()
    assert running.table == {}


def test_a_missing_segment_stops_the_worker_and_loses_nothing() -> None:
    running = Running()
    running.turn(user("a"))
    running.processor.forget()
    del running.table[segment_key("s", 1)]
    with pytest.raises(StateError, match="missing"):
        running.turn(said("b"))


def test_state_of_a_newer_version_stops_the_worker() -> None:
    running = Running()
    running.turn(user("a"))
    running.processor.forget()
    head = json.loads(running.table[head_key("s")])
    running.table[head_key("s")] = msgspec.json.encode({**head, "v": 99})
    with pytest.raises(StateError, match="newer version"):
        running.turn(said("b"))


@pytest.mark.parametrize("data", [b"", b"{}", b"\xff", b'{"at":3}'])
def test_state_that_cannot_be_read_stops_the_worker(data: bytes) -> None:
    running = Running()
    running.table[head_key("s")] = data
    with pytest.raises(StateError):
        running.turn(said("b"))


def test_sessions_whose_names_look_like_keys_do_not_meet() -> None:
    running = Running()
    names = ["a", "a/0000000001", "a/0000000000", "a/"]
    for name in names:
        running.turn(user(name), session=name)
    for name in names:
        (out,) = to(running.turn(said("b"), session=name), "contexts")
        assert json.loads(bytes(decode_context(out.value or b"").messages[0]))["content"] == name
    assert len(running.table) == 3 * len(names)


def test_a_session_that_waits_for_results_emits_when_they_come() -> None:
    running = Running()
    assert to(running.turn(user("a"), call("c")), "contexts") == []
    assert len(to(running.turn(result("c", "x")), "contexts")) == 1


def test_a_number_too_long_for_a_machine_word_does_no_harm() -> None:
    running = Running()
    assert dead(running.turn(user("a"), turn=10**25))[1].stage == "schema"
    batch = running.turn(user("a"), usage={"input_tokens": 10**30})
    assert batch.folded == 1
    assert metrics(batch)[0].usage_input_tokens is None


@pytest.mark.parametrize("year", ["1969", "2200", "9999"])
def test_a_time_that_clickhouse_cannot_keep_is_refused(year: str) -> None:
    running = Running()
    batch = running.turn(user("a"), event_time=f"{year}-06-01T00:00:00Z")
    assert dead(batch)[1].stage == "schema"


def left_the_cache(text: str, **policy: Any) -> bool:
    """Whether the first of two sessions has left a small cache."""
    running = Running(msgspec.convert({"worker": {"cache_bytes": 60_000}, "policy": policy}, Settings))
    for session in ("a", "b"):
        running.turn(user("Go."), call("c"), result("c", text), session=session)
    del running.table[segment_key("a", 1)]
    try:
        running.turn(said("Done."), session="a")
    except StateError:
        return True
    return False


def test_the_index_of_what_was_shown_counts_for_the_cache_of_sessions() -> None:
    text = "\n".join(f"{n}: the value of sensor s-{n:04} is {n * 7919 % 1000}" for n in range(400))
    assert left_the_cache(text)
    assert not left_the_cache(text, references={"enabled": False})


def test_what_is_watched_for_its_use_counts_too() -> None:
    text = json.dumps([{"id": f"ID-{n}"} for n in range(200)])
    assert left_the_cache(text, references={"enabled": False})
    assert not left_the_cache(text, references={"enabled": False}, learning={"enabled": False})
