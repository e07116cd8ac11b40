"""What texts that call themselves lossless promise, read back without the code that wrote them. Each returns what the reader gets."""

from __future__ import annotations

import ast
import re

_BARE_HIT = re.compile(r"(?P<number>[0-9]{1,7}(?P<mark>[:-]))|:")
_PATH = re.compile(r"(?=.*[./])(?!.*-[0-9]+-)[\w./@+~-]+")
_NUMBERED = re.compile(r"([0-9]{1,5})([\t→].*)", re.DOTALL)
_HEADER = re.compile(
    r"^(?:(?:new|deleted) file mode [0-7]{6}\n)?index [0-9a-f]+\.\.[0-9a-f]+(?: [0-7]{6})?\n"
    r"--- (?P<old>[^\n]*)\n\+\+\+ (?P<new>[^\n]*)\n",
    re.MULTILINE,
)
_FRAME = re.compile(r'  File "(?P<path>[^"\n]+)", line (?P<line>[0-9]+)(?:, in (?P<name>.+))?')
_FOLDED = re.compile(r"(?P<before>[^{}]*)\{(?P<members>[^{}]+)\}(?P<after>[^{}]*)")
_SAID_ONCE = re.compile(r"\[(?P<both>\{\})?… = (?P<words>[^…]+)\]")
_BORDER = re.compile(r"[+|:=\s─━┄┼╪╋┬┴├┤╞╡┌┐└┘╭╮╰╯┏┓┗┛┡┩╇┳┻┣┫-]*[-=─━┄]{2}[+|:=\s─━┄┼╪╋┬┴├┤╞╡┌┐└┘╭╮╰╯┏┓┗┛┡┩╇┳┻┣┫-]*")


def hits(short: str) -> str:
    """Search hits with their paths: a path on a line of its own is that of the lines under it that begin with a number or a colon."""
    lines = short.split("\n")
    out: list[str] = []
    path = ""
    for line, below in zip(lines, [*lines[1:], ""], strict=True):
        bare = _BARE_HIT.match(line)
        if bare and path:
            out.append(path + (bare["mark"] or "") + line)
        elif _BARE_HIT.match(below) and _PATH.fullmatch(line):
            path = line
        else:
            out.append(line)
            path = ""
    return "\n".join(out)


def padded(short: str) -> str:
    """Numbered lines as `cat -n` writes them, also the first of an output that was stripped."""
    found = [(_NUMBERED.match(line), line) for line in short.split("\n")]
    return "\n".join(line if match is None else f"{match[1]:>6}{match[2]}" for match, line in found)


def patch(short: str) -> str:
    """A patch with a line `diff --git` before each file that has none of its own."""

    def headed(match: re.Match[str]) -> str:
        path = (match["new"] if match["old"] == "/dev/null" else match["old"])[2:]
        line = f"diff --git a/{path} b/{path}\n"
        return match.group() if short.endswith(line, 0, match.start()) else line + match.group()

    return _HEADER.sub(headed, short)


def frames(text: str) -> str:
    """A text with the frames of Python's traces in their short form."""
    out = []
    for line in text.split("\n"):
        frame = _FRAME.fullmatch(line)
        out.append(
            line if frame is None else f"  {frame['path']}:{frame['line']}" + (f" in {frame['name']}" if frame["name"] else "")
        )
    return "\n".join(out)


def names_of_listing(text: str) -> dict[str, list[str]]:
    """Names by directory, of `ls` and `ls -R`, several blocks of one directory in a row."""
    out: dict[str, list[str]] = {}
    path, opened = "", False
    for line in text.split("\n"):
        if line.endswith(":") and not opened:
            path, opened = line[:-1], True
            out.setdefault(path, [])
        elif line:
            path, opened = path if opened else "", True
            out.setdefault(path, []).append(line)
        else:
            opened = False
    return out


def names_of_lines(short: str) -> dict[str, list[str]]:
    """The same of `src/app: main.py models.py`, where `docs/{de,fr}: a b` are two directories."""
    out: dict[str, list[str]] = {}
    for line in short.split("\n"):
        path, colon, names = (
            line.partition(": ") if ": " in line else (line[:-1], ":", "") if line.endswith(":") else ("", "", line)
        )
        folded = _FOLDED.fullmatch(path)
        paths = [f"{folded['before']}{one}{folded['after']}" for one in folded["members"].split(",")] if folded else [path]
        for one in paths:
            out.setdefault(one if colon else "", []).extend(names.split())
    return out


def paths(short: str) -> list[str]:
    """Of `src/: a.py b.py` the paths."""
    out = []
    for line in short.split("\n"):
        directory, colon, names = line.partition("/: ")
        out += [f"{directory}/{name}" for name in names.split(" ")] if colon else [line]
    return out


def cells(text: str) -> list[str]:
    """What stands in a table, word by word, borders aside; of a list of tuples, the values of its rows."""
    if text.startswith("[("):
        return [str(cell) for row in ast.literal_eval(text) for cell in row]
    return [word for line in text.split("\n") if not _BORDER.fullmatch(line) for word in re.findall(r"[^\s|│┃]+", line)]


def whole_lines(short: str) -> str:
    """Lines with the beginnings and ends that stand once above them."""
    out: list[str] = []
    before = after = ""
    around = False
    for line in short.split("\n"):
        if head := _SAID_ONCE.fullmatch(line):
            words = head["words"]
            before, _, after = words.partition("{}") if head["both"] else (words, "", words)
            around = bool(head["both"])
        elif line.endswith("…"):
            out.append((before if around else "") + line[:-1] + after)
        elif line.startswith("…"):
            out.append(before + line[1:])
        else:
            out.append(line)
    return "\n".join(out)
