"""A tool by which an agent reads what was left out of its context."""

from __future__ import annotations

import re
from collections.abc import Callable

from headroom_stream.config.policy import RETRIEVE_TOOL
from headroom_stream.engine import Compressor
from headroom_stream.errors import HeadroomError
from headroom_stream.in_process import shared

NAME = RETRIEVE_TOOL
DESCRIPTION = (
    "Read what a marker in a compressed tool output stands for, such as `[412 lines left out, original 31da97fc1e2c]`. "
    "`ref`: its 12 digits. `query`: what you look for in it; without it you get all of it."
)
_REF = re.compile(r"\b[0-9a-f]{12}\b")


def reader(compressor: Compressor | None) -> Callable[[str, str], str]:
    """What the tool does. Where it can't, it says why, in words for a model."""

    def read(ref: str, query: str = "") -> str:
        named = _REF.search(ref)
        if named is None:
            return f"{ref[:40]!r} is no reference: they are 12 hexadecimal digits"
        try:
            found = (compressor or shared()).retrieve(named[0], query or None)
        except HeadroomError as error:
            return str(error)
        return found or f"nothing about {query!r} in original {named[0]}; without `query` you get all of it"

    return read
