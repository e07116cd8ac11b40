"""Phrases that an agent takes over, and whether a context still has them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from headroom_stream.evaluation.phrases import Shown, taken_over
from headroom_stream.evaluation.pieces import Texts
from headroom_stream.evaluation.words import phrases, words
from tests.evaluation.talk import Letters, calls, reading, result, says, user


def test_four_words_in_a_row_from_an_output_are_a_phrase() -> None:
    made = reading(user("Go."), calls("c"), result("c", "the Cache was rebuilt at noon"), says("It says: the cache was rebuilt."))
    assert taken_over(made.pieces) == {3: {("the", "cache", "was", "rebuilt")}}


def test_what_was_said_before_is_not_taken_over() -> None:
    output = result("c", "the cache was rebuilt")
    answer = says("the cache was rebuilt")
    assert not reading(user("Is it that the cache was rebuilt?"), calls("c"), output, answer).phrases
    assert list(reading(user("Go."), calls("c"), output, answer, user("Sure?"), answer).phrases) == [3]


def test_of_json_only_its_strings_have_phrases() -> None:
    output = result("c", '{"one": "two", "three": "four", "note": "left at the door"}')
    made = reading(user("Go."), calls("c"), output, says("one two three four, left at the door"))
    assert made.phrases == {3: {("left", "at", "the", "door")}}


texts = st.lists(st.sampled_from(["a b", "c d e f", "a", "", "b c d e f g h", "x-y.z"]), max_size=6)


@given(texts, st.data())
def test_a_context_shows_the_phrases_of_its_joined_texts(parts: list[str], data: st.DataObject) -> None:
    joined = set(phrases(words("\n".join(f"tool\0{p}\0" for p in parts))))
    others = [("a", "b", "c", "zz")]
    looked_for = frozenset(data.draw(st.lists(st.sampled_from(sorted(joined) + others), unique=True)))
    reader = Texts(Letters())
    reader.wanted = looked_for
    shown = Shown()
    for part in parts:
        shown.append(reader.of(f"tool\0{part}\0"))
    assert shown.count(looked_for) == len(looked_for & joined)
