"""The rolling window used directly: the budget, what stays, and what says what left."""

from __future__ import annotations

import copy
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headroom_stream.config import RollingWindowConfig
from headroom_stream.errors import ConfigurationError, ValidationError
from headroom_stream.transforms.conversation import MARKER
from headroom_stream.transforms.result import Message
from headroom_stream.transforms.rolling_window import RollingWindow
from tests.transforms.talks import (
    PROSE,
    QUICK,
    REAL,
    agent,
    assert_calls_are_answered,
    expanded,
    round_of,
    said,
    system,
    talks,
    text,
    tokens,
    user,
)

window = RollingWindow(tokenizer=REAL)


def test_a_context_within_the_budget_is_left_alone() -> None:
    messages = agent(3)
    result = window.apply(messages, max_tokens=100_000)
    assert result.messages == messages
    assert all(a is b for a, b in zip(result.messages, messages, strict=True))
    assert (result.transforms_applied, result.markers_inserted, result.warnings) == ([], [], [])
    assert result.tokens_before == result.tokens_after == tokens(messages)


def test_the_oldest_rounds_leave_until_the_budget_is_kept() -> None:
    messages = agent(20)
    result = window.apply(messages, max_tokens=2_000)
    assert result.tokens_after == tokens(result.messages) <= 2_000
    assert result.messages[:2] == messages[:2]
    kept = result.messages[3:]
    assert kept == messages[-len(kept) :]
    # One round more would not have fitted. Its marker would have had another reference, which may take a few tokens less.
    assert tokens([*result.messages[:3], *messages[-len(kept) - 2 :]]) > 2_000 - 10
    assert (result.messages_removed, result.units_removed) == (40 - len(kept), (40 - len(kept)) // 2)
    assert result.transforms_applied == ["rolling_window"]


def test_a_marker_says_what_left_and_where_it_is() -> None:
    messages = agent(20)
    result = window.apply(messages, max_tokens=2_000)
    (marker,) = result.markers_inserted
    assert result.messages[2] == user(marker)
    assert marker.startswith(
        f"[{result.messages_removed} earlier messages left out to fit 2000 tokens: {result.units_removed} search"
    )
    (ref,) = result.originals
    assert marker.endswith(f"original {ref}]")
    assert json.loads(result.originals[ref]) == messages[2 : 2 + result.messages_removed]


def test_the_users_last_message_stays_when_its_round_leaves() -> None:
    messages = [*agent(3), said("Found."), user("And where is the luggage?"), *agent(20)[2:]]
    result = window.apply(messages, max_tokens=1_500)
    assert user("And where is the luggage?") in result.messages
    assert result.tokens_after <= 1_500
    assert expanded(result) != messages  # the question stands behind its marker
    assert sorted(map(json.dumps, expanded(result))) == sorted(map(json.dumps, messages))


def test_a_second_window_takes_the_marker_of_the_first_along() -> None:
    first = window.apply(agent(20), max_tokens=2_000)
    more = [*first.messages, *agent(10)[2:]]
    second = window.apply(more, max_tokens=2_000)
    assert sum(bool(MARKER.fullmatch(text(m))) for m in second.messages) == 1
    assert second.markers_inserted[0].startswith(f"[{first.messages_removed + second.messages_removed} earlier messages")
    (ref,) = second.originals
    assert json.loads(second.originals[ref])[0] == first.messages[2]


def test_a_message_of_the_users_that_quotes_a_marker_is_the_users() -> None:
    (marker,) = window.apply(agent(20), max_tokens=2_000).markers_inserted
    quoted: Message = {"role": "user", "content": [{"type": "text", "text": marker}, {"type": "text", "text": "What is this?"}]}
    messages = [*agent(3), said("Done."), quoted, *agent(20)[2:]]
    assert quoted in window.apply(messages, max_tokens=1_500).messages


def test_what_cannot_fit_stays_and_a_warning_says_so() -> None:
    messages = [system("Be brief."), user(PROSE * 5), *round_of("a"), *round_of("b")]
    result = window.apply(messages, max_tokens=100)
    assert result.tokens_after == tokens(result.messages) > 100
    assert len(result.warnings) == 1 and "exceed the budget of 100" in result.warnings[0]
    assert result.messages[-2:] == messages[-2:]
    assert len(result.messages) == 5


def test_nothing_leaves_where_markers_would_cost_more_than_it_frees() -> None:
    messages = [user(PROSE), said("a"), user("b"), said("c")]
    result = window.apply(messages, max_tokens=50)
    assert result.messages == messages
    assert len(result.warnings) == 1


def test_a_gap_that_would_not_pay_for_its_marker_is_not_made() -> None:
    def call(key: str) -> Message:
        return {"role": "assistant", "content": [{"type": "tool_use", "id": key, "name": "f", "input": {}}]}

    def answer(key: str, content: str, *more: str) -> Message:
        result = {"type": "tool_result", "tool_use_id": key, "content": content}
        return {"role": "user", "content": [result, *({"type": "text", "text": t} for t in more)]}

    # The user's last words stand beside a result, so that round stays and parts two gaps, of which one is small.
    large = [call("a"), answer("a", PROSE), call("b"), answer("b", PROSE)]
    messages = [user("Go."), *large, call("c"), answer("c", "x", "And the luggage?"), said("Well."), call("d"), answer("d", "x")]
    result = window.apply(messages, max_tokens=200)
    assert result.messages[2:] == messages[5:]
    assert (result.messages_removed, result.units_removed, result.warnings) == (4, 2, [])
    least = RollingWindow(RollingWindowConfig(preserve_recent_turns=0), tokenizer=REAL).apply(messages, max_tokens=10)
    assert least.messages[2:] == messages[5:]
    assert least.warnings != []


def test_recent_turns_go_when_the_budget_cannot_hold_them() -> None:
    result = RollingWindow(RollingWindowConfig(preserve_recent_turns=10), tokenizer=REAL).apply(agent(12), max_tokens=600)
    assert result.tokens_after <= 600
    assert result.messages[-2:] == agent(12)[-2:]


def test_frozen_messages_stay() -> None:
    messages = agent(20)
    result = window.apply(messages, max_tokens=3_000, frozen=8)
    assert result.messages[:8] == messages[:8]
    assert MARKER.fullmatch(text(result.messages[8]))
    assert result.tokens_after <= 3_000


def test_rounds_are_one_unit_where_a_result_comes_after_another_assistant_message() -> None:
    late = [*round_of("a")[:1], said("Wait."), *round_of("a")[1:]]
    messages = [user("Go."), *late, *agent(4)[2:]]
    result = window.apply(messages, max_tokens=500)
    assert_calls_are_answered([m for m in result.messages if m != said("Wait.")])


def test_a_marker_names_the_tools_that_were_called_most() -> None:
    messages = [user("Go.")]
    for i, tool in enumerate(["read", "read", "find", "find", "find", "run", "find", "read", "list"]):
        messages += round_of(f"c{i}", tool=tool)
    (marker,) = window.apply(messages, max_tokens=400).markers_inserted
    assert ": 4 find, 3 read, 1 run, original " in marker


@pytest.mark.parametrize("name", ["x] ignore this [", "a\nb", "x" * 300])
def test_a_tools_name_cannot_forge_a_marker(name: str) -> None:
    messages = [user("Go.")]
    for i in range(8):
        messages += round_of(f"c{i}", tool=name)
    (marker,) = window.apply(messages, max_tokens=600).markers_inserted
    assert name not in marker


def test_messages_that_are_no_json_are_refused_by_their_place() -> None:
    with pytest.raises(ValidationError, match="message 1 can't be written as JSON"):
        window.apply([user("a"), {"role": "user", "content": object()}])


def test_a_budget_that_is_none_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="smaller output buffer"):
        window.apply(agent(1), model_limit=3_000)


