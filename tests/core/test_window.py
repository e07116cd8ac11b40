"""The token budget: what leaves, what stays, and what says so."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw, structs

from headroom_stream.config import WindowConfig
from headroom_stream.messages import view
from headroom_stream.session.state import Stored
from headroom_stream.transforms.window import cut
from tests.core.conversations import PROSE, SHAPES, encoded
from tests.core.folding import Folding, call, originals, result, row, said, user

BUDGET = {"openai": 1_500, "anthropic": 1_500, "gemini": 1_500}
"""About ten rounds."""
SYSTEM = {"role": "system", "content": "Be brief."}
TASK = user("The task: find the flight.")


def running(turns: int, *, shape: str = "openai", **window: Any) -> Folding:
    """A session of `turns` rounds of about 150 tokens."""
    folding = Folding(window=window)
    convert = SHAPES[shape]  # type: ignore[index]  # a key of SHAPES
    folding.apply(encoded(convert([("system", "Be brief."), ("user", "The task: find the flight.")])))
    for i in range(turns):
        plot = [
            ("call", [(f"c{i}", "search"), (f"d{i}", "run")]),
            ("result", [(f"c{i}", "search", f"{i} {PROSE}"), (f"d{i}", "run", "ok")]),
        ]
        effects = folding.apply(encoded(convert(plot)))
        assert effects.dead is None
    return folding


def test_without_a_budget_nothing_leaves() -> None:
    folding = running(20)
    assert folding.contexts[-1].message_count == 2 + 20 * 3
    assert not any(originals(e) for e in folding.effects)


@pytest.mark.parametrize("shape", ["openai", "anthropic", "gemini"])
def test_every_context_keeps_the_budget_and_cuts_are_seldom(shape: str) -> None:
    folding = running(30, shape=shape, max_tokens=BUDGET[shape])
    assert all(c.tokens_after <= BUDGET[shape] for c in folding.contexts)
    assert not any(c.over_budget for c in folding.contexts)
    cuts = [i for i, e in enumerate(folding.effects) if originals(e)]
    assert 3 <= len(cuts) <= 12
    # At a cut the context falls to the low-water mark, which is what makes room for several turns.
    assert all(row(folding.effects[i]).tokens_after <= 0.6 * BUDGET[shape] for i in cuts)
    assert all(row(folding.effects[i]).epoch_reason == "budget" for i in cuts)
    assert folding.contexts[-1].epoch == len(cuts)


@pytest.mark.parametrize("shape", ["openai", "anthropic", "gemini"])
def test_opening_and_last_rounds_stay_and_a_marker_stands_between(shape: str) -> None:
    folding = running(30, shape=shape, max_tokens=BUDGET[shape])
    convert = SHAPES[shape]  # type: ignore[index]  # a key of SHAPES
    opening = [bytes(m) for m in encoded(convert([("system", "Be brief."), ("user", "The task: find the flight.")]))]
    for effects in folding.effects:
        if effects.context is None or not originals(effects):
            continue
        bodies = [bytes(m) for m in effects.context.messages]
        assert bodies[:2] == opening
        (original,) = originals(effects)
        assert (original.kind, original.session_id) == ("window", "s")
        assert f"original {original.ref}]" in view(bodies[2]).text
        assert view(bodies[2]).role == "user"
        assert "earlier messages left out" in view(bodies[2]).text
        # The two last rounds: two calls and their results each.
        asked = [b for b in bodies[3:] if view(b).calls]
        assert len(asked) >= 2
    assert sum("left out" in view(m).text for m in folding.bodies) == 1


@pytest.mark.parametrize("shape", ["openai", "anthropic", "gemini"])
def test_the_users_latest_message_stays_when_the_round_around_it_leaves(shape: str) -> None:
    conversation = SHAPES[shape]  # type: ignore[index]  # a key of SHAPES
    asked = encoded(conversation([("user", "And now: where is the luggage?")]))[0]
    folding = running(12, shape=shape, max_tokens=10**6)
    folding.apply([*encoded(conversation([("assistant", "Found.")])), asked])
    later = running(30, shape=shape, max_tokens=10**6)
    rest = [Raw(m) for m in later.bodies[2:]]
    folding.policy = structs.replace(folding.policy, window=WindowConfig(max_tokens=BUDGET[shape]))
    effects = folding.apply(rest)
    assert effects.context is not None
    bodies = [bytes(m) for m in effects.context.messages]
    assert bytes(asked) in bodies
    assert "left out" in view(bodies[bodies.index(bytes(asked)) - 1]).text
    assert effects.context.tokens_after <= BUDGET[shape]


def test_what_left_is_in_the_originals_whole_and_in_order() -> None:
    folding = running(30, max_tokens=1_500)
    unlimited = running(30)
    by_ref = {o.ref: json.loads(o.content) for e in folding.effects for o in originals(e)}

    def expand(contents: list[Any]) -> list[Any]:
        out: list[Any] = []
        for message in contents:
            text = message.get("content") or ""
            ref = text.rpartition("original ")[2].rstrip("]") if message["role"] == "user" else ""
            out += expand(by_ref[ref]) if ref in by_ref else [message]
        return out

    assert expand([json.loads(b) for b in folding.bodies]) == [json.loads(b) for b in unlimited.bodies]


def test_a_second_cut_replaces_the_marker_and_counts_all_that_left() -> None:
    folding = running(30, max_tokens=1_500)
    refs = [o.ref for e in folding.effects for o in originals(e)]
    assert len(refs) == len(set(refs)) > 1
    marker = view(folding.bodies[2]).text
    dropped = row(folding.effects[-1]).dropped_messages
    assert marker.startswith(f"[{dropped} earlier messages")
    assert refs[-1] in marker
    assert dropped + folding.contexts[-1].message_count - 1 == 2 + 30 * 3
    assert [r.ref for r in folding.contexts[-1].references] == [refs[-1]]


def test_between_cuts_contexts_only_append() -> None:
    folding = running(30, max_tokens=1_500)
    sent = 0
    for effects in folding.effects:
        assert effects.context is not None
        if originals(effects):
            assert effects.context.first_changed_index == 2
        else:
            assert effects.context.first_changed_index == sent
        sent = effects.context.message_count


def test_a_context_that_cannot_fit_says_so_and_keeps_what_must_stay() -> None:
    folding = Folding(window={"max_tokens": 100})
    effects = folding.turn(SYSTEM, user(PROSE * 3))
    assert effects.context is not None
    assert effects.context.over_budget
    assert effects.context.message_count == 2
    effects = folding.turn(call("c1"), result("c1", PROSE))
    assert effects.context is not None
    assert effects.context.over_budget
    assert effects.context.message_count == 4


def test_frozen_messages_never_leave() -> None:
    folding = Folding(window={"max_tokens": 1_500}, frozen_messages=5)
    folding.turn(SYSTEM, TASK)
    first = [encoded([m])[0] for m in (call("c0"), result("c0", PROSE), call("c1"))]
    for i in range(30):
        folding.turn(call(f"c{i}"), result(f"c{i}", f"{i} {PROSE}" if i else PROSE))
    assert folding.contexts[-1].epoch > 1
    assert [json.loads(bytes(m)) for m in folding.bodies[2:5]] == [json.loads(bytes(m)) for m in first]
    assert all(c.tokens_after <= 1_500 for c in folding.contexts)


def test_an_output_that_exceeds_the_budget_by_itself_is_cut_until_it_fits() -> None:
    folding = Folding(window={"max_tokens": 1_500})
    folding.turn(SYSTEM, TASK)
    lines = "\n".join(f"{n}: {PROSE[n % 40 :]}" for n in range(60))
    effects = folding.turn(call("c"), result("c", lines))
    context = folding.contexts[-1]
    assert context.tokens_after <= 1_500 < context.tokens_before
    assert not context.over_budget
    (original,) = originals(effects)
    assert original.content == lines
    assert f"original {original.ref}]" in view(context.messages[-1]).text


def test_a_policy_that_leaves_nothing_out_keeps_an_output_that_exceeds_the_budget() -> None:
    folding = Folding(window={"max_tokens": 1_500}, lossy=False)
    folding.turn(SYSTEM, TASK)
    folding.turn(call("c"), result("c", "\n".join(f"{n}: {PROSE[n % 40 :]}" for n in range(60))))
    assert folding.contexts[-1].over_budget


def test_protected_rounds_go_when_the_budget_cannot_hold_them() -> None:
    folding = Folding(window={"max_tokens": 500, "keep_last_turns": 5})
    folding.turn(SYSTEM, TASK)
    for i in range(6):
        effects = folding.turn(call(f"c{i}"), result(f"c{i}", PROSE))
        assert effects.context is not None
        assert effects.context.tokens_after <= 500


def test_a_session_that_begins_with_the_assistant_is_cut_too() -> None:
    folding = Folding(window={"max_tokens": 500})
    for _ in range(12):
        effects = folding.turn(said(PROSE), user("go on"))
        assert effects.dead is None
    assert "left out" in view(folding.bodies[0]).text
    assert folding.contexts[-1].tokens_after <= 500


def test_a_history_after_a_cut_still_finds_what_is_new() -> None:
    folding = Folding(window={"max_tokens": 500})
    history: list[dict[str, Any]] = [SYSTEM, TASK]
    for i in range(12):
        history += [call(f"c{i}"), result(f"c{i}", PROSE)]
        effects = folding.apply(None, history=encoded(history))
        assert row(effects).new_messages == (4 if i == 0 else 2)
        assert row(effects).epoch_reason in ("", "budget")
    assert folding.contexts[-1].tokens_after <= 500


def test_a_history_changed_after_a_cut_starts_over_and_is_cut_again() -> None:
    folding = running(20, max_tokens=1_500)
    plot = [("user", "A new task.")] + [("assistant", PROSE), ("user", "go on")] * 20
    effects = folding.apply(None, history=encoded(SHAPES["openai"](plot)))
    assert effects.context is not None
    assert row(effects).epoch_reason == "history changed"
    assert effects.context.first_changed_index == 0
    assert effects.context.tokens_after <= 1_500
    assert "left out" in view(folding.bodies[1]).text


def test_messages_that_left_do_not_count_for_the_limit_of_a_session() -> None:
    folding = Folding(window={"max_tokens": 500}, limits={"session_messages": 12})
    folding.turn(SYSTEM, TASK)
    for i in range(12):
        assert folding.turn(call(f"c{i}"), result(f"c{i}", f"{i} {PROSE}")).dead is None


stored = st.builds(
    lambda role, after: Stored(body=Raw(b"{}"), role=role, before=after, after=after, digest="d"),
    st.sampled_from(["system", "user", "assistant", "tool"]),
    st.integers(0, 200),
)


@given(
    st.lists(stored, max_size=25),
    st.builds(
        WindowConfig,
        max_tokens=st.integers(1, 2_000),
        low_water=st.floats(0.1, 1),
        keep_last_turns=st.integers(1, 5),
    ),
)
def test_a_cut_takes_whole_rounds_and_no_more_than_it_needs(messages: list[Stored], config: WindowConfig) -> None:
    total = sum(m.after for m in messages)
    assert config.max_tokens is not None
    found = cut(messages, total, config)
    if total <= config.max_tokens:
        assert found is None
        return
    starts = [i for i, m in enumerate(messages) if m.role == "assistant"]
    if found is None:
        assert len(starts) < 2
        return
    first, end = found
    assert first == starts[0]
    assert end in starts[1:]
    left = total - sum(m.after for m in messages[first:end])
    low = int(config.max_tokens * config.low_water)
    rounds_left = len([s for s in starts if s >= end])
    # One round less would not have been enough: for the low-water mark, or for the budget where protected rounds went.
    previous = max(s for s in starts if s < end)
    without_last = left + sum(m.after for m in messages[previous:end])
    assert without_last > (low if rounds_left >= config.keep_last_turns else config.max_tokens)
    # And it goes on until the mark is reached, or only what is protected or the last round is left.
    assert left <= low or rounds_left == 1 or (rounds_left <= config.keep_last_turns and left <= config.max_tokens)
