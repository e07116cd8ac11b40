"""Tools that really look at this machine. Each gives the text an agent would get, within two seconds and some tens of kilobytes.

None of them reads environment variables, command lines or home directories: what the demo shows may be shown to anyone.
"""

from __future__ import annotations

import ast
import importlib.metadata
import json
import platform
import re
import shutil
import statistics
import subprocess
import sysconfig
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

MAX_PACKAGES = 90
MAX_ROWS = 250
"""Rows of a process table; a developer's machine may have thousands."""
MAX_LINE = 240
"""Characters of a line that grep prints; some modules hold tables as one line."""
SECONDS = 5.0
"""A program that takes longer is given up, so that the demo stays under a minute."""
_SKIPPED = frozenset(
    {"site-packages", "dist-packages", "__pycache__", "test", "tests", "idlelib", "lib2to3", "turtledemo", "ensurepip"}
)
_PS = "user,pid,ppid,pcpu,pmem,rss,stat,time,comm"
"""Columns that both Linux and macOS have. No `args`: command lines may hold secrets."""


def packages() -> str:
    """The packages installed beside this one, as JSON."""
    rows = {}
    for found in importlib.metadata.distributions():
        meta = found.metadata.json
        name = meta.get("name")
        if not isinstance(name, str):
            # Left by an interrupted installation.
            continue
        licence = str(meta.get("license_expression") or meta.get("license") or "")
        rows[name.lower()] = {
            "name": name,
            "version": found.version,
            "summary": meta.get("summary", ""),
            "license": licence.split("\n", maxsplit=1)[0][:60],
            "requires_python": meta.get("requires_python", ""),
            "installer": (found.read_text("INSTALLER") or "").strip(),
            "location": str(found.locate_file("")),
            "editable": False,
        }
    return json.dumps([rows[name] for name in sorted(rows)[:MAX_PACKAGES]], indent=2)


def standard_library() -> Path:
    """Where the modules of the standard library lie."""
    return Path(sysconfig.get_path("stdlib"))


def sources(root: Path) -> Iterator[Path]:
    """The Python files below `root` in order, tests and installed packages left out."""
    for entry in sorted(root.iterdir()):
        if entry.is_dir():
            if entry.name not in _SKIPPED and not entry.is_symlink():
                yield from sources(entry)
        elif entry.suffix == ".py":
            yield entry


def grep(pattern: str, root: Path, *, limit: int = 160) -> str:
    """What `grep -rnE pattern root --include=*.py` prints, up to `limit` lines."""
    wanted = re.compile(pattern)
    lines: list[str] = []
    found = 0
    for path in sources(root):
        text = path.read_text("utf-8", "replace")
        if not wanted.search(text):
            continue
        for number, line in enumerate(text.splitlines(), 1):
            if wanted.search(line):
                found += 1
                if found <= limit:
                    lines.append(f"{path}:{number}:{line[:MAX_LINE]}")
    if found > limit:
        lines.append(f"({found - limit} more matches not shown)")
    return "\n".join(lines)


def processes() -> str:
    """The process table: from `ps`, or from /proc where there is no `ps` that knows these columns."""
    if shutil.which("ps"):
        done = subprocess.run(["ps", "-eo", _PS], capture_output=True, text=True, errors="replace", timeout=SECONDS, check=False)
        if done.returncode == 0:
            return "\n".join(done.stdout.splitlines()[: MAX_ROWS + 1])
    return _processes_from_proc(Path("/proc"))


def _processes_from_proc(proc: Path) -> str:
    lines = [f"{'PID':>8} {'PPID':>8} {'STAT':4} {'RSS':>10} COMMAND"]
    for folder in sorted((p for p in proc.glob("[0-9]*") if p.name.isdigit()), key=lambda p: int(p.name))[:MAX_ROWS]:
        try:
            status = dict(line.split(":\t", 1) for line in (folder / "status").read_text().splitlines() if ":\t" in line)
        except OSError:
            # It ended since it was listed.
            continue
        rss = status.get("VmRSS", "0 kB").split()[0]
        lines.append(
            f"{folder.name:>8} {status.get('PPid', '?'):>8} {status.get('State', '?')[:1]:4} {rss:>10} {status.get('Name', '?')}"
        )
    return "\n".join(lines)


