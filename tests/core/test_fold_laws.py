"""Laws of the fold that hold for every conversation."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from headroom_stream.config import Policy, override
from headroom_stream.events import encode
from headroom_stream.messages import digest, view
from headroom_stream.session.state import encode_state, head_key, load_session, segment_key
from tests.core.conversations import OUTPUTS, SHAPES, conversations, encoded
from tests.core.folding import Folding, call, decisions, originals, prefix_hash, result, row, user

policies = st.sampled_from(
    [
        Policy(),
        override(Policy(), {"min_tokens": 1}),
        override(Policy(), {"window": {"max_tokens": 300}}),
        override(Policy(), {"window": {"max_tokens": 900, "low_water": 0.9, "keep_last_turns": 1}}),
        override(Policy(), {"records": {"enabled": False}, "noise": {"enabled": False}}),
    ]
)


@given(conversations(), policies)
def test_each_context_starts_with_the_bytes_of_the_one_before(events: list[list[Raw]], policy: Policy) -> None:
    folding = Folding(policy)
    for event in events:
        assert folding.apply(event).dead is None
    before: list[bytes] = []
    parent = ""
    for context in folding.contexts:
        bodies = [bytes(m) for m in context.messages]
        assert bodies[: context.first_changed_index] == before[: context.first_changed_index]
        assert len(before[: context.first_changed_index]) == context.first_changed_index
        assert context.parent_hash == parent
        assert context.prefix_hash == prefix_hash(bodies)
        assert context.message_count == len(bodies)
        before, parent = bodies, context.prefix_hash


@given(conversations(), policies)
def test_the_sums_in_the_head_are_those_of_the_messages(events: list[list[Raw]], policy: Policy) -> None:
    folding = Folding(policy)
    for event in events:
        folding.apply(event)
        assert folding.session is not None
        head, stored = folding.session.head, list(folding.session.messages())
        assert head.bytes == sum(len(bytes(m.body)) for m in stored)
        assert head.tokens_after == sum(m.after for m in stored)
        assert head.received - head.dropped == sum(bool(m.digest) for m in stored)
        assert head.prefix_hash == prefix_hash([bytes(m.body) for m in stored])


@given(conversations())
def test_without_a_budget_nothing_sent_is_ever_changed(events: list[list[Raw]]) -> None:
    folding = Folding()
    sent = 0
    for event in events:
        effects = folding.apply(event)
        if effects.context is not None:
            assert effects.context.first_changed_index == sent
            assert effects.context.epoch == 0
            sent = effects.context.message_count


@given(conversations())
def test_only_tool_outputs_are_altered(events: list[list[Raw]]) -> None:
    folding = Folding(min_tokens=1)
    for event in events:
        folding.apply(event)
    came = [raw for event in events for raw in event]
    assert folding.session is not None
    for raw, stored in zip(came, folding.session.messages(), strict=True):
        seen, sent = view(raw), view(stored.body)
        if not seen.outputs:
            assert bytes(stored.body) == bytes(raw)
        assert (sent.role, sent.calls, sent.answers, sent.texts, sent.opaque) == (
            seen.role,
            seen.calls,
            seen.answers,
            seen.texts,
            seen.opaque,
        )
        assert stored.digest == digest(raw)


@given(conversations())
def test_a_compressed_message_never_costs_more_tokens(events: list[list[Raw]]) -> None:
    folding = Folding(min_tokens=1)
    for event in events:
        effects = folding.apply(event)
        turn = row(effects)
        assert turn.new_tokens_after <= turn.new_tokens_before
        for decision in decisions(effects):
            assert decision.tokens_after <= decision.tokens_before
            assert (decision.action == "compressed") == (decision.tokens_after < decision.tokens_before)


@given(conversations(), policies)
def test_a_context_answers_every_call_and_holds_no_result_without_its_call(events: list[list[Raw]], policy: Policy) -> None:
    folding = Folding(policy)
    for event in events:
        folding.apply(event)
    for context in folding.contexts:
        waiting: list[str] = []
        for raw in context.messages:
            seen = view(raw)
            for key in seen.answers:
                waiting.remove(key)
            assert not waiting or seen.answers
            waiting += [c.key for c in seen.calls]
        assert not waiting
        assert len(context.cache_breakpoints) <= 4
        assert all(0 <= i < context.message_count for i in context.cache_breakpoints)


@given(conversations(), policies)
def test_every_reference_names_an_original_that_went_out(events: list[list[Raw]], policy: Policy) -> None:
    folding = Folding(policy)
    kept: dict[str, str] = {}
    for event in events:
        effects = folding.apply(event)
        kept |= {o.ref: o.content for o in originals(effects)}
        if effects.context is not None:
            for reference in effects.context.references:
                assert reference.ref in kept
                assert reference.message < effects.context.message_count
    # Where a text was cut, the marker in it names the original.
    for context in folding.contexts:
        shown = "\n".join(view(m).text for m in context.messages)
        for ref in kept:
            if f"original {ref}" in shown:
                assert ref in {r.ref for r in context.references}


@given(conversations(), policies)
def test_folding_twice_gives_the_same_bytes(events: list[list[Raw]], policy: Policy) -> None:
    one, other = Folding(policy), Folding(policy)
    for event in events:
        one.apply(event)
        other.apply(event)
    assert one.bytes_sent == other.bytes_sent
    assert one.session == other.session


@given(conversations(), policies)
def test_a_state_that_was_stored_and_loaded_goes_on_with_the_same_bytes(events: list[list[Raw]], policy: Policy) -> None:
    warm, cold = Folding(policy), Folding(policy)
    table: dict[bytes, bytes] = {}
    for event in events:
        warm.apply(event)
        effects = cold.apply(event)
        for segment in effects.segments:
            assert segment_key("s", segment.n) not in table
            table[segment_key("s", segment.n)] = encode_state(segment)
        if effects.head is not None:
            table[head_key("s")] = encode_state(effects.head)
        for n in effects.removed:
            del table[segment_key("s", n)]
        cold.session = load_session("s", table.get)
        assert cold.session == warm.session
        if cold.session is not None:
            assert table.keys() == {head_key("s")} | {segment_key("s", s.n) for s in cold.session.segments}
    assert cold.bytes_sent == warm.bytes_sent


@given(conversations(), st.data())
def test_deltas_and_full_histories_give_the_same_contexts(events: list[list[Raw]], data: st.DataObject) -> None:
    deltas, histories = Folding(), Folding()
    so_far: list[Raw] = []
    for event in events:
        so_far = so_far + event
        deltas.apply(event)
        histories.apply(None, history=so_far)
        if data.draw(st.booleans()):
            # The same history once more brings nothing new.
            repeated = histories.apply(None, history=so_far)
            assert row(repeated).new_messages == 0
            assert not repeated.segments
    assert deltas.session is not None
    assert histories.session is not None
    assert [bytes(m.body) for m in deltas.session.messages()] == [bytes(m.body) for m in histories.session.messages()]
    assert histories.session.head.epoch == 0
    assert [c.prefix_hash for c in deltas.contexts] == list(dict.fromkeys(c.prefix_hash for c in histories.contexts))


@given(conversations(), policies)
def test_delta_contexts_put_together_are_the_full_ones(events: list[list[Raw]], policy: Policy) -> None:
    full, delta = Folding(policy), Folding(policy, emit="delta")
    built: list[bytes] = []
    for event in events:
        whole, part = full.apply(event).context, delta.apply(event).context
        assert (whole is None) == (part is None)
        if whole is None or part is None:
            continue
        assert part.messages_from == part.first_changed_index == whole.first_changed_index
        built = built[: part.messages_from] + [bytes(m) for m in part.messages]
        assert built == [bytes(m) for m in whole.messages]
        assert (part.message_count, part.prefix_hash, part.parent_hash) == (
            whole.message_count,
            whole.prefix_hash,
            whole.parent_hash,
        )
        assert [r for r in whole.references if r.message >= part.messages_from] == part.references


PROGRAM = """
import hashlib
from tests.core.test_fold_laws import golden_bytes
print(hashlib.sha256(golden_bytes()).hexdigest())
"""


def golden_bytes() -> bytes:
    """All that comes of conversations that touch every compressor, in every shape, with and without a budget."""
    sent: list[bytes] = []
    for shape in SHAPES.values():
        plot: list[tuple[str, Any]] = [("user", "Why does request 41 fail on worker-2?")]
        for i, output in enumerate(OUTPUTS):
            plot += [("call", [(f"c{i}", "search")]), ("result", [(f"c{i}", "search", output)])]
        for policy in (Policy(), override(Policy(), {"window": {"max_tokens": 900}, "min_tokens": 1})):
            folding = Folding(policy, model="gpt-5")
            conversation = encoded(shape(plot))
            for i in range(0, len(conversation), 3):
                folding.apply(conversation[i : i + 3])
            assert folding.session is not None
            sent += [*folding.bytes_sent, encode(folding.session.head)]
    return b"\n".join(sent)


@pytest.mark.parametrize("seed", ["0", "4242"])
def test_another_process_with_other_hash_seeds_gives_the_same_bytes(seed: str) -> None:
    root = Path(__file__).parents[2]
    environ = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(root)}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environ, cwd=root, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == hashlib.sha256(golden_bytes()).hexdigest()


def test_over_three_hundred_turns_neither_head_nor_what_a_turn_writes_grows() -> None:
    folding = Folding()
    folding.turn({"role": "system", "content": "Be brief."}, user("x" * 5_000))
    heads, written = [], []
    rows = json.dumps([{"id": f"A{i:04}", "state": "open", "size": i} for i in range(20)], indent=1)
    for i in range(300):
        effects = folding.turn(
            call(f"call_{i:06}"), result(f"call_{i:06}", rows.replace("A00", f"B{i:03}")), event_id=f"event-{i:06}"
        )
        assert effects.head is not None
        heads.append(len(encode_state(effects.head)))
        written.append(heads[-1] + sum(len(encode_state(s)) for s in effects.segments))
        assert len(effects.segments) == 1
        assert effects.removed == ()
    # Numbers gain digits and the ring of event ids fills; then it is flat.
    assert max(heads[100:]) - min(heads[100:]) < 40
    assert max(written[100:]) - min(written[100:]) < 80
    assert max(heads) < 6_000


def test_a_session_that_is_rewritten_at_every_turn_keeps_a_small_head() -> None:
    folding = Folding()
    history: list[dict[str, Any]] = [user("start")]
    for i in range(80):
        history = [*history[:-1], user(f"edited {i}"), call(f"c{i}"), result(f"c{i}", "ok"), user("next")]
        effects = folding.apply(None, history=encoded(history))
        assert effects.dead is None
        assert effects.head is not None
        assert len(effects.head.segments) <= 16
        assert len(encode_state(effects.head)) < 5_000
    assert folding.bodies == [bytes(m) for m in encoded(history)]
