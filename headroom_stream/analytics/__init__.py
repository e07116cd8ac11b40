"""What was saved, asked of ClickHouse."""

from __future__ import annotations
