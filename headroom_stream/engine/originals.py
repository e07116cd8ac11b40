"""What was left out of contexts, kept in memory for a while, whole and to be searched."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable

from msgspec import Struct

from headroom_stream.errors import CacheError
from headroom_stream.events import OriginalMetric

MAX_BYTES = 128 * 1024 * 1024
SECONDS = 6 * 3600.0
"""How long an original can be asked for here; in ClickHouse it stays for as long as the table keeps it."""
ENTRY_BYTES = 500
"""That an original takes beside its text."""
RECENT = 100


class Retrieval(Struct, frozen=True, kw_only=True):
    """One time that somebody asked for an original."""

    ref: str
    query: str
    tool: str
    items: int
    """Passages given; 1 for the whole."""
    of: int
    """Lines of the original."""


class Kept(Struct):
    """An original, and what happened to it since."""

    original: OriginalMetric
    tokens_after: int
    """Of what stands in its place."""
    until: float
    retrievals: int = 0


class Originals:
    """The latest originals, up to `max_bytes` of text and `seconds` of age. `clock` gives seconds, from anywhere."""

    def __init__(
        self, *, max_bytes: int = MAX_BYTES, seconds: float = SECONDS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.max_bytes = max_bytes
        self.seconds = seconds
        self._clock = clock
        self._kept: OrderedDict[str, Kept] = OrderedDict()
        self._lock = threading.Lock()
        self.bytes = 0
        self.retrievals = 0
        self.recent: deque[Retrieval] = deque(maxlen=RECENT)

    def __len__(self) -> int:
        return len(self._kept)

    def add(self, originals: Iterable[OriginalMetric], tokens_after: dict[str, int] | None = None) -> None:
        """Keep originals. `tokens_after` tells by reference what stands in their place."""
        now = self._clock()
        with self._lock:
            for one in originals:
                old = self._kept.pop(one.ref, None)
                if old is not None:
                    self.bytes -= _size(old)
                kept = Kept(one, (tokens_after or {}).get(one.ref, 0), now + self.seconds, old.retrievals if old else 0)
                self._kept[one.ref] = kept
                self.bytes += _size(kept)
            while self._kept and (self.bytes > self.max_bytes or next(iter(self._kept.values())).until <= now):
                _, gone = self._kept.popitem(last=False)
                self.bytes -= _size(gone)

    def get(self, ref: str, *, query: str = "", items: int = 1, tenant: str | None = None) -> Kept:
        """The original that `ref` names, whose retrieval is counted.

        Raises CacheError if it is not here, is too old, or belongs to another tenant than `tenant` where that is given.
        """
        with self._lock:
            kept = self._kept.get(ref)
            if kept is None or kept.until <= self._clock() or (tenant is not None and kept.original.tenant != tenant):
                raise CacheError(f"no original {ref} here: it never was, or is older than {self.seconds:.0f} seconds")
            kept.retrievals += 1
            self.retrievals += 1
            content = kept.original.content
            self.recent.append(Retrieval(ref=ref, query=query, tool=kept.original.tool, items=items, of=content.count("\n") + 1))
            return kept

    def clear(self) -> None:
        """Forget all."""
        with self._lock:
            self._kept.clear()
            self.bytes = 0

    @property
    def tokens(self) -> tuple[int, int]:
        """Of all that is kept: as it came, and of what stands in its place."""
        with self._lock:
            kept = list(self._kept.values())
        return sum(k.original.tokens for k in kept), sum(k.tokens_after for k in kept)


def _size(kept: Kept) -> int:
    return len(kept.original.content) + ENTRY_BYTES
