"""Stores with calls of several days, and their reports."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape
from typing import Any

from headroom_stream.report import generate_report
from headroom_stream.report.model import Report
from headroom_stream.results import RequestMetrics
from headroom_stream.store.sqlite import MemoryStore
from tests.store.calls import START, call


def some_days(count: int = 4, silent: int = 2) -> list[RequestMetrics]:
    """Thirty calls on each day, but none on one of them."""
    days = [day for day in range(count) if day != silent]
    return [call(day * 100 + n, timestamp=START + timedelta(days=day, minutes=40 * n)) for day in days for n in range(30)]


def filled(*rows: RequestMetrics) -> MemoryStore:
    store = MemoryStore()
    store.save_all(rows)
    return store


def text_of(*rows: RequestMetrics, **options: Any) -> str:
    return generate_report(filled(*rows), **options)


def plain(page: str) -> str:
    """What a page says, without markup."""
    return unescape(re.sub(r"<[^>]*>", "\n", page)).replace("\u00a0", " ")


def rows_of(report: Report, title: str) -> list[dict[str, Any]]:
    (section,) = [s for s in report.sections if s.title == title]
    return [dict(zip((c.key for c in section.table.columns), row, strict=True)) for row in section.table.rows]
