"""What installers and build tools print: errors, warnings and results whole; of progress the last step, of repeats the number.

Left out are lines that say a thing is there already, downloads, steps that finished, and percentages on the way to the last.
"""

from __future__ import annotations

import re

from headroom_stream.config.policy import BuildsConfig
from headroom_stream.content import Compressed, Hints
from headroom_stream.content.log_lines import matters
from headroom_stream.content.named import Named

_STEP = re.compile(
    r"""\s*+(?:
      Requirement\ already\ (?:satisfied|up-to-date):\ .* | Looking\ in\ indexes:\ .*
    | (?:Collecting|Downloading|Using\ cached|Obtaining\ dependency\ information\ for)\ .*
    | (?:Installing\ build\ dependencies|Getting\ requirements\ to\ build\ \w+|Checking\ if\ build\ backend\ .*|Preparing\ .*metadata\ \(.*
        |Building\ (?:editable|wheels?)\ for\ .*|Running\ command\ .*):\ (?:started|finished\ with\ status\ 'done').*
    | (?:Attempting\ uninstall:|Found\ existing\ installation:|Uninstalling|Successfully\ uninstalled|Preparing\ metadata\ \()\ ?.*
    | (?:Get|Hit|Ign):[0-9]+\ https?:.* | \(Reading\ database\ \.\.\..*
    | (?:Selecting\ previously\ unselected\ package|Preparing\ to\ unpack|Unpacking|Setting\ up|Processing\ triggers\ for)\ .*
    | (?:Compiling|Downloaded|Fresh|Checking|Locking|Adding|Updating)\ [\w.-]+\ v[0-9].*
    | \[\ *[0-9]{1,3}%\]\ (?:Building|Linking|Generating|Built|Scanning)\ .* | \[[0-9]+/[0-9]+\]\ .*
    | (?:creating|copying|adding|writing|reading\ manifest|byte-compiling|running)\ \S.*
    | npm\ (?:http|timing|sill|verb)\ .* | added\ '[^']*'.*
    )""",
    re.VERBOSE,
)
_BAR = re.compile(r"\s*[━╸╺─#=> ]{8,}+.*\b(?:[kMG]?B/s|eta)\b.*")
_SIGNS = {
    "ing ": (
        "Downloading ", "Unpacking ", "Setting up ", "Compiling ", "copying ", "creating ", "adding ", "Building ",
    ),
    "%": ("%] ", "% ", "%|"),
    "ed": ("already satisfied", "Downloaded ", "Using cached", "finished with status"),
    "npm ": ("npm http", "npm timing"),
    "B/s": ("B/s",),
}  # fmt: skip
"""What the steps have in common with few other texts, by what these signs have in common: looked for before any line is."""
_PROGRESS = re.compile(
    r"(?P<what>[^\n\[]{0,80}?)\s*\[\s*[0-9]{1,3}%\]\s?.{0,200}|(?P<what2>.{0,60}?)[0-9]{1,3}(?:\.[0-9]+)?%.{0,120}"
)
_LEAST = 5
"""Lines, below which no text is worth a marker."""
_WORTH = 0.75


def compress(text: str, hints: Hints, config: BuildsConfig) -> Compressed | None:
    """`text` without steps and progress, or None if it is no such output or gains too little."""
    if not config.enabled or len(text) < config.min_characters or text.count("\n") + 1 < _LEAST:
        return None
    if not any(text.count(sign) >= _LEAST for common, signs in _SIGNS.items() if text.count(common) >= _LEAST for sign in signs):
        return None
    lines = text.split("\n")
    left_out = {at for at, line in enumerate(lines) if _is_step(line[:400]) and not matters(line)}
    left_out |= _passed_by(lines)
    if len(left_out) < _LEAST or len(text) - sum(len(lines[at]) + 1 for at in left_out) > _WORTH * len(text):
        return None
    left_out -= Named(hints.query, hints.intent).lines(lines)
    short = "\n".join([line for at, line in enumerate(lines) if at not in left_out])
    if len(short) > _WORTH * len(text):
        return None
    return Compressed(text=short, kind="builds", lossless=False, removed=f"{len(left_out)} lines of steps and progress")


def _is_step(line: str) -> bool:
    if _STEP.fullmatch(line) is not None:
        return True
    return ("B/s" in line or "eta" in line) and _BAR.fullmatch(line) is not None


def _passed_by(lines: list[str]) -> set[int]:
    """The places of percentages that a later line of the same kind follows at once."""
    out: set[int] = set()
    before, last = None, -1
    for at, line in enumerate(lines):
        found = _PROGRESS.fullmatch(line) if "%" in line else None
        what = None if found is None else (found["what"] or found["what2"])
        if what is not None and what == before:
            out.add(last)
        before, last = what, at
    return out
