"""Embedded parts for one machine: a broker, ClickHouse's engine behind its HTTP interface, and what supervises them."""

from __future__ import annotations
