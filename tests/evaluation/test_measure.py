"""The counts of a conversation under a policy: by hand for small ones, as laws for all."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headroom_stream.evaluation import PolicySession
from headroom_stream.evaluation.bill import RATES, REFETCH_OUTPUT, Refetches, Tokens
from headroom_stream.evaluation.tally import Score, score
from tests.evaluation.talk import Letters, Message, View, calls, changing_outputs, dropping, keeping, measured, result, says, user

ANTHROPIC = RATES["anthropic"]

# With a token a character, a message costs its role, its content and its calls, and two for what stands between them.
ORDER: tuple[Message, ...] = (
    user("Find it."),  # 4 + 8 + 2 = 14
    calls("c"),  # 9 + 0 + 7 + 2 = 18
    result("c", "code: order_8812"),  # 4 + 16 + 2 = 22
    says("It is order_8812."),  # 9 + 17 + 2 = 28
    user("More?"),  # 4 + 5 + 2 = 11
    says("No."),
)
CALLS = (14, 14 + 18 + 22, 14 + 18 + 22 + 28 + 11)


def scored(run: View, *messages: Message) -> Score:
    return score([measured(run, *messages).tally], ANTHROPIC)


def test_a_policy_that_keeps_everything_saves_and_loses_nothing() -> None:
    tally = measured(keeping(), *ORDER).tally
    assert tally.full == tally.sent == Tokens(sent=sum(CALLS), cached=CALLS[0] + CALLS[1])
    assert (tally.turns, tally.tool_full, tally.tool_sent, tally.peak_full, tally.peak_sent) == (3, 44, 44, CALLS[2], CALLS[2])
    assert (tally.uses, tally.uses_found, tally.first, tally.first_in_context) == (1, 1, 1.0, 1.0)
    assert tally.refetches == Refetches()
    assert scored(keeping(), *ORDER).net_saved == 0


def test_an_output_that_is_dropped_saves_its_tokens_and_costs_a_call_when_its_fact_is_used() -> None:
    out = measured(dropping(), *ORDER)
    tally = out.tally
    # "gone" has four characters instead of sixteen.
    sent = (CALLS[0], CALLS[1] - 12, CALLS[2] - 12)
    assert tally.sent == Tokens(sent=sum(sent), cached=sent[0] + sent[1])
    assert (tally.uses, tally.uses_found, tally.first_found) == (1, 0, 0.0)
    # It is fetched at the second call, in a context of that size, comes back whole, and is read again at the third.
    assert tally.refetches == Refetches(calls=1, read=sent[1], written=22, carried=22)
    assert [(use.atom, use.source, use.at) for use in out.lost] == [("order_8812", 2, 3)]


def test_the_bill_follows_from_the_tokens() -> None:
    made = scored(dropping(), *ORDER)
    full = 0.10 * (14 + 54) + 1.25 * (14 + 40 + 39)
    sent = 0.10 * (14 + 42) + 1.25 * (14 + 28 + 39)
    refetch = 0.10 * (42 + 22) + 1.25 * 22 + REFETCH_OUTPUT
    assert made.cost_saved == pytest.approx(100 * (1 - sent / full))
    assert made.net_saved == pytest.approx(100 * (1 - (sent + refetch) / full))
    assert made.saved == pytest.approx(100 * 24 / sum(CALLS))
    assert (made.refetches, made.recall, made.first_use, made.in_context) == (1, 0, 0, 0)


def test_a_long_output_does_not_come_back_whole() -> None:
    long = (ORDER[0], ORDER[1], result("c", "word " * 1_000 + "order_8812"), ORDER[3])
    assert measured(dropping(), *long).tally.refetches.written == 1_000


def test_an_output_is_fetched_once_whatever_is_used_of_it() -> None:
    conversation = (
        ORDER[0],
        ORDER[1],
        result("c", "order_8812 in shop_17"),
        says("order_8812"),
        user("Where?"),
        says("shop_17, order_8812"),
    )
    tally = measured(dropping(), *conversation).tally
    assert (tally.refetches.calls, tally.uses, tally.first) == (1, 3, 2.0)


def test_a_rewrite_loses_the_cache_from_the_first_changed_character_on() -> None:
    old = View(lambda ms: [{**m, "content": "code!"} if m["role"] == "tool" and m is not ms[-1] else m for m in ms])
    tally = measured(old, *ORDER).tally
    # At the third call the output has become "code!": of it the role, a separator and four characters stood before.
    assert tally.sent == Tokens(sent=CALLS[0] + CALLS[1] + CALLS[2] - 11, cached=14 + (14 + 18 + 9))
    assert tally.rewrites == 1


def test_a_context_that_gets_shorter_is_a_rewrite() -> None:
    assert measured(View(lambda ms: ms if len(ms) < 5 else ms[:1]), *ORDER).tally.rewrites == 1


def test_messages_that_are_not_there_as_spoken_are_touched() -> None:
    louder = View(lambda ms: [{**m, "content": "FIND IT."} if m["role"] == "user" and m is ms[0] else m for m in ms])
    assert measured(louder, *ORDER).tally.touched == 3
    assert measured(dropping(), *ORDER).tally.touched == 0


def test_a_result_without_its_call_is_invalid_and_so_is_the_reverse() -> None:
    assert measured(View(lambda ms: [m for m in ms if "tool_calls" not in m]), *ORDER).tally.invalid == 2
    assert measured(View(lambda ms: [m for m in ms if m["role"] != "tool"]), *ORDER).tally.invalid == 2


def test_a_fact_without_its_surroundings_is_found_but_not_in_context() -> None:
    text = "passengers waiting northern platform TRAIN_42 leaves southern harbour quietly tonight"
    conversation = (user("Go."), calls("c"), result("c", text), says("TRAIN_42"))
    made = scored(changing_outputs(lambda _: "TRAIN_42"), *conversation)
    assert (made.first_use, made.in_context, made.refetches) == (100, 0, 0)
    assert scored(changing_outputs(lambda t: t.replace("tonight", "")), *conversation).in_context == 100


def test_later_are_facts_of_outputs_that_the_agent_did_not_just_receive() -> None:
    conversation = (*ORDER[:2], result("c", "order_8812 in shop_17"), says("order_8812"), user("Where?"), says("shop_17"))
    tally = measured(keeping(), *conversation).tally
    assert (tally.first, tally.later, tally.later_in_context) == (2.0, 1.0, 1.0)


def test_the_facts_of_one_output_weigh_as_twenty_at_the_most() -> None:
    names = " ".join(f"item_{n}" for n in range(10, 50))
    tally = measured(keeping(), user("Go."), calls("c"), result("c", names), says(names)).tally
    assert tally.uses == 40 and tally.first == pytest.approx(20)


def test_phrases_are_counted_at_the_call_that_takes_them_over() -> None:
    conversation = (user("Go."), calls("c"), result("c", "the door was left open"), says("the door was left open"))
    assert (measured(keeping(), *conversation).tally.phrases, measured(keeping(), *conversation).tally.phrases_found) == (2, 2)
    assert measured(changing_outputs(lambda t: t[:-5]), *conversation).tally.phrases_found == 1


def test_a_last_call_without_its_answer_is_on_the_bill() -> None:
    assert measured(keeping(), *ORDER[:3], unanswered=True).tally.full.sent == CALLS[0] + CALLS[1]
    assert measured(keeping(), *ORDER[:3]).tally.full.sent == CALLS[0]
    assert measured(keeping(), *ORDER[:2], unanswered=True).tally.turns == 1, "its call lacks the result: no provider takes that"


FACTS = (
    "order_8812",
    "shop_17",
    "New York",
    "2024-05-01",
    "plain words",
    '{"who": "Ann Lee", "n": 12345}',
    "src/a.py",
    "the door is open",
)
texts = st.lists(st.sampled_from(FACTS), max_size=3).map(" ".join)
steps = st.lists(st.tuples(st.sampled_from(("user", "tool", "says")), texts), max_size=10)


def conversation(parts: list[tuple[str, str]]) -> list[Message]:
    messages = [user("Go.")]
    for n, (kind, text) in enumerate(parts):
        messages += [calls(f"c{n}"), result(f"c{n}", text)] if kind == "tool" else [user(text) if kind == "user" else says(text)]
    return [*messages, says(" ".join(text for _, text in parts))]


@given(steps)
def test_keeping_everything_is_perfect_and_saves_nothing(parts: list[tuple[str, str]]) -> None:
    made = scored(keeping(), *conversation(parts))
    assert made.net_saved == 0 and made.saved == 0
    assert {made.recall, made.first_use, made.in_context, made.phrases} <= {100, None}
    assert (made.refetches, made.rewrites, made.touched, made.invalid) == (0, 0, 0, 0)


@given(steps)
def test_dropping_every_output_costs_a_call_for_each_that_was_used_and_said_nowhere_else(parts: list[tuple[str, str]]) -> None:
    out = measured(dropping(), *conversation(parts))
    assert out.tally.refetches.calls == len({use.source for use in out.lost})
    assert bool(out.lost) == (out.tally.uses_found < out.tally.uses)
    # A fact that the agent wrote before stands in its own message; the first time it has only the output.
    assert out.tally.first_found == 0


@given(steps)
def test_the_fold_leaves_valid_contexts_in_which_nothing_spoken_is_touched(parts: list[tuple[str, str]]) -> None:
    tally = measured(PolicySession(tokenizer=Letters()), *conversation(parts)).tally
    assert (tally.touched, tally.invalid, tally.rewrites) == (0, 0, 0)
    assert tally.sent.sent <= tally.full.sent


@given(steps)
def test_the_same_conversation_gives_the_same_counts(parts: list[tuple[str, str]]) -> None:
    def once() -> Any:
        return measured(changing_outputs(lambda t: t[:9]), *conversation(parts)).tally

    assert once() == once()


@given(steps, st.integers(0, 12))
def test_a_context_followed_message_by_message_counts_as_one_read_anew(parts: list[tuple[str, str]], cut: int) -> None:
    """A view that equals the one before, object by object or only in value, is the same view."""

    def shortened(messages: list[Message]) -> list[Message]:
        return [{**m, "content": (m["content"] or "")[:cut]} if m["role"] == "tool" else dict(m) for m in messages]

    class Same(View):
        def turn(self, new: Any, /) -> list[Message]:
            self._messages += shortened([dict(m) for m in new])
            return list(self._messages)

    messages = conversation(parts)
    assert measured(View(shortened), *messages).tally == measured(Same(list), *messages).tally
