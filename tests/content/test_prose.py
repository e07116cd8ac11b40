"""Of prose stay the first sentences and those that speak of what the agent looks for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headroom_stream.config import ProseConfig
from headroom_stream.content import Compressed, Hints
from headroom_stream.content.prose import compress

OPENING = "The lighthouse of Grip stands on a rock in the open sea. It was built in 1888. It is made of iron, painted red."
MIDDLE = [
    "The keepers lived there with their families for eighty years.",
    "In summer the children rowed to school in the village.",
    "Its lamp burned paraffin until electric light came in 1977.",
    "A storm took the landing stage away in the winter of 1913.",
    "Today the tower belongs to a society of friends.",
    "Visitors reach it by ferry from the town of Kristiansund.",
    "The foghorn can still be heard on quiet evenings.",
    "Seals rest on the skerries nearby when the tide is low.",
]
TEXT = f"{OPENING} {' '.join(MIDDLE[:4])}\n{' '.join(MIDDLE[4:])} Nobody lives there now. The door is locked."
CONFIG = ProseConfig(first=3)


def cut(query: str = "", intent: str = "", text: str = TEXT) -> Compressed:
    result = compress(text, Hints(query=query, intent=intent), CONFIG)
    assert result is not None
    return result


def test_the_first_sentences_stay_as_they_are() -> None:
    assert cut().text.startswith(OPENING)
    assert cut().removed == "10 sentences"


@pytest.mark.parametrize("sentence", MIDDLE)
def test_a_sentence_with_a_word_of_the_question_stays(sentence: str) -> None:
    word = max(sentence.rstrip(".").split(), key=len)
    assert sentence in cut(query=f"What is known of {word}?").text


def test_what_the_agent_said_counts_like_the_question() -> None:
    kept = cut(intent="I need to find how visitors reach the tower.").text
    assert MIDDLE[5] in kept
    assert MIDDLE[6] not in kept


def test_words_of_every_sentence_choose_none() -> None:
    text = " ".join(f"The harbour of town number {n} has boats, nets and a quay of its own." for n in range(40))
    assert cut(query="harbour boats", text=text).removed == "37 sentences"


def test_gaps_are_shown() -> None:
    kept = cut(query="paraffin")
    assert "red. […] Its lamp burned paraffin until electric light came in 1977. […]" in kept.text


@pytest.mark.parametrize(
    "text",
    [
        "short prose. " * 10,
        "\n".join(f"2026-01-01 10:00:{n:02} INFO request {n} was served in {n} ms." for n in range(60)),
        "\n".join(f"    value_{n} = compute(value_{n - 1})  # a comment in a sentence." for n in range(60)),
        "\n".join("a line of a poem that ends without a full stop" for _ in range(60)),
        "{" + ", ".join(f'"key {n}": "a sentence of some words."' for n in range(60)) + "}",
        "word " * 400,
    ],
)
def test_other_texts_are_left_alone(text: str) -> None:
    assert compress(text, Hints(), CONFIG) is None


@given(
    st.lists(st.sampled_from([*MIDDLE, "Is it?", "No!", 'He said "yes."', "\n", "\n\n"]), min_size=12, max_size=40),
    st.sampled_from(["", "storm"]),
)
def test_every_sentence_that_is_shown_stood_there_and_in_this_order(sentences: list[str], query: str) -> None:
    text = f"{OPENING} {' '.join(sentences)}"
    result = compress(text, Hints(query=query), CONFIG)
    at = 0
    for piece in (result.text if result else "").split("[…]"):
        at = text.index(piece.strip(), at) + len(piece.strip())
