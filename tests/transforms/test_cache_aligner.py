"""The aligner: what leaves the system prompt and when, and that nothing is lost."""

from __future__ import annotations

import copy
import re
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headroom_stream.config import CacheAlignerConfig
from headroom_stream.errors import ConfigurationError
from headroom_stream.transforms.cache_aligner import MAX_PROMPTS, CacheAligner
from headroom_stream.transforms.conversation import VALUES
from headroom_stream.transforms.prompt_text import tidied
from headroom_stream.transforms.result import Message, TransformResult
from headroom_stream.transforms.volatile import MAX_VALUES
from tests.transforms.talks import QUICK, REAL, round_of, said, system, text, tokens, user

RULES = "Follow the policy of the house at all times, and say what you did. " * 12
UUID = "3f2a91bc-1111-4222-8333-abcdefabcdef"


def aligner(**config: Any) -> CacheAligner:
    return CacheAligner(CacheAlignerConfig(**config), tokenizer=REAL)


def align(prompt: str, **config: Any) -> TransformResult:
    return aligner(**config).align([system(prompt + "\n" + RULES), user("Hi.")])


def prompt_of(result: TransformResult) -> str:
    """The prompt that comes out, without the rules that make it long."""
    return text(result.messages[0]).partition("\n" + RULES[:20])[0]


def values_of(result: TransformResult) -> list[str]:
    last = text(result.messages[-1])
    return last.split("\n")[1:] if last.startswith(VALUES) else []


@pytest.mark.parametrize(
    ("line", "stays", "value"),
    [
        ("Today is Monday, January 5, 2026.", "Today is [date-1].", "Monday, January 5, 2026"),
        ("Current date: 2026-01-05", "Current date: [date-1]", "2026-01-05"),
        ("Today's date is 5 Jan 2026", "Today's date is [date-1]", "5 Jan 2026"),
        ("It is now 14:05 UTC.", "It is now [time-1].", "14:05 UTC"),
        ("Started 2026-01-05T10:00:00.123Z by the scheduler", "Started [date-1] by the scheduler", "2026-01-05T10:00:00.123Z"),
        ("- Date: 01/05/2026", "- Date: [date-1]", "01/05/2026"),
    ],
)
def test_the_present_date_leaves_at_the_first_call(line: str, stays: str, value: str) -> None:
    result = align(line)
    assert prompt_of(result) == stays
    name = re.search(r"\[\w+-1\]", stays)
    assert name is not None
    assert values_of(result) == [f"{name[0]} = {value}"]
    assert result.markers_inserted == [name[0]]
    assert result.transforms_applied == ["cache_aligner"]


@pytest.mark.parametrize("line", ["The company was founded on 2011-03-04.", "Use python3 and utf-8.", "1. Refund within 24 hours."])
def test_what_does_not_say_that_it_changes_stays_at_the_first_call(line: str) -> None:
    assert prompt_of(align(line)) == line


def test_the_prefix_is_the_same_on_two_days() -> None:
    one = aligner()
    days = [one.align([system(f"Today is 2026-01-0{d}.\n{RULES}"), user("Hi.")]) for d in (5, 6)]
    assert days[0].messages[:2] == days[1].messages[:2]
    assert days[1].cache_metrics is not None and days[0].cache_metrics is not None
    assert not days[1].cache_metrics.prefix_changed
    assert days[1].cache_metrics.previous_hash == days[0].cache_metrics.stable_prefix_hash


def test_a_value_that_changed_leaves_from_then_on() -> None:
    one = aligner()
    prompts = [f"Session {UUID}, {n} open tickets.\n{RULES}" for n in (5, 5, 7, 7, 8)]
    prefixes = [one.align([system(p), user("Hi.")]).messages[0]["content"].partition("\n")[0] for p in prompts]
    stays = f"Session {UUID}, 5 open tickets."
    leaves = f"Session {UUID}, [number-1] open tickets."
    assert prefixes == [stays, stays, leaves, leaves, leaves]


def test_an_id_that_looks_random_is_told_until_it_leaves() -> None:
    one = aligner()
    first = one.align([system(f"Session {UUID}.\n{RULES}")])
    assert prompt_of(first) == f"Session {UUID}."
    assert first.warnings == ["values in the system prompt look as if they change from call to call: 1 id"]
    second = one.align([system(f"Session {UUID.replace('3', '4')}.\n{RULES}")])
    assert prompt_of(second) == "Session [id-1]."
    assert second.warnings == []


