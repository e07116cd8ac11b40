"""One tool output: what is done to it, why, and how the original is found again."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headroom_stream.config import Policy, override
from headroom_stream.content import Compressed, Hints
from headroom_stream.tokenizers import load_tokenizer
from headroom_stream.transforms.outputs import Compressor, Decision, compress_output, reference
from tests.core.conversations import LOGS, PROSE, RECORDS, TERMINAL
from tests.core.folding import Folding, call, decisions, originals, result, row, user

TOKENIZER = load_tokenizer(network=False)


def decide(text: str, compress: Compressor | None = None, policy: Policy | None = None, tool: str = "") -> Decision:
    def ref(original: str) -> str:
        return reference("acme", "s", original)

    hints = Hints(tool=tool)
    if compress is None:
        return compress_output(text, hints, policy or Policy(), TOKENIZER, ref=ref)
    return compress_output(text, hints, policy or Policy(), TOKENIZER, ref=ref, compress=compress)


def making(text: str, *, lossless: bool = True, removed: str = "") -> Compressor:
    return lambda _text, _hints, _policy: Compressed(text=text, kind="test", lossless=lossless, removed=removed)


def failing(error: Exception) -> Compressor:
    def compress(_text: str, _hints: Hints, _policy: Policy) -> Compressed | None:
        raise error

    return compress


@pytest.mark.parametrize("error", [ValueError("secret content"), RecursionError(), KeyError("x"), MemoryError()])
def test_a_compressor_that_raises_leaves_the_output_and_says_so_without_its_content(error: Exception) -> None:
    decision = decide(PROSE, failing(error))
    assert (decision.action, decision.text, decision.reason) == ("failed", PROSE, f"{type(error).__name__} in a compressor")
    assert decision.tokens_after == decision.tokens_before > 0
    assert "secret" not in decision.reason


@pytest.mark.parametrize("longer", [PROSE, PROSE + " and more", "é" * len(PROSE)])
def test_a_compressor_that_would_not_shrink_leaves_the_output(longer: str) -> None:
    decision = decide(PROSE, making(longer))
    assert (decision.action, decision.text, decision.reason, decision.kind) == ("kept", PROSE, "would not shrink", "test")


def test_the_marker_counts_when_it_is_asked_whether_an_output_shrinks() -> None:
    shorter = PROSE[: -len(" and nobody minds.")]
    assert decide(PROSE, making(shorter)).action == "compressed"
    assert decide(PROSE, making(shorter, lossless=False, removed="3 words")).reason == "would not shrink"


def test_a_compressor_that_finds_nothing_leaves_the_output() -> None:
    assert decide(PROSE, lambda _t, _h, _p: None).reason == "nothing to gain"


def test_a_lossless_result_needs_no_original() -> None:
    decision = decide(PROSE, making("short"))
    assert (decision.action, decision.text, decision.lossless, decision.ref) == ("compressed", "short", True, "")


def test_a_lossy_result_names_the_original_in_the_text() -> None:
    decision = decide(PROSE, making("short", lossless=False, removed="9 lines"))
    assert decision.ref == reference("acme", "s", PROSE)
    assert decision.text == f"short\n[9 lines left out, original {decision.ref}]"
    assert decision.tokens_after == TOKENIZER.count(decision.text)


def test_what_no_reader_sees_needs_no_marker_but_the_original_is_named() -> None:
    decision = decide(PROSE, making("short", lossless=False))
    assert decision.text == "short"
    assert decision.ref


def test_small_outputs_and_protected_tools_are_left() -> None:
    assert decide("tiny", failing(ValueError())).reason == "small"
    policy = override(Policy(), {"protected_tools": ["cat"]})
    assert decide(RECORDS, policy=policy, tool="cat").reason == "protected tool"
    assert decide(RECORDS, policy=policy, tool="dog").action == "compressed"


@given(st.text(), st.text(), st.text())
def test_a_reference_follows_from_tenant_session_and_text(tenant: str, session: str, text: str) -> None:
    found = reference(tenant, session, text)
    assert found == reference(tenant, session, text)
    assert len(found) == 12
    assert len({found, reference(tenant + "x", session, text), reference(tenant, session, text + "x")}) == 3


def test_records_logs_and_terminal_noise_are_compressed_in_the_fold() -> None:
    folding = Folding()
    texts = (RECORDS, LOGS, TERMINAL, PROSE)
    effects = folding.turn(
        user("Go."), call("c0", "c1", "c2", "c3"), *(result(f"c{i}", t) for i, t in enumerate(texts)), tenant="acme"
    )
    made = decisions(effects)
    assert [(d.kind, d.action, d.lossless) for d in made] == [
        ("records", "compressed", True),
        ("logs", "compressed", False),
        ("noise", "compressed", False),
        ("", "kept", True),
    ]
    assert [(d.message, d.slot, d.tool, d.tenant) for d in made] == [(i, 0, "find", "acme") for i in (2, 3, 4, 5)]
    kept = {o.ref: o for o in originals(effects)}
    assert [o.content for o in kept.values()] == [LOGS, TERMINAL]
    assert {d.ref for d in made if d.ref} == kept.keys()
    assert all((o.tool, o.tenant, o.tokens) == ("find", "acme", TOKENIZER.count(o.content)) for o in kept.values())
    shown = json.loads(folding.bodies[3])["content"]
    assert f"original {made[1].ref}]" in shown
    assert effects.context is not None
    assert [(r.message, r.ref) for r in effects.context.references] == [(3, made[1].ref), (4, made[2].ref)]
    assert effects.context.transforms == ["logs", "noise", "records"]
    assert row(effects).new_tokens_before - row(effects).new_tokens_after == sum(d.tokens_before - d.tokens_after for d in made)


def test_the_message_of_a_decision_is_counted_from_the_start_of_the_session() -> None:
    folding = Folding()
    folding.turn(user("Go."), call("a"), result("a", RECORDS))
    effects = folding.turn(call("b"), result("b", RECORDS))
    assert [d.message for d in decisions(effects)] == [4]
