"""What the server counts of a tenant's calls since it started. Numbers and names only."""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from datetime import datetime

from msgspec import Struct

from headroom_stream.results import RequestMetrics

RECENT = 200
MOST_NAMES = 200
"""Models that are counted by name; more come from names that callers make up, and count as `other`."""
MOST_HOURS = 24 * 400
OTHER = "other"


class Spread(Struct):
    """Times, in milliseconds."""

    count: int = 0
    total: float = 0.0
    min_ms: float = 0.0
    max_ms: float = 0.0

    def add(self, ms: float) -> None:
        """Count one."""
        self.min_ms = min(self.min_ms, ms) if self.count else ms
        self.max_ms = max(self.max_ms, ms)
        self.count += 1
        self.total += ms

    @property
    def average_ms(self) -> float:
        """0 before there is one."""
        return self.total / self.count if self.count else 0.0


class Sums(Struct):
    """Of the calls of an hour, or of all."""

    requests: int = 0
    failed: int = 0
    before: int = 0
    after: int = 0
    output: int = 0
    cost_before: float = 0.0
    cost_after: float = 0.0
    priced: int = 0
    """Calls whose model has a known price: the costs are theirs."""

    def add(self, row: RequestMetrics) -> None:
        """Count a call. What is not sent compressed saves nothing."""
        self.requests += 1
        self.failed += row.error is not None
        self.before += row.tokens_input_before
        self.after += row.tokens_input_before - row.tokens_saved
        self.output += row.tokens_output or 0
        if row.cost_before is not None and row.cost_after is not None:
            self.priced += 1
            self.cost_before += row.cost_before
            self.cost_after += row.cost_after if row.mode == "optimize" else row.cost_before

    @property
    def saved(self) -> int:
        """Tokens."""
        return self.before - self.after

    @property
    def savings_percent(self) -> float:
        """Of the tokens."""
        return 100 * self.saved / self.before if self.before else 0.0


class Counts:
    """Totals, the latest rows, and sums by hour."""

    def __init__(self) -> None:
        self.all = Sums()
        self.cached = 0
        self.rate_limited = 0
        self.timeouts = 0
        self.refused = 0
        """Requests that were answered with another 4xx."""
        self.by_provider: Counter[str] = Counter()
        self.by_model: Counter[str] = Counter()
        self.by_mode: Counter[str] = Counter()
        self.saved_by_mode: Counter[str] = Counter()
        self.waste: Counter[str] = Counter()
        self.total = Spread()
        """Of requests, from their arrival to the last byte of the answer."""
        self.overhead = Spread()
        """Of compression, waiting included."""
        self.steps: dict[str, Spread] = {}
        self.recent: deque[tuple[RequestMetrics, float]] = deque(maxlen=RECENT)
        """Rows with the milliseconds that the request took, newest first."""
        self.hours: OrderedDict[datetime, Sums] = OrderedDict()

    def add(self, row: RequestMetrics, *, overhead_ms: float, total_ms: float) -> None:
        """Count a call."""
        self.all.add(row)
        self.cached += row.estimated_cache_hit
        self.by_provider[row.provider or OTHER] += 1
        self.by_model[row.model if row.model in self.by_model or len(self.by_model) < MOST_NAMES else OTHER] += 1
        self.by_mode[row.mode] += 1
        self.saved_by_mode[row.mode] += row.tokens_saved
        self.waste.update(row.waste_signals)
        self.total.add(total_ms)
        self.overhead.add(overhead_ms)
        if row.latency_ms is not None:
            self.step("compress", row.latency_ms)
            self.step("wait", max(0.0, overhead_ms - row.latency_ms))
        self.recent.appendleft((row, total_ms))
        hour = row.timestamp.replace(minute=0, second=0, microsecond=0)
        self.hours.setdefault(hour, Sums()).add(row)
        while len(self.hours) > MOST_HOURS:
            self.hours.popitem(last=False)

    def step(self, name: str, ms: float) -> None:
        """Count the time of a part of the work."""
        self.steps.setdefault(name, Spread()).add(ms)