def build_settings() -> str:
    """How this interpreter was built, as JSON."""
    wanted = re.compile(r"^(HAVE_|SIZEOF_|ALIGNOF_|WITH_|Py_|PY_|LIB|MULTIARCH|SOABI|EXT_SUFFIX|VERSION)")
    known = sysconfig.get_config_vars()
    return json.dumps(
        {
            "implementation": platform.python_implementation(),
            "version": platform.python_version(),
            "compiler": platform.python_compiler(),
            "system": platform.system(),
            "machine": platform.machine(),
            "paths": sysconfig.get_paths(),
            "config": {name: known[name] for name in sorted(known) if wanted.match(name)},
        },
        indent=2,
        default=str,
    )


def listing(root: Path, *, limit: int = 120) -> str:
    """The entries of a directory, the largest first, as JSON."""
    rows = []
    for entry in root.iterdir():
        if entry.name in _SKIPPED:
            continue
        stat = entry.stat()
        rows.append(
            {
                "name": entry.name,
                "path": str(entry),
                "type": "directory" if entry.is_dir() else "file",
                "size": sum(p.stat().st_size for p in sources(entry)) if entry.is_dir() else stat.st_size,
                "mode": oct(stat.st_mode & 0o777),
                "modified": datetime.fromtimestamp(int(stat.st_mtime), UTC).isoformat(),
                "is_symlink": entry.is_symlink(),
            }
        )
    rows.sort(key=lambda row: (-int(str(row["size"])), str(row["name"])))
    return json.dumps({"path": str(root), "total": len(rows), "entries": rows[:limit]}, indent=2)


def tree(root: Path) -> str:
    """What `find root -type f` prints, with sizes."""
    files = sorted(p for p in root.rglob("*") if p.is_file() and "__pycache__" not in p.parts)
    return "\n".join(f"{p.stat().st_size:>8} {p}" for p in files)


def read(path: Path, *, limit: int = 400) -> str:
    """The first lines of a file, numbered as `cat -n` does."""
    lines = path.read_text("utf-8", "replace").splitlines()
    return "\n".join(f"{number:6}\t{line}" for number, line in enumerate(lines[:limit], 1))


def outline(path: Path) -> str:
    """The classes and functions of a Python file as JSON, as language servers give them."""
    rows = [
        {
            "name": node.name,
            "kind": "class" if isinstance(node, ast.ClassDef) else "function",
            "detail": (ast.get_docstring(node) or "").split("\n", maxsplit=1)[0],
            "deprecated": False,
            "range": {
                "start": {"line": node.lineno, "character": node.col_offset},
                "end": {"line": node.end_lineno, "character": node.end_col_offset},
            },
        }
        for node in ast.walk(ast.parse(path.read_text("utf-8", "replace")))
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    rows.sort(key=lambda row: str(row["name"]))
    return json.dumps(rows, indent=2)


def timings(*, rounds: int = 24) -> str:
    """Real timings of a few operations, one JSON object a line."""
    record = {"id": 17, "name": "a record", "tags": ["a", "b"], "nested": {"value": 1.5}}
    encoded = json.dumps([record] * 50)
    work: dict[str, Callable[[], object]] = {
        "json.dumps": lambda: json.dumps([record] * 50),
        "json.loads": lambda: json.loads(encoded),
        "re.findall": lambda: re.findall(r"\d+", encoded),
        "sorted": lambda: sorted(encoded),
        "str.replace": lambda: encoded.replace("record", "row"),
    }
    lines = []
    for turn in range(rounds):
        for name, operation in work.items():
            spans = []
            for _ in range(5):
                began = time.perf_counter_ns()
                operation()
                spans.append((time.perf_counter_ns() - began) / 1000)
            row = {
                "benchmark": name,
                "round": turn,
                "unit": "us",
                "min": round(min(spans), 2),
                "median": round(statistics.median(spans), 2),
                "max": round(max(spans), 2),
                "loops": len(spans),
                "gc": True,
            }
            lines.append(json.dumps(row))
    return "\n".join(lines)
