"""Messages before and after are matched, and what changed is marked."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from headroom_stream.cli.pairs import WORDS, Pair, marked, pair


def raw(value: Any) -> Raw:
    return Raw(json.dumps(value).encode())


def spans(text: Any) -> list[tuple[str, str]]:
    return [(text.plain[s.start : s.end], str(s.style)) for s in text.spans if str(s.style)]


messages = st.lists(
    st.one_of(
        st.sampled_from(["a", "b", "ok"]).map(lambda t: raw({"role": "user", "content": t})),
        st.integers(0, 3).map(lambda n: raw({"role": "tool", "tool_call_id": str(n), "content": "x"})),
    ),
    max_size=8,
)


@given(messages, messages)
def test_every_message_of_both_sides_is_shown_once_and_in_order(before: list[Raw], after: list[Raw]) -> None:
    made = pair(before, after)
    assert [p.before for p in made if p.before is not None] == before
    assert [p.after for p in made if p.after is not None] == after


@given(messages)
def test_a_context_that_is_the_conversation_has_no_changes(before: list[Raw]) -> None:
    assert not any(p.changed for p in pair(before, before))


def test_white_space_of_the_json_is_no_change() -> None:
    (made,) = pair([Raw(b'{"role":"user","content":"a"}')], [Raw(b'{ "content": "a", "role": "user" }')])
    assert not made.changed


def test_only_what_differs_is_coloured() -> None:
    one = Pair(before=raw({"role": "user", "content": "keep this word"}), after=raw({"role": "user", "content": "keep that word"}))
    before, after = marked(one)
    assert (before.plain, spans(before)) == ("keep this word", [("this", "red")])
    assert (after.plain, spans(after)) == ("keep that word", [("that", "green")])


def test_long_texts_are_compared_line_by_line() -> None:
    text = "same words\n" * WORDS
    one = Pair(
        before=raw({"role": "user", "content": text + "old line"}), after=raw({"role": "user", "content": text + "new line"})
    )
    before, after = marked(one)
    assert spans(before) == [("old line", "red")]
    assert spans(after) == [("new line", "green")]
    assert before.plain.startswith(text)
