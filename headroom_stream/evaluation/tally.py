"""What is counted of a conversation under a policy, and the figures that follow from such counts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
from msgspec import Struct, field

from headroom_stream.evaluation.bill import Rates, Refetches, Tokens

RESAMPLES = 1_000
SEED = 20_260_101
"""Fixed, so that the same conversations give the same bound."""
CONFIDENCE = 95


class Tally(Struct):
    """Counts over the calls of the model. Facts of one output weigh together as `FACTS_PER_OUTPUT` at most, hence the fractions."""

    turns: int = 0
    full: Tokens = field(default_factory=Tokens)
    """Without a policy."""
    sent: Tokens = field(default_factory=Tokens)
    refetches: Refetches = field(default_factory=Refetches)
    tool_full: int = 0
    tool_sent: int = 0
    peak_full: int = 0
    peak_sent: int = 0
    uses: int = 0
    uses_found: int = 0
    first: float = 0.0
    first_found: float = 0.0
    first_in_context: float = 0.0
    later: float = 0.0
    """First uses of an output that the agent did not just receive."""
    later_in_context: float = 0.0
    phrases: int = 0
    phrases_found: int = 0
    rewrites: int = 0
    touched: int = 0
    """Calls at which a system, user or assistant message is not there as it was spoken."""
    invalid: int = 0
    """Calls at which a tool result lacks its call, or the reverse."""
    seconds: float = 0.0

    def cost_full(self, rates: Rates) -> float:
        """The input bill without a policy."""
        return self.full.cost(rates)

    def cost_net(self, rates: Rates) -> float:
        """The input bill under the policy, with the calls that fetch again what was lost."""
        return self.sent.cost(rates) + self.refetches.cost(rates)


S = TypeVar("S", bound=Struct)


def total(tallies: Sequence[Tally]) -> Tally:
    """The sum of all counts."""
    return _sum(Tally, tallies)


def _sum(kind: type[S], parts: Sequence[S]) -> S:
    out = kind()
    for name in kind.__struct_fields__:
        values = [getattr(part, name) for part in parts]
        nested = isinstance(getattr(out, name), Struct)
        setattr(out, name, _sum(type(getattr(out, name)), values) if nested else sum(values))
    return out


class Score(Struct, frozen=True, kw_only=True):
    """The figures of some conversations under a policy. Shares are per cent; None where there was nothing to measure."""

    conversations: int
    turns: int
    net_saved: float | None
    """Of the input bill under prompt caching, refetches charged: the number to raise."""
    net_bound: float | None
    """Half the width of its 95 % interval over samples of such conversations; None for a single one."""
    cost_saved: float | None
    """The same without refetches."""
    saved: float | None
    """Of the tokens sent."""
    tool_saved: float | None
    peak_saved: float | None
    recall: float | None
    """Uses whose value the context still held anywhere."""
    first_use: float | None
    """The same of first uses."""
    in_context: float | None
    """First uses whose value still stood amid its surroundings."""
    in_context_later: float | None
    phrases: float | None
    phrase_count: int
    """Phrases that this is a share of."""
    prefix_cached: float | None
    prefix_cached_full: float | None
    rewrites: int
    refetches: int
    touched: int
    invalid: int
    ms_per_turn: float
    bill_full_usd: float | None = None
    """Where the rates are those of a model."""
    bill_net_usd: float | None = None


def score(tallies: Sequence[Tally], rates: Rates) -> Score:
    """The figures of conversations that were counted each by itself."""
    t = total(tallies)
    usd = None if rates.usd is None else rates.usd / 1_000_000
    return Score(
        conversations=len(tallies),
        turns=t.turns,
        net_saved=_saved(t.cost_net(rates), t.cost_full(rates)),
        net_bound=_bound(tallies, rates),
        cost_saved=_saved(t.sent.cost(rates), t.cost_full(rates)),
        saved=_saved(t.sent.sent, t.full.sent),
        tool_saved=_saved(t.tool_sent, t.tool_full),
        peak_saved=_saved(t.peak_sent, t.peak_full),
        recall=_share(t.uses_found, t.uses),
        first_use=_share(t.first_found, t.first),
        in_context=_share(t.first_in_context, t.first),
        in_context_later=_share(t.later_in_context, t.later),
        phrases=_share(t.phrases_found, t.phrases),
        phrase_count=t.phrases,
        prefix_cached=_share(t.sent.cached, t.sent.sent),
        prefix_cached_full=_share(t.full.cached, t.full.sent),
        rewrites=t.rewrites,
        refetches=t.refetches.calls,
        touched=t.touched,
        invalid=t.invalid,
        ms_per_turn=1000 * t.seconds / max(t.turns, 1),
        bill_full_usd=None if usd is None else usd * t.cost_full(rates),
        bill_net_usd=None if usd is None else usd * t.cost_net(rates),
    )


def _share(part: float, whole: float) -> float | None:
    return 100 * part / whole if whole else None


def _saved(now: float, before: float) -> float | None:
    return 100 * (1 - now / before) if before else None


def reached(tallies: Sequence[Tally], ceiling: Sequence[Tally], rates: Rates) -> tuple[float | None, float | None]:
    """Share of what a ceiling saves of the same conversations in the same order, per cent, and half the width of its 95 % interval.

    None where the ceiling saves nothing, or would not in some sample of the conversations.
    """
    saved, most = (np.array([t.cost_full(rates) - t.cost_net(rates) for t in one]) for one in (tallies, ceiling))
    if most.sum() <= 0:
        return None, None
    return float(100 * saved.sum() / most.sum()), _half_width(100 * saved, most)


def _bound(tallies: Sequence[Tally], rates: Rates) -> float | None:
    saved = np.array([t.cost_full(rates) - t.cost_net(rates) for t in tallies])
    return _half_width(100 * saved, np.array([t.cost_full(rates) for t in tallies]))


def _half_width(parts: Any, wholes: Any) -> float | None:
    """Half the width of the percentile interval of a share, by drawing as many conversations again and again (the bootstrap)."""
    if len(parts) < 2:
        return None
    drawn = np.random.default_rng(SEED).integers(len(parts), size=(RESAMPLES, len(parts)))
    part, whole = parts[drawn].sum(axis=1), wholes[drawn].sum(axis=1)
    if (whole <= 0).any():
        return None
    low, high = np.percentile(part / whole, [(100 - CONFIDENCE) / 2, (100 + CONFIDENCE) / 2])
    return float(high - low) / 2
