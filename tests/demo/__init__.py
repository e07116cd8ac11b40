"""Tests of the demo: its tools, its conversations, and the whole as a newcomer runs it."""

from __future__ import annotations
