"""What a log line is made of: its time, whether it matters, and its template (the line with its values masked)."""

from __future__ import annotations

import re

STAMP = re.compile(
    r"""
      (?P<date>[0-9]{4}[-/.][0-9]{2}[-/.][0-9]{2})[T ,_]+(?P<time>[0-9]{1,2}:[0-9]{2}:[0-9]{2})[.,0-9]*(?:Z|[+-][0-9]{2}:?[0-9]{2})?
    | (?P<date2>[0-9]{2}/[0-9]{2}/[0-9]{2,4})\ (?P<time2>[0-9]{2}:[0-9]{2}:[0-9]{2})
    | (?P<date3>(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)\ )?(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)\ {1,2}[0-9]{1,2})
      \ (?P<time3>[0-9]{2}:[0-9]{2}:[0-9]{2})(?:[.,][0-9]+)?(?:\ [0-9]{4})?
    | (?P<date4>[0-9]{8})-(?P<time4>[0-9]{1,2}:[0-9]{1,2}:[0-9]{1,2})[:.,0-9]*
    | (?P<date5>[0-9]{6})\ (?P<time5>[0-9]{6})(?=\ )
    | (?<![\w.:])(?P<time6>[0-9]{2}:[0-9]{2}:[0-9]{2})(?:[.,][0-9]+)?(?!\w)
    | (?<![\w.-])(?P<time7>1[0-9]{9})(?:\.[0-9]+)?(?![\w.-])
    """,
    re.VERBOSE,
)
_STAMP_WITHIN = 64
"""Characters of a line in which its time stands; host, level and process may come before."""
_BARE_TIME_WITHIN = 24
"""The same for a time without a date, which tables of processes and measurements have further on."""

LEVEL = re.compile(
    r"\[?(?:TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|CRITICAL|FATAL|SEVERE|Info|Warning|Error|info|warn|error|debug)\]?"
    r"(?=[\s:|\]])"
)
_PROCESS = re.compile(r"[\w.@()/-]{1,60}\[[0-9]+\]: ")
_LISTING = re.compile(r".{0,40}[-dlbcps](?:[r-][w-][xsStT-]){3}|[0-9a-f^]{7,40} \(|[0-9a-f^]{7,40} [\w./-]+ +\(|\{")

_TRACE = re.compile(r"[ \t]|Traceback \(|Caused by: |(?:[A-Za-z_]\w*\.)*+[A-Z]\w*(?:Error|Exception)\b")

IMPORTANT = re.compile(
    r"\b(?:error|err|errno|fail(?:ed|ure|ures|s|ing)?|fatal|severe|critical|crit|emerg|alert|exception|traceback|denied|deny|refused"
    r"|rejected|invalid|time[d -]{0,2}out|warn(?:ing)?|panic\w*|abort\w*|unable|cannot|can't|could ?n[o']t|corrupt\w*|illegal|lost"
    r"|killed|unreachable|unavailable|crash\w*|oom|segfault|broken|missing|not found|deadlock\w*|\w*(?:Error|Exception))\b",
    re.IGNORECASE,
)
_LETTER_LEVEL = re.compile(r"(?:^|[\s|/\[])[EWF](?=[\s|/\]:])")

_VALUE = re.compile(
    r"""
      "[^"\n]{0,200}+" | (?<!\w)'[^'\n]{0,200}+'(?!\w)
    | (?<=\w=)(?=[^\s,;&)\]}]{0,200}[0-9./:@-])[^\s,;&)\]}]++
    | \b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b
    | \b[0-9a-fA-F]{2}(?::[0-9a-fA-F]{2}){5}\b
    | (?<![\w./\\:@-])(?:(?=[/\\.~])|[A-Za-z]:(?=\\))(?:[./\\~]++[\w@+%,:$-]++)+[/\\]*+
    | (?<![A-Za-z0-9])[A-Za-z]*+[0-9][\w./:@$+-]*+
    """,
    re.VERBOSE,
)
_WORD = re.compile(r"[A-Za-z]{3,}")


def stamp(line: str) -> re.Match[str] | None:
    """The time in the first characters of a log line."""
    found = STAMP.search(line[:_STAMP_WITHIN])
    return None if found is not None and found["time6"] is not None and found.start() > _BARE_TIME_WITHIN else found


def date_and_time(match: re.Match[str]) -> tuple[str, str]:
    """The two parts of a stamp as they are written; a time alone has an empty date."""
    parts = match.groupdict()
    name = next(name for name in parts if name.startswith("time") and parts[name] is not None)
    return parts.get(name.replace("time", "date")) or "", parts[name]


def begins_entry(line: str) -> bool:
    """Whether a log entry begins here: a time, a level or a process stands in front. Other lines continue the entry before."""
    if line[:1] in ("", " ", "\t") or _LISTING.match(line):
        return False
    return stamp(line) is not None or LEVEL.match(line) is not None or _PROCESS.match(line) is not None


def continues_trace(line: str) -> bool:
    """Whether the line is, by its looks, part of a stack trace or a wrapped message."""
    return _TRACE.match(line) is not None


def is_stamped(line: str) -> bool:
    """Whether a time or a process stands in front, which a program's author prints for a log and seldom for anything else."""
    return stamp(line) is not None or _PROCESS.match(line) is not None


def template(line: str) -> str:
    """The line with its time and its values masked: lines with equal templates tell of the same kind of event."""
    found = stamp(line)
    return _VALUE.sub("#", line if found is None else line[: found.start()] + "#" + line[found.end() :])


def values(line: str) -> list[str]:
    """What `template` masks, without the time."""
    found = stamp(line)
    return _VALUE.findall(line if found is None else line[found.end() :])


def tells(masked: str) -> bool:
    """Whether a template has words of its own. Rows of numbers and names do not; they are tables, and every row counts."""
    return len(_WORD.findall(masked)) >= 2


def matters(line: str) -> bool:
    """Whether a line tells of an error, a warning or a failure."""
    return IMPORTANT.search(line) is not None or _LETTER_LEVEL.search(line[:_STAMP_WITHIN]) is not None
