"""What has to hold of a policy: enough of hindsight's saving, and next to nothing lost for it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from msgspec import Struct

from headroom_stream.errors import ConfigurationError
from headroom_stream.evaluation.summary import Line, Summary

IN_CONTEXT = 97.0
PHRASES = 90.0
PHRASES_FROM = 100
"""Of fewer phrases the share says little."""


class Check(Struct, frozen=True, kw_only=True):
    """A figure of a family, and whether it is as wanted."""

    family: str
    figure: str
    value: str
    wanted: str
    holds: bool


def parsed(text: str, families: Collection[str]) -> dict[str, float]:
    """The share of hindsight to reach in each family, from `FAMILY=PERCENT,…`.

    Raises ConfigurationError for a family that is not among `families`, and for what is no number.
    """
    wanted: dict[str, float] = {}
    for part in filter(None, text.split(",")):
        family, _, share = part.partition("=")
        if family not in families:
            raise ConfigurationError(f"a target for {family!r}; there are {', '.join(sorted(families))}")
        try:
            wanted[family] = float(share)
        except ValueError:
            raise ConfigurationError(f"{part!r}: expected FAMILY=PERCENT") from None
    return wanted


def checks(summary: Summary, wanted: Mapping[str, float], *, policy: str, above: str | None = None) -> list[Check]:
    """What holds of a policy in each family that has a target. `above` names another policy, than which it has to save more."""
    lines = {(line.family, line.policy): line for line in summary.lines}
    found: list[Check] = []
    for family, share in wanted.items():
        line = lines.get((family, policy))
        if line is None:
            # Nothing could be measured: no conversation, or each was refused.
            found.append(Check(family=family, figure="conversations", value="0", wanted="> 0", holds=False))
            continue
        found += _checks(line, share)
        if above is not None:
            found.append(_more(line, above, lines[family, above].score.net_saved))
    return found


def _checks(line: Line, share: float) -> Iterator[Check]:
    made = line.score
    yield _least(line, "share of hindsight", line.hindsight_reached, share)
    # Where nothing is used, nothing is lost.
    yield _least(line, "in context", 100.0 if made.in_context is None else made.in_context, IN_CONTEXT)
    if made.phrase_count >= PHRASES_FROM:
        yield _least(line, "phrases", made.phrases, PHRASES)
    for figure, count in (("touched", made.touched), ("invalid", made.invalid)):
        yield Check(family=line.family, figure=figure, value=f"{count:,}", wanted="0", holds=count == 0)


def _least(line: Line, figure: str, value: float | None, least: float) -> Check:
    holds = value is not None and value >= least
    return Check(family=line.family, figure=figure, value=_exactly(value), wanted=f"≥ {least:g}", holds=holds)


def _more(line: Line, than: str, other: float | None) -> Check:
    saved = line.score.net_saved
    holds = saved is not None and (other is None or saved > other)
    return Check(
        family=line.family, figure=f"net saved, beside {than}", value=_exactly(saved), wanted=f"> {_exactly(other)}", holds=holds
    )


def _exactly(value: float | None) -> str:
    """With a digit more than in tables: 41.96 isn't 42."""
    return "–" if value is None else f"{value:.2f}"
