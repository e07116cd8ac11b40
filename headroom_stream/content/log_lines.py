"""What a log line is made of: its time, whether it matters, and its template (the line with its values masked)."""

from __future__ import annotations

import re

_BLANK = ("", " ", "\t")
STAMP = re.compile(
    r"""
      (?P<date>[0-9]{4}[-/.][0-9]{2}[-/.][0-9]{2})[T ,_]+(?P<time>[0-9]{1,2}:[0-9]{2}:[0-9]{2})[.,0-9]*(?:Z|[+-][0-9]{2}:?[0-9]{2})?
    | (?P<date2>[0-9]{2}/[0-9]{2}/[0-9]{2,4})\ (?P<time2>[0-9]{2}:[0-9]{2}:[0-9]{2})
    | (?P<date3>(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)\ )?(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)\ {1,2}[0-9]{1,2})
      \ (?P<time3>[0-9]{2}:[0-9]{2}:[0-9]{2})(?:[.,][0-9]+)?(?:\ [0-9]{4})?
    | (?P<date4>[0-9]{8})-(?P<time4>[0-9]{1,2}:[0-9]{1,2}:[0-9]{1,2})[:.,0-9]*
    | (?P<date5>[0-9]{6})\ (?P<time5>[0-9]{6})(?=\ )
    | (?<![\w.:])(?P<time6>[0-9]{2}:[0-9]{2}:[0-9]{2})(?:[.,][0-9]+)?(?!\w)
    | (?<![\w.-])(?P<time7>1[0-9]{9})(?:[0-9]{3}|\.[0-9]+)?(?![\w.-])
    | (?P<date8>[0-9]{2}/(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)/[0-9]{4})
      :(?P<time8>[0-9]{2}:[0-9]{2}:[0-9]{2})(?:\ [+-][0-9]{4})?
    | (?P<date9>[0-9]{8})T(?P<time9>[0-9]{6})Z?
    | (?<=\[)\ {0,6}(?P<time0>[0-9]{1,7}\.[0-9]{6})(?=\])
    """,
    re.VERBOSE,
)
_MAY_BE_STAMP = re.compile("[0-9](?::[0-9]|[0-9]{5})")
"""What every time has: a search for less than the whole, for lines that have none. It begins with one set, which is found fast."""
_STAMP_WITHIN = 64
"""Characters of a line in which its time stands; host, level and process may come before."""
_BARE_TIME_WITHIN = 24
"""The same for a time without a date, which tables of processes and measurements have further on."""

LEVEL = re.compile(
    r"\[?(?:TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|CRITICAL|FATAL|SEVERE|Info|Warning|Error|info|warn|error|debug)\]?"
    r"(?=[\s:|\]])"
)
_SERVICE = r"[\w.-]{1,40}+ ++\| "
"""What composed services put before each of their lines: `web-1  | `."""
_NAMES_PROCESS = rf"[\w.@()/-]{{1,60}}+\[[0-9]+\]: |(?:DEBUG|INFO|WARNING|ERROR|CRITICAL):[\w.]{{1,60}}+:|{_SERVICE}\{{\""
"""`sshd[312]: `, or the logger of Python's usual form, `INFO:root:`."""
_PROCESS = re.compile(_NAMES_PROCESS)
_FRONT = re.compile(f"{_NAMES_PROCESS}|(?:{_SERVICE})?+{LEVEL.pattern}")
_LISTING = re.compile(r".{0,40}[-dlbcps](?:[r-][w-][xsStT-]){3}|[0-9a-f^]{7,40} \(|[0-9a-f^]{7,40} [\w./-]+ +\(|\{")

_OWN_LINE = re.compile(
    rf"""(?!\s*+\Z)(?!(?:{_SERVICE.replace(" ", "[ ]")})?+
    (?:[\ \t]|Traceback\ \(|Caused\ by:\ |(?:[A-Za-z_]\w*\.)*+[A-Z]\w*(?:Error|Exception)\b))""",
    re.VERBOSE,
)