def test_prompts_of_other_agents_are_not_compared() -> None:
    one = aligner()
    one.align([system(f"You sell. Tickets: 5.\n{RULES}")])
    assert prompt_of(one.align([system(f"You buy. Tickets: 7.\n{RULES}")])) == "You buy. Tickets: 7."
    assert prompt_of(one.align([system(f"You sell. Tickets: 6.\n{RULES}")])) == "You sell. Tickets: [number-1]."


def test_the_oldest_prompt_is_forgotten_when_there_are_too_many() -> None:
    one = aligner()
    for i in range(MAX_PROMPTS + 1):
        one.align([system(f"You are {chr(97 + i // 26)}{chr(97 + i % 26)}. Tickets: 5.\n{RULES}")])
    assert prompt_of(one.align([system(f"You are aa. Tickets: 6.\n{RULES}")])) == "You are aa. Tickets: 6."
    assert prompt_of(one.align([system(f"You are cm. Tickets: 6.\n{RULES}")])) == "You are cm. Tickets: [number-1]."


@pytest.mark.parametrize(
    "kept",
    [
        "```\nx = 1   \n\n\n\ntoday = 2026-01-05\n```",
        "~~~\ncurrent date: 2026-01-05",
        '{"today": "2026-01-05",   \n\n\n "n": 1}',
        'Answer as {"current_date": "2026-01-05"} please.',
        "Write `now 2026-01-05` in lines.",
    ],
)
def test_code_and_json_are_not_altered(kept: str) -> None:
    one = aligner()
    assert one.align([system(f"{RULES}\n{kept}")]).messages[0]["content"] == f"{RULES.rstrip()}\n{kept}"


def test_white_space_is_tidied_outside_code() -> None:
    assert tidied("a  \r\nb\t\n\n\n\n  c `x   y`\n") == "a\nb\n\n  c `x   y`\n"


def test_values_stand_before_an_assistant_message_that_ends_the_context() -> None:
    messages = [system("Today is 2026-01-05.\n" + RULES), user("Go."), said("I")]
    result = aligner().align(messages)
    assert result.messages[-1] == said("I")
    assert text(result.messages[2]).startswith(VALUES)


@pytest.mark.parametrize(
    ("message", "shape"),
    [
        (
            {"role": "system", "content": [{"type": "text", "text": "Today is 2026-01-05. " + RULES, "cache_control": {"x": 1}}]},
            "content",
        ),
        ({"role": "system", "parts": [{"text": "Today is 2026-01-05. " + RULES}]}, "parts"),
    ],
)
def test_prompts_in_blocks_and_parts_are_aligned(message: Message, shape: str) -> None:
    result = aligner().align([message, {"role": "user", shape: [{"type": "text", "text": "Hi."}]}])
    block = result.messages[0][shape][0]
    assert block["text"].startswith("Today is [date-1].")
    assert block.get("cache_control") == message[shape][0].get("cache_control")
    assert text(result.messages[-1]).startswith(VALUES)


def test_only_system_messages_at_the_start_are_touched() -> None:
    messages = [system(RULES), user("Today is 2026-01-05."), *round_of("a"), system("Today is 2026-01-05.")]
    assert aligner().align(messages).messages[1:] == messages[1:]


def test_a_placeholder_that_the_prompt_has_is_not_used_again() -> None:
    result = align("Put [date-1] at the top. Today is 2026-01-05.")
    assert prompt_of(result) == "Put [date-1] at the top. Today is [date-2]."


def test_a_frozen_prompt_is_only_reported_on() -> None:
    messages = [system("Today is 2026-01-05.\n" + RULES), user("Hi.")]
    result = aligner().apply(messages, frozen=1)
    assert result.messages == messages
    assert result.transforms_applied == []
    assert result.warnings == ["values in the system prompt look as if they change from call to call: 1 date"]
    assert result.cache_metrics is not None
    assert result.cache_metrics.stable_prefix_tokens_est == tokens(messages[:1]) - 3


def test_without_a_system_prompt_there_is_no_prefix() -> None:
    result = aligner().align([user("Today is 2026-01-05.")])
    assert result.messages == [user("Today is 2026-01-05.")]
    assert result.cache_metrics is not None
    assert (result.cache_metrics.stable_prefix_hash, result.cache_metrics.stable_prefix_bytes) == ("", 0)


