"""Whether a fact is there, and whether it stands amid what it stood amid."""

from __future__ import annotations

import pytest

from headroom_stream.evaluation.retention import AROUND, Companions, Outputs, found, in_context
from tests.evaluation.talk import calls, reading, result, user


def outputs(*texts: str) -> Outputs:
    messages = [m for n, text in enumerate(texts) for m in (calls(f"c{n}"), result(f"c{n}", text))]
    return Outputs(reading(user("Go."), *messages).pieces)


def test_a_number_may_have_separators_of_thousands() -> None:
    assert found("1234567", "num", "it is 1,234,567 now")
    assert not found("1234567", "ident", "it is 1,234,567 now")
    assert not found("1234.5", "num", "1,234.5")


def test_companions_are_whole_words_and_atoms_on_either_side() -> None:
    made = outputs("whether shop_1 first second order_8812 third fourth fifth")
    # The outermost words of a side may be cut; values are taken as they are.
    assert made.companions(2, "order_8812") == Companions(frozenset({"shop", "shop_1", "first"}), frozenset({"fourth"}))


def test_keys_of_json_are_no_companions() -> None:
    made = outputs('{"colour": "dark blue", "number": "order_8812", "maker": "Some Body, Somewhere, Inc"}')
    both = made.companions(2, "order_8812").left | made.companions(2, "order_8812").right
    assert "number" not in both and "maker" not in both and "blue" in both


def test_what_most_outputs_say_is_no_companion() -> None:
    footer = "some words (status finished normally today) "
    texts = [f"{footer} order_{n} and other words here" for n in range(11, 15)]
    assert "finished" in outputs(*texts).companions(2, "order_11").left
    assert "finished" not in outputs(*texts).companions(8, "order_14").left


SIDES = Companions(frozenset({"alpha", "beta"}), frozenset({"gamma", "delta"}))


@pytest.mark.parametrize(
    ("text", "there"),
    [
        ("alpha beta X_1 gamma delta", True),
        ("alpha X_1 delta", True),
        ("alpha X_1", False),
        ("gamma delta X_1 alpha beta", False),
        ("X_1 and then, elsewhere, alpha X_1 gamma", True),
        ("alpha " + "." * AROUND + "X_1" + "." * AROUND + " gamma", False),
        ("alpha beta gamma delta", False),
    ],
)
def test_half_of_the_companions_on_their_own_sides_are_a_context(text: str, there: bool) -> None:
    assert in_context("X_1", SIDES, text) is there


def test_with_too_few_companions_the_fact_alone_counts() -> None:
    alone = Companions(frozenset({"alpha"}), frozenset())
    assert in_context("X_1", alone, "only X_1") and not in_context("X_1", alone, "only X_12")
