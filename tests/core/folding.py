"""Folds events as the processor does, and keeps all that came of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from msgspec import Raw

from headroom_stream.config import Policy, override
from headroom_stream.events import ContextBatch, DecisionMetric, OriginalMetric, TurnEvent, TurnMetric, encode
from headroom_stream.pricing.cost import NO_PRICES, PriceTable
from headroom_stream.session.effects import Effects
from headroom_stream.session.fold import fold
from headroom_stream.session.state import Position, Session, encode_state, head_key, load_session, segment_key
from headroom_stream.tokenizers import load_tokenizer
from headroom_stream.tokens import Tokenizer

START = datetime(2026, 6, 1, 12, tzinfo=UTC)


def messages(*values: dict[str, Any]) -> list[Raw]:
    return [Raw(msgspec.json.encode(v)) for v in values]


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def said(text: str) -> dict[str, Any]:
    return {"role": "assistant", "content": text}


def call(*keys: str, tool: str = "find") -> dict[str, Any]:
    calls = [{"id": k, "type": "function", "function": {"name": tool, "arguments": "{}"}} for k in keys]
    return {"role": "assistant", "content": None, "tool_calls": calls}


def result(key: str, text: str) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": key, "content": text}


class Folding:
    """One session, event by event."""

    def __init__(
        self,
        policy: Policy | None = None,
        *,
        tokenizer: Tokenizer | None = None,
        prices: PriceTable = NO_PRICES,
        session_id: str = "s",
        model: str = "",
        **changes: Any,
    ) -> None:
        self.policy = override(policy or Policy(), changes)
        self.tokenizer = tokenizer or load_tokenizer(network=False)
        self.prices = prices
        self.session_id = session_id
        self.model = model
        self.session: Session | None = None
        self.offset = 0
        self.contexts: list[ContextBatch] = []
        self.effects: list[Effects] = []

    def apply(self, new: Sequence[Raw] | None = None, *, after: float = 60.0, **fields: Any) -> Effects:
        """Fold one event. `after` are the seconds since the start at which it happens, times its number."""
        fields.setdefault("model", self.model)
        event = TurnEvent(session_id=self.session_id, messages=None if new is None else list(new), **fields)
        at = Position("turns", 0, self.offset)
        time = START + timedelta(seconds=after * self.offset)
        self.offset += 1
        folded = fold(self.session, event, self.policy, at=at, time=time, tokenizer=self.tokenizer, prices=self.prices)
        self.session = folded.session
        self.effects.append(folded.effects)
        if folded.effects.context is not None:
            self.contexts.append(folded.effects.context)
        return folded.effects

    def turn(self, *values: dict[str, Any], **fields: Any) -> Effects:
        return self.apply(messages(*values), **fields)

    @property
    def bodies(self) -> list[bytes]:
        """Messages of the last context."""
        return [bytes(m) for m in self.contexts[-1].messages]

    def content(self, index: int) -> str:
        """Text of a message of the last context."""
        text: str = json.loads(self.bodies[index])["content"]
        return text

    def restart(self) -> None:
        """Go on with the state as another worker would read it."""
        assert self.session is not None
        table = {segment_key(self.session_id, s.n): encode_state(s) for s in self.session.segments}
        table[head_key(self.session_id)] = encode_state(self.session.head)
        self.session = load_session(self.session_id, table.get)

    @property
    def bytes_sent(self) -> list[bytes]:
        """Everything that went out, in order."""
        return [
            encode(one)
            for effects in self.effects
            for one in (
                *([effects.context] if effects.context else []),
                *effects.metrics,
                *([effects.dead] if effects.dead else []),
            )
        ]


def row(effects: Effects) -> TurnMetric:
    (found,) = (m for m in effects.metrics if isinstance(m, TurnMetric))
    return found


def decisions(effects: Effects) -> list[DecisionMetric]:
    return [m for m in effects.metrics if isinstance(m, DecisionMetric)]


def originals(effects: Effects) -> list[OriginalMetric]:
    return [m for m in effects.metrics if isinstance(m, OriginalMetric)]


def prefix_hash(bodies: Sequence[bytes]) -> str:
    """The documented chain, written a second time."""
    current = ""
    for body in bodies:
        current = hashlib.blake2b(current.encode() + b"\0" + body, digest_size=16).hexdigest()
    return current
