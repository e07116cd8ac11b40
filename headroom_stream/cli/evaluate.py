"""`evaluate`: what a policy saves and what it loses, on transcripts people already have."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any, Literal

import click
import msgspec
from rich.progress import Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from headroom_stream.cli.common import connection_options, err, json_option, out, print_json
from headroom_stream.cli.streams import harmless
from headroom_stream.config import KafkaSettings, Policy
from headroom_stream.errors import ConfigurationError, ValidationError
from headroom_stream.evaluation import PolicySession
from headroom_stream.evaluation.bill import RATES, rates_of
from headroom_stream.evaluation.conversation import Conversation, from_file
from headroom_stream.evaluation.hindsight import Hindsight, learn
from headroom_stream.evaluation.lost import Excerpt, Lost
from headroom_stream.evaluation.measure import PolicyRun
from headroom_stream.evaluation.picture import page
from headroom_stream.evaluation.policies import DEFAULT, named
from headroom_stream.evaluation.report import Outputs, Report, evaluate
from headroom_stream.evaluation.summary import HINDSIGHT, Line, Summary
from headroom_stream.evaluation.topic import from_topic as read_topic
from headroom_stream.importers import FORMATS, Format
from headroom_stream.price_table import load_prices
from headroom_stream.settings import load_settings
from headroom_stream.tokenizers import load_tokenizer
from headroom_stream.tokens import Tokenizer

REFUSED_SHOWN = 5
ROWS_SHOWN = 15
ON_PAGE = 20
"""Lost facts of each family on the page, where --lost doesn't say."""

Load = Callable[[], Iterable[Conversation]]


