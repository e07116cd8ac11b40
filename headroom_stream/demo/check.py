"""Whether what the agents received, what the topic holds and what ClickHouse counts is the same."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence

from clickhouse_connect.driver.client import Client
from msgspec import Struct

from headroom_stream.client import ContextConsumer
from headroom_stream.config import Settings
from headroom_stream.demo.play import Played

ARRIVAL_SECONDS = 20.0
"""For the last rows to reach ClickHouse. They take about a second: the sink gathers rows for half of one."""
LOOK_EVERY_SECONDS = 0.2

_TURNS = """
SELECT session_id, count() AS turns, sum(tokens_before) AS before, sum(tokens_after) AS after
FROM {database:Identifier}.turns FINAL
WHERE outcome = 'context' AND session_id IN {sessions:Array(String)}
GROUP BY session_id
"""
_ORIGINALS = "SELECT ref, content FROM {database:Identifier}.originals FINAL WHERE session_id IN {sessions:Array(String)}"


class Sums(Struct, frozen=True):
    """Turns of a session, and the tokens of their contexts together."""

    turns: int
    before: int
    after: int


def sums(played: Sequence[Played]) -> dict[str, Sums]:
    """What the agents received, by session."""
    return {
        session: Sums(len(own), sum(turn.tokens_before for turn in own), sum(turn.tokens_after for turn in own))
        for session in sorted({turn.session for turn in played})
        if (own := [turn for turn in played if turn.session == session])
    }


class Recorded(Struct, frozen=True):
    """What ClickHouse has of the demo's sessions."""

    sums: dict[str, Sums]
    originals: dict[str, str]
    """What was left out of contexts, whole, by name."""


async def recorded(client: Client, database: str, played: Sequence[Played]) -> Recorded:
    """What ClickHouse has once all turns and originals are there; what it has by the deadline otherwise."""
    expected = sums(played)
    refs = {excerpt.ref for turn in played for excerpt in turn.excerpts if excerpt.ref}
    parameters = {"database": database, "sessions": list(expected)}
    loop = asyncio.get_running_loop()
    deadline = loop.time() + ARRIVAL_SECONDS
    while True:
        turns = await asyncio.to_thread(client.query, _TURNS, parameters=parameters)
        kept = await asyncio.to_thread(client.query, _ORIGINALS, parameters=parameters)
        found = Recorded(
            {str(session): Sums(int(n), int(before), int(after)) for session, n, before, after in turns.result_rows},
            {str(ref): str(content) for ref, content in kept.result_rows},
        )
        there = all(session in found.sums and found.sums[session].turns >= want.turns for session, want in expected.items())
        if (there and refs <= found.originals.keys()) or loop.time() > deadline:
            return found
        await asyncio.sleep(LOOK_EVERY_SECONDS)


async def contexts_in_topic(settings: Settings) -> Counter[tuple[str, str]]:
    """How many contexts the topic holds for each turn, read anew from its beginning by a consumer of its own."""
    counts: Counter[tuple[str, str]] = Counter()
    async with ContextConsumer(kafka=settings.kafka, from_beginning=True) as consumer:
        async for context in consumer.so_far():
            counts[context.session_id, context.event_id] += 1
    return counts


def problems(played: Sequence[Played], in_topic: Counter[tuple[str, str]], in_clickhouse: Recorded) -> list[str]:
    """What does not agree, a sentence each."""
    found = []
    for turn in played:
        count = in_topic[turn.session, turn.event_id]
        if count != 1:
            found.append(f"{turn.session}: {turn.event_id} gave {count} contexts instead of 1")
    for session, want in sums(played).items():
        got = in_clickhouse.sums.get(session, Sums(0, 0, 0))
        if got != want:
            found.append(
                f"{session}: ClickHouse has {got.turns} turns of {got.before} tokens before and {got.after} after, "
                f"the agent received {want.turns} of {want.before} and {want.after}"
            )
    found += [
        f"{excerpt.session}: what {excerpt.tool} gave is not kept as original {excerpt.ref}"
        for turn in played
        for excerpt in turn.excerpts
        if excerpt.ref and in_clickhouse.originals.get(excerpt.ref) != excerpt.before
    ]
    return found
