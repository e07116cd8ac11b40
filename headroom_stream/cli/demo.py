"""`headroom-stream demo`: the whole system on this machine in under a minute."""

from __future__ import annotations

import asyncio
import signal
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.markup import escape

from headroom_stream.cli.common import json_option, out, print_json
from headroom_stream.cli.summary import show
from headroom_stream.demo.run import Figures, demo
from headroom_stream.demo.show import WIDTH, Display, Lines, Screen, Silent, show_excerpt

if TYPE_CHECKING:
    # It needs the extra `local`, which may be absent.
    from headroom_stream.local.stack import LocalStack

PAUSE_SECONDS = 0.35
"""After each turn on a terminal: without it the table would be full before anyone has read its header."""

_INTRODUCTION = (
    "[bold]headroom-stream demo[/]\n\n"
    "Three agents run real tools on this machine; only their decisions are scripted. Each publishes its turns to Kafka, a worker "
    "compresses its context, the agent takes it from Kafka, and ClickHouse counts what was saved.\n"
)
_DECISIONS = "SELECT tool, kind, tokens_before, tokens_after FROM decisions FINAL"
_ORIGINAL = "SELECT content FROM originals FINAL WHERE ref = '{}'"


@click.command("demo")
@click.option("--keep", is_flag=True, help="Leave the parts running until Ctrl-C, to look around.")
@click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Keep the parts' data there; default: a temporary directory that is removed.",
)
@json_option
def command(data_dir: Path | None, *, keep: bool, as_json: bool) -> None:
    """See it work: embedded parts, agents that really run tools, what was saved.

    Three agents with scripted decisions run real tools on this machine, publish each turn to Kafka and take their next context from
    there. Then the contexts are compared with ClickHouse's count; if they don't agree, the exit code is 1. It needs no network and
    picks free ports.

    \b
    headroom-stream demo
    headroom-stream demo --keep
    headroom-stream demo --json | jq .summary
    """
    if not as_json:
        out.print(_INTRODUCTION, width=min(out.width, WIDTH))
    display: Display = Silent() if as_json else Screen(out) if out.is_terminal else Lines(out)
    figures = asyncio.run(_demo(display, data_dir, keep=keep, as_json=as_json))
    if figures is None:
        raise click.Abort
    if figures.problems:
        raise click.exceptions.Exit(1)


async def _demo(display: Display, data_dir: Path | None, *, keep: bool, as_json: bool) -> Figures | None:
    """The figures; None when SIGTERM ended it before there were any. Ctrl-C is dealt with by asyncio, in the same way."""
    own = asyncio.current_task()
    assert own is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, own.cancel)
    figures: Figures | None = None
    pause = PAUSE_SECONDS if isinstance(display, Screen) else 0.0
    try:
        async with demo(display, data_dir=data_dir, pause=pause) as (figures, stack):
            if as_json:
                print_json(figures.as_json())
            else:
                _report(figures, keep=keep)
            if keep:
                await _until_stopped(stack)
    except asyncio.CancelledError:
        # One that nobody asked for is a fault of ours or of a library, and has to be seen.
        if not own.cancelling():
            raise
    return figures


async def _until_stopped(stack: LocalStack) -> None:
    """Until Ctrl-C or SIGTERM, which is how `--keep` is meant to end: no error. Raises LocalPartError when the broker ends."""
    with suppress(asyncio.CancelledError):
        await stack.run(asyncio.Event())


def _report(figures: Figures, *, keep: bool) -> None:
    out.print("\n[bold]What ClickHouse says was saved[/]")
    show(figures.summary)
    if figures.excerpt is not None:
        show_excerpt(out, figures.excerpt)
    out.print()
    if figures.problems:
        out.print(f"[bold red]The parts do not agree[/], {len(figures.problems)} differences:")
        for problem in figures.problems:
            out.print(f"  {escape(problem)}")
    else:
        out.print(
            f"[green]✓[/] {len(figures.played)} turns published, {len(figures.played)} contexts received, one for each; "
            "ClickHouse counts the same turns and tokens, and what was left out of contexts is kept there as it was."
        )
    _where(figures, keep=keep)


def _where(figures: Figures, *, keep: bool) -> None:
    brokers, clickhouse = figures.settings.kafka.brokers, figures.settings.clickhouse.url
    out.print(f"\n[bold]Where the parts {'are' if keep else 'were'}[/]")
    out.print(f"  Kafka       {brokers}", soft_wrap=True)
    out.print(f"  ClickHouse  {clickhouse}", soft_wrap=True)
    session = figures.played[0].session
    if keep:
        out.print("\n[bold]Look around[/], in another terminal; Ctrl-C here ends it")
        ref = figures.excerpt.ref if figures.excerpt else ""
        commands = (
            f"headroom-stream inspect {session} --brokers {brokers}",
            f"headroom-stream tail --from-beginning --brokers {brokers}",
            f'headroom-stream query "{_DECISIONS}" --clickhouse {clickhouse}',
            *([f'headroom-stream query "{_ORIGINAL.format(ref)}" --clickhouse {clickhouse}'] if ref else []),
            f"kcat -b {brokers} -t {figures.settings.kafka.contexts} -C -o beginning -e",
        )
    else:
        out.print("\n[bold]What next[/]")
        commands = (
            "headroom-stream demo --keep          # the same, and the parts stay for you to look around",
            "headroom-stream up                   # run the parts for your own agents",
            "headroom-stream publish FILE         # transcripts you already have, turn by turn",
            "headroom-stream summary              # what was saved",
        )
    for line in commands:
        out.print(f"  {escape(line)}", soft_wrap=True)