@click.command("evaluate")
@click.argument("files", nargs=-1, metavar="[FILE]...")
@click.option("--from-topic", is_flag=True, help="Measure the sessions on the turns topic instead of files.")
@click.option(
    "--format", "format_", type=click.Choice(["auto", *FORMATS]), default="auto", show_default=True, help="What the files hold."
)
@click.option(
    "--limit", type=click.IntRange(min=1), metavar="N", help="Only the first N conversations of each file, or of the topic."
)
@click.option(
    "--policy",
    "specs",
    multiple=True,
    metavar="SPEC",
    help="FILE.toml, key=value[,key=value...] or `default`. Give several to see them side by side.",
)
@click.option(
    "--prices", type=click.Choice(list(RATES)), help="Whose rates of reading and writing the cache.  [default: anthropic]"
)
@click.option("--model", metavar="NAME", help="The rates of this model in the price table, and the bill in dollars.")
@click.option("--oracle", is_flag=True, help="Also show what hindsight would save, and the share of it that is reached.")
@click.option("--lost", type=click.IntRange(min=0), metavar="N", help="Show N lost facts of each family.")
@click.option("--html", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Write a page with a chart.")
@json_option
@connection_options
def command(
    *,
    files: tuple[str, ...],
    from_topic: bool,
    format_: Format | Literal["auto"],
    limit: int | None,
    specs: tuple[str, ...],
    prices: str | None,
    model: str | None,
    oracle: bool,
    lost: int | None,
    html: Path | None,
    as_json: bool,
    brokers: str | None,
    clickhouse: str | None,
    config: str | None,
) -> None:
    """Measure on your own transcripts what a policy saves and what it loses.

    Offline, without a model. Each conversation is replayed turn by turn under the policy. A value that the agent wrote later and that
    came from a tool output alone is a fact it used: was it still in the context then, amid its surroundings? Net saved is the saving on
    the input bill under prompt caching, after one more call is charged for each tool output whose fact was gone.

    FILE holds what `publish` takes: OpenAI or Anthropic conversations, a Claude Code log, or turn events; gzip will do.

    \b
    Examples:
      headroom-stream evaluate ~/.claude/projects/my-project/*.jsonl --model claude-sonnet-4-5
      headroom-stream evaluate runs.jsonl --policy default --policy logs.enabled=false --policy mine.toml
      headroom-stream evaluate runs.jsonl.gz --oracle --lost 5 --html report.html
      headroom-stream evaluate --from-topic --json | jq 'select(.type == "family") | .net_saved'
    """
    if bool(files) == from_topic:
        raise click.UsageError("give transcript files, or --from-topic for the sessions on the turns topic")
    if prices and model:
        raise click.UsageError("give --prices or --model, not both")
    settings = load_settings(config=config, brokers=brokers, clickhouse=clickhouse)
    policies = {spec: named(spec, settings.policy) for spec in specs or (DEFAULT,)}
    rates = rates_of(model, load_prices(), datetime.now(UTC).date()) if model else RATES[prices or "anthropic"]
    tokenizer = load_tokenizer()
    if tokenizer.name == "estimate":
        err.print("No tokenizer's ranks are on this machine: tokens are characters / 4.", style="yellow")
    with _progress(not as_json) as progress:
        load = _topic(settings.kafka, limit, progress) if from_topic else _files(files, format_, limit)
        runs = _runs(policies, load, tokenizer, progress, oracle=oracle)
        wanted = lost if lost is not None else ON_PAGE if html else 0
        report = evaluate(load(), runs, tokenizer, lost=wanted, done=progress.step("measured"))
    _complain(report)
    if not report.outcomes:
        raise ValidationError(
            "nothing to measure: no conversation could be replayed that has an assistant message after another message"
        )
    summary = Summary(report, rates)
    if html:
        _write(html, page(summary, [one for o in report.outcomes if o.policy != HINDSIGHT for one in o.lost]))
    facts = [one for o in report.outcomes if o.policy != HINDSIGHT for one in o.lost] if lost else []
    if as_json:
        _print_json(summary, report, facts)
    else:
        _show(summary, facts)
        if html:
            out.print(f"\nWritten: {html}", markup=False, soft_wrap=True)


def _files(files: tuple[str, ...], format_: Format | Literal["auto"], limit: int | None) -> Load:
    return lambda: chain.from_iterable(from_file(file, format=format_, limit=limit) for file in files)


def _topic(kafka: KafkaSettings, limit: int | None, progress: _Steps) -> Load:
    found = asyncio.run(read_topic(kafka, limit=limit, seen=progress.step("read from the topic")))
    return lambda: found


def _runs(
    policies: dict[str, Policy], load: Load, tokenizer: Tokenizer, progress: _Steps, *, oracle: bool
) -> dict[str, Callable[[], PolicyRun]]:
    def start(policy: Policy) -> Callable[[], PolicyRun]:
        return lambda: PolicySession(policy, tokenizer=tokenizer)

    runs = {spec: start(policy) for spec, policy in policies.items()}
    if oracle:
        known = learn(progress.each(load(), "learnt"), tokenizer)
        runs[HINDSIGHT] = lambda: Hindsight(known)
    return runs


class _Steps:
    """Tells on standard error how far it is."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def step(self, what: str) -> Callable[[], None]:
        task = self._progress.add_task(what, total=None)
        return lambda: self._progress.advance(task)

    def each(self, conversations: Iterable[Conversation], what: str) -> Iterator[Conversation]:
        step = self.step(what)
        for one in conversations:
            yield one
            step()


@contextmanager
def _progress(wanted: bool) -> Iterator[_Steps]:
    columns = (TextColumn("{task.completed:,.0f} {task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True, disable=not (wanted and err.is_terminal)) as progress:
        yield _Steps(progress)


def _complain(report: Report) -> None:
    if report.refused:
        count = len(report.refused)
        err.print(f"{count:,} conversation{'s' if count > 1 else ''} left out of all figures:", style="yellow")
        for one in report.refused[:REFUSED_SHOWN]:
            by = f" ({one.policy})" if one.policy else ""
            err.print(f"  {harmless(one.conversation)}: {harmless(one.reason)}{by}", markup=False, soft_wrap=True)
        if count > REFUSED_SHOWN:
            err.print(f"  and {count - REFUSED_SHOWN:,} more; --json lists all")


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"can't write {path}: {error.strerror}") from error


def _print_json(summary: Summary, report: Report, facts: list[Lost]) -> None:
    for line in summary.with_totals():
        figures = msgspec.to_builtins(line.score)
        print_json({"type": "family", **_place(line), **figures})
    for outcome in report.outcomes:
        for kind, rows in (("kind", outcome.kinds), ("tool", outcome.tools)):
            for name, row in rows.items():
                place = {"family": outcome.family, "policy": outcome.policy, "name": name}
                print_json({"type": kind, **place, **msgspec.to_builtins(row)})
    for fact in facts:
        print_json({"type": "lost", **msgspec.to_builtins(fact)})
    for refused in report.refused:
        print_json({"type": "refused", **msgspec.to_builtins(refused)})


def _place(line: Line) -> dict[str, Any]:
    return {
        "family": line.family or None,
        "policy": line.policy,
        "hindsight_net_saved": line.hindsight_net_saved,
        "hindsight_reached": line.hindsight_reached,
    }


def _show(summary: Summary, facts: list[Lost]) -> None:
    several = len(summary.shown) > 1
    table = _table(["family", *(["policy"] if several else [])], summary.columns())
    for line in summary.with_totals():
        name = Text(harmless(line.family) if line.family else "all", style="" if line.family else "bold")
        table.add_row(name, *([Text(line.policy)] if several else []), *summary.cells(line))
    out.print(table)
    out.print(
        f"Cache reads at {summary.rates.read:.2f} and writes at {summary.rates.write:.2f} of the list price ({summary.rates.name}). "
        "± is a 95 % bound over conversations.",
        style="dim",
        highlight=False,
        markup=False,
    )
    for policy in summary.shown:
        of = f", {policy}" if several else ""
        _show_outputs(f"content{of}", summary.kinds(policy))
        _show_outputs(f"tool{of}", summary.tools(policy))
    for fact in facts:
        _show_lost(fact, policy=several)


def _table(names: list[str], others: list[str]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for name in names:
        table.add_column(Text(name), overflow="fold")
    for name in others:
        table.add_column(Text(name), justify="right")
    return table


def _show_outputs(first: str, rows: dict[str, Outputs]) -> None:
    if not rows:
        return
    table = _table([first], ["outputs", "tokens before", "after", "facts used", "in context", "lost"])
    for name, row in list(rows.items())[:ROWS_SHOWN]:
        numbers = (row.outputs, row.tokens_before, row.tokens_after, row.used, row.in_context, row.lost)
        table.add_row(Text(harmless(name) or "(unnamed)"), *(f"{value:,}" for value in numbers))
    out.print()
    out.print(table)
    if len(rows) > ROWS_SHOWN:
        out.print(f"and {len(rows) - ROWS_SHOWN:,} more; --json lists all", style="dim")


def _show_lost(fact: Lost, *, policy: bool) -> None:
    about = [fact.family, fact.conversation, fact.tool, fact.content, *([fact.policy] if policy else [])]
    out.print()
    title = Text(harmless(fact.source.fact), style="bold")
    out.print(title.append(harmless("  " + ", ".join(filter(None, about))), style="dim not bold"), soft_wrap=True)
    for label, excerpt in (("lost from", fact.source), ("used in", fact.used)):
        out.print(_excerpt(label, excerpt), soft_wrap=True)


def _excerpt(label: str, excerpt: Excerpt) -> Text:
    text = Text(f"  {label} message {excerpt.message}: ", style="dim")
    text.append(harmless(excerpt.before), style="default")
    text.append(harmless(excerpt.fact), style="bold red")
    return text.append(harmless(excerpt.after), style="default")
