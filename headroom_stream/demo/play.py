"""Lets the agents work at the same time: publishes each turn, waits for its context, reports it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

import msgspec
from msgspec import Raw, Struct

from headroom_stream.client import ContextConsumer, TurnPublisher
from headroom_stream.demo.agent import Agent, Turn
from headroom_stream.events import ContextBatch, TurnEvent
from headroom_stream.messages import view
from headroom_stream.tokens import Tokenizer

ANSWER_SECONDS = 20.0
"""A context comes within milliseconds; the first one may meet a worker that is still getting its partitions."""


class Excerpt(Struct, frozen=True, kw_only=True):
    """A tool output as it came and as it stands in the context."""

    session: str
    tool: str
    before: str
    after: str
    tokens_before: int
    tokens_after: int
    ref: str = ""
    """Name under which the original is kept, where something was left out."""

    @property
    def striking(self) -> float:
        """Much was saved, and it was much of the output."""
        saved = self.tokens_before - self.tokens_after
        return saved * saved / max(self.tokens_before, 1)


class Played(Struct, frozen=True, kw_only=True):
    """A turn that was published, and the context that came of it."""

    session: str
    agent: str
    event_id: str
    number: int
    tools: tuple[str, ...]
    tokens_before: int
    """Of the whole context, as the agent would have sent it."""
    tokens_after: int
    milliseconds: float
    """From publishing the turn to having its context."""
    excerpts: tuple[Excerpt, ...] = ()


class Player:
    """Plays agents over one publisher and one consumer."""

    def __init__(
        self,
        publisher: TurnPublisher,
        consumer: ContextConsumer,
        tokenizer: Tokenizer,
        *,
        on_turn: Callable[[Played], None] = lambda _turn: None,
        pause: float = 0.0,
    ) -> None:
        self._publisher = publisher
        self._consumer = consumer
        self._tokenizer = tokenizer
        self._on_turn = on_turn
        self._pause = pause

    async def play(self, agents: Sequence[tuple[str, Agent]]) -> list[Played]:
        """Play all agents, each under its session id, until their scripts end. Raises what publishing and consuming raise."""
        tasks = [asyncio.create_task(self._play(session, agent)) for session, agent in agents]
        try:
            return [turn for turns in await asyncio.gather(*tasks) for turn in turns]
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _play(self, session: str, agent: Agent) -> list[Played]:
        done: list[Played] = []
        # Tools block, for up to seconds: each agent's run in a thread.
        while turn := await asyncio.to_thread(agent.next_turn):
            played = await self._publish(session, agent, turn)
            done.append(played)
            self._on_turn(played)
            if self._pause:
                await asyncio.sleep(self._pause)
        return done

    async def _publish(self, session: str, agent: Agent, turn: Turn) -> Played:
        scenario = agent.scenario
        event = TurnEvent(
            session_id=session,
            event_id=f"turn-{turn.number:02}",
            model=scenario.model,
            provider=scenario.shape.provider,
            turn=turn.number,
            messages=[Raw(msgspec.json.encode(message)) for message in turn.messages],
        )
        began = time.perf_counter()
        context = await self._consumer.request(self._publisher, event, ANSWER_SECONDS)
        took = (time.perf_counter() - began) * 1000
        return Played(
            session=session,
            agent=scenario.name,
            event_id=event.event_id or "",
            number=turn.number,
            tools=turn.tools,
            tokens_before=context.tokens_before,
            tokens_after=context.tokens_after,
            milliseconds=took,
            excerpts=tuple(self._excerpts(session, turn, event, context)),
        )

    def _excerpts(self, session: str, turn: Turn, event: TurnEvent, context: ContextBatch) -> list[Excerpt]:
        sent = [output.text for raw in event.messages or () for output in view(raw).outputs]
        # A turn's messages are the last of its context, so its outputs are the last there.
        got = [output.text for raw in context.messages[-len(event.messages or ()) :] for output in view(raw).outputs]
        return [
            Excerpt(
                session=session,
                tool=tool,
                before=before,
                after=after,
                tokens_before=self._tokenizer.count(before),
                tokens_after=self._tokenizer.count(after),
                ref=next((one.ref for one in context.references if one.ref in after), ""),
            )
            for tool, before, after in zip(turn.tools, sent, got, strict=True)
            if before != after
        ]
