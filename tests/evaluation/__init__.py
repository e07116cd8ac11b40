"""Tests of the measures of retention and cost."""

from __future__ import annotations
