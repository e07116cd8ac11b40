"""The core is pure: it imports no shell, and nothing that reads a clock, a file, the environment or chance."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "headroom_stream"
CORE = (
    "messages",
    "tokens",
    "events",
    "config",
    "errors",
    "results",
    "waste",
    "content",
    "references",
    "relevance",
    "retrieval",
    "learning",
    "transforms",
    "session",
    "pricing",
)
STANDARD = {
    "__future__",
    "bisect",
    "collections",
    "collections.abc",
    "dataclasses",
    "datetime",
    "enum",
    "fnmatch",
    "functools",
    "hashlib",
    "heapq",
    "itertools",
    "json",
    "math",
    "operator",
    "re",
    "string",
    "typing",
    "unicodedata",
}
THIRD = {"msgspec", "numpy", "rank_bm25"}
CLOCK = {"now", "utcnow", "today"}
CALLS = {"open", "input", "print", "exec", "eval", "compile", "__import__", "breakpoint", "globals", "id", "hash"}
"""`id` and `hash` differ from process to process."""


def modules() -> list[Path]:
    found: list[Path] = []
    for name in CORE:
        path = PACKAGE / name
        found += sorted(path.rglob("*.py")) if path.is_dir() else [path.with_suffix(".py")]
    return found


def offences(source: str) -> Iterator[str]:
    """What in a module the core must not have."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from _import(alias.name, node.lineno)
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                yield f"{node.lineno}: relative import"
            else:
                yield from _import(node.module or "", node.lineno, [a.name for a in node.names])
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in CALLS:
            yield f"{node.lineno}: calls {node.func.id}"
        elif isinstance(node, ast.Attribute) and node.attr in CLOCK:
            yield f"{node.lineno}: reads the clock, .{node.attr}"
        elif isinstance(node, ast.Global | ast.Nonlocal):
            yield f"{node.lineno}: rebinds {', '.join(node.names)}"
        elif isinstance(node, ast.ExceptHandler) and node.type is None:
            yield f"{node.lineno}: bare except"


def _import(name: str, line: int, members: list[str] | None = None) -> Iterator[str]:
    first, _, rest = name.partition(".")
    if first == "headroom_stream":
        inner = [rest] if rest else members or [""]
        if any(i.partition(".")[0] not in CORE for i in inner):
            yield f"{line}: imports the shell {name}"
    elif first in THIRD:
        return
    elif name not in STANDARD:
        yield f"{line}: imports {name}"


def test_the_core_is_where_it_is_looked_for() -> None:
    names = {p.relative_to(PACKAGE).as_posix() for p in modules()}
    assert {
        "messages/chat.py",
        "tokens.py",
        "session/fold.py",
        "content/__init__.py",
        "transforms/window.py",
        "pricing/cost.py",
    } <= names
    assert all(p.is_file() for p in modules())


@pytest.mark.parametrize("path", modules(), ids=lambda p: p.relative_to(PACKAGE).as_posix())
def test_a_module_of_the_core_imports_and_calls_nothing_impure(path: Path) -> None:
    assert list(offences(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    ("source", "offence"),
    [
        ("import os", "imports os"),
        ("import os.path as p", "imports os.path"),
        ("from time import monotonic", "imports time"),
        ("import random", "imports random"),
        ("import uuid, json", "imports uuid"),
        ("import secrets", "imports secrets"),
        ("def f():\n    import socket", "imports socket"),
        ("import io", "imports io"),
        ("import pathlib", "imports pathlib"),
        ("import threading", "imports threading"),
        ("import aiokafka", "imports aiokafka"),
        ("from headroom_stream.worker.processor import Processor", "the shell headroom_stream.worker.processor"),
        ("from headroom_stream.tokenizers import load_tokenizer", "the shell headroom_stream.tokenizers"),
        ("from headroom_stream import settings", "the shell headroom_stream"),
        ("import headroom_stream", "the shell headroom_stream"),
        ("from . import state", "relative import"),
        ("from datetime import datetime\nx = datetime.now()", "reads the clock, .now"),
        ("import datetime\nx = datetime.datetime.utcnow()", "reads the clock, .utcnow"),
        ("from datetime import date\nx = date.today", "reads the clock, .today"),
        ("x = open('f')", "calls open"),
        ("x = hash('a')", "calls hash"),
        ("x = 1\ndef f():\n    global x\n    x = 2", "rebinds x"),
        ("try:\n    pass\nexcept:\n    pass", "bare except"),
    ],
)
def test_the_check_sees_what_is_impure(source: str, offence: str) -> None:
    assert any(offence in found for found in offences(source))


def test_the_check_lets_pure_code_pass() -> None:
    source = (
        "import re\nfrom datetime import datetime\nfrom headroom_stream.session.state import Head\nimport msgspec\nx = min(1, 2)"
    )
    assert list(offences(source)) == []
