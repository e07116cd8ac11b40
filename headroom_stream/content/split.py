"""A text as parts: what an agent's harness put around an output, and the output itself.

A status is shortened where it says success; a failure is always said, so that its absence tells of success. What is known:

- tags that frame the whole text: `<returncode>0</returncode>`, `<output>…</output>`, `<stderr>…</stderr>`, head and tail of a cut
  output;
- heads: `OBSERVATION:`, `Exit code: 0` / `Wall time: …` / `Output:`;
- JSON around one printed text (`envelopes`); one large JSON value among words (`mixed`);
- footers: `(Open file: …)`, `(Current directory: …)`, a prompt; `[Command finished with exit code 0]` and its neighbours;
  `Error: (none)`, `Exit Code: 0`, `Signal: (none)`.
"""

from __future__ import annotations

import re

from msgspec import Struct

from headroom_stream.config.policy import WrappersConfig
from headroom_stream.content.envelopes import STATUS, opened
from headroom_stream.content.mixed import json_within

NO_OUTPUT = "(no output)"
_SILENT = frozenset(
    (
        "Your command ran successfully and did not produce any output.",
        "Tool ran without output or errors",
        "<system>Tool ran without output or errors</system>",
    )
)
"""What harnesses say in its place."""

_STATUS = re.compile(r"\s*<(returncode|return_code|exit_code|exitcode)>\s*(-?[0-9]{1,10})\s*</\1>")
_FRAME = re.compile(
    r"\s*<(output_head|output_tail|output|stdout|stderr|result|tool_output|warning|error|exception|elided_chars)>\n?"
)
_UNNAMED = frozenset({"output", "output_head", "output_tail", "stdout", "result", "tool_output", "text", "content"})
"""Frames whose content needs no name: it is what the command printed."""

_HEAD = re.compile(r"(?:OBSERVATION:\n|(?:Exit code: (?P<code>-?[0-9]{1,10})\n)?(?:Wall time: [0-9.]+ seconds?\n)(?:Output:\n)?)")
_PROMPT = re.compile(
    r"""\n?\(Open\ file:\ (?P<file>[^\n]{1,500}+)(?<=\))\n\(Current\ directory:\ (?P<directory>[^\n]{1,500}+)(?<=\))
    (?P<more>(?:\n\([A-Z][^\n]{1,300}+)?)\n bash-\$\s*\Z""",
    re.VERBOSE,
)
_FINISHED = re.compile(
    r"""(?:\n\[The\ command\ completed\ with\ exit\ code\ (?P<code>-?[0-9]{1,10})\.\])?
    (?P<state>(?:\n\[(?:Current\ working\ directory|Python\ interpreter):[^\n]{0,500}+){0,2})
    (?:\n\[Command\ finished\ with\ exit\ code\ (?P<code2>-?[0-9]{1,10})\])?\s*\Z""",
    re.VERBOSE,
)
_NONE_SAID = re.compile(
    r"\n(?:(?:Error|Stderr|Signal|Background PIDs|Exit Code|Process Group PGID): (?:\(none\)|\(empty\)|[0-9]{1,10})(?:\n|\Z))+\Z"
)
_FOOTER_WITHIN = 2_000
"""Characters at the end in which a footer stands: the patterns are tried there alone."""


class Part(Struct, frozen=True):
    """A piece of a text. Parts follow each other without anything between them."""

    text: str
    body: bool
    """Whether it is output, for a compressor; a frame stays as it is."""


def split(text: str, config: WrappersConfig) -> list[Part]:
    """The parts of `text`, frames shortened. One body that is `text` itself where no frame is known."""
    if not config.enabled:
        return [Part(text, body=True)]
    parts = _framed(text)
    return [piece for part in parts for piece in (_pieces(part.text) if part.body else [part])]


def _framed(text: str) -> list[Part]:
    if text[:64].lstrip()[:1] == "<" and (parts := _tagged(text)) is not None:
        return parts
    if (fields := opened(text)) is not None:
        return _enveloped(fields)
    given = text
    before, text = _head(text)
    text, after = _footer(text)
    if given and ((not (before or text or after)) or text.strip() in _SILENT):
        return [Part(before + NO_OUTPUT + after, body=False)]
    return [part for part in (Part(before, body=False), Part(text, body=True), Part(after, body=False)) if part.text]


