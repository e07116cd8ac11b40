"""Names by directory: the blocks of `ls -R`, and directories that hold the same names folded into one line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from msgspec import Struct

from headroom_stream.content.named import Named

_DEPTH = 12
"""Components of a path that may be folded."""
_LEAST = 3
"""Directories that fold into one; two are as well said apart."""


class Directory(Struct):
    """A directory and what is in it. The path is empty where the listing does not say it."""

    path: str
    names: list[str]


def cut(directories: list[Directory], most: int, named: Named) -> int:
    """Leaves `most` names in each directory, and says how many of which kind were there beside. Returns the number of names left out.

    The first names stay, those that the query names, and those of a kind of their own.
    """
    removed = 0
    for directory in directories:
        if len(directory.names) <= most:
            continue
        kinds = [_kind(name) for name in directory.names]
        count = Counter(kinds)
        shown: Counter[str] = Counter()
        known = named.lines(directory.names)
        left: Counter[str] = Counter()
        names = []
        for at, (name, kind) in enumerate(zip(directory.names, kinds, strict=True)):
            shown[kind] += 1
            if at in known or shown[kind] <= max(1, most * count[kind] // len(kinds)):
                names.append(name)
            else:
                left[kind] += 1
        if sum(left.values()) > 2:
            directory.names = names + [f"(+{number} {kind or 'others'})" for kind, number in left.items()]
            removed += sum(left.values())
    return removed


def gather(directories: list[Directory], most: int, named: Named) -> int:
    """Leaves `most` directories, the others counted at the nearest one above them. Returns the number of names left out.

    Those that the query names stay, then those nearest to the root: agents look a listing of everything over, and then into few places.
    """
    if len(directories) <= most:
        return 0
    known = sorted(named.lines([f"{d.path} {' '.join(d.names)}" for d in directories]))[: most // 2]
    nearest = sorted(range(len(directories)), key=lambda at: (directories[at].path.count("/"), at))
    kept = sorted(dict.fromkeys([0, *known, *nearest][: most + 1]))
    shown = {directories[at].path: directories[at] for at in kept}
    below: dict[str, list[int]] = {}
    for at, directory in enumerate(directories):
        if directory.path not in shown:
            above = next((path for path in _parents(directory.path) if path in shown), directories[0].path)
            below.setdefault(above, []).append(at)
    removed = 0
    for path, hidden in below.items():
        names = sum(len(directories[at].names) for at in hidden)
        shown[path].names = [*shown[path].names, f"(+{len(hidden)} directories below, {names} names)"]
        removed += names
    directories[:] = [directories[at] for at in kept]
    return removed


def _parents(path: str) -> Iterator[str]:
    """The directories above one, the nearest first."""
    while "/" in path:
        path = path.rpartition("/")[0]
        yield path


def _kind(name: str) -> str:
    """The extension of a name; empty without one."""
    dot = name.rfind(".")
    return name[dot:] if dot > 0 else ""


def written(directories: list[Directory]) -> list[str]:
    """A line a directory: `src/app: main.py models.py`. Directories that hold the same and differ in one component of their paths
    are one line: `locale/{de,fr,it}/LC_MESSAGES: django.mo django.po`.
    """
    # Only what several directories hold can be folded, and most hold something of their own.
    held = Counter(tuple(directory.names) for directory in directories)
    patterns = [_patterns(directory) if held[tuple(directory.names)] >= _LEAST else [] for directory in directories]
    count = Counter(pattern for each in patterns for pattern, _ in each)
    groups: dict[tuple[str, str, str], list[str]] = {}
    chosen = [max(each, key=lambda one: count[one[0]], default=None) for each in patterns]
    for one in chosen:
        if one is not None:
            groups.setdefault(one[0], []).append(one[1])
    out: list[str] = []
    for directory, one in zip(directories, chosen, strict=True):
        members = [] if one is None else groups.get(one[0], [])
        if one is None or 0 < len(members) < _LEAST:
            out.append(" ".join(([directory.path + ":"] if directory.path else []) + directory.names))
        elif members:
            before, after, names = one[0]
            out.append(f"{before}{{{','.join(members)}}}{after}: {names}".rstrip())
            groups[one[0]] = []
    return out


def _patterns(directory: Directory) -> list[tuple[tuple[str, str, str], str]]:
    """Every way to fold a directory with others: the path before and after one component and the names, and that component."""
    components = directory.path.split("/")
    names = " ".join(directory.names)
    out = []
    for at, component in enumerate(components[:_DEPTH]):
        if component not in ("", ".", "..") and "," not in component:
            before, after = "/".join(components[:at]), "/".join(components[at + 1 :])
            out.append(((before + "/" * bool(at), "/" * bool(after) + after, names), component))
    return out
