"""Replaying records after a crash gives what an undisturbed run gives."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw, structs

from headroom_stream.config import Settings, WorkerSettings, override
from headroom_stream.events import decode_context
from headroom_stream.session.state import Session, is_head_key, load_session
from headroom_stream.tokenizers import load_tokenizer
from headroom_stream.worker.processor import Outgoing, Processor, Record
from tests.core.conversations import RECORDS, conversations
from tests.core.folding import call, result, said, user

TOKENIZER = load_tokenizer(network=False)
Table = dict[bytes, bytes]


def records(values: list[tuple[str, bytes | None]]) -> list[Record]:
    return [
        Record(topic="headroom.turns", partition=0, offset=i, timestamp=1_780_000_000_000 + i, key=key.encode(), value=value)
        for i, (key, value) in enumerate(values)
    ]


def write(table: Table, writes: list[tuple[bytes, bytes | None]]) -> None:
    for key, value in writes:
        if value is None:
            table.pop(key, None)
        else:
            table[key] = value


def run(source: list[Record], settings: Settings, sizes: list[int], table: Table) -> list[Outgoing]:
    """All records in batches of these sizes, committed after each."""
    processor, out, at = Processor(settings, TOKENIZER), [], 0
    while at < len(source):
        size = sizes[at % len(sizes)]
        batch = processor.process(source[at : at + size], table.get)
        out += batch.outgoing
        write(table, list(batch.writes.items()))
        at += size
    sweep(table, source[-1].offset + 1)
    return out


def sweep(table: Table, committed: int) -> None:
    """What a worker does some time after the offsets are committed."""
    processor = Processor(Settings(), TOKENIZER)
    for key, value in table.items():
        if is_head_key(key):
            processor.adopt(key, value)
    write(table, list(processor.expired(0, committed).writes.items()))


def distinct(outgoing: list[Outgoing]) -> set[tuple[Any, ...]]:
    """What a reader that drops repeats has in the end."""
    return {(o.topic, o.key, o.value, o.headers) for o in outgoing}


def sessions(table: Table, names: set[str]) -> dict[str, Session | None]:
    return {name: load_session(name, table.get) for name in sorted(names)}


def event(session: str, messages: list[Raw], **fields: Any) -> bytes:
    rest = json.dumps({"session_id": session, **fields})[1:]
    return b'{"messages":[' + b",".join(map(bytes, messages)) + b"]," + rest.encode()


@st.composite
def streams(draw: st.DrawFn) -> list[tuple[str, bytes | None]]:
    """Records of three sessions in turn, with repeats, refused ones, usage, and histories."""
    out: list[tuple[str, bytes | None]] = []
    queues = {name: draw(conversations(max_rounds=4)) for name in ("a", "b", "c")}
    sent: dict[str, list[Raw]] = {name: [] for name in queues}
    number = 0
    while queues:
        name = draw(st.sampled_from(sorted(queues)))
        messages = queues[name].pop(0)
        sent[name] += messages
        number += 1
        if draw(st.booleans()):
            value = event(name, messages, event_id=f"e{number}")
        else:
            body = event(name, sent[name], event_id=f"e{number}")
            value = body.replace(b'{"messages"', b'{"history"', 1)
        out.append((name, value))
        usage = f'{{"session_id":"{name}","usage":{{"x":1}}}}'.encode()
        extra = draw(st.sampled_from([None, None, value, b"nonsense", b"{}", usage]))
        if extra is not None:
            out.append((name, extra))
        if not queues[name]:
            del queues[name]
    return out


policies = st.sampled_from([{}, {"window": {"max_tokens": 600}}, {"emit": "delta", "window": {"max_tokens": 900}}])


@given(streams(), policies, st.data())
def test_a_crash_at_any_point_of_the_commit_changes_nothing_a_reader_sees(
    stream: list[tuple[str, bytes | None]], policy: dict[str, Any], data: st.DataObject
) -> None:
    settings = Settings(policy=override(Settings().policy, policy))
    source = records(stream)
    golden_table: Table = {}
    golden = run(source, settings, [1], golden_table)

    table: Table = {}
    out: list[Outgoing] = []
    processor = Processor(settings, TOKENIZER)
    at, crashes = 0, 0
    while at < len(source):
        size = data.draw(st.integers(1, 6), label="batch")
        batch = processor.process(source[at : at + size], table.get)
        writes = list(batch.writes.items())
        point = data.draw(st.sampled_from(["none", "sending", "writing", "committing"]), label="crash") if crashes < 6 else "none"
        if point == "sending":
            out += batch.outgoing[: data.draw(st.integers(0, len(batch.outgoing)))]
        elif point == "writing":
            out += batch.outgoing
            write(table, writes[: data.draw(st.integers(0, len(writes)))])
        else:
            out += batch.outgoing
            write(table, writes)
        if point == "none":
            at += size
        else:
            # The input offset was not committed: another worker takes the same records, over what was written.
            processor, crashes = Processor(settings, TOKENIZER), crashes + 1
    assert distinct(out) == distinct(golden)
    names = {name for name, _ in stream}
    assert sessions(table, names) == sessions(golden_table, names)


@given(streams(), policies, st.lists(st.integers(1, 8), min_size=1, max_size=4))
def test_batches_of_any_size_and_a_cache_of_any_size_give_the_same_bytes(
    stream: list[tuple[str, bytes | None]], policy: dict[str, Any], sizes: list[int]
) -> None:
    source = records(stream)
    settings = Settings(policy=override(Settings().policy, policy))
    tiny = structs.replace(settings, worker=WorkerSettings(cache_bytes=1))
    one: Table = {}
    other: Table = {}
    assert run(source, settings, [1], one) == run(source, tiny, sizes, other)
    assert one == other


@given(streams())
def test_a_context_has_one_output_id_and_one_content(stream: list[tuple[str, bytes | None]]) -> None:
    out = run(records(stream), Settings(), [3], {})
    contexts = [decode_context(o.value or b"") for o in out if o.topic == "headroom.contexts"]
    assert len({c.output_id for c in contexts}) == len(contexts)


def closing(last: tuple[str, bytes | None]) -> list[Record]:
    first = json.dumps({"session_id": "s", "messages": [user("Find it."), call("c1"), result("c1", RECORDS)]}).encode()
    second = json.dumps({"session_id": "s", "messages": [call("c2"), result("c2", RECORDS)]}).encode()
    third = json.dumps({"session_id": "s", "messages": [said("Done.")]}).encode()
    return records([("s", first), ("s", second), ("s", third), last])


ENDS = [("s", b'{"session_id":"s","close":true}'), ("s", None)]


@pytest.mark.parametrize("last", ENDS, ids=["close", "erase"])
def test_after_the_end_of_a_session_nothing_of_it_is_stored(last: tuple[str, bytes | None]) -> None:
    for sizes in ([1], [2], [4]):
        table: Table = {}
        run(closing(last), Settings(), sizes, table)
        assert table == {}


@pytest.mark.parametrize("last", ENDS, ids=["close", "erase"])
def test_a_crash_before_the_state_is_written_is_harmless_at_the_end_of_a_session_too(last: tuple[str, bytes | None]) -> None:
    source = closing(last)
    golden = run(source, Settings(), [1], {})
    table: Table = {}
    out = run(source[:1], Settings(), [1], table)
    out += Processor(Settings(), TOKENIZER).process(source[1:], table.get).outgoing
    out += run(source[1:], Settings(), [3], table)
    assert distinct(out) == distinct(golden)
    assert table == {}


@pytest.mark.parametrize("last", ENDS, ids=["close", "erase"])
def test_a_crash_after_the_state_is_wiped_and_before_offsets_are_committed_changes_nothing(last: tuple[str, bytes | None]) -> None:
    source = closing(last)
    golden = run(source, Settings(), [1], {})
    table: Table = {}
    out = run(source[:1], Settings(), [1], table)
    # The rest is sent and written, the offsets are not committed, and the next worker begins behind the first record again.
    batch = Processor(Settings(), TOKENIZER).process(source[1:], table.get)
    out += batch.outgoing
    write(table, list(batch.writes.items()))
    sweep(table, committed=1)
    assert table, "what is needed to know the events again is gone too early"
    out += run(source[1:], Settings(), [3], table)
    assert table == {}
    assert distinct(out) == distinct(golden)


@pytest.mark.parametrize("last", ENDS, ids=["close", "erase"])
def test_a_crash_amid_a_wipe_leaves_nothing_behind(last: tuple[str, bytes | None]) -> None:
    source = closing(last)
    for written in range(5):
        table: Table = {}
        run(source[:3], Settings(), [1], table)
        batch = Processor(Settings(), TOKENIZER).process(source[3:], table.get)
        write(table, list(batch.writes.items())[:written])
        run(source[3:], Settings(), [1], table)
        assert table == {}
