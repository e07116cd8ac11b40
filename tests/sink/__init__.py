"""Tests of the way from the metrics topic into ClickHouse."""

from __future__ import annotations
