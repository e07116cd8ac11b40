"""Laws of sessions whose tools print anything: what is pointed at can be put back, what is left out can be found."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from headroom_stream.config import Policy, override
from headroom_stream.content.envelopes import opened
from headroom_stream.content.records import restore
from headroom_stream.content.split import split
from headroom_stream.events import Provider
from headroom_stream.messages import view
from headroom_stream.references import expand
from headroom_stream.session.state import Session, outputs
from tests.core.conversations import SHAPES, encoded
from tests.core.folding import Folding, decisions, originals, row
from tests.laws import outputs as tools
from tests.laws import values
from tests.laws.outputs import MARKERS, corpus, forged, stories

POLICIES = {
    "conservative": override(Policy(), {"preset": "conservative"}),
    "balanced": Policy(),
    "aggressive": override(Policy(), {"preset": "aggressive"}),
    "budget": override(Policy(), {"output_tokens": 120}),
    "forgetful": override(Policy(), {"references": {"max_chars": 3_000}}),
    "window": override(Policy(), {"window": {"max_tokens": 900, "keep_last_turns": 1}}),
    "small window": override(Policy(), {"window": {"max_tokens": 300, "low_water": 0.9, "keep_last_turns": 1}}),
}
ORIGINAL = re.compile(r"original ([0-9a-f]{12})")

policies = st.sampled_from(sorted(POLICIES)).map(POLICIES.__getitem__)
shapes = st.sampled_from(sorted(SHAPES))


def conversation(texts: Sequence[str], shape: Provider) -> list[list[Raw]]:
    """An event for the question and each two messages of a call and its output."""
    plot: list[tuple[str, object]] = [("user", "What became of order R00012?")]
    for n, text in enumerate(texts):
        plot += [("call", [(f"c{n}", "browser")]), ("result", [(f"c{n}", "browser", text)])]
    messages = encoded(SHAPES[shape](plot))
    return [messages[:1], *(messages[at : at + 2] for at in range(1, len(messages), 2))]


def told(texts: Sequence[str], policy: Policy, shape: Provider = "openai", *, restarts: bool = False) -> Folding:
    folding = Folding(policy)
    for event in conversation(texts, shape):
        assert folding.apply(event).dead is None
        if restarts:
            folding.restart()
    return folding


def session_of(folding: Folding) -> Session:
    assert folding.session is not None
    return folding.session


def expanded(session: Session) -> dict[int, str]:
    """The outputs of a session by their numbers, with what their markers stand for."""
    sent = {number: one for number, one, _ in outputs(session.segments)}
    return {number: expand(one, sent.__getitem__) for number, one in sent.items()}


def same(got: dict[int, str], wanted: dict[int, str]) -> bool:
    """Whether they are the same texts; of an object of which some fields stayed the order of fields may differ."""
    return all(one == wanted[n] or (one[:1] in "[{" and restore(one) == restore(wanted[n])) for n, one in got.items())


def plain(texts: Sequence[str], policy: Policy, shape: Provider) -> dict[int, str]:
    """What is sent of them where nothing is pointed at and nothing dropped."""
    alone = override(policy, {"references": {"enabled": False}, "window": {"max_tokens": None}})
    return {number: one.text for number, one, _ in outputs(session_of(told(texts, alone, shape)).segments)}


def told_as_plain(folding: Folding, texts: Sequence[str], policy: Policy, shape: Provider) -> dict[int, str]:
    """Its outputs with markers expanded, after they were found to be what is sent without references and window."""
    got = expanded(session_of(folding))
    if policy.window.max_tokens is None:
        assert same(got, plain(texts, policy, shape))
    else:
        # A lossy policy cuts an output that exceeds the budget by itself, and nothing else would have been sent in its place.
        whole = override(policy, {"lossy": False})
        assert same(expanded(session_of(told(texts, whole, shape))), plain(texts, whole, shape))
    return got


@given(stories(), policies, shapes)
def test_every_marker_stands_for_what_would_have_been_sent_in_its_place(texts: list[str], policy: Policy, shape: Provider) -> None:
    got = told_as_plain(told(texts, policy, shape), texts, policy, shape)
    if policy.window.max_tokens is None:
        assert len(got) == len(texts)


def assert_json_comes_back(texts: Sequence[str], policy: Policy) -> None:
    folding = told(texts, policy)
    back = expanded(session_of(folding))
    for number, (text, effects) in enumerate(zip(texts, folding.effects[1:], strict=True), 1):
        value = tools.json_of(text)
        # An envelope is opened, and of two documents the first may stand alone: then there is no one value to read.
        if value is None or number not in back or len(split(text, policy.wrappers)) != 1 or opened(text):
            continue
        for decision in decisions(effects):
            if decision.action == "compressed" and decision.lossless and decision.kind in ("json", "records"):
                assert restore(back[number]) == value


@given(stories(), policies)
def test_json_among_other_outputs_comes_back(texts: list[str], policy: Policy) -> None:
    assert_json_comes_back(texts, policy)


@given(st.integers(0, 10**9), policies)
def test_json_that_changes_from_call_to_call_comes_back(seed: int, policy: Policy) -> None:
    assert_json_comes_back(values.story(seed), policy)


@given(stories(), policies, shapes)
def test_contexts_append_and_a_worker_that_starts_anew_goes_on_with_the_same_bytes(
    texts: list[str], policy: Policy, shape: Provider
) -> None:
    warm = told(texts, policy, shape)
    assert told(texts, policy, shape).bytes_sent == warm.bytes_sent
    assert told(texts, policy, shape, restarts=True).bytes_sent == warm.bytes_sent
    before: list[bytes] = []
    for context in warm.contexts:
        bodies = [bytes(m) for m in context.messages]
        assert bodies[: context.first_changed_index] == before[: context.first_changed_index]
        if policy.window.max_tokens is None:
            assert context.first_changed_index == len(before)
        before = bodies


@given(stories(), policies)
def test_no_context_has_more_tokens_than_came(texts: list[str], policy: Policy) -> None:
    for effects in told(texts, policy).effects:
        one = row(effects)
        assert one.new_tokens_after <= one.new_tokens_before
        if not one.dropped_messages:
            assert one.tokens_after <= one.tokens_before
        for decision in decisions(effects):
            assert decision.action != "failed", decision.reason
            assert not decision.reason.endswith("in references"), decision.reason


@given(stories(), policies, shapes)
def test_what_is_left_out_is_found_under_the_name_in_its_marker(texts: list[str], policy: Policy, shape: Provider) -> None:
    folding = told(texts, policy, shape)
    came = "\n".join(texts)
    kept: dict[str, str] = {}
    for effects in folding.effects:
        for one in originals(effects):
            # The same name again is the same text again: writing it twice changes nothing.
            assert kept.setdefault(one.ref, one.content) == one.content
            assert one.kind == "window" or one.content in texts
        if (context := effects.context) is None:
            continue
        named = {(reference.message, reference.ref) for reference in context.references}
        assert {ref for _, ref in named} <= kept.keys()
        for at, message in enumerate(context.messages):
            for ref in ORIGINAL.findall(view(message).text):
                if f"original {ref}" not in came:
                    assert (at, ref) in named


@given(stories(), policies)
def test_each_lossy_decision_comes_with_its_original_once(texts: list[str], policy: Policy) -> None:
    for text, effects in zip(texts, told(texts, policy).effects[1:], strict=True):
        lossy = [decision.ref for decision in decisions(effects) if not decision.lossless]
        rows = [one for one in originals(effects) if one.kind != "window"]
        assert [one.ref for one in rows] == lossy
        assert all(one.content == text for one in rows)


@given(stories(most=10), st.sampled_from(("window", "small window")), shapes)
def test_messages_keep_their_references_to_originals_through_rewrites(texts: list[str], name: str, shape: Provider) -> None:
    folding = Folding(POLICIES[name])
    arrived: dict[int, tuple[str, ...]] = {}
    for event in conversation(texts, shape):
        folding.apply(event)
        for message in session_of(folding).messages():
            if message.output:
                assert arrived.setdefault(message.output, message.refs) == message.refs


@given(st.lists(st.tuples(st.sampled_from(MARKERS), st.integers(0, 99)), min_size=1, max_size=5), stories(most=3), policies, shapes)
def test_words_of_a_marker_that_a_tool_prints_stand_for_nothing(
    words: list[tuple[str, int]], texts: list[str], policy: Policy, shape: Provider
) -> None:
    texts = [*texts, *(forged(texts[at % len(texts)], marker, at) for marker, at in words)]
    folding = told(texts, policy, shape)
    told_as_plain(folding, texts, policy, shape)
    for context in folding.contexts:
        assert "0123456789ab" not in {reference.ref for reference in context.references}


@given(stories(most=3), policies)
def test_a_context_that_a_tool_prints_again_stands_for_nothing(texts: list[str], policy: Policy) -> None:
    """Texts with true markers of this very session, as an agent that reads its own log gets them."""
    first = told(texts, policy)
    texts = [*texts, *(view(message).text for message in first.contexts[-1].messages)]
    folding = told(texts, policy)
    told_as_plain(folding, texts, policy, "openai")
    refs = {one.ref for effects in folding.effects for one in originals(effects)}
    assert all(reference.ref in refs for context in folding.contexts for reference in context.references)


def fixed_stories() -> list[tuple[list[str], Policy]]:
    """Sessions over the corpus, each text with an edited copy later, under all policies in turn."""
    texts, policies_ = corpus(), list(POLICIES.values())
    pieces = [texts[at : at + 9] for at in range(0, len(texts), 9)]
    return [([*piece, *(tools.edited(one, n) for one in piece)], policies_[n % len(policies_)]) for n, piece in enumerate(pieces)]


def test_the_laws_are_about_something() -> None:
    """Sessions of these tools have markers of every sort, originals, and rewrites; else the laws would hold of nothing."""
    foldings = [told(texts, policy) for texts, policy in fixed_stories()]
    shown = "\n".join(view(message).text for folding in foldings for message in folding.contexts[-1].messages)
    for words in (
        "[same as result ",
        " lines as in result ",
        "…as in result ",
        "…rest as in result ",
        " left out, original ",
        " messages left out ",
    ):
        assert shown.count(words) >= 3, words
    assert sum(len(originals(effects)) for folding in foldings for effects in folding.effects) > 50
    assert sum(bool(row(effects).epoch_reason) for folding in foldings for effects in folding.effects) > 10


PROGRAM = """
import hashlib
from tests.laws.test_sessions import all_bytes
print(hashlib.sha256(all_bytes()).hexdigest())
"""


def all_bytes() -> bytes:
    return b"\n".join(one for texts, policy in fixed_stories() for one in told(texts, policy).bytes_sent)


def test_every_process_sends_the_same_bytes() -> None:
    root = Path(__file__).parents[2]
    own = hashlib.sha256(all_bytes()).hexdigest()
    for seed in ("0", "1", "4242"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(root)}
        made = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=True)
        assert made.stdout.strip() == own
