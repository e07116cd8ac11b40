"""A report as Markdown: the same figures, in tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from headroom_stream.report.model import Report, Section, written

_ACTIVE = str.maketrans({c: f"\\{c}" for c in "\\`*_[]<>|#~"} | {"\n": " ", "\r": " "})
"""What Markdown would read as markup. Names come from outside."""


def markdown(report: Report) -> str:
    """The text, as GitHub reads it."""
    return "\n\n".join(_blocks(report)) + "\n"


def _blocks(report: Report) -> Iterator[str]:
    yield f"# {_text(report.title)}"
    yield " ".join(map(_text, report.headline))
    yield _text(report.about)
    if report.example:
        yield "To fill it:"
        yield "\n".join(f"    {line}".rstrip() for line in report.example.splitlines())
    for section in report.sections:
        yield f"## {_text(section.title)}"
        if section.note:
            yield _text(section.note)
        yield "\n".join(_table(section))


def _table(section: Section) -> Iterator[str]:
    columns = section.table.columns
    yield _row([column.head for column in columns])
    yield _row(["---" if column.kind == "name" else "---:" for column in columns], plain=True)
    for row in section.table.rows:
        yield _row([written(value, column.kind) for value, column in zip(row, columns, strict=True)])


def _row(cells: Sequence[str], *, plain: bool = False) -> str:
    return f"| {' | '.join(cells if plain else map(_text, cells))} |"


def _text(text: str) -> str:
    return text.translate(_ACTIVE)