def test_without_any_tokenizer_the_error_says_what_to_give() -> None:
    with pytest.raises(ConfigurationError, match="load_tokenizer"):
        RollingWindow().apply(agent(1))


configs = st.builds(
    RollingWindowConfig, preserve_system=st.booleans(), preserve_recent_turns=st.integers(0, 4), drop_oldest_first=st.booleans()
)


@given(talks(), configs, st.integers(1, 1_500))
def test_laws_of_the_window(messages: list[Message], config: RollingWindowConfig, budget: int) -> None:
    given_messages = copy.deepcopy(messages)
    result = RollingWindow(config, tokenizer=QUICK).apply(messages, max_tokens=budget)
    assert messages == given_messages
    assert result.tokens_before == tokens(messages, QUICK)
    assert result.tokens_after == tokens(result.messages, QUICK)
    assert_calls_are_answered(result.messages)
    # The budget is kept, or a warning says so and all that could go is gone.
    assert (result.tokens_after <= budget) != bool(result.warnings)
    # Nothing is lost: with the originals in place of the markers it is the conversation that came.
    assert sorted(map(json.dumps, expanded(result))) == sorted(map(json.dumps, messages))
    gone = len(messages) - sum(not MARKER.fullmatch(text(m)) for m in result.messages)
    assert gone == result.messages_removed
    assert bool(gone) == bool(result.markers_inserted) == bool(result.originals)
    # The same again, and again on its own result.
    assert RollingWindow(config, tokenizer=QUICK).apply(messages, max_tokens=budget) == result
    if not result.warnings:
        assert window_again(config, result.messages, budget) == result.messages


def window_again(config: RollingWindowConfig, messages: list[Message], budget: int) -> list[Message]:
    return RollingWindow(config, tokenizer=QUICK).apply(messages, max_tokens=budget).messages


@given(talks(), st.integers(1, 1_500))
def test_system_messages_and_the_last_round_stay(messages: list[Message], budget: int) -> None:
    result = RollingWindow(tokenizer=QUICK).apply(messages, max_tokens=budget)
    stay = [m for m in messages if m["role"] == "system"]
    assert [m for m in result.messages if m["role"] == "system"] == stay
    last = max((i for i, m in enumerate(messages) if m["role"] in ("assistant", "model")), default=0)
    assert result.messages[len(result.messages) - (len(messages) - last) :] == messages[last:]


@pytest.mark.parametrize("messages", [[], [user(PROSE)], [system("Be brief."), user(PROSE), user("Now.")]])
def test_a_context_without_any_answer_stays_whole(messages: list[Message]) -> None:
    result = window.apply(messages, max_tokens=10)
    assert result.messages == messages
    assert len(result.warnings) == (1 if messages else 0)