def _pieces(text: str) -> list[Part]:
    """A body as what stands before a large JSON value in it, the value, and what stands after."""
    if (found := json_within(text)) is None:
        return [Part(text, body=True)]
    start, end = found
    return [Part(piece, body=True) for piece in (text[:start], text[start:end], text[end:]) if piece]


def _enveloped(fields: list[tuple[str, str]]) -> list[Part]:
    """What a JSON answer says, each text under its name where it needs one."""
    out: list[Part] = []
    for name, said in fields:
        if out:
            out.append(Part("\n", body=False))
        if name in STATUS:
            out.append(Part(f"{name} {said}", body=False))
        else:
            out += [Part(f"{name}:\n", body=False)] * (name not in _UNNAMED) + [Part(said.removesuffix("\n"), body=True)]
    return out or [Part(NO_OUTPUT, body=False)]


def _tagged(text: str) -> list[Part] | None:
    """The parts of a text that consists of known tags alone."""
    out: list[Part] = []
    at = 0
    if (status := _STATUS.match(text)) is not None:
        at = status.end()
        if status[2] != "0":
            out.append(Part(f"{status[1]} {status[2]}\n", body=False))
    contents: list[Part] = []
    while (opening := _FRAME.match(text, at)) is not None:
        name = opening[1]
        end = text.find(f"</{name}>", opening.end())
        if end < 0:
            return None
        inner = text[opening.end() : end].removesuffix("\n")
        at = end + len(name) + 3
        if not inner.strip():
            continue
        if contents:
            contents.append(Part("\n", body=False))
        if name == "elided_chars":
            contents.append(Part(f"[{inner}]", body=False))
        elif name in _UNNAMED:
            contents.append(Part(inner, body=True))
        else:
            contents.append(Part(f"{name}:\n", body=False))
            contents.append(Part(inner, body=name != "warning"))
    if text[at:].strip() or (status is None and not contents):
        return None
    return out + (contents or [Part(NO_OUTPUT, body=False)])


def _head(text: str) -> tuple[str, str]:
    """What stays of a head, and the text after it."""
    head = _HEAD.match(text)
    if head is None:
        return "", text
    code = head["code"]
    return (f"Exit code: {code}\n" if code not in (None, "0") else ""), text[head.end() :]


def _footer(text: str) -> tuple[str, str]:
    """The text before a footer, and what stays of that."""
    start = max(0, len(text) - _FOOTER_WITHIN)
    end = text[start:]
    if end.rstrip().endswith("bash-$") and (prompt := _PROMPT.search(end)) is not None:
        file, directory = prompt["file"][:-1], prompt["directory"][:-1]
        opened = "" if file == "n/a" else f"\n(Open file: {file.removeprefix(directory + '/')})"
        return text[: start + prompt.start()], f"{opened}\n(Current directory: {directory}){prompt['more']}"
    if end.rstrip().endswith("]") and (finished := _finished(end)) is not None:
        codes = [
            f"\n[exit code {code}]" for code in dict.fromkeys((finished["code"], finished["code2"])) if code not in (None, "0")
        ]
        return text[: start + finished.start()], finished["state"].replace("Current working directory", "cwd") + "".join(codes)
    if (nothing := _NONE_SAID.search(end)) is not None:
        said = [line for line in nothing.group().split("\n") if re.match(r"Exit Code: (?!0$)", line)]
        return text[: start + nothing.start()], "".join("\n" + line for line in said)
    return text, ""


def _finished(end: str) -> re.Match[str] | None:
    """The closing lines in square brackets, if they tell of a finished command."""
    starts = [end.rfind(opening) for opening in ("\n[The command completed", "\n[Current working", "\n[Command finished")]
    for start in sorted(starts):
        if start >= 0 and (found := _FINISHED.match(end, start)) is not None:
            return found
    return None
