"""Accessibility trees, as browsers' tools print them for agents: names and what can be acted on stay, what repeats or says nothing goes.

Two notations are known: `[12] link 'Home', focused` (identifier, role, name) and `- link "Home" [ref=e12]:` (a list, of Playwright).
Left out are texts that repeat the name above them, elements without a name that only hold others, and options past the first ones.
The order and the indentation of the rest stay.
"""

from __future__ import annotations

import re

from msgspec import Struct

from headroom_stream.config.policy import MarkupConfig
from headroom_stream.content import Compressed, Hints
from headroom_stream.content.named import Named

_NODE = re.compile(
    r"""(?P<indent>[\t ]*)(?:\[[\w-]{1,24}\]\ |\([\w-]{1,24}\)\ )?(?P<role>[A-Za-z]{2,40})
    (?:\ (?P<name>'[^\n]{0,2000}?'|"[^\n]{0,2000}?"))?(?P<more>(?:,?\ [a-zA-Z_]{2,30}(?:[:=]\ ?[^\n]{0,300})?)*)\s*""",
    re.VERBOSE,
)
_ITEM = re.compile(
    r"""(?P<indent>\ *)-\ (?P<role>/?[a-z]{2,40})(?:\ (?P<name>"(?:[^"\\\n]|\\.){0,2000}+"))?
    (?P<more>(?:\ \[[^\[\]\n]{1,80}\]){0,8})(?P<end>:?)(?P<text>\ [^\n]*)?""",
    re.VERBOSE,
)
_ROOT = re.compile(r"[\t ]*(?:\[[\w-]{1,24}\] )?(?:RootWebArea|WebArea|document|Root Window)\b")
_TEXTS = frozenset(("StaticText", "InlineTextBox", "text"))
_HOLDERS = frozenset(
    re.findall(
        r"\w+",
        "generic none group Section paragraph LabelText LayoutTable LayoutTableRow LayoutTableCell LineBreak listitem list row rowgroup div"
        " Pre strong emphasis DescriptionList ListMarker",
    )
)
_OPTIONS = frozenset(("option", "menuitem", "MenuListOption"))
_CLICKED = frozenset(("link", "button", "checkbox", "tab", "menuitem", "option", "switch", "radio"))
_CLICKABLE = re.compile(r" \[cursor=pointer\](?=[:\s]|\Z)")
"""What Playwright says of all of them."""
_DEEP = 100
"""Levels of a tree that are counted."""
_SHOWN_OPTIONS = 12
_LEAST = 12
"""Lines of a tree."""
_SHARE = 0.7


def compress(text: str, hints: Hints, config: MarkupConfig) -> Compressed | None:
    """`text` without the lines that say nothing, or None if it is no such tree or none of them can go."""
    if not config.enabled or len(text) < config.min_characters:
        return None
    lines = text.split("\n")
    tree = _read(lines)
    if tree is None:
        return None
    left_out = tree.idle
    left_out -= Named(hints.query, hints.intent).lines(lines) if left_out else set()
    if not left_out:
        return None
    short = "\n".join(_raised(lines, tree, left_out))
    return Compressed(
        text=short, kind="accessibility", lossless=False, removed=f"{len(left_out)} elements that hold others or repeat a name"
    )


class _Tree(Struct):
    """What is kept of the elements: a match for each line would weigh ten times the text."""

    indents: list[int]
    """Of each line; -1 where it is no element."""
    clicked: bytearray
    """1 for each line of an element that is there to be clicked."""
    idle: set[int]
    """The places of the elements that go."""


def _raised(lines: list[str], tree: _Tree, left_out: set[int]) -> list[str]:
    """The lines that stay, each under the nearest element above it that stays."""
    out: list[str] = []
    above: list[tuple[int, bool]] = []
    for at, (line, indent) in enumerate(zip(lines, tree.indents, strict=True)):
        if indent < 0:
            out.append(line)
            continue
        while above and above[-1][0] >= indent:
            above.pop()
        if at not in left_out:
            unit = indent // len(above) if above else 0
            gone = sum(not stays for _, stays in above[-_DEEP:])
            said = _CLICKABLE.sub("", line) if tree.clicked[at] else line
            out.append(said[min(indent, gone * unit) :])
        above.append((indent, at not in left_out))
    return out


def _read(lines: list[str]) -> _Tree | None:
    """The elements, a line each; None where these lines are no tree."""
    if len(lines) < _LEAST:
        return None
    pattern = _NODE if any(_ROOT.match(line) for line in lines[:20]) else _ITEM if "[ref=" in "\n".join(lines[:40]) else None
    if pattern is None:
        return None
    tree = _Tree([-1] * len(lines), bytearray(len(lines)), set())
    above = ""
    options = found = 0
    for at, line in enumerate(lines):
        node = pattern.fullmatch(line)
        if node is None:
            above, options = "", 0
            continue
        found += 1
        role, name = node["role"], (node["name"] or "")[1:-1].strip()
        tree.indents[at] = len(node["indent"])
        tree.clicked[at] = role in _CLICKED
        options = options + 1 if role in _OPTIONS else 0
        says = ((node["text"] if pattern is _ITEM else None) or "").strip()
        if role in _TEXTS:
            if (name or says) in above:
                tree.idle.add(at)
        elif (role in _HOLDERS and not name and not says and not _acts(node["more"])) or options > _SHOWN_OPTIONS:
            tree.idle.add(at)
        if name and role not in _TEXTS:
            above = name
    return tree if found >= _SHARE * sum(line.strip() != "" for line in lines) else None


def _acts(more: str) -> bool:
    """Whether what follows the name tells of something to act on or to see."""
    return any(
        word in more
        for word in ("clickable", "focused", "checked", "selected", "expanded", "url", "cursor=pointer", "active", "editable")
    )
