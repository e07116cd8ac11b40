"""A conversation about the orders of a shop."""

from __future__ import annotations

import json
from typing import Any

RULES = "Say which order you mean, and what the customer can expect. Never promise a date that the tools do not show. " * 6
ORDERS = [{"order": f"W{n:04}", "customer": f"c-{n * 7919 % 900}", "state": "shipped", "total": 20 + n % 7} for n in range(200)]
ORDERS[137] |= {"state": "lost", "total": 99_999}


def conversation(turns: int = 12) -> list[dict[str, Any]]:
    """A question, and as many calls of a tool that lists all orders."""
    out: list[dict[str, Any]] = [
        {
            "role": "system",
            "content": f"You help in a shop. Today is 2026-03-04, the shift is 9f1c2d3e-aaaa-4bbb-8ccc-0123456789ab. {RULES}",
        },
        {"role": "user", "content": "Which orders were lost?"},
    ]
    for n in range(turns):
        arguments = json.dumps({"page": n})
        call = {"id": f"call_{n}", "type": "function", "function": {"name": "orders", "arguments": arguments}}
        out.append({"role": "assistant", "content": None, "tool_calls": [call]})
        out.append({"role": "tool", "tool_call_id": f"call_{n}", "content": json.dumps(ORDERS)})
    return out
