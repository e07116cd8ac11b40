"""Tests of the embedded parts."""

from __future__ import annotations
