"""Values as programs print them: Python literals, such as the rows of a database client, and JSON or literals cut off in the middle.

Dictionaries, lists, tuples and sets, strings of either quote, numbers, the constants of both languages, and calls: moments and decimals
are what they make, `2024-05-01` and `1.50`; others, such as `UUID('…')`, are kept as text.
"""

from __future__ import annotations

import json
import re
from typing import Any

from headroom_stream.content.records import MAX_DEPTH, NumberText

_TOKEN = re.compile(
    r"""\s*+(?:
      (?P<open>[\[{(]) | (?P<close>[\]})]) | (?P<comma>,) | (?P<colon>:)
    | (?P<string>[bru]?(?:"(?:[^"\\]|\\.)*+"|'(?:[^'\\]|\\.)*+'))
    | (?P<number>-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?(?:[eE][+-]?[0-9]++)?(?![\w.]))
    | (?P<name>[A-Za-z_][\w.]*+)(?P<call>\([^()]{0,200}\))?
    )""",
    re.VERBOSE | re.DOTALL,
)
_CONSTANTS: dict[str, Any] = {"True": True, "False": False, "None": None, "true": True, "false": False, "null": None}
_ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))", re.DOTALL)
_PLAIN_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "\n": "", "0": "\0"}
_DAY = r"[0-9]{4},\ [1-9][0-9]?,\ [1-9][0-9]?"
_MOMENT = re.compile(
    rf"""(?:datetime\.)?(?:date\((?P<date>{_DAY})\)
    | datetime\((?P<day>{_DAY}),\ (?P<time>[0-9]{{1,2}},\ [0-9]{{1,2}}(?:,\ [0-9]{{1,2}}(?:,\ (?P<micro>[0-9]{{1,6}}))?)?)\))""",
    re.VERBOSE,
)
_DECIMAL = re.compile(r"Decimal\('(-?(?:0|[1-9][0-9]{0,99})(?:\.[0-9]{1,99})?)'\)")
_CUT = re.compile(r"(?:\.\.\.|…)\s*\Z")
_PAIRS = {"}": "{", "]": "[", ")": "("}


class NotALiteralError(ValueError):
    """The text is no literal, from its start to its end."""


def parse(text: str) -> Any:
    """The value of a literal, its numbers as NumberText, tuples and sets as lists.

    A text that ends in `...` within a value was cut off: what is open then is closed, and the last text keeps its dots.
    Raises NotALiteralError for everything else.
    """
    return _Parser(text).whole()


class _Open:
    """A container that is being read."""

    def __init__(self, bracket: str) -> None:
        self.bracket = bracket
        self.items: list[Any] = []
        self.fields: dict[str, Any] = {}
        self.key: str | None = None
        self.ready = True
        """Whether an item may come: at the start and after a comma."""

    def put(self, value: Any) -> None:
        if not self.ready:
            raise NotALiteralError("two values without a comma between")
        self.ready = False
        if self.key is not None:
            if self.key in self.fields:
                raise NotALiteralError("a key twice")
            self.fields[self.key] = value
            self.key = None
        else:
            self.items.append(value)

    def value(self) -> Any:
        if self.fields or (self.bracket == "{" and not self.items):
            if self.items:
                raise NotALiteralError("keys and items in one container")
            return self.fields
        # A row of one column: the comma that makes it a tuple says nothing to a reader.
        return self.items[0] if self.bracket == "(" and len(self.items) == 1 else self.items


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text

    def whole(self) -> Any:
        text = self.text
        stack: list[_Open] = []
        at, end = 0, len(text.rstrip())
        while at < end:
            match = _TOKEN.match(text, at)
            if match is None or match.end() > end:
                return self.cut_off(stack, at)
            at = match.end()
            kind = match.lastgroup
            if kind == "open":
                if len(stack) > MAX_DEPTH:
                    raise NotALiteralError("nested too deep")
                stack.append(_Open(match["open"]))
                continue
            if not stack:
                raise NotALiteralError("a value without brackets")
            top = stack[-1]
            if kind == "comma":
                if top.ready or top.key is not None:
                    raise NotALiteralError("a comma without a value before it")
                top.ready = True
            elif kind == "colon":
                self.make_key(top)
            elif kind == "close":
                if _PAIRS[match["close"]] != top.bracket or top.key is not None:
                    raise NotALiteralError("brackets that do not match")
                stack.pop()
                if not stack:
                    if at != end:
                        raise NotALiteralError("text after the value")
                    return top.value()
                stack[-1].put(top.value())
            else:
                top.put(_scalar(match))
        raise NotALiteralError("no end")

    @staticmethod
    def make_key(top: _Open) -> None:
        if top.bracket != "{" or top.ready or not top.items or top.key is not None or type(top.items[-1]) not in (str, NumberText):
            raise NotALiteralError("a colon without a key")
        top.key = str(top.items.pop())
        top.ready = True

    def cut_off(self, stack: list[_Open], at: int) -> Any:
        if not stack or not _CUT.search(self.text):
            raise NotALiteralError(f"no literal at character {at}")
        rest = self.text[at:].strip()
        if rest not in ("...", "…"):
            top = stack[-1]
            top.put(_unescape(rest[1:]) if rest[0] in "\"'" else rest)
            if top.bracket == "{" and top.items:
                self.make_key(top)
        while len(stack) > 1:
            inner = stack.pop()
            if inner.key is not None:
                inner.put("...")
            stack[-1].put(inner.value())
        if stack[0].key is not None:
            stack[0].put("...")
        return stack[0].value()


def _scalar(match: re.Match[str]) -> Any:
    text = match.group(match.lastgroup or 0).strip()
    if match["string"] is not None:
        return _string(match["string"])
    if match["number"] is not None:
        return NumberText(text)
    name, call = match["name"], match["call"]
    if call is None:
        if name not in _CONSTANTS:
            raise NotALiteralError("a name")
        return _CONSTANTS[name]
    return value_of_call(name.rsplit(".", 1)[-1] + call)


def value_of_call(call: str) -> str:
    """What a call as `repr` writes it makes, where that reads as itself: `2024-05-01`, `2024-05-01 08:30:00`, and `1.50` as NumberText.

    Other text is returned as it is.
    """
    if (decimal := _DECIMAL.fullmatch(call)) is not None:
        return NumberText(decimal[1])
    moment = _MOMENT.fullmatch(call)
    if moment is None:
        return call
    day = "-".join(part.zfill(2) for part in (moment["date"] or moment["day"]).split(", "))
    if moment["date"]:
        return day
    time = ":".join(part.zfill(2) for part in [*moment["time"].split(", "), "0"][:3])
    return f"{day} {time}" + (f".{moment['micro'].zfill(6)}" if moment["micro"] else "")


def _string(text: str) -> str:
    if text[0] == '"':
        try:
            return str(json.loads(text, strict=False))
        except ValueError:
            pass
    start = text.index(text[-1])
    return text[start + 1 : -1] if "r" in text[:start] else _unescape(text[start + 1 : -1])


def _unescape(text: str) -> str:
    if "\\" not in text:
        return text

    def one(match: re.Match[str]) -> str:
        code = match[1] or match[2] or match[3]
        if code is not None:
            return chr(int(code, 16)) if int(code, 16) <= 0x10FFFF else match.group()
        return _PLAIN_ESCAPES.get(match[4], match[4])

    return _ESCAPE.sub(one, text)
