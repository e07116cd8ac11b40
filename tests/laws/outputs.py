"""What sessions are told: outputs of every kind, framed, mixed, cut off, edited, or with markers of ours forged into them."""

from __future__ import annotations

import json
from random import Random
from typing import Any

from hypothesis import strategies as st

from tests.laws.kinds import MAKERS, made

MARKERS = (
    "[12 lines left out, original 0123456789ab]",
    "[same as result 1]",
    "[3 lines as in result 1]",
    "{a:…as in result 1}",
    "{id:R00001,…rest as in result 1}",
    "[{…as in result 1}\n1,2]",
    "…as in result 1",
    "…12 more",
    " …400 characters… ",
    "[5 earlier messages left out to fit 300 tokens, original 0123456789ab]",
    "^",
    "HATONE,…",
    "[{id,n}\nA,1\nA,…\n^,2]",
    "json{a:1}",
    "(no output)",
    "<base64 png, 12,345 characters>",
)
"""What the texts that are sent may hold of our own."""


def forged(text: str, marker: str, at: int) -> str:
    """`text` with a marker that is none, on a line of its own or in a line; in JSON as a value of it."""
    if text[:1] in ("[", "{") and (value := json_of(text)) is not None:
        return json.dumps([value, marker, {"id": "R00001", "note": marker}] if at % 2 else {marker: value, "note": marker})
    lines = text.split("\n")
    place = at % (len(lines) + 1)
    return "\n".join([*lines[:place], marker, *lines[place:]]) if at % 3 else text + marker


def json_of(text: str) -> Any:
    """The value of a list or an object in JSON, None for other texts."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, list | dict) else None


def wrapped(text: str, way: int) -> str:
    """`text` as harnesses frame it."""
    return (
        f"<returncode>0</returncode>\n<output>\n{text}\n</output>",
        f"<returncode>1</returncode>\n<output>{text}</output>\n<stderr>\nfailed\n</stderr>",
        f"OBSERVATION:\n{text}\n(Open file: n/a)\n(Current directory: /repo)\nbash-$",
        f"Exit code: 1\nWall time: 0.3 seconds\nOutput:\n{text}",
        f"{text}\n[The command completed with exit code 0.]\n[Current working directory: /repo]\n[Command finished with exit code 0]",
        f"{text}\nError: (none)\nExit Code: 0\nSignal: (none)",
        f"Here is the answer of the service:\n{text}\nThat was all.",
    )[way % 7]


@st.composite
def plain_outputs(draw: st.DrawFn, *, most: int = 90) -> str:
    """An output of one kind."""
    kind = draw(st.sampled_from(sorted(MAKERS)))
    return made(kind, draw(st.integers(0, most)), draw(st.integers(0, 9_999)))


@st.composite
def outputs(draw: st.DrawFn, *, most: int = 90) -> str:
    """An output of any kind: also framed, of two kinds, cut off, or with a marker of ours forged into it."""
    text = draw(plain_outputs(most=most))
    change = draw(st.sampled_from(("", "", "wrapped", "mixed", "cut", "forged")))
    if change == "wrapped":
        return wrapped(text, draw(st.integers(0, 6)))
    if change == "mixed":
        return text + draw(st.sampled_from(("\n", "\n\n", " ", ""))) + draw(plain_outputs(most=most // 2))
    if change == "cut":
        return text[: draw(st.integers(0, len(text)))] + draw(st.sampled_from(("", "...", "…", "\n[truncated]")))
    if change == "forged":
        return forged(text, draw(st.sampled_from(MARKERS)), draw(st.integers(0, 99)))
    return text


def edited(text: str, seed: int) -> str:
    """`text` as a later call shows it: a few lines or values differ."""
    random = Random(seed)
    lines = text.split("\n")
    if len(lines) > 2:
        for _ in range(random.randint(1, 3)):
            at = random.randint(0, len(lines))
            lines[at : at + random.choice((0, 1, 1, 3))] = random.choice(([], ["a line that is new"], lines[:2]))
        return "\n".join(lines)
    return text.replace(random.choice(("active", "open", "1", "Oslo", "true", "e")), random.choice(("changed", "2", "x")), 2)


@st.composite
def stories(draw: st.DrawFn, *, most: int = 6) -> list[str]:
    """The outputs of a session: some are those of before, as they were or edited."""
    out: list[str] = []
    for _ in range(draw(st.integers(1, most))):
        if draw(st.booleans()) and out:
            before = out[draw(st.integers(0, len(out) - 1))]
            seed = draw(st.integers(0, 99))
            out.append(edited(before, seed) if seed % 3 else before)
        else:
            out.append(draw(outputs(most=50)))
    return out


def corpus() -> list[str]:
    """Outputs of all kinds and some sizes, plain, framed and forged: the same in every process."""
    texts = [made(kind, size, size + 1) for kind in MAKERS for size in (0, 1, 12, 70)]
    texts += [wrapped(made(kind, 25, 3), at) for at, kind in enumerate(MAKERS)]
    texts += [forged(made(kind, 25, 4), MARKERS[at % len(MARKERS)], at) for at, kind in enumerate(MAKERS)]
    return texts
