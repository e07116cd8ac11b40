"""Policies side by side over conversations: counts by family, by kind of content and by tool, and what was lost."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from msgspec import Struct, field

from headroom_stream.errors import RejectedEventError
from headroom_stream.evaluation.conversation import Conversation
from headroom_stream.evaluation.lost import Lost, describe
from headroom_stream.evaluation.measure import Measured, PolicyRun, measure
from headroom_stream.evaluation.reading import Reading
from headroom_stream.evaluation.tally import Tally
from headroom_stream.tokens import Tokenizer

SMALL = "small"
"""Outputs too short for a decision."""
KEPT = "left as it was"
"""Outputs that no compressor took for its own."""


class Outputs(Struct):
    """Tool outputs of one kind, each counted once, when it arrived."""

    outputs: int = 0
    tokens_before: int = 0
    tokens_after: int = 0
    used: int = 0
    """Facts in them: values that the agent wrote for the first time."""
    in_context: int = 0
    """Of those, still amid their surroundings at that moment."""
    lost: int = 0
    """Of those, nowhere in the context."""


class Outcome(Struct, kw_only=True):
    """A family of conversations under a policy."""

    family: str
    policy: str
    tallies: list[Tally] = field(default_factory=list)
    """One for each conversation."""
    kinds: dict[str, Outputs] = field(default_factory=dict)
    """By what the policy took the output for. Empty for a policy that makes no decisions."""
    tools: dict[str, Outputs] = field(default_factory=dict)
    lost: list[Lost] = field(default_factory=list)
    """The first ones, as many as were asked for."""


class Refused(Struct, frozen=True, kw_only=True):
    """A conversation that is in no figure."""

    family: str
    conversation: str
    policy: str
    """Which refused it; empty: it can't be read."""
    reason: str


class Report(Struct):
    """All outcomes: families in the order in which they came up, and policies in the order given."""

    outcomes: list[Outcome] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    silent: int = 0
    """Conversations without a call of the model."""


Policies = Mapping[str, Callable[[], PolicyRun]]


def evaluate(
    conversations: Iterable[Conversation],
    policies: Policies,
    tokenizer: Tokenizer,
    *,
    lost: int = 0,
    done: Callable[[], object] = lambda: None,
) -> Report:
    """Measure every conversation under every policy. `lost` facts are described of each outcome; `done` is called after each conversation.

    A conversation that a policy refuses counts for none: figures side by side are of the same conversations.
    """
    report = Report()
    found: dict[tuple[str, str], Outcome] = {}
    for conversation in conversations:
        measured = _measure(conversation, policies, tokenizer, report)
        for name, one in measured.items():
            key = (conversation.family, name)
            if key not in found:
                found[key] = Outcome(family=conversation.family, policy=name)
            _add(found[key], one, lost)
        done()
    families = dict.fromkeys(family for family, _ in found)
    report.outcomes = [found[family, name] for family in families for name in policies]
    return report


def _measure(conversation: Conversation, policies: Policies, tokenizer: Tokenizer, report: Report) -> dict[str, Measured]:
    measured: dict[str, Measured] = {}
    name = ""
    try:
        reading = Reading(conversation, tokenizer)
        if not reading.calls():
            report.silent += 1
            return {}
        for name, start in policies.items():
            measured[name] = measure(reading, start())
    except RejectedEventError as error:
        report.refused.append(Refused(family=conversation.family, conversation=conversation.id, policy=name, reason=str(error)))
        return {}
    return measured


def _add(outcome: Outcome, measured: Measured, wanted: int) -> None:
    outcome.tallies.append(measured.tally)
    kinds = _kinds(outcome, measured)
    seen: set[tuple[int, str]] = set()
    for use in measured.lost:
        if len(outcome.lost) == wanted:
            break
        if (use.source, use.atom) not in seen:
            seen.add((use.source, use.atom))
            outcome.lost.append(describe(measured.reading, use, policy=outcome.policy, content=kinds.get(use.source, "")))


def _kinds(outcome: Outcome, measured: Measured) -> dict[int, str]:
    """Add up the outputs, and tell what each was taken for."""
    if measured.decisions is None:
        return {}
    decisions = {(made.message, made.slot): made for made in measured.decisions}
    kinds: dict[int, str] = {}
    for at, piece in enumerate(measured.reading.pieces):
        if piece.role != "tool" or piece.message >= measured.messages:
            continue
        made = [decisions[piece.message, slot] for slot in piece.slots if (piece.message, slot) in decisions]
        kinds[at] = (made[0].kind or KEPT) if made else SMALL
        small = 0 if made else measured.reading.texts.tokenizer.count(piece.content)
        for row in (
            outcome.kinds.setdefault(kinds[at], Outputs()),
            outcome.tools.setdefault(measured.reading.tools[at], Outputs()),
        ):
            row.outputs += 1
            row.tokens_before += small + sum(one.tokens_before for one in made)
            row.tokens_after += small + sum(one.tokens_after for one in made)
            fate = measured.fates.get(at)
            if fate is not None:
                row.used += fate.used
                row.in_context += fate.in_context
                row.lost += fate.used - fate.found
    return kinds
