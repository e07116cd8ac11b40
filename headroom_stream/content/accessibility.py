"""Accessibility trees, as browsers' tools print them for agents: names and what can be acted on stay, what repeats or says nothing goes.

Two notations are known: `[12] link 'Home', focused` (identifier, role, name) and `- link "Home" [ref=e12]:` (a list, of Playwright).
Left out are texts that repeat the name above them, elements without a name that only hold others, and options past the first ones.
The order and the indentation of the rest stay.
"""

from __future__ import annotations

import re

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
    nodes = _nodes(lines)
    if nodes is None:
        return None
    left_out = _idle(nodes)
    left_out -= Named(f"{hints.query} {hints.intent}").lines(lines) if left_out else set()
    if not left_out:
        return None
    short = "\n".join(_raised(lines, nodes, left_out))
    return Compressed(
        text=short, kind="accessibility", lossless=False, removed=f"{len(left_out)} elements that hold others or repeat a name"
    )


def _raised(lines: list[str], nodes: list[re.Match[str] | None], left_out: set[int]) -> list[str]:
    """The lines that stay, each under the nearest element above it that stays."""
    out: list[str] = []
    above: list[tuple[int, bool]] = []
    for at, (line, node) in enumerate(zip(lines, nodes, strict=True)):
        if node is None:
            out.append(line)
            continue
        indent = node["indent"]
        while above and above[-1][0] >= len(indent):
            above.pop()
        if at not in left_out:
            unit = len(indent) // len(above) if above else 0
            gone = sum(not stays for _, stays in above[-_DEEP:])
            said = _CLICKABLE.sub("", line) if node["role"] in _CLICKED else line
            out.append(said[min(len(indent), gone * unit) :])
        above.append((len(indent), at not in left_out))
    return out


def _nodes(lines: list[str]) -> list[re.Match[str] | None] | None:
    """The elements, a line each; None where these lines are no tree."""
    if len(lines) < _LEAST:
        return None
    pattern = _NODE if any(_ROOT.match(line) for line in lines[:20]) else _ITEM if "[ref=" in "\n".join(lines[:40]) else None
    if pattern is None:
        return None
    nodes = [pattern.fullmatch(line) for line in lines]
    filled = sum(line.strip() != "" for line in lines)
    return nodes if sum(node is not None for node in nodes) >= _SHARE * filled else None


def _idle(nodes: list[re.Match[str] | None]) -> set[int]:
    """The places of the elements that go."""
    out: set[int] = set()
    above = ""
    options = 0
    for at, node in enumerate(nodes):
        if node is None:
            above, options = "", 0
            continue
        role, name = node["role"], (node["name"] or "")[1:-1].strip()
        options = options + 1 if role in _OPTIONS else 0
        says = (node.groupdict().get("text") or "").strip()
        if role in _TEXTS:
            if (name or says) in above:
                out.add(at)
        elif (role in _HOLDERS and not name and not says and not _acts(node["more"])) or options > _SHOWN_OPTIONS:
            out.add(at)
        if name and role not in _TEXTS:
            above = name
    return out


def _acts(more: str) -> bool:
    """Whether what follows the name tells of something to act on or to see."""
    return any(
        word in more
        for word in ("clickable", "focused", "checked", "selected", "expanded", "url", "cursor=pointer", "active", "editable")
    )
