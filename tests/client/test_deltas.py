"""Deltas become whole contexts, and what came before is dropped."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from headroom_stream.client.deltas import Assembler, MissingBaseError
from headroom_stream.events import ContextBatch


def context(n: int, messages: list[bytes], *, start: int = 0, session: str = "s", parent: int | None = None) -> ContextBatch:
    return ContextBatch(
        output_id=f"{session}-{n}",
        session_id=session,
        event_id=str(n),
        messages=[Raw(m) for m in messages],
        messages_from=start,
        message_count=start + len(messages),
        first_changed_index=start,
        prefix_hash=f"h{n}",
        parent_hash="" if n == 0 else f"h{n - 1 if parent is None else parent}",
    )


@given(st.lists(st.tuples(st.integers(0, 6), st.lists(st.binary(min_size=1, max_size=3), max_size=4)), min_size=1, max_size=8))
def test_deltas_give_the_contexts_they_were_cut_from(steps: list[tuple[int, list[bytes]]]) -> None:
    assembler = Assembler()
    full: list[bytes] = []
    for n, (keep, new) in enumerate(steps):
        start = min(keep, len(full))
        full = full[:start] + new
        whole = assembler.accept(context(n, new, start=start))
        assert whole is not None
        assert [bytes(m) for m in whole.messages] == full
        assert whole.messages_from == 0


def test_a_context_that_comes_twice_is_given_once() -> None:
    assembler = Assembler()
    assert assembler.accept(context(0, [b"1"])) is not None
    assert assembler.accept(context(0, [b"1"])) is None


def test_a_delta_on_another_context_is_refused_and_names_its_session() -> None:
    assembler = Assembler()
    assembler.accept(context(0, [b"1", b"2"]))
    with pytest.raises(MissingBaseError, match="session=s") as caught:
        assembler.accept(context(2, [b"3"], start=1))
    assert caught.value.batch.event_id == "2"
    # The right one still fits, and the refused one isn't taken for seen.
    assert assembler.accept(context(1, [b"3"], start=2)) is not None
    assert assembler.accept(context(2, [b"4"], start=1)) is not None


def test_a_delta_beyond_its_base_is_refused() -> None:
    assembler = Assembler()
    assembler.accept(context(0, [b"1"]))
    with pytest.raises(MissingBaseError):
        assembler.accept(context(1, [b"3"], start=2))


def test_sessions_silent_for_longest_are_forgotten_first() -> None:
    assembler = Assembler(max_bytes=10)
    for session in ("a", "b", "c"):
        assembler.accept(context(0, [b"12345"], session=session))
    assert assembler.accept(context(1, [b"6"], start=1, session="c")) is not None
    with pytest.raises(MissingBaseError):
        assembler.accept(context(1, [b"6"], start=1, session="a"))


def test_a_session_larger_than_the_memory_for_bases_still_works() -> None:
    assembler = Assembler(max_bytes=10)
    assembler.accept(context(0, [b"x" * 100]))
    assert assembler.accept(context(1, [b"y"], start=1)) is not None


def test_a_wiped_session_is_no_base() -> None:
    assembler = Assembler()
    assembler.accept(context(0, [b"1"]))
    assembler.forget("s")
    with pytest.raises(MissingBaseError):
        assembler.accept(context(1, [b"2"], start=1))


def test_memory_of_ids_is_bounded() -> None:
    assembler = Assembler(max_ids=2)
    for n in range(3):
        assembler.accept(context(n, [b"1"]))
    assert assembler.accept(context(2, [b"1"])) is None
    assert assembler.accept(context(0, [b"1"])) is not None
