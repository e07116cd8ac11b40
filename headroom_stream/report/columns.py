"""Columns that many tables have."""

from __future__ import annotations

from typing import Any

from headroom_stream.report.model import Column
from headroom_stream.store.asking import NamedUse
from headroom_stream.store.tally import Tally

BARS_SHOWN = 12
"""In a plot; the table has more."""

TOKENS = (
    Column("tokens_before", "tokens before"),
    Column("tokens_sent", "tokens sent"),
    Column("saved_percent", "not sent", "percent"),
)


def tokens_of(tally: Tally | NamedUse) -> list[Any]:
    """The values of `TOKENS`."""
    share = 100 * (tally.before - tally.sent) / tally.before if tally.before else None
    return [tally.before, tally.sent, share]
