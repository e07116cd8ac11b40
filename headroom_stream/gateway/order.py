"""Results before what was said after them, as OpenAI wants it.

In Anthropic's shape one message of the user holds results and, after them, what the user says. The npm package turns it into a message of
the user and then the results. No provider takes that: results have to follow their calls at once. Put right here, the messages are valid
again once the package has turned them back.
"""

from __future__ import annotations

import re

import msgspec
from msgspec import Raw, Struct

_LATE = re.compile(r"c(u++)(t++)")


class _Turn(Struct):
    role: Raw = Raw(b"")
    tool_calls: Raw = Raw(b"")


_turn = msgspec.json.Decoder(_Turn).decode
_LETTERS = {b'"user"': "u", b'"tool"': "t"}
_NONE = (b"", b"null", b"[]")


def results_first(raws: list[Raw]) -> list[Raw]:
    """The messages, with results right after their calls where only messages of the user stood between."""
    found = list(_LATE.finditer("".join(map(_letter, raws))))
    if not found:
        return raws
    out = list(raws)
    for one in found:
        (start, middle), end = one.span(1), one.end(2)
        out[start:end] = [*raws[middle:end], *raws[start:middle]]
    return out


def _letter(raw: Raw) -> str:
    """c: calls tools; u: the user's; t: a result; -: any other, and what is no message."""
    try:
        turn = _turn(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return "-"
    return "c" if bytes(turn.tool_calls) not in _NONE else _LETTERS.get(bytes(turn.role), "-")
