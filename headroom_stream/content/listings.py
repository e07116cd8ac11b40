"""Listings of directories: `ls -R` and `ls` with the names of a directory on one line, `ls -l` with what its rows share said once."""

from __future__ import annotations

import re
from collections import Counter

from msgspec import Struct

from headroom_stream.config.policy import ListingsConfig
from headroom_stream.content import Compressed, Hints
from headroom_stream.content.named import Named
from headroom_stream.content.names import Directory, cut, gather, written

_DIRECTORY = re.compile(r"(?P<path>[^\s:][^\n:]{0,400}):")
_HALF = re.compile(r"[\w./+@~-]{1,400}")
_NAME = re.compile(r"[\w.+@~,=#%&()\[\]{}$!-]{1,120}[/*@|=]?")
_TELLING = re.compile(r"\.?[\w+@~-]+\.[A-Za-z][\w+~-]{0,9}|[\w.+@~-]+/|\.\w[\w.-]*|Makefile|README|LICENSE|[A-Z]{4,}")
"""Names that only files and directories have; plain words may be anything."""
_LEAST_NAMES = 6
_TELLING_SHARE = 0.3

_SHORT = 600
"""Characters that are never cut: agents read short listings name by name."""
_WORTH = 0.75
"""The most that may be left of a listing by a cut."""

_LONG = re.compile(
    r"""(?P<mode>[-dlbcps][-rwxsStT]{9}[+.@]?)\s+(?P<links>[0-9]+)\ (?P<owner>[\w.+-]+)\s+(?P<group>[\w.+-]+)
    \s+(?P<size>[0-9][0-9.,]*[KMGTPE]?B?)
    \ (?P<date>[A-Z][a-z]{2}\ +[0-9]{1,2}\ +(?:[0-9]{2}:[0-9]{2}|[0-9]{4})|[0-9]{4}-[0-9]{2}-[0-9]{2}(?:\ [0-9:.]+(?:\ [+-][0-9]{4})?)?)
    \ (?P<name>.+)""",
    re.VERBOSE,
)


_MAY_BE_LONG = re.compile(r"(?:[^\n]*+\n){0,5}[-dlbcps][-rwxsStT]{9}")
"""One of the first lines begins with a mode; most texts have none, and then no line has to be read."""
_PATH = re.compile(r"(?P<directory>(?:[\w.@+~-]*+/)++)(?P<name>[\w.@+~=,-]++/?)")
_PATHS_SHARE = 0.8
_MANY_PATHS = 150
"""Lines of paths from which on they are written by directory. In shorter lists agents look for whole paths, and copy them."""


class _Row(Struct):
    """A line of `ls -l`, in its fields."""

    mode: str
    links: str
    owner: str
    group: str
    size: str
    date: str
    name: str


def compress(text: str, hints: Hints, config: ListingsConfig) -> Compressed | None:
    """`text` in fewer lines, or None if it is no listing."""
    if not config.enabled or text.count("\n") < 3:
        return None
    lines = text.split("\n")
    out = (_long(lines) if _MAY_BE_LONG.match(text) else None) or _paths(lines, hints)
    if out is None and (directories := _directories(lines)) is not None:
        out = "\n".join(written(directories))
        if len(out) > _SHORT and (len(directories) > config.directories or any(len(d.names) > config.names for d in directories)):
            named = Named(hints.query, hints.intent)
            removed = gather(directories, config.directories, named) + cut(directories, config.names, named)
            short = "\n".join(written(directories))
            if removed and len(short) <= _WORTH * len(out):
                return Compressed(text=short, kind="listings", lossless=False, removed=f"{removed} names")
    if out is None or len(out) >= len(text):
        return None
    return Compressed(text=out, kind="listings", lossless=True)


