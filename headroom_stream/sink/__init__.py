"""The sink: metrics from Kafka into ClickHouse, at least once, under keys that make a second time harmless."""

from __future__ import annotations
