"""The worker's own fold without a broker: for scorers and for trying a policy on conversations one has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import Raw

from headroom_stream.config import Policy
from headroom_stream.errors import RejectedEventError
from headroom_stream.events import ContextBatch, DecisionMetric, TurnEvent
from headroom_stream.session.fold import fold
from headroom_stream.session.state import Position, Session
from headroom_stream.tokenizers import load_tokenizer
from headroom_stream.tokens import Tokenizer

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


class PolicySession:
    """A session of the fold, one call a turn."""

    def __init__(
        self, policy: Policy | None = None, *, session_id: str = "session", model: str = "", tokenizer: Tokenizer | None = None
    ) -> None:
        self._policy = policy or Policy()
        self._session_id = session_id
        self._model = model
        self._tokenizer = tokenizer or load_tokenizer()
        self._state: Session | None = None
        self._turn = 0
        self._messages: list[dict[str, Any]] = []
        self.context: ContextBatch | None = None
        """The last context, as it is on the wire."""
        self.decisions: list[DecisionMetric] = []
        """What the last turn did to each tool output that was new."""

    def turn(self, new: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Take the messages that are new since the last turn, give the whole context to send.

        Raises RejectedEventError where the worker would write a dead letter, or emit nothing because calls lack their results.
        """
        event = TurnEvent(session_id=self._session_id, model=self._model, messages=[Raw(msgspec.json.encode(m)) for m in new])
        at = Position("evaluation", 0, self._turn)
        self._turn += 1
        folded = fold(self._state, event, self._policy, at=at, time=_EPOCH, tokenizer=self._tokenizer)
        effects = folded.effects
        if effects.dead is not None:
            raise RejectedEventError(effects.dead.stage, effects.dead.error)
        self._state = folded.session
        if effects.context is None:
            raise RejectedEventError("messages", "calls of the last turn lack their results")
        self.context = effects.context
        self.decisions = [row for row in effects.metrics if isinstance(row, DecisionMetric)]
        first = self.context.first_changed_index
        # What stood before is not decoded again: the cost of a turn is that of its new messages.
        self._messages[first:] = [msgspec.json.decode(m) for m in self.context.messages[first - self.context.messages_from :]]
        return list(self._messages)


def policy() -> PolicySession:
    """A session under the default policy: a factory as context scorers want it."""
    return PolicySession()
