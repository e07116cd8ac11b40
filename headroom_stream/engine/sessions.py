"""Sessions of this process: turns in, contexts out, with the bytes that a worker gives."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol

from msgspec import Struct, structs

from headroom_stream.config import Policy
from headroom_stream.errors import RejectedEventError
from headroom_stream.events import ContextBatch, DecisionMetric, Metric, OriginalMetric, TurnEvent, TurnMetric
from headroom_stream.price_table import load_prices
from headroom_stream.pricing.cost import PriceTable
from headroom_stream.session.cache import SessionCache
from headroom_stream.session.fold import fold
from headroom_stream.session.memory import Memory
from headroom_stream.session.state import Position, Session
from headroom_stream.tokenizers import load_tokenizer
from headroom_stream.tokens import Tokenizer

CACHE_BYTES = 256 * 1024 * 1024
"""Of sessions kept. One that is forgotten begins anew from the whole history, at the price of its cached prefix."""
TOPIC = "local"


class Reply(Struct, frozen=True, kw_only=True):
    """What came of a turn."""

    context: ContextBatch | None
    """None: calls wait for their results, or the event brought no messages."""
    metrics: tuple[Metric, ...] = ()
    """All rows that a worker would send; empty where one did."""

    @property
    def turn(self) -> TurnMetric | None:
        """The row of the turn."""
        return next((row for row in self.metrics if isinstance(row, TurnMetric)), None)

    @property
    def decisions(self) -> list[DecisionMetric]:
        """What became of each new tool output."""
        return [row for row in self.metrics if isinstance(row, DecisionMetric)]

    @property
    def originals(self) -> list[OriginalMetric]:
        """What was left out."""
        return [row for row in self.metrics if isinstance(row, OriginalMetric)]


class Transport(Protocol):
    """Where turns are folded: in this process, or by a worker behind a topic. May be called from several threads."""

    def turn(self, event: TurnEvent) -> Reply:
        """Apply a turn. Raises RejectedEventError where it can't be, TransportError where nobody answers."""

    def knows(self, session_id: str) -> bool:
        """Whether a turn may bring what is new only. False: the session has to be told from its start."""


class Sessions:
    """Folds turns in this process.

    `now` gives the time of events that bring none. Turns of one session must come one after the other; those of different sessions may
    come from several threads.
    """

    def __init__(
        self,
        policy: Policy | None = None,
        *,
        tokenizer: Tokenizer | None = None,
        prices: PriceTable | None = None,
        max_bytes: int = CACHE_BYTES,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.policy = policy or Policy()
        self.tokenizer = tokenizer or load_tokenizer()
        self._prices = load_prices() if prices is None else prices
        self._cache = SessionCache(max_bytes)
        self._lock = threading.Lock()
        self._offsets = itertools.count()
        self._now = now

    def turn(self, event: TurnEvent) -> Reply:
        """Apply a turn to its session. Raises RejectedEventError, with the reason why a worker would write a dead letter."""
        return self._fold(event, keep=True)

    def preview(self, event: TurnEvent) -> Reply:
        """What `turn` would return. The session stays as it is."""
        return self._fold(event, keep=False)

    def knows(self, session_id: str) -> bool:
        """Whether the session is kept here."""
        with self._lock:
            return session_id in self._cache

    def standing(self, session_id: str) -> int:
        """Messages of the session's last context, which stand at the start of its next one; 0 where it is not kept here."""
        with self._lock:
            session = self._cache.get(session_id)
        return session.head.standing if session is not None else 0

    def forget(self, session_id: str | None = None) -> None:
        """Forget a session, or all."""
        with self._lock:
            if session_id is None:
                self._cache.clear()
            else:
                self._cache.drop(session_id)

    @property
    def count(self) -> int:
        """Sessions kept."""
        return len(self._cache)

    @property
    def bytes(self) -> int:
        """Memory that they take, estimated."""
        return self._cache.bytes

    def _fold(self, event: TurnEvent, *, keep: bool) -> Reply:
        with self._lock:
            session = self._cache.get(event.session_id)
            if session is not None and keep:
                # Its index is handed from turn to turn: a turn that fails on the way must not leave a session without its index here.
                self._cache.drop(event.session_id)
            at = Position(TOPIC, 0, next(self._offsets))
        before = session
        if session is not None and not keep:
            session = structs.replace(session, memory=Memory())
        try:
            folded = fold(session, event, self.policy, at=at, time=self._now(), tokenizer=self.tokenizer, prices=self._prices)
        except Exception:
            self._put_back(event.session_id, before, keep=keep)
            raise
        dead = folded.effects.dead
        if dead is not None:
            self._put_back(event.session_id, before, keep=keep)
            raise RejectedEventError(dead.stage, dead.error)
        if keep and folded.session is not None and not folded.session.head.closed:
            with self._lock:
                self._cache.put(event.session_id, folded.session)
        return Reply(context=folded.effects.context, metrics=folded.effects.metrics)

    def _put_back(self, session_id: str, session: Session | None, *, keep: bool) -> None:
        if keep and session is not None:
            with self._lock:
                self._cache.put(session_id, session)
