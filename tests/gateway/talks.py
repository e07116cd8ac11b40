"""Conversations of the gateway's tests, and what is asked for them."""

from __future__ import annotations

from typing import Any

from tests.core.conversations import LOGS, RECORDS
from tests.core.folding import call, result, said, user
from tests.support.gateway import Reply, RunningGateway

TALK = [
    {"role": "system", "content": "Be brief."},
    user("Which flight?"),
    call("a", tool="search"),
    result("a", RECORDS),
    call("b", tool="read_log"),
    result("b", LOGS),
    said("The first one, FLT003."),
    user("Are you sure?"),
    call("c", tool="search"),
    result("c", RECORDS),
]
ENDS = (2, 4, 6, 8, 10)
KEY, OTHER_KEY = "key-of-acme-0123456789", "key-of-globex-012345678"


def compress(gateway: RunningGateway, messages: Any = TALK, headers: dict[str, str] | None = None, **fields: Any) -> Reply:
    return gateway.post("/v1/compress", {"messages": messages, "model": "gpt-4o", **fields}, headers)


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def left_out(gateway: RunningGateway, headers: dict[str, str] | None = None) -> str:
    """The hash of something that was left out."""
    hashes: list[str] = compress(gateway, headers=headers).json()["ccr_hashes"]
    return hashes[0]
