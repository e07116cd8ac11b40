"""A row as the values of its columns, and back. The columns are the fields of RequestMetrics, in their order."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from headroom_stream.errors import StorageError, ValidationError
from headroom_stream.results import RequestMetrics

COLUMNS = RequestMetrics.__struct_fields__
NESTED = frozenset({"block_breakdown", "waste_signals", "transforms_applied"})
"""Fields that hold several values."""
_LARGEST = 2**63 - 1


def loaded(rows: Iterable[Sequence[Any]]) -> list[RequestMetrics]:
    """The rows whose columns hold these values. Raises StorageError for what no store of ours has written."""
    try:
        return [msgspec.convert(dict(zip(COLUMNS, row, strict=True)), RequestMetrics, strict=False) for row in rows]
    except msgspec.ValidationError as error:
        raise StorageError(f"a stored row can't be read: {error}; was the table changed by hand?") from error


def values_of(row: RequestMetrics) -> list[Any]:
    """The values of the columns. Raises ValidationError for one that no store can hold: a store has to take a row whole."""
    try:
        # Structs do not check what they are made of.
        checked = msgspec.json.decode(msgspec.json.encode(row), type=RequestMetrics)
    except (msgspec.MsgspecError, UnicodeEncodeError, TypeError, OverflowError) as error:
        raise ValidationError(f"a row has a value that can't be kept: {error}") from error
    for name, value in zip(COLUMNS, msgspec.structs.astuple(row), strict=True):
        for one in value.values() if isinstance(value, dict) else (value,):
            if isinstance(one, float) and not math.isfinite(one):
                raise ValidationError(f"{name} is not a finite number")
            if isinstance(one, int) and abs(one) > _LARGEST:
                raise ValidationError(f"{name} does not fit in 64 bits")
    return list(msgspec.structs.astuple(checked))
