"""A report as data, for programs: the tables with their values as they are."""

from __future__ import annotations

from typing import Any

import msgspec

from headroom_stream.report.model import Report


def as_data(report: Report) -> dict[str, Any]:
    """One object: the sentences, and for each section its rows by the keys of their columns. Percentages are 0 to 100."""
    return {
        "title": report.title,
        "headline": list(report.headline),
        "about": report.about,
        "sections": [
            {
                "title": section.title,
                "note": section.note,
                "rows": [
                    {column.key: value for column, value in zip(section.table.columns, row, strict=True)}
                    for row in section.table.rows
                ],
            }
            for section in report.sections
        ],
    }


def json_text(report: Report) -> str:
    """The same as JSON, indented."""
    return msgspec.json.format(msgspec.json.encode(as_data(report)), indent=2).decode() + "\n"
