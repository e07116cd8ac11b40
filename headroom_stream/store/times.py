"""Times as whole microseconds since 1970, which sort and divide the same in every database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from headroom_stream.errors import ValidationError

_MICROSECOND = timedelta(microseconds=1)
_START = datetime(1970, 1, 1)  # noqa: DTZ001 - rows keep UTC without a zone
_END = datetime(2200, 1, 1)  # noqa: DTZ001 - see above
HOUR = 3_600_000_000
"""Microseconds of an hour."""


def naive(time: datetime) -> datetime:
    """The time in UTC, without a zone; one that has none is taken as UTC."""
    return time.astimezone(UTC).replace(tzinfo=None) if time.tzinfo else time


def micros(time: datetime) -> int:
    """Microseconds since 1970 in UTC. Raises ValidationError outside 1970 to 2199, which ClickHouse can't hold."""
    time = naive(time)
    if not _START <= time < _END:
        raise ValidationError("a row's timestamp must lie between 1970 and 2199", {"timestamp": time.isoformat()})
    return (time - _START) // _MICROSECOND


def clipped(time: datetime) -> int:
    """The same of a bound of a question, which may lie anywhere."""
    return (min(max(naive(time), _START), _END) - _START) // _MICROSECOND


def time_of(moment: int) -> datetime:
    """The time of so many microseconds, UTC without a zone."""
    return _START + timedelta(microseconds=moment)
