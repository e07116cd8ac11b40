"""Figures as people read them."""

from __future__ import annotations


def percent(value: float | None) -> str:
    """One digit after the point; a dash where there was nothing to measure."""
    return "–" if value is None else f"{value:.1f}"


def bounded_percent(value: float | None, bound: float | None) -> str:
    """The same with its bound."""
    return percent(value) if bound is None else f"{percent(value)} ± {bound:.1f}"


def usd(value: float | None) -> str:
    """Dollars; cents where they matter."""
    return "–" if value is None else f"${value:,.4f}" if value < 100 else f"${value:,.2f}"
