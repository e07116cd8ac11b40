"""What a terminal would not show: escapes, overwritten progress, backspaces; and blanks that end lines where no code needs them.

Exactly this may go:

- escape sequences (colours, cursor movement, titles, hyperlinks' addresses) and NUL and BEL characters;
- what a carriage return or a backspace moves over and later text replaces; a carriage return that ends a line;
- curl's meter of a transfer;
- outside code and listings by number: blanks and tabs that end a line, and blank lines after the second in a row.

"Erase line" is carried out on a line with carriage returns. Other escapes that clear the screen or move the cursor are removed
and not carried out: what they would hide stays. Code whose lines end in CR LF and that has no other noise is left alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from headroom_stream.config import NoiseConfig
from headroom_stream.content import Compressed, Hints
from headroom_stream.content.code import looks_like_code

_ESCAPE = re.compile(
    r"""
      \x1b\[[0-?]*+[ -/]*+[@-~]                     # CSI: colours, cursor
    | \x1b[\]PX^_][^\x07\x1b\n]*+(?:\x07|\x1b\\)    # OSC and other strings: titles, hyperlinks
    | \x1b[ -/]++[0-~]                              # character sets
    | \x1b[0-OQ-WYZ\\`-~]                           # single characters
    | [\x00\x07]
    """,
    re.VERBOSE,
)
_METER = re.compile(
    r"^ +% Total +% Received % Xferd[^\n]{0,80}\n[^\n]{0,100}Dload  Upload[^\n]{0,80}\n(?:\n|[ 0-9.kMG:-]{60,90}\n){0,2000}+",
    re.MULTILINE,
)
"""What curl prints about a transfer when its output is no terminal."""
_ERASE_LINE = re.compile(r"\x1b\[[02]?K")
_PARAGRAPH = re.compile(r"\n(?=\S)")
_AT_ONCE = 50_000
_MOVE = re.compile(r"\r|\x08|\x1b\[K")
_BLANK_LINES = re.compile(r"\n{4,}")


def compress(text: str, hints: Hints, config: NoiseConfig) -> Compressed | None:  # noqa: ARG001  # every compressor has this signature
    """`text` as a terminal would leave it, or None if there is nothing to remove. Visible text is never changed."""
    if not config.enabled:
        return None
    meter = "% Received % Xferd" in text
    controls = any(character in text for character in "\x1b\r\b\x00\x07")
    if not controls and not meter and not _has_blanks(text):
        return None
    if (
        controls
        and not meter
        and "\x1b" not in text
        and "\b" not in text
        and text.count("\r") == text.count("\r\n")
        and looks_like_code(text)
    ):
        return None
    out = shown(text) if controls else text
    out = _METER.sub("", out) if meter else out
    if _has_blanks(out) and not looks_like_code(out):
        out = "".join([_BLANK_LINES.sub("\n\n\n", _without_ending_blanks(piece)) for piece in _paragraphs(out)])
    if len(out) >= len(text):
        return None
    return Compressed(text=out, kind="noise", lossless=False)


def _without_ending_blanks(text: str) -> str:
    return "\n".join([line.rstrip(" \t") for line in text.split("\n")])


def _has_blanks(text: str) -> bool:
    """Whether blanks end a line, or blank lines follow each other. Most texts have none, and then nobody has to ask if it is code."""
    return " \n" in text or "\t\n" in text or "\n\n\n\n" in text or text.endswith((" ", "\t"))


def shown(text: str) -> str:
    """`text` after a terminal has carried out its escapes, carriage returns and backspaces, line by line."""
    if "\x1b" in text:
        # Progress bars erase the line before they write a shorter state; without this the end of the longer one would stay.
        text = _ERASE_LINE.sub(lambda match: "\r\x1b[K" if match.group() == "\x1b[2K" else "\x1b[K", text)
    if "\r" in text or "\b" in text:
        text = "\n".join([_overwritten(line) if "\r" in line or "\b" in line else line for line in text.split("\n")])
    return _ESCAPE.sub("", text)


def _overwritten(line: str) -> str:
    """The last state of one line that the cursor went over more than once."""
    line = line.rstrip("\r")
    if "\r" not in line and "\b" not in line:
        return line
    cells: list[str] = []
    at = 0
    for piece in _pieces(line.replace("\x1b[0K", "\x1b[K")):
        if piece == "\r":
            at = 0
        elif piece == "\x08":
            at = max(0, at - 1)
        elif piece == "\x1b[K":
            del cells[at:]
        else:
            plain = _ESCAPE.sub("", piece)
            cells[at : at + len(plain)] = plain
            at += len(plain)
    return "".join(cells)


def _paragraphs(text: str) -> Iterator[str]:
    """A long text in pieces that begin with a line of their own: a replacement holds all pieces between its matches in memory."""
    at = 0
    while (found := _PARAGRAPH.search(text, at + _AT_ONCE)) is not None:
        yield text[at : found.end()]
        at = found.end()
    yield text[at:]


def _pieces(line: str) -> Iterator[str]:
    """What moves the cursor, and what stands between."""
    at = 0
    for move in _MOVE.finditer(line):
        if move.start() > at:
            yield line[at : move.start()]
        yield move.group()
        at = move.end()
    yield line[at:]
