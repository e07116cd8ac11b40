"""Tests of the Kafka client."""

from __future__ import annotations
