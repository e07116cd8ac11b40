"""What a report comes to, under given prices: a line for each family and policy, and the sums over families."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from headroom_stream.evaluation.bill import Rates
from headroom_stream.evaluation.report import Outcome, Outputs, Report
from headroom_stream.evaluation.tally import Score, Tally, reached, score
from headroom_stream.evaluation.text import bounded_percent, percent, usd

ALL = ""
"""In place of a family: all of them."""
HINDSIGHT = "hindsight"
"""Name of the policy that knows what will be used."""


class Line(Struct, frozen=True, kw_only=True):
    """A family under a policy."""

    family: str
    policy: str
    score: Score
    hindsight_net_saved: float | None = None
    """What hindsight saves on the same conversations."""
    hindsight_reached: float | None = None
    """Share of that which the policy saves, per cent; None where hindsight saves nothing."""
    hindsight_bound: float | None = None
    """Half the width of that share's 95 % interval over samples of such conversations."""


class Summary:
    """The lines of a report."""

    def __init__(self, report: Report, rates: Rates) -> None:
        self.rates = rates
        self.policies = list(dict.fromkeys(o.policy for o in report.outcomes))
        """All, hindsight among them."""
        self.shown = [p for p in self.policies if p != HINDSIGHT]
        self.families = list(dict.fromkeys(o.family for o in report.outcomes))
        self._outcomes = {(o.family, o.policy): o for o in report.outcomes}
        self._whole = {p: self._joined(p) for p in self.policies}
        self.lines = [self._line(family, policy) for family in self.families for policy in self.shown]
        """By family, without the sums."""

    def overall(self) -> list[Line]:
        """A line for each policy over all families."""
        return [self._line(ALL, policy) for policy in self.shown]

    def with_totals(self) -> list[Line]:
        """All lines, the sums last where there are several families."""
        return self.lines + (self.overall() if len(self.families) > 1 else [])

    def kinds(self, policy: str) -> dict[str, Outputs]:
        """Tool outputs by what the policy took them for, those with most tokens first."""
        return self._whole[policy].kinds

    def tools(self, policy: str) -> dict[str, Outputs]:
        """The same by tool."""
        return self._whole[policy].tools

    def columns(self) -> list[str]:
        """Heads of `cells`."""
        money = ["bill before", "after"] if self.rates.usd is not None else []
        ceiling = ["hindsight", "reached"] if HINDSIGHT in self.policies else []
        heads = ["conv.", "turns", "net saved %", *ceiling, *money, "in context %", "phrases %", "refetches"]
        return [*heads, "rewrites", "touched", "invalid", "ms/turn"]

    def cells(self, line: Line) -> list[str]:
        """The figures of a line as text."""
        s = line.score
        money = [usd(s.bill_full_usd), usd(s.bill_net_usd)] if self.rates.usd is not None else []
        ceiling = [percent(line.hindsight_net_saved), percent(line.hindsight_reached)] if HINDSIGHT in self.policies else []
        return [
            f"{s.conversations:,}",
            f"{s.turns:,}",
            bounded_percent(s.net_saved, s.net_bound),
            *ceiling,
            *money,
            percent(s.in_context),
            percent(s.phrases),
            *(f"{count:,}" for count in (s.refetches, s.rewrites, s.touched, s.invalid)),
            f"{s.ms_per_turn:.2f}",
        ]

    def _line(self, family: str, policy: str) -> Line:
        tallies = self._tallies(family, policy)
        made = score(tallies, self.rates)
        if HINDSIGHT not in self.policies:
            return Line(family=family, policy=policy, score=made)
        ceiling = self._tallies(family, HINDSIGHT)
        share, bound = reached(tallies, ceiling, self.rates)
        return Line(
            family=family,
            policy=policy,
            score=made,
            hindsight_net_saved=score(ceiling, self.rates).net_saved,
            hindsight_reached=share,
            hindsight_bound=bound,
        )

    def _tallies(self, family: str, policy: str) -> list[Tally]:
        outcome = self._whole[policy] if family == ALL else self._outcomes[family, policy]
        return outcome.tallies

    def _joined(self, policy: str) -> Outcome:
        parts = [self._outcomes[family, policy] for family in self.families]
        return Outcome(
            family=ALL,
            policy=policy,
            tallies=[tally for part in parts for tally in part.tallies],
            kinds=_added([part.kinds for part in parts]),
            tools=_added([part.tools for part in parts]),
        )


def _added(parts: Sequence[dict[str, Outputs]]) -> dict[str, Outputs]:
    out: dict[str, Outputs] = {}
    for part in parts:
        for name, row in part.items():
            total = out.setdefault(name, Outputs())
            for field in Outputs.__struct_fields__:
                setattr(total, field, getattr(total, field) + getattr(row, field))
    return dict(sorted(out.items(), key=lambda item: (-item[1].tokens_before, item[0])))
