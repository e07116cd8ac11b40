"""Runs a policy over a conversation and counts: the bill, the facts that were there when they were used, and those that were not."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

from msgspec import Struct, field

from headroom_stream.evaluation.bill import REFETCH_TOKENS, Tokens
from headroom_stream.evaluation.context import Context
from headroom_stream.evaluation.facts import Use
from headroom_stream.evaluation.pieces import Text
from headroom_stream.evaluation.reading import Reading
from headroom_stream.evaluation.retention import found, in_context
from headroom_stream.evaluation.tally import Tally
from headroom_stream.events import DecisionMetric


class PolicyRun(Protocol):
    """A policy at work on one session."""

    def turn(self, new: Sequence[Mapping[str, Any]], /) -> Sequence[Mapping[str, Any]]:
        """Take the messages that are new since the last call, give the whole context to send. What was given must not change later."""


@runtime_checkable
class Deciding(Protocol):
    """A policy that says what the last turn did to each new tool output."""

    decisions: list[DecisionMetric]


class Fate(Struct):
    """What became of the facts of one tool output."""

    used: int = 0
    """First uses."""
    in_context: int = 0
    found: int = 0


class Measured(Struct):
    """A conversation under a policy."""

    reading: Reading
    tally: Tally = field(default_factory=Tally)
    fates: dict[int, Fate] = field(default_factory=dict)
    """By the output's piece."""
    lost: list[Use] = field(default_factory=list)
    """Uses whose value the context did not hold any more, in order."""
    decisions: list[DecisionMetric] | None = None
    """What was done to each tool output; None of a policy that doesn't say."""
    messages: int = 0
    """That were sent; those after the last call were not."""


def measure(reading: Reading, run: PolicyRun, *, clock: Callable[[], float] = time.perf_counter) -> Measured:
    """Count a conversation under a policy. Raises RejectedEventError where the policy refuses the conversation."""
    out = Measured(reading)
    tally, pieces = out.tally, reading.pieces
    deciding = run if isinstance(run, Deciding) else None
    decisions: list[DecisionMetric] = []
    context = Context(reading.texts)
    fetched = _Fetched(reading, tally)
    spoken: set[Text] = set()
    full = tool_full = peak_sent = last = 0
    for call in reading.calls():
        begun = clock()
        messages = run.turn(reading.messages[last:call])
        tally.seconds += clock() - begun
        if deciding is not None:
            decisions += deciding.decisions
        sent = context.advance(messages)
        at = reading.starts[call]
        known = full
        for piece in pieces[reading.starts[last] : at]:
            full += piece.text.tokens
            if piece.role == "tool":
                tool_full += piece.text.tokens
            else:
                spoken.add(piece.text)
        tally.turns += 1
        tally.full.sent += full
        tally.full.cached += known
        tally.sent.sent += sent.tokens.sent
        tally.sent.cached += sent.tokens.cached
        tally.tool_full += tool_full
        tally.tool_sent += sent.tool_tokens
        tally.rewrites += sent.rewritten
        tally.touched += not spoken <= context.present
        tally.invalid += not context.valid
        peak_sent = max(peak_sent, sent.tokens.sent)
        fetched.call(sent.tokens)
        if at in reading.phrases:
            tally.phrases += len(reading.phrases[at])
            tally.phrases_found += context.phrases.count(reading.phrases[at])
        if at in reading.uses:
            # The agent's latest message before; what came earlier than that it did not just receive.
            latest = reading.starts[last] if last else -1
            _judge(out, reading.uses[at], _Sight(context), latest, fetched)
        last = call
    tally.peak_full, tally.peak_sent = full, peak_sent
    out.messages = last
    out.decisions = None if deciding is None else decisions
    return out


class _Sight:
    """What an agent sees. The output that a fact came from is looked at first: it mostly stands there, and the rest may be long."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._whole: str | None = None

    @property
    def whole(self) -> str:
        if self._whole is None:
            self._whole = "\n".join(text.plain for text in self._context.texts)
        return self._whole

    def found(self, use: Use, key: str) -> bool:
        output = self._context.outputs.get(key)
        return (output is not None and found(use.atom, use.kind, output.plain)) or found(use.atom, use.kind, self.whole)

    def amid(self, reading: Reading, use: Use, key: str) -> bool:
        companions = reading.outputs.companions(use.source, use.atom)
        output = self._context.outputs.get(key)
        return (output is not None and in_context(use.atom, companions, output.plain)) or in_context(
            use.atom, companions, self.whole
        )


def _judge(out: Measured, uses: Sequence[Use], sight: _Sight, latest: int, fetched: _Fetched) -> None:
    tally, reading = out.tally, out.reading
    for use in uses:
        key = reading.pieces[use.source].answers
        there = sight.found(use, key)
        tally.uses += 1
        tally.uses_found += there
        if use.first:
            amid = there and sight.amid(reading, use, key)
            weight = reading.weight(use.source)
            tally.first += weight
            tally.first_found += weight * there
            tally.first_in_context += weight * amid
            if use.source < latest:
                tally.later += weight
                tally.later_in_context += weight * amid
            fate = out.fates.setdefault(use.source, Fate())
            fate.used += 1
            fate.found += there
            fate.in_context += amid
        if not there:
            out.lost.append(use)
            fetched.again(use.source)


class _Fetched:
    """Charges the agent for outputs that it has to fetch again; each comes back once, and stays."""

    def __init__(self, reading: Reading, tally: Tally) -> None:
        self._reading = reading
        self._tally = tally
        self._sources: set[int] = set()
        self._tokens = 0
        self._sent = 0

    def call(self, tokens: Tokens) -> None:
        self._sent = tokens.sent
        self._tally.refetches.carried += self._tokens

    def again(self, source: int) -> None:
        if source in self._sources:
            return
        self._sources.add(source)
        refetches = self._tally.refetches
        size = min(self._reading.pieces[source].text.tokens, REFETCH_TOKENS)
        refetches.calls += 1
        refetches.read += self._sent + self._tokens
        refetches.written += size
        self._tokens += size
