"""Named policies: how far compression goes. What one says itself stands; what it leaves open is as in `balanced`."""

from __future__ import annotations

from typing import Any, Literal

Preset = Literal["conservative", "balanced", "aggressive"]

PRESETS: dict[Preset, dict[str, Any]] = {
    "conservative": {"lossy": False},
    "balanced": {},
    "aggressive": {
        "output_tokens": 4_000,
        "listings": {"names": 30, "directories": 6},
        "tables": {"rows": 20},
        "bulk": {"items": 12, "first": 4, "characters": 500},
        "prose": {"first": 3},
        "hits": {"same_form": 5},
        "crush": {"enabled": True},
    },
}
"""What differs from the defaults of a policy."""
