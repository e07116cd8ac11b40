"""What the demo shows: a live table on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.padding import Padding
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from headroom_stream.demo.agent import Scenario
from headroom_stream.demo.play import Excerpt, Played

EXCERPT_LINES = 12
WIDTH = 100
"""Wider tables are harder to read across."""


def saved(before: int, after: int) -> str:
    """`63 %`; nothing where nothing was saved yet."""
    return f"{1 - after / before:.0%}".replace("%", " %") if before > after else ""


def tokens(number: int) -> str:
    """With thousands separated."""
    return f"{number:,}"


class Display(Protocol):
    """Where the demo tells what goes on."""

    def waiting(self, text: str) -> AbstractContextManager[None]:
        """Shows what is waited for while the block runs."""

    def playing(self, agents: Sequence[tuple[str, Scenario]]) -> AbstractContextManager[None]:
        """Shows turns while the block runs."""

    def turn(self, turn: Played) -> None:
        """A turn's context came."""


class Silent:
    """For `--json`."""

    @contextmanager
    def waiting(self, text: str) -> Iterator[None]:
        del text
        yield

    @contextmanager
    def playing(self, agents: Sequence[tuple[str, Scenario]]) -> Iterator[None]:
        del agents
        yield

    def turn(self, turn: Played) -> None:
        """Nothing."""


class Lines:
    """For files and pipes: a line for each thing that happens."""

    def __init__(self, console: Console) -> None:
        self._console = console

    @contextmanager
    def waiting(self, text: str) -> Iterator[None]:
        began = time.monotonic()
        self._console.print(f"{text} …")
        yield
        self._console.print(f"{text}: done in {time.monotonic() - began:.1f} s")

    @contextmanager
    def playing(self, agents: Sequence[tuple[str, Scenario]]) -> Iterator[None]:
        for session, scenario in agents:
            self._console.print(f"session {session}: {scenario.model}, {scenario.title}")
        yield

    def turn(self, turn: Played) -> None:
        change = f"{tokens(turn.tokens_before):>8} -> {tokens(turn.tokens_after):>7} tokens"
        self._console.print(
            f"{turn.agent:<13} turn {turn.number:>2}  {', '.join(turn.tools) or '-':<24} {change} "
            f"{saved(turn.tokens_before, turn.tokens_after):>5}",
            soft_wrap=True,
        )


class Screen:
    """For terminals: one table that is drawn anew as turns come."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._agents: dict[str, Scenario] = {}
        self._last: dict[str, Played] = {}
        self._turns = 0
        self._milliseconds: list[float] = []
        self._live: Live | None = None

    @contextmanager
    def waiting(self, text: str) -> Iterator[None]:
        began = time.monotonic()
        with Live(_Waiting(text), console=self._console, transient=True, refresh_per_second=10):
            yield
        self._console.print(Text.assemble(("✓ ", "green"), text, (f"  {time.monotonic() - began:.1f} s", "dim")))

    @contextmanager
    def playing(self, agents: Sequence[tuple[str, Scenario]]) -> Iterator[None]:
        self._agents = dict(agents)
        self._console.print()
        with Live(self._table(), console=self._console, refresh_per_second=10) as live:
            self._live = live
            yield
            live.update(self._table())
        self._live = None

    def turn(self, turn: Played) -> None:
        self._last[turn.session] = turn
        self._turns += 1
        self._milliseconds.append(turn.milliseconds)
        if self._live is not None:
            self._live.update(self._table())

    def _table(self) -> RenderableType:
        width = min(self._console.width, WIDTH)
        table = Table(box=None, padding=(0, 2, 0, 0), width=width, header_style="dim")
        table.add_column("agent", no_wrap=True)
        table.add_column("turn", justify="right", no_wrap=True)
        table.add_column("tools just run", ratio=1, no_wrap=True, overflow="ellipsis")
        table.add_column("tokens before", justify="right", no_wrap=True)
        table.add_column("after", justify="right", no_wrap=True)
        table.add_column("saved", justify="right", no_wrap=True)
        for session, scenario in self._agents.items():
            last = self._last.get(session)
            name = Text.assemble((scenario.name, "bold"), "\n", (scenario.model, "dim"))
            if last is None:
                table.add_row(name, f"0/{scenario.turns}", Text(f"\n{scenario.title}", style="dim"))
                continue
            table.add_row(
                name,
                f"{last.number}/{scenario.turns}",
                Group(Text(", ".join(last.tools) or "(speaks)"), Text(scenario.title, style="dim")),
                tokens(last.tokens_before),
                Text(tokens(last.tokens_after), style="cyan"),
                Text(saved(last.tokens_before, last.tokens_after), style="bold green"),
            )
        total = sum(scenario.turns for scenario in self._agents.values())
        bar = Table.grid(padding=(0, 2, 0, 0))
        typical = sorted(self._milliseconds)[len(self._milliseconds) // 2] if self._milliseconds else 0.0
        bar.add_row(
            ProgressBar(total=total, completed=self._turns, width=max(10, width - 52)),
            f"{self._turns}/{total} turns",
            Text(f"turn → context {typical:.0f} ms (median)" if self._turns else "", style="dim"),
        )
        return Group(table, Text(), bar)


class _Waiting:
    """A spinner with the seconds that have passed."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._spinner = Spinner("dots", style="cyan")
        self._began = time.monotonic()

    def __rich__(self) -> RenderableType:
        self._spinner.update(text=Text.assemble(self._text, (f"  {time.monotonic() - self._began:.0f} s", "dim")))
        return self._spinner


def show_excerpt(console: Console, excerpt: Excerpt) -> None:
    """The first lines of a tool output before and after."""
    console.print(Text(f"\nOne tool output: {excerpt.tool}, session {excerpt.session}", style="bold"))
    for label, text, count, style in (
        ("as the tool gave it", excerpt.before, excerpt.tokens_before, "dim"),
        ("as the model gets it", excerpt.after, excerpt.tokens_after, "cyan"),
    ):
        lines = text.splitlines()
        more = len(lines) - EXCERPT_LINES
        shown = [*lines[:EXCERPT_LINES], *([f"… {more} more lines"] if more > 0 else [])]
        body = Text("\n".join(shown), no_wrap=True, overflow="ellipsis")
        title = f"{label}: {tokens(count)} tokens, {len(lines)} lines"
        if console.is_terminal:
            console.print(Panel(body, title=title, title_align="left", border_style=style, width=min(console.width, WIDTH)))
        else:
            console.print(f"--- {title}")
            console.print(Padding(body, (0, 0, 0, 2)), crop=False)
    if excerpt.ref:
        console.print(f"  What was left out stays in ClickHouse, as original {excerpt.ref}.", style="dim")