def test_the_score_is_the_share_of_the_prompt_before_what_will_change() -> None:
    one = aligner()
    assert one.get_alignment_score([user("Hi.")]) == one.get_alignment_score([system(RULES)]) == 100
    assert one.get_alignment_score([system("a" * 30), system("Today is " + "2026-01-05" + "." * 61)]) == pytest.approx(
        39 / 110 * 100
    )
    messages = [system("Today is 2026-01-05. " + RULES)]
    assert one.get_alignment_score(one.align(messages).messages) == 100 > one.get_alignment_score(messages)


@pytest.mark.parametrize(
    ("value", "suspect"),
    [
        (UUID, True),
        ("req_81f3b2c9d0", True),
        ("2011-03-04", True),
        ("10:30", True),
        ("python3", False),
        ("gpt-4o-mini-2", False),
        ("utf-8", False),
        ("1234567890123", False),
        ("99.5%", False),
    ],
)
def test_what_looks_as_if_it_changes(value: str, suspect: bool) -> None:
    result = align(f"It says {value} here.")
    assert bool(result.warnings) == suspect
    assert (aligner().get_alignment_score([system(f"It says {value} here.")]) < 100) == suspect


def test_a_prompt_that_is_a_table_of_data_keeps_its_values() -> None:
    table = "Today is 2026-01-05. " + " ".join(map(str, range(MAX_VALUES)))
    one = CacheAligner(CacheAlignerConfig(dynamic_patterns=["blue"]), tokenizer=QUICK)
    assert one.align([system(table + " blue")]).messages[0]["content"] == table + " [value-1]"


def test_a_pattern_that_is_none_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"dynamic_patterns: '\('"):
        align("x", dynamic_patterns=["("])


pieces = st.sampled_from(
    [
        "Today is ",
        "2026-01-05",
        "10:00",
        UUID,
        "You have ",
        "17",
        "42%",
        " tickets.",
        "\n",
        "\n\n\n",
        "  ",
        "```",
        "`",
        "{",
        "}",
        '"',
        "[date-1]",
        "req_81f3b2c9d0",
        "x",
        ".",
        "-",
        "January 5",
    ]
)
prompts = st.lists(pieces | st.text(max_size=4), max_size=30).map("".join)


@given(st.lists(prompts, min_size=1, max_size=3), st.booleans())
def test_to_align_twice_is_to_align_once_and_nothing_is_lost(texts: list[str], normalize: bool) -> None:
    config = CacheAlignerConfig(stable_prefix_min_tokens=0, normalize_whitespace=normalize)
    messages = [*map(system, texts), user("Hi.")]
    given_messages = copy.deepcopy(messages)
    one = CacheAligner(config, tokenizer=QUICK)
    result = one.align(messages)
    assert messages == given_messages
    assert result.tokens_after == tokens(result.messages, QUICK)
    assert one.align(result.messages).messages == result.messages
    assert CacheAligner(config, tokenizer=QUICK).align(messages) == result
    values = dict(line.split(" = ", 1) for line in values_of(result))
    for before, after in zip(texts, result.messages, strict=False):
        back = re.sub(r"\[\w+-\d+\]", lambda m: values.get(m[0], m[0]), text(after))
        assert back == (tidied(before) if normalize else before)


@given(st.lists(st.sampled_from([5, 6, 77]), min_size=2, max_size=6))
def test_a_prefix_changes_at_most_once_however_often_a_value_does(numbers: list[int]) -> None:
    one = CacheAligner(CacheAlignerConfig(stable_prefix_min_tokens=0), tokenizer=QUICK)
    prefixes = [one.align([system(f"You have {n} tickets.")]).messages[0]["content"] for n in numbers]
    assert sum(a != b for a, b in pairwise(prefixes)) <= 1


@pytest.mark.parametrize(
    "unit", ["a", "1", "1.", "1:", "-", "`", "{", "[", '{"', "\n", " ", "```\n", "Jan ", "a1", "12:", "[date-", "\n{"]
)
def test_long_prompts_take_no_more_than_their_length(unit: str) -> None:
    """Without linear patterns one such prompt takes minutes; the test's time limit is the judge."""
    CacheAligner(tokenizer=QUICK).align([system(RULES + unit * (300_000 // len(unit)))])
