"""A report's sentences."""

from __future__ import annotations

from collections.abc import Iterator

from headroom_stream.report.figures import Figures
from headroom_stream.report.model import written
from headroom_stream.report.periods import label
from headroom_stream.store.tally import Tally

FILL_REQUESTS = """from openai import OpenAI
from headroom_stream import HeadroomClient

client = HeadroomClient(original_client=OpenAI(), default_mode="optimize", store_url=STORE_URL)
client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": "Hello."}])"""
FILL_STREAM = """headroom-stream up                            # or worker and sink, with your own Kafka and ClickHouse
headroom-stream publish conversations.jsonl   # or your agents' turns"""


def about(figures: Figures) -> str:
    """Where the figures are from."""
    what = (
        "Rows that clients saved of their calls, in"
        if figures.source == "requests"
        else "Rows that the sink wrote of the stream's contexts, in"
    )
    return f"{what} {figures.store}. Times are UTC. Costs are of input tokens under prompt caching, by the price table of this package."


def span(figures: Figures) -> str:
    """The span in words; empty for all time."""
    if not figures.periods:
        bounds = [
            f"{word} {time:%Y-%m-%d %H:%M}" for word, time in (("from", figures.start), ("before", figures.end)) if time is not None
        ]
        return " ".join(bounds)
    first, last = label(min(figures.periods), figures.period), label(max(figures.periods), figures.period)
    return first if first == last else f"{first} to {last}"


def headline(figures: Figures) -> Iterator[str]:
    """What it comes to: the first sentence is the result."""
    calls = figures.total
    what = "contexts" if figures.source == "stream" else "calls"
    within = span(figures)
    if not calls.calls:
        yield f"No {what} {within} are in this store." if within else f"No {what} are in this store yet."
        return
    when = f"From {within}" if " to " in within else f"On {within}" if figures.period in ("hour", "day") else f"In {within}"
    opening = f"{when}, {calls.calls:,} {what if calls.calls > 1 else what[:-1]} came to {calls.before:,} input tokens"
    if not calls.saved and calls.possible < calls.before:
        share = written(100 * (calls.before - calls.possible) / calls.before, "percent")
        yield f"{opening}, and went as they came. Compression would have left out {share}."
    elif calls.saved < 0:
        yield f"{opening}. They became {written(-100 * calls.fraction_saved, 'percent')} more{_money(calls)}."
    else:
        yield f"{opening}. Of these {written(100 * calls.fraction_saved, 'percent')} were not sent{_money(calls)}."
    if calls.unpriced:
        yield (
            f"{what.capitalize()} without a known price, which no sum of money holds: {calls.unpriced:,}."
            if calls.priced
            else "The price of no model among them is known, so there is no bill."
        )
    if calls.failed:
        yield f"{calls.failed:,} went as they came because compression failed: see Failures."
    if figures.period != figures.asked:
        yield f"By {figures.period} instead of {figures.asked}, which would give too many rows for this span."


def _money(calls: Tally) -> str:
    saved = calls.cost_saved
    if saved is None:
        return ""
    bill = f"an input bill of {written(calls.cost_before, 'usd')} under prompt caching"
    return f", which saved {written(saved, 'usd')} of {bill}" if saved >= 0 else f", which added {written(-saved, 'usd')} to {bill}"
