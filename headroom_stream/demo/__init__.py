"""What a newcomer runs first: agents that really run tools here, on embedded parts, and what was saved."""

from __future__ import annotations
