"""`tail`: all sessions, live."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from contextlib import suppress

import click
from msgspec import Struct
from rich import box
from rich.live import Live
from rich.table import Table
from rich.text import Text

from headroom_stream.cli.common import connection_options, err, json_option, out, print_json
from headroom_stream.cli.streams import followed, harmless, head_of, saved, summary_of
from headroom_stream.client import ContextConsumer
from headroom_stream.config import KafkaSettings
from headroom_stream.events import ContextBatch
from headroom_stream.settings import load_settings

REDRAWS_PER_SECOND = 8
SESSIONS = 200
"""Rows remembered, the latest first; a terminal shows fewer."""


class Row(Struct):
    """A session as last seen; without its messages, which may be large."""

    session: str
    turn: int
    model: str
    tokens_before: int
    tokens_after: int
    saved: float
    transforms: list[str]


@click.command("tail")
@click.option("--from-beginning", is_flag=True, help="Begin with the oldest context, so that the table shows what was.")
@json_option
@connection_options
def command(*, from_beginning: bool, as_json: bool, brokers: str | None, clickhouse: str | None, config: str | None) -> None:
    """Watch all sessions live: turns, tokens before and after, what was done last. Ctrl-C ends it.

    Where the output is no terminal, and with --json, each context is a line.

    \b
    Examples:
      headroom-stream tail
      headroom-stream tail --from-beginning
      headroom-stream tail --json | jq -c 'select(.saved > 0.5) | .session'
    """
    kafka = load_settings(config=config, brokers=brokers, clickhouse=clickhouse).kafka
    with suppress(KeyboardInterrupt):
        asyncio.run(_tail(kafka, from_beginning=from_beginning, as_json=as_json))


async def _tail(kafka: KafkaSettings, *, from_beginning: bool, as_json: bool) -> None:
    rows: OrderedDict[str, Row] = OrderedDict()
    seen = 0
    consumer = ContextConsumer(kafka=kafka, from_beginning=from_beginning, incomplete="give")
    async with consumer:
        if as_json or not out.is_terminal:
            err.print(f"waiting for contexts on {kafka.contexts} at {kafka.brokers}", style="dim", markup=False, soft_wrap=True)
            async for batch in followed(consumer):
                if as_json:
                    print_json(summary_of(batch))
                else:
                    out.print(head_of(batch), markup=False, soft_wrap=True)
            return

        def table() -> Table:
            return _table(rows, seen, kafka.brokers, out.height)

        with Live(get_renderable=table, console=out, refresh_per_second=REDRAWS_PER_SECOND):
            async for batch in followed(consumer):
                seen += 1
                _remember(rows, batch)


def _remember(rows: OrderedDict[str, Row], batch: ContextBatch) -> None:
    rows[batch.session_id] = Row(
        session=batch.session_id,
        turn=batch.turn,
        model=batch.model,
        tokens_before=batch.tokens_before,
        tokens_after=batch.tokens_after,
        saved=saved(batch),
        transforms=batch.transforms,
    )
    rows.move_to_end(batch.session_id, last=False)
    if len(rows) > SESSIONS:
        rows.popitem()


def _table(rows: OrderedDict[str, Row], seen: int, brokers: str, height: int) -> Table:
    title = f"{len(rows):,} sessions, {seen:,} contexts" if rows else f"waiting for contexts at {brokers}; Ctrl-C ends"
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, expand=True)
    table.add_column("session", overflow="ellipsis", no_wrap=True, ratio=3)
    table.add_column("turn", justify="right", no_wrap=True)
    table.add_column("model", overflow="ellipsis", no_wrap=True, ratio=2)
    table.add_column("before", justify="right", no_wrap=True)
    table.add_column("after", justify="right", no_wrap=True)
    table.add_column("saved", justify="right", no_wrap=True)
    table.add_column("last transforms", overflow="ellipsis", no_wrap=True, ratio=3)
    # Title, heading and their lines take five rows; a table higher than the terminal would scroll.
    for row in list(rows.values())[: max(height - 6, 1)]:
        colour = "green" if row.saved > 0 else "red" if row.saved < 0 else ""
        table.add_row(
            Text(harmless(row.session)),
            str(row.turn),
            Text(harmless(row.model)),
            f"{row.tokens_before:,}",
            f"{row.tokens_after:,}",
            Text(f"{100 * row.saved:.1f} %", style=colour),
            Text(", ".join(row.transforms)),
        )
    return table