IMPORTANT = re.compile(
    r"\b(?:error|err|errno|fail(?:ed|ure|ures|s|ing)?|fatal|severe|critical|crit|emerg|alert|exception|traceback|denied|deny|refused"
    r"|rejected|invalid|time[d -]{0,2}out|warn(?:ing)?|panic\w*|abort\w*|unable|cannot|can't|could ?n[o']t|corrupt\w*|illegal|lost"
    r"|killed|unreachable|unavailable|crash\w*|oom|segfault|broken|missing|not found|deadlock\w*|\w*(?:Error|Exception))\b",
    re.IGNORECASE,
)
_LETTER_LEVEL = re.compile(r"(?:^|[\s|/\[])[EWF](?=[\s|/\]:]|[0-9]{4} [0-9]{2}:)")

_TELLING_KEYS = ("msg", "message", "event", "level", "lvl", "severity", "error", "err", "logger", "status")
"""Keys whose quoted text tells what happened; of others it is a value."""
_NOT_TELLING = "".join(f'(?<!{key}=")(?<!"{key}":")(?<!"{key}":\\ ")' for key in _TELLING_KEYS)
_QUOTED_VALUE = rf""""(?<![\w.!?)]"){_NOT_TELLING}[^"\n]{{0,200}}+"(?!:) | '(?<!\w')[^'\n]{{0,200}}+'(?!\w)"""
"""The quotes stand first, before what looks back at them: so the search runs from quote to quote."""
_QUOTED = re.compile(_QUOTED_VALUE, re.VERBOSE)
_VALUE = re.compile(
    rf"""
      {_QUOTED_VALUE}
    | (?<=\w=)(?=[^\s,;&)\]}}]{{0,200}}[0-9./:@-])[^\s,;&)\]}}]++
    | \b[0-9a-fA-F]{{8}}(?:-[0-9a-fA-F]{{4}}){{3}}-[0-9a-fA-F]{{12}}\b
    | \b[0-9a-fA-F]{{2}}(?::[0-9a-fA-F]{{2}}){{5}}\b
    | (?<![\w./\\:@-])(?:(?=[/\\.~])|[A-Za-z]:(?=\\))(?:[./\\~]++[\w@+%,:$-]++)+[/\\]*+
    | (?<![A-Za-z0-9])[A-Za-z]*+[0-9][\w./:@$+-]*+
    """,
    re.VERBOSE,
)
_HOST = re.compile(r" \S{1,80}+(?= [^:]{1,60}: )")
_REQUEST = re.compile(r"\"([A-Z]{3,8}) (\S{1,4000}+)(?: HTTP/[0-9.]+)?\" ([1-5][0-9]{2}) ([0-9]+|-)(?!\S)")
_LONG_STEP = 24
"""A longer step of a path is a name that somebody gave, not a part of the service."""
_STEPS = 3
"""Steps of a path that tell requests of different kinds apart."""
_LONGEST = 10_000
"""Characters of a line that tell its kind; what is longer is data that a program dumped into its log."""
_CACHED = 20_000
"""Fields whose masks are remembered; a bound on memory, whatever the log."""
_WORD = re.compile(r"[A-Za-z]{3,}")


def stamp(line: str) -> re.Match[str] | None:
    """The time in the first characters of a log line."""
    if _MAY_BE_STAMP.search(line, 0, _STAMP_WITHIN) is None or (found := STAMP.search(line, 0, _STAMP_WITHIN)) is None:
        return None
    return None if found["time6"] is not None and found.start() > _BARE_TIME_WITHIN else found


Head = tuple[int, int, str]
"""Where the time stands in a line, with the host that syslog puts behind it, and what stands for them in a template."""
NO_HEAD: Head = (0, 0, "")


def head(line: str) -> Head:
    """The head of a line; NO_HEAD if it has no time."""
    found = stamp(line)
    if found is None:
        return NO_HEAD
    host = _HOST.match(line, found.end()) if found["date3"] else None
    return (found.start(), found.end(), "#") if host is None else (found.start(), host.end(), "# #")