def _paths(lines: list[str], hints: Hints) -> str | None:
    """Many paths, as of `find`: a line for those in a row from one directory. What the query names keeps its whole path."""
    if len(lines) < _MANY_PATHS:
        return None
    found: list[re.Match[str] | None] = []
    others = 0
    for line in lines:
        path = _PATH.fullmatch(line)
        found.append(path)
        others += path is None
        # A line such as `src/: what` would read like a directory and its names.
        if len(lines) - others < _PATHS_SHARE * len(lines) or (path is None and "/: " in line):
            return None
    named = Named(hints.query, hints.intent).lines(lines)
    out: list[str] = []
    before = ""
    for at, (line, path) in enumerate(zip(lines, found, strict=True)):
        directory = "" if path is None or at in named else path["directory"]
        if path is None or not directory:
            out.append(line)
        elif directory == before:
            out[-1] += " " + path["name"]
        else:
            out.append(f"{directory}: {path['name']}")
        before = directory
    return "\n".join(out)


def _directories(lines: list[str]) -> list[Directory] | None:
    """`ls` and `ls -R`."""
    if any(_NAME.fullmatch(line) is None and _DIRECTORY.fullmatch(line) is None for line in lines[:8] if line):
        return None
    found: list[Directory] = []
    opened = False
    telling = count = headed = 0
    for at, line in enumerate(lines):
        heads = not opened and _DIRECTORY.fullmatch(line)
        if not line:
            opened = False
        elif heads:
            found.append(Directory(path=line[:-1], names=[]))
            opened = True
            headed += 1
        # The last line of an output that was cut at some length may be half a path.
        elif _NAME.fullmatch(line) or (at == len(lines) - 1 and _HALF.fullmatch(line)):
            if not opened:
                found.append(Directory(path="", names=[]))
                opened = True
            found[-1].names.append(line)
            count += 1
            telling += _TELLING.fullmatch(line) is not None
        else:
            return None
    # Several directories under their headings are a listing whatever they hold; one needs names that only files have.
    if count < _LEAST_NAMES or (headed < 2 and telling < _TELLING_SHARE * count) or headed < len(found) - 2:
        return None
    return found


def _long(lines: list[str]) -> str | None:
    """`ls -l`: the commonest mode, owner, group and day stand in a line above, and rows say what differs from it."""
    if not any(_row(line) for line in lines[:6]):
        return None
    rows = [_row(line) for line in lines]
    found = [row for row in rows if row is not None]
    if len(found) < 3 or len(found) < 0.7 * sum(line != "" for line in lines):
        return None
    files = [row for row in found if row.mode[0] != "d"]
    directories = [row for row in found if row.mode[0] == "d"]
    owner = _commonest([f"{row.owner} {row.group}" for row in found])
    date = _commonest([row.date for row in found])
    file_mode, directory_mode = _commonest([row.mode for row in files]), _commonest([row.mode for row in directories])
    size = _commonest([row.size for row in directories])
    usual = [
        *([f"{file_mode} 1 link"] if files else []),
        *([f"{directory_mode} size {size}"] if directories else []),
        owner,
        date,
    ]
    head = f"[name size, name/ links; unless said {', '.join(usual)}]"
    out: list[str] = []
    for line, row in zip(lines, rows, strict=True):
        if row is None:
            out.append(line)
            continue
        if row is found[0]:
            out.append(head)
        cells = [row.name + "/" if row.mode[0] == "d" else row.name]
        if row.mode[0] == "d":
            cells.append(row.links)
            cells += [row.mode] * (row.mode != directory_mode) + [f"size {row.size}"] * (row.size != size)
        else:
            cells.append(row.size)
            cells += [row.mode] * (row.mode != file_mode) + [f"{row.links} links"] * (row.links != "1")
        who = f"{row.owner} {row.group}"
        cells += [who] * (who != owner) + [row.date] * (row.date != date)
        out.append(" ".join(cells))
    return "\n".join(out)


def _row(line: str) -> _Row | None:
    match = _LONG.fullmatch(line) if line[:1] in "-dlbcps" else None
    return None if match is None else _Row(**match.groupdict())


def _commonest(values: list[str]) -> str:
    """The value that most rows have, the first of them on a tie."""
    return Counter(values).most_common(1)[0][0] if values else ""
