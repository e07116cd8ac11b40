"""The dict that `get_summary` returns, from sums that the database made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from headroom_stream.store.tally import Cell, Tally, by, total
from headroom_stream.store.times import HOUR, time_of


def as_summary(cells: Sequence[Cell]) -> dict[str, Any]:
    """What all calls come to.

    `avg_compression_ratio` is the fraction of all input tokens that was saved (0 nothing, 1 all), as `CompressResult.compression_ratio`
    in Python; in TypeScript the same name means what is left. `total_cost_saved_usd` is None where no call's model has a known price, and
    leaves out `unpriced_requests` calls. Calls in audit and simulate mode save nothing: their tokens after are those before.
    `models` and `modes` hold the same sums by name, `by_day` by UTC day, days without a call left out.
    """
    all_calls = total(cells)
    modes = by(lambda cell: cell.mode, cells)
    days = by(lambda cell: cell.hour // 24, cells)
    models = sorted(by(lambda cell: cell.model, cells).items(), key=lambda item: (-item[1].before, item[0]))
    return {
        **_sums(all_calls),
        "avg_tokens_saved": all_calls.saved / all_calls.calls if all_calls.calls else 0.0,
        "avg_cache_alignment": all_calls.mean_alignment,
        "audit_count": modes.get("audit", Tally()).calls,
        "optimize_count": modes.get("optimize", Tally()).calls,
        "simulate_count": modes.get("simulate", Tally()).calls,
        "models": {name: _sums(tally) for name, tally in models},
        "modes": {name: _sums(tally) for name, tally in sorted(modes.items())},
        "by_day": [{"day": time_of(day * 24 * HOUR).date().isoformat(), **_sums(days[day])} for day in sorted(days)],
    }


def _sums(tally: Tally) -> dict[str, Any]:
    return {
        "total_requests": tally.calls,
        "total_tokens_before": tally.before,
        "total_tokens_after": tally.sent,
        "total_tokens_saved": tally.saved,
        "avg_compression_ratio": tally.fraction_saved,
        "total_cost_saved_usd": tally.cost_saved,
        "unpriced_requests": tally.unpriced,
        "error_count": tally.failed,
    }
