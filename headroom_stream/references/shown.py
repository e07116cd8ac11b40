"""What a session was shown: an index over the sent texts of its tool outputs, bounded in size.

It follows from the sent texts alone. A worker that meets a session anew builds it from the stored messages and gets the same one, so that
the same references are made wherever a turn is processed.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Iterator
from itertools import pairwise

from msgspec import Struct

from headroom_stream.content.ends import shortened
from headroom_stream.references.marks import Mark, Referring
from headroom_stream.references.numbers import Lines, split
from headroom_stream.references.values import Value, fields, identity, name, pieces, scan

LEAST_CHARS = 100
"""Shorter outputs are not worth pointing at."""
GRAM = 2
"""Lines that have to be equal before a run is looked at: single lines repeat everywhere (the idea is that of w-shingling, Broder 1997)."""
LONG_LINE = 80
"""Characters of a line that is looked for by itself."""
MOST_LINES = 20_000
"""Lines of an output that can be pointed at. Each takes some 300 bytes here, however short it is; longer outputs are known as a whole."""
LEAST_KEYS = 40
"""Characters of the keys of an object that are worth a marker."""
LONG = 100
_LEAST_GRAM_CHARS = 8
"""Braces and blank lines say nothing."""

Gram = tuple[str, ...]


class Place(Struct, frozen=True, gc=False):
    """Where a line or a value was shown."""

    output: int
    start: int
    """Line, or character."""
    end: int = 0


class Known(Struct, frozen=True):
    """An object that was shown with all its fields."""

    output: int
    fields: dict[str, tuple[int, int]]


class Keys(Struct, frozen=True):
    """The keys of an object that was shown with them."""

    output: int
    places: tuple[tuple[int, int], ...]
    """Each with its colon, in order."""


class Text(Struct, frozen=True):
    """An output, taken apart: into values if it is one value in brackets, else into lines."""

    text: str
    root: Value | None
    lines: Lines


def read(text: str) -> Text:
    """Take an output apart."""
    root = scan(text)
    return Text(text, root, split(text if root is None and text.count("\n") < MOST_LINES else ""))


class Document(Struct):
    """One output as it was sent."""

    text: str
    lines: Lines
    hidden: frozenset[int]
    """Lines that are markers or hold one, and lines that mean something else in another text."""
    digest: bytes
    grams: list[Gram] = []
    pieces: list[str] = []
    identities: list[str] = []
    shapes: list[tuple[str, ...]] = []


def digest(text: str) -> bytes:
    """Of an output before references were put into it."""
    return hashlib.blake2b(text.encode(errors="replace"), digest_size=12).digest()


class Shown:
    """The outputs of a session that can be pointed at; the newest place of everything counts."""

    def __init__(self, max_chars: int) -> None:
        self.max_chars = max_chars
        self.chars = 0
        """Of the outputs that are remembered."""
        self.documents: OrderedDict[int, Document] = OrderedDict()
        self.whole: dict[bytes, int] = {}
        self.grams: dict[Gram, Place] = {}
        self.values: dict[str, Place] = {}
        self.objects: dict[str, Known] = {}
        self.shapes: dict[tuple[str, ...], Keys] = {}
        self._read: Text | None = None

    def read(self, text: str) -> Text:
        """Take an output apart, which mostly is added as it stands right afterwards: that is done once."""
        if self._read is None or self._read.text != text:
            self._read = read(text)
        return self._read

    def add(self, number: int, sent: Referring, original: bytes | None = None) -> None:
        """Take note of an output that was sent. `original` is the digest of its text before references, if it has any."""
        text = sent.text
        known, self._read = self._read, None
        if not LEAST_CHARS <= len(text) <= self.max_chars:
            return
        parts = known if known is not None and known.text == text else read(text)
        document = Document(text, parts.lines, _hidden(text, sent.marks) | shortened(text), original or digest(text))
        self.documents[number] = document
        self.whole[document.digest] = number
        self.chars += len(text)
        if parts.root is None:
            for gram, line in _grams(document.lines.bare, document.hidden):
                self.grams[gram] = Place(number, line)
                document.grams.append(gram)
        else:
            for value in pieces(parts.root):
                piece = name(text, value)
                self.values[piece] = Place(number, value.start, value.end)
                document.pieces.append(piece)
                if value.table or text[value.start] != "{" or "…" in piece:
                    continue
                entries = fields(text, value)
                if thing := identity(text, value) if entries else "":
                    self.objects[thing] = Known(number, {key: (start, end) for key, start, end in entries})
                    document.identities.append(thing)
                shape = tuple(key for key, _, _ in entries)
                if sum(map(len, shape)) >= LEAST_KEYS:
                    self.shapes[shape] = Keys(number, tuple((start, start + len(key) + 1) for key, start, _ in entries))
                    document.shapes.append(shape)
        while self.chars > self.max_chars:
            self._forget()

    def _forget(self) -> None:
        number, document = self.documents.popitem(last=False)
        self.chars -= len(document.text)
        if self.whole.get(document.digest) == number:
            del self.whole[document.digest]
        for gram in document.grams:
            if gram in self.grams and self.grams[gram].output == number:
                del self.grams[gram]
        for piece in document.pieces:
            if piece in self.values and self.values[piece].output == number:
                del self.values[piece]
        for shape in document.shapes:
            if shape in self.shapes and self.shapes[shape].output == number:
                del self.shapes[shape]
        for thing in document.identities:
            if thing in self.objects and self.objects[thing].output == number:
                del self.objects[thing]


def _grams(lines: list[str], hidden: frozenset[int]) -> Iterator[tuple[Gram, int]]:
    """Each two lines in a row that say something, and each long line; none is a marker. And where they begin."""
    said = [len(line.strip()) for line in lines]
    for at, gram in enumerate(pairwise(lines)):
        if said[at] + said[at + 1] >= _LEAST_GRAM_CHARS and at not in hidden and at + 1 not in hidden:
            yield gram, at
    for at, line in enumerate(lines):
        if said[at] >= LONG_LINE and at not in hidden:
            yield (line,), at


def _hidden(text: str, marks: tuple[Mark, ...]) -> frozenset[int]:
    if not marks:
        return frozenset()
    out, line, at = set(), 0, 0
    for mark in marks:
        line += text.count("\n", at, mark.start)
        at = mark.start
        out.add(line)
    return frozenset(out)
