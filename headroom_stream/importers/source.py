"""Reads transcript files as JSON documents: JSON lines, one JSON value, or gzip of either."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TypeVar, cast

import msgspec
from msgspec import Raw, Struct

from headroom_stream.errors import ImportFormatError

GZIP_MAGIC = b"\x1f\x8b"
T = TypeVar("T")


class Document(Struct, frozen=True):
    """One JSON value of a file, not decoded yet."""

    path: Path
    line: int
    """Where it begins, from 1."""
    data: bytes

    def wrong(self, expected: str, found: str = "") -> ImportFormatError:
        """The error for this place: what was expected here, and what stands there instead."""
        return wrong(self.path, self.line, expected, found)

    def read(self, decoder: msgspec.json.Decoder[T], expected: str) -> T:
        """Decode it. Raises ImportFormatError that says what was expected."""
        try:
            return decoder.decode(self.data)
        except msgspec.DecodeError as error:
            raise self.wrong(expected, str(error)) from error


def wrong(path: Path, line: int, expected: str, found: str = "") -> ImportFormatError:
    """An error that names file and line."""
    return ImportFormatError(f"{path}, line {line}: expected {expected}" + (f"; {found}" if found else ""))


def documents(path: Path) -> Iterator[Document]:
    """The JSON values of a file in order; JSON lines are read one at a time.

    The first line tells: when it is a JSON value by itself these are JSON lines, else the file is one JSON value over many lines.
    Raises ImportFormatError.
    """
    try:
        with _open(path) as file:
            yield from _documents(path, file)
    except (OSError, EOFError) as error:
        # EOFError and gzip's BadGzipFile, an OSError: the compressed data is cut short or damaged.
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise ImportFormatError(f"can't read {path}: {reason}") from error


def _open(path: Path) -> IO[bytes]:
    with path.open("rb") as file:
        compressed = file.read(2) == GZIP_MAGIC
    return cast("IO[bytes]", gzip.open(path)) if compressed else path.open("rb")


def _documents(path: Path, file: IO[bytes]) -> Iterator[Document]:
    number, first = 0, b""
    for number, first in enumerate(file, 1):  # noqa: B007 - both are read after the loop
        if first.strip():
            break
    if not first.strip():
        raise wrong(path, 1, "a transcript", "the file is empty")
    if not _is_json(first) and ".jsonl" not in path.name:
        # A document over many lines has to be read whole. Its white space is dropped, since messages travel inside JSON lines.
        yield Document(path, number, _compact(path, number, first + file.read()))
        return
    yield Document(path, number, first)
    for number, line in enumerate(file, number + 1):  # noqa: B020 - counts on from the first line
        if line.strip():
            yield Document(path, number, line)


def _is_json(line: bytes) -> bool:
    try:
        msgspec.json.decode(line, type=Raw)
    except msgspec.DecodeError:
        return False
    return True


def _compact(path: Path, line: int, data: bytes) -> bytes:
    try:
        return msgspec.json.format(data, indent=-1)
    except msgspec.DecodeError as error:
        raise wrong(path, line, "JSON lines, or one JSON value", str(error)) from error
