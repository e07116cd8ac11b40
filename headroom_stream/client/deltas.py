"""Puts contexts together that travel as deltas (`emit = "delta"`), and drops contexts that came before."""

from __future__ import annotations

from collections import OrderedDict

from msgspec import Raw, Struct, structs

from headroom_stream.errors import HeadroomError
from headroom_stream.events import ContextBatch

OUTPUT_IDS = 20_000
"""Ids remembered. A worker that starts again repeats what it sent since its last commit, which is far less."""

BASE_BYTES = 256 * 1024 * 1024
"""Of the last contexts, kept for deltas to build on; the sessions silent for longest go first."""


class MissingBaseError(HeadroomError):
    """A delta came whose context before is not known here. Read from the beginning, or have the session publish its `history` once.

    `details` names the session; `batch` is the delta. The stream goes on: keep reading for the other sessions.
    """

    def __init__(self, batch: ContextBatch) -> None:
        super().__init__(
            "a delta came without the context that it builds on",
            {"session": batch.session_id, "event": batch.event_id, "messages_from": batch.messages_from},
        )
        self.batch = batch


class _Base(Struct, frozen=True):
    hash: str
    messages: list[Raw]
    size: int


class Assembler:
    """Remembers the last context of each session and makes deltas whole. Pure bookkeeping, no I/O."""

    def __init__(self, *, max_bytes: int = BASE_BYTES, max_ids: int = OUTPUT_IDS) -> None:
        self._max_bytes = max_bytes
        self._max_ids = max_ids
        self._size = 0
        self._bases: OrderedDict[str, _Base] = OrderedDict()
        self._seen: OrderedDict[str, None] = OrderedDict()

    def accept(self, batch: ContextBatch) -> ContextBatch | None:
        """The whole context with `messages_from` 0; None for one that was here before. Raises MissingBaseError."""
        if batch.output_id in self._seen:
            self._seen.move_to_end(batch.output_id)
            return None
        whole = self._whole(batch)
        self._seen[batch.output_id] = None
        if len(self._seen) > self._max_ids:
            self._seen.popitem(last=False)
        self.forget(batch.session_id)
        self._keep(whole)
        return whole

    def forget(self, session_id: str) -> None:
        """The session is gone: nothing builds on it any more."""
        base = self._bases.pop(session_id, None)
        if base is not None:
            self._size -= base.size

    def _whole(self, batch: ContextBatch) -> ContextBatch:
        if not batch.messages_from:
            return batch
        base = self._bases.get(batch.session_id)
        if base is None or base.hash != batch.parent_hash or len(base.messages) < batch.messages_from:
            raise MissingBaseError(batch)
        return structs.replace(batch, messages=[*base.messages[: batch.messages_from], *batch.messages], messages_from=0)

    def _keep(self, whole: ContextBatch) -> None:
        base = _Base(whole.prefix_hash, whole.messages, sum(map(len, whole.messages)))
        self._bases[whole.session_id] = base
        self._size += base.size
        while self._size > self._max_bytes and len(self._bases) > 1:
            _, oldest = self._bases.popitem(last=False)
            self._size -= oldest.size
