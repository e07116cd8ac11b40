"""Reports of what was saved: one page, one text, or data, from a store of calls or from the stream's own rows."""

from __future__ import annotations

from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Literal, get_args
from urllib.parse import urlsplit

from headroom_stream.errors import ConfigurationError
from headroom_stream.report.data import json_text
from headroom_stream.report.figures import Figures, Source, of_calls
from headroom_stream.report.markdown import markdown
from headroom_stream.report.page import html
from headroom_stream.report.periods import PERIODS, Period
from headroom_stream.report.sections import report
from headroom_stream.report.stream import of_stream
from headroom_stream.store.asking import Asks
from headroom_stream.store.opening import clickhouse_settings, is_clickhouse, open_store

__all__ = ["generate_report"]

Format = Literal["html", "markdown", "json"]
FORMATS: tuple[Format, ...] = get_args(Format)
_WRITERS = {"html": html, "markdown": markdown, "json": json_text}


def generate_report(
    store_url: str | Asks = "sqlite:///headroom.db",
    output_path: str | Path | None = None,
    start_time: datetime | None = None,
    end_time: datetime | None = None,
    *,
    format: Format = "html",  # noqa: A002 - the name of the API page
    period: Period = "day",
    source: Source = "requests",
) -> str:
    """The text of a report of what was saved; also written to `output_path` where one is given.

    `store_url` is that of a client's store, or the store itself, as one in memory has no URL to find it by. A file that does not exist
    reads as an empty store, whose report says how to fill it. `start_time` is the first moment that counts and `end_time` the first that
    no longer does, in UTC. `period` divides the span; a longer one is taken, and said, where it would give more than 800 rows.
    `source="stream"` reports on the stream's turns, of ClickHouse alone.

    The original wrote a file and returned its path; this returns the text. Raises ConfigurationError for a URL, format, period or source
    that is not known and for a file that can't be written, StorageError where the store fails.
    """
    _known("format", format, FORMATS)
    _known("period", period, PERIODS)
    _known("source", source, get_args(Source))
    text = _WRITERS[format](report(_figures(store_url, start_time, end_time, period, source)))
    if output_path is not None:
        try:
            Path(output_path).write_text(text, encoding="utf-8")
        except OSError as error:
            raise ConfigurationError(f"can't write {output_path}: {error.strerror}") from error
    return text


def _figures(store_url: str | Asks, start: datetime | None, end: datetime | None, period: Period, source: Source) -> Figures:
    if not isinstance(store_url, str):
        if source == "stream":
            raise ConfigurationError('source="stream" needs the URL of ClickHouse')
        return of_calls(store_url, "an open store", period, start, end)
    if source == "stream":
        if not is_clickhouse(store_url):
            raise ConfigurationError('source="stream" is in ClickHouse alone; store_url must be http[s]://host:8123/database')
        return of_stream(clickhouse_settings(store_url), _public(store_url), period, start, end)
    with closing(open_store(store_url, create=False)) as store:
        return of_calls(store, _public(store_url), period, start, end)


def _known(name: str, value: str, among: tuple[str, ...]) -> None:
    if value not in among:
        raise ConfigurationError(f"{name} must be one of {', '.join(among)}", {name: str(value)[:40]})


def _public(url: str) -> str:
    """The URL without user and password."""
    if not is_clickhouse(url):
        return url
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
