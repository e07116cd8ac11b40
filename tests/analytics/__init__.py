"""Tests of the questions to ClickHouse."""

from __future__ import annotations
