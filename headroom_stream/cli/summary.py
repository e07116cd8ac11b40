"""`summary`: what was saved, on one screen."""

from __future__ import annotations

import click
from rich.table import Table

from headroom_stream.analytics.store import connect
from headroom_stream.analytics.summary import Summary, summary
from headroom_stream.cli.common import connection_options, json_option, out, print_json, since_option, time_of
from headroom_stream.settings import load_settings


@click.command()
@connection_options
@click.option("--tenant", help="Only this tenant.")
@click.option("--session", help="Only this session.")
@since_option
@json_option
def command(
    *,
    brokers: str | None,
    clickhouse: str | None,
    config: str | None,
    tenant: str | None,
    session: str | None,
    since: str | None,
    as_json: bool,
) -> None:
    """Print what was saved, from the rows in ClickHouse.

    \b
    Examples:
      headroom-stream summary
      headroom-stream summary --tenant acme --since 2026-01-31
      headroom-stream summary --json | jq .saved_percent
    """
    settings = load_settings(config=config, brokers=brokers, clickhouse=clickhouse)
    client = connect(settings)
    found = summary(client, settings.clickhouse.database, tenant=tenant, session=session, since=time_of(since))
    client.close()
    if as_json:
        print_json(found)
    else:
        show(found)


def show(found: Summary) -> None:
    """For people."""
    if not found.turns:
        out.print("No contexts yet.")
    lines = Table.grid(padding=(0, 2))
    lines.add_column()
    lines.add_column(justify="right")
    lines.add_column(style="dim")
    lines.add_row("sessions", f"{found.sessions:,}", "")
    lines.add_row("contexts", f"{found.turns:,}", "one for each call of a model")
    lines.add_row("tokens before", f"{found.tokens_before:,}", "what the agents would have sent, over all calls")
    lines.add_row("tokens after", f"{found.tokens_after:,}", "")
    lines.add_row("[bold]tokens saved[/]", f"[bold green]{found.tokens_saved:,}[/]", f"{found.saved_percent:.1f} %")
    lines.add_row("new tokens", f"{found.new_tokens_before:,} → {found.new_tokens_after:,}", "each message once")
    unpriced = f"without {found.unpriced_turns:,} contexts of models without a known price" if found.unpriced_turns else ""
    lines.add_row("input bill before", _usd(found.cost_before_usd), "with prompt caching")
    lines.add_row("input bill after", _usd(found.cost_after_usd), unpriced)
    lines.add_row("[bold]saved[/]", f"[bold green]{_usd(found.cost_saved_usd)}[/]", "")
    lines.add_row("rewrites of history", f"{found.rewrites:,}", "")
    lines.add_row("duplicates, late", f"{found.duplicates:,}, {found.late:,}", "counted, not folded again")
    lines.add_row("dead letters", f"{found.dead_letters:,}", "")
    out.print(lines)
    if found.models:
        table = _table("model", "contexts", "before", "after", "saved", "bill before", "bill after")
        for m in found.models:
            table.add_row(
                m.model or "(none)",
                f"{m.turns:,}",
                f"{m.tokens_before:,}",
                f"{m.tokens_after:,}",
                _percent(m.tokens_before, m.tokens_after),
                _usd(m.cost_before_usd),
                _usd(m.cost_after_usd),
            )
        out.print()
        out.print(table)
    if found.kinds:
        table = _table("tool output", "count", "lossless", "before", "after", "saved")
        for k in found.kinds:
            table.add_row(
                k.kind or "left as it was",
                f"{k.count:,}",
                f"{k.lossless:,}",
                f"{k.tokens_before:,}",
                f"{k.tokens_after:,}",
                _percent(k.tokens_before, k.tokens_after),
            )
        out.print()
        out.print(table)


def _table(first: str, *others: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    table.add_column(first)
    for name in others:
        table.add_column(name, justify="right")
    return table


def _usd(value: float | None) -> str:
    return "unknown" if value is None else f"${value:,.4f}" if abs(value) < 100 else f"${value:,.2f}"


def _percent(before: int, after: int) -> str:
    return f"{100 * (before - after) / before:.1f} %" if before else "-"
