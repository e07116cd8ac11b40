"""Where the objects of a list change their keys: runs that each get a header of their own."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from headroom_stream.content.tables import key_cost

_EMPTY = 0.5
"""Tokens of an empty cell: commas in a row share tokens."""


def sections(rows: list[dict[str, Any]]) -> list[list[dict[str, Any]]] | None:
    """`rows` cut where a new header costs less than the empty cells it saves; None where all headers cost more than the keys do.

    A run takes in what comes next while that is cheaper and while its table stays more than half full.
    """
    out: list[list[dict[str, Any]]] = []
    union: dict[str, None] = {}
    filled, headers, empties, inline = 0, 0, 0.0, 0
    for shape, found in groupby(rows, key=list):
        run = list(found)
        own = sum(map(key_cost, shape))
        inline += own * len(run)
        count = len(out[-1]) if out else 0
        new = [key for key in shape if key not in union]
        cost = sum(map(key_cost, new))
        gaps = (len(union) + len(new) - len(shape)) * len(run) + len(new) * count
        cells = (len(union) + len(new)) * (count + len(run))
        filled += len(shape) * len(run)
        if not out or cost + _EMPTY * gaps > own + 2 or cells > 2 * filled:
            out.append(run)
            union = dict.fromkeys(shape)
            filled = len(shape) * len(run)
            headers += own + 2
            # Rows of one cell or none would show as blank lines, which stand between lists.
            if len(shape) < 2:
                return None
        else:
            out[-1] += run
            union.update(dict.fromkeys(new))
            headers += cost
            empties += _EMPTY * gaps
    return out if headers + empties < inline else None
