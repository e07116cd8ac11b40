"""Figures as sections: what is plotted, what stands in the tables, and what it means."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from headroom_stream.report.columns import BARS_SHOWN, TOKENS, tokens_of
from headroom_stream.report.figures import Figures
from headroom_stream.report.model import PALE, STRONG, WARNING, Bar, Bars, Column, Columns, Kind, Report, Section, Series, Table
from headroom_stream.report.periods import label, short
from headroom_stream.report.stream_sections import stream_sections
from headroom_stream.report.wording import FILL_REQUESTS, FILL_STREAM, about, headline
from headroom_stream.results import RequestMetrics
from headroom_stream.store.asking import NamedUse
from headroom_stream.store.tally import WASTE, Tally

NAMES_SHOWN = 50
"""In a table. Names come from outside, and there may be any number of them."""
_WASTE_NAMES = {
    "json_bloat": "layout, quotes and repeated keys of JSON",
    "html_noise": "tags, scripts and styles",
    "base64": "base64",
    "whitespace": "runs of blanks and blank lines",
    "dynamic_date": "dates in the system prompt",
    "repetition": "lines that stood before",
    "reread": "whole tool outputs that stood before",
    "reread_compressed": "of these, not sent",
}
_MODES = {"optimize": "optimize", "audit": "audit (as they came)", "simulate": "simulate (not sent)"}


def report(figures: Figures) -> Report:
    """The whole report. Sections without figures are left out."""
    calls = figures.total.calls
    # A file is filled under the URL that it was looked for; other stores may have a password in theirs.
    url = figures.store if figures.store.startswith("sqlite:") else "sqlite:///headroom.db"
    fill = FILL_STREAM if figures.source == "stream" else FILL_REQUESTS.replace("STORE_URL", msgspec.json.encode(url).decode())
    return Report(
        title="What compression saved",
        headline=list(headline(figures)),
        about=about(figures),
        sections=[section for section in _sections(figures) if section.table.rows] if calls else [],
        example="" if calls else fill,
    )


def _sections(figures: Figures) -> Iterator[Section]:
    yield _by_period(figures)
    yield _uses("By model", "model", "model", figures.models)
    if figures.source == "requests":
        yield _by_mode(figures.modes)
    yield _transforms(figures.transforms)
    yield _waste(figures.total)
    yield _cache(figures)
    yield _failures(figures)
    yield _slowest(figures.slowest)
    if figures.stream is not None:
        yield from stream_sections(figures.stream)


_COSTS = (
    Column("cost_before_usd", "bill before", "usd"),
    Column("cost_sent_usd", "bill as sent", "usd"),
    Column("cost_saved_usd", "money saved", "usd"),
    Column("unpriced_calls", "no price"),
)


def _costs(tally: Tally) -> list[Any]:
    known = tally.priced > 0
    return [tally.cost_before if known else None, tally.cost_sent if known else None, tally.cost_saved, tally.unpriced]


def _by_period(figures: Figures) -> Section:
    period = figures.period
    tallies = list(figures.periods.values())
    priced = figures.total.priced > 0
    plots = [
        _over_time(
            figures,
            "Input tokens",
            "count",
            Series("before", PALE, [t.before for t in tallies]),
            Series("sent", STRONG, [t.sent for t in tallies]),
        )
    ]
    if priced:
        plots.append(
            _over_time(
                figures,
                "Input bill under prompt caching",
                "usd",
                Series("before", PALE, [t.cost_before for t in tallies]),
                Series("as sent", STRONG, [t.cost_sent for t in tallies]),
            )
        )
    note = "" if priced or not figures.total.calls else "No model has a known price, so there is no bill to draw."
    if priced and figures.total.unpriced:
        note = f"The bill leaves out {figures.total.unpriced:,} calls without a price."
    columns = [Column("start", period, "name"), Column("calls", "calls"), *TOKENS, *_COSTS]
    rows = [[label(at, period), t.calls, *tokens_of(t), *_costs(t)] for at, t in figures.periods.items()]
    if figures.total.failed:
        columns.append(Column("failed_calls", "failed"))
        rows = [[*row, t.failed] for row, t in zip(rows, tallies, strict=True)]
    return Section(title=f"By {period}", note=note, plots=plots, table=Table(columns, rows))


def _over_time(figures: Figures, title: str, kind: Kind, *series: Series) -> Columns:
    labels = [label(at, figures.period) for at in figures.periods]
    return Columns(title, kind, labels, [short(at, figures.period) for at in figures.periods], series)


def _uses(title: str, key: str, head: str, tallies: Mapping[str, Tally]) -> Section:
    shown = _shown(tallies)
    drawn = [(name or "(none)", tally) for name, tally in shown.items()][:BARS_SHOWN]
    plots = [Bars("Input tokens, before and sent", "count", [Bar(name, t.before, t.sent) for name, t in drawn])]
    if priced := [Bar(name, t.cost_before, t.cost_sent) for name, t in drawn if t.priced]:
        plots.append(Bars("Input bill, before and as sent", "usd", priced))
    return Section(
        title=title,
        plots=plots,
        table=Table(
            [Column(key, head, "name"), Column("calls", "calls"), *TOKENS, *_COSTS],
            [[name or "(none)", t.calls, *tokens_of(t), *_costs(t)] for name, t in shown.items()],
        ),
    )


def _shown(tallies: Mapping[str, Tally]) -> dict[str, Tally]:
    items = list(tallies.items())
    if len(items) <= NAMES_SHOWN:
        return dict(items)
    others = Tally()
    for _, tally in items[NAMES_SHOWN - 1 :]:
        others.add(tally)
    return dict(items[: NAMES_SHOWN - 1]) | {f"({len(items) - NAMES_SHOWN + 1:,} others)": others}


def _by_mode(modes: Mapping[str, Tally]) -> Section:
    named = {_MODES.get(mode, mode): tally for mode, tally in modes.items()}
    possible = [100 * (t.before - t.possible) / t.before if t.before else None for t in named.values()]
    return Section(
        title="By mode",
        note="Calls in audit and simulate mode save nothing; the last column says what compression makes of them.",
        plots=[Bars("Input tokens, before and sent", "count", [Bar(name, t.before, t.sent) for name, t in named.items()])],
        table=Table(
            [Column("mode", "mode", "name"), Column("calls", "calls"), *TOKENS, Column("possible_percent", "possible", "percent")],
            [[name, t.calls, *tokens_of(t), share] for (name, t), share in zip(named.items(), possible, strict=True)],
        ),
    )


def _transforms(uses: Sequence[NamedUse]) -> Section:
    return Section(
        title="By transform",
        note="A call counts under each transform that changed it, with all its tokens: the rows do not add up.",
        plots=[Bars("Input tokens of the calls", "count", [Bar(u.name, u.before, u.sent) for u in uses[:BARS_SHOWN]])],
        table=Table(
            [Column("transform", "transform", "name"), Column("calls", "calls"), *TOKENS],
            [[u.name, u.calls, *tokens_of(u)] for u in uses],
        ),
    )


def _waste(total: Tally) -> Section:
    found = [(_WASTE_NAMES[kind], tokens) for kind, tokens in zip(WASTE, total.waste, strict=True) if tokens]
    return Section(
        title="What a model has little use for",
        note="Tokens by kind as the messages came, whether or not anything was done about them. One token can be of several kinds.",
        plots=[Bars("Tokens", "count", [Bar(name, tokens) for name, tokens in found])],
        table=Table(
            [Column("kind", "kind", "name"), Column("tokens", "tokens"), Column("percent", "of all input", "percent")],
            [[name, tokens, 100 * tokens / total.before if total.before else None] for name, tokens in found],
        ),
    )


def _cache(figures: Figures) -> Section:
    tallies = figures.periods
    aligned = [t.mean_alignment if t.calls else None for t in tallies.values()]
    read = [100 * t.reported_cached / t.reported if t.reported else None for t in tallies.values()]
    plots = [_over_time(figures, "Cache alignment of the mean call", "percent", Series("alignment", STRONG, aligned))]
    if figures.total.reported:
        plots.append(_over_time(figures, "Input that providers read from their cache", "percent", Series("read", STRONG, read)))
    rows = [[label(at, figures.period), *values] for at, *values in zip(tallies, aligned, read, strict=True)]
    return Section(
        title="Prompt cache",
        note="Alignment is the share of a prompt that stands in the provider's cache from the call before, or could. "
        "What was read is as providers reported it, over the calls of which they did.",
        plots=plots,
        table=Table(
            [
                Column("start", figures.period, "name"),
                Column("alignment_percent", "alignment", "percent"),
                Column("read_percent", "read from the cache", "percent"),
            ],
            rows if figures.total.alignment or figures.total.reported else [],
        ),
    )


def _failures(figures: Figures) -> Section:
    failed = [t.failed for t in figures.periods.values()]
    plots: list[Columns | Bars] = []
    if any(failed):
        plots.append(_over_time(figures, "Calls that went as they came", "count", Series("failed", WARNING, failed)))
    plots.append(Bars("By reason", "count", [Bar(u.name or "(none)", u.calls) for u in figures.failures[:BARS_SHOWN]]))
    what, tokens = ("outputs", "tokens") if figures.source == "stream" else ("calls", "input tokens")
    return Section(
        title="Failures",
        note="What could not be compressed is sent as it came.",
        plots=plots,
        table=Table(
            [Column("reason", "reason", "name"), Column(what, what), Column("tokens", tokens)],
            [[u.name or "(none)", u.calls, u.before] for u in figures.failures],
        ),
    )


def _slowest(rows: Sequence[RequestMetrics]) -> Section:
    return Section(
        title="Slowest calls",
        note="By the time that compression took, without the model's.",
        plots=[Bars("Compression", "ms", [Bar(row.request_id, row.latency_ms or 0.0) for row in rows])],
        table=Table(
            [
                Column("request", "request", "name"),
                Column("time", "time", "name"),
                Column("session", "session", "name"),
                Column("model", "model", "name"),
                Column("latency_ms", "compression", "ms"),
                *TOKENS[:2],
            ],
            [
                [
                    row.request_id,
                    _moment(row.timestamp),
                    row.session_id or "–",
                    row.model,
                    row.latency_ms,
                    row.tokens_input_before,
                    row.tokens_input_before - row.tokens_saved,
                ]
                for row in rows
            ],
        ),
    )


def _moment(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M:%S}"