def date_and_time(match: re.Match[str]) -> tuple[str, str]:
    """The two parts of a stamp as they are written; a time alone has an empty date."""
    parts = match.groupdict()
    name = next(name for name in parts if name.startswith("time") and parts[name] is not None)
    return parts.get(name.replace("time", "date")) or "", parts[name]


def begins_entry(line: str, stamped: bool) -> bool:
    """Whether a log entry begins here: a time, a level or a process stands in front. Other lines continue the entry before."""
    if line[:1] in _BLANK or not (stamped or _FRONT.match(line)):
        return False
    return _LISTING.match(line) is None


def own_lines(lines: list[str]) -> list[str]:
    """The lines but for blank ones and those that are, by their looks, part of a stack trace or a wrapped message."""
    return [line for line in lines if line[:1] not in _BLANK and _OWN_LINE.match(line)]


def names_process(line: str) -> bool:
    """Whether a process stands in front, which like a time a program's author prints for a log and seldom for anything else."""
    return _PROCESS.match(line) is not None


class Masks:
    """Splits lines into fields and masks their values; remembers the fields of one log, which repeat."""

    def __init__(self) -> None:
        self.known: dict[str, str] = {}
        self.whole: dict[str, str] = {}

    def of(self, line: str, head: Head) -> list[str]:
        """The fields of a line with its values masked. Lines with equal masks tell of the same kind of event."""
        text, request = _split(line, head)
        out = [field if field.isalpha() else self.mask(field) for field in _fields(text)]
        if request is not None:
            method, path, status, _ = request.groups()
            out += [method, _shape(path), status, "#", "#"]
        return out

    def of_rest(self, line: str) -> str:
        """A line that continues an entry, masked: a frame of a stack trace repeats as often as the trace."""
        out = self.whole.get(line)
        if out is None:
            if len(self.whole) >= _CACHED:
                self.whole.clear()
            out = self.whole[line] = " ".join(self.of(line, NO_HEAD))
        return out

    def mask(self, field: str) -> str:
        out = self.known.get(field)
        if out is None:
            if len(self.known) >= _CACHED:
                self.known.clear()
            out = self.known[field] = _VALUE.sub("#", field)
        return out


def fields(line: str, head: Head) -> list[str]:
    """What `Masks.of` masks, field by field as it stands in the line; the time is `#`."""
    text, request = _split(line, head)
    out = _fields(text)
    if request is not None:
        out += [*request.groups(), request.string[request.end() :].strip()]
    return out


def _split(line: str, head: Head) -> tuple[str, re.Match[str] | None]:
    """The line with its head masked, up to the request where it is one of an access log."""
    start, end, mask = head
    text = f"{line[:start]}{mask}{line[end:_LONGEST]}" if end else line[:_LONGEST]
    request = _REQUEST.search(text) if '" ' in text else None
    return (text if request is None else text[: request.start()]), request


def _fields(text: str) -> list[str]:
    if '"' in text or "'" in text:
        hidden = _QUOTED.sub(lambda match: match.group().replace(" ", "\0"), text)
        return [field.replace("\0", " ") for field in hidden.split(" ")]
    return text.split(" ")


def _shape(path: str) -> str:
    """`/api/users/#` for `/api/users/17?full=1`."""
    steps = path.partition("?")[0].split("/")
    shape = "/".join("#" if len(step) > _LONG_STEP or any(map(str.isdigit, step)) else step for step in steps[: _STEPS + 1])
    return shape + "/#" if len(steps) > _STEPS + 1 else shape


def tells(masks: list[str]) -> bool:
    """Whether a masked line has words of its own. Rows of numbers and names do not; they are tables, and every row counts."""
    return len(_WORD.findall(" ".join(masks))) >= 2


def matters(line: str) -> bool:
    """Whether a line tells of an error, a warning or a failure."""
    line = line[:_LONGEST]
    if IMPORTANT.search(line) is not None or _LETTER_LEVEL.search(line[:_STAMP_WITHIN]) is not None:
        return True
    request = _REQUEST.search(line) if '" ' in line else None
    return request is not None and request[3] >= "400"
