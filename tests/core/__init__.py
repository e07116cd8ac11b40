"""Tests of the pure core, and of the processor that runs it."""

from __future__ import annotations
