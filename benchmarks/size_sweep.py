"""Time and memory of one tool output by its size, for texts of each kind and for hostile ones: `throughput.py --sweep`."""

from __future__ import annotations

import argparse
import ctypes
import gc
import json
import math
import random
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track

from headroom_stream.config import Policy
from headroom_stream.content import Hints
from headroom_stream.tokenizers import load_tokenizer
from headroom_stream.transforms.outputs import compress_output, reference

SIZES = (10_000, 100_000, 1_000_000, 4_000_000)
MEGABYTE = 1_000_000
MOST_SECONDS = 2.0
MOST_MEMORY = 10.0
"""Times its size in bytes, beyond what the process has once the text is there: pages that the system gives (RSS). Python's own count
(tracemalloc) sees neither the tokenizer's memory nor what lies idle between objects."""
STATUS = Path("/proc/self/status")
WARM = json.dumps([{"order": n, "state": "paid", "total": n * 1.5} for n in range(60)])
MOST_GROWTH = 1.4
"""The power of the size with which seconds grow from 1 MB to the largest: 1 is linear, 2 is the square."""
QUERY = "Why did order 4711 of worker-3 fail in src/alpha/beta.py:42 on 2026-03-01, and what does `max_retries` do?"
INTENT = "I will look for order-4711 and TimeoutError in the log of node7, then open src/cache.py and tests/test_lease.py."
WORDS = re.findall(
    r"\w+", "alpha branch cache delta event fold graph header index join kernel lease merge node offset parser queue range"
)


def lines(make: Callable[[random.Random, int], str]) -> Callable[[int], str]:
    """A text of `size` characters, of lines that `make` gives for their number."""

    def text(size: int) -> str:
        rng = random.Random(7)
        out: list[str] = []
        while size > 0:
            out.append(make(rng, len(out)))
            size -= len(out[-1]) + 1
        return "\n".join(out)

    return text


def listed(make: Callable[[random.Random, int], Any], *, indent: int | None = None) -> Callable[[int], str]:
    """A JSON list of about `size` characters."""

    def text(size: int) -> str:
        rng = random.Random(7)
        each = len(json.dumps([make(random.Random(7), n) for n in range(20)], indent=indent)) / 20
        return json.dumps([make(rng, n) for n in range(max(1, int(size / each)))], indent=indent)

    return text


def word(rng: random.Random) -> str:
    chosen: str = rng.choice(WORDS)
    return chosen


def some(rng: random.Random, count: int) -> str:
    return " ".join(rng.choices(WORDS, k=count))


def record(rng: random.Random, n: int) -> dict[str, Any]:
    return {"id": n, "state": rng.choice(["open", "paid"]), "name": f"{word(rng)}-{rng.randrange(999)}", "total": rng.random()}


def nested(rng: random.Random, n: int) -> dict[str, Any]:
    legs = [{"from": word(rng), "to": word(rng), "stops": [{"at": rng.randrange(99)}]} for _ in range(rng.randrange(4))]
    return {"trip": n, "owner": {"name": word(rng), "address": {"city": word(rng), "zip": str(rng.randrange(10**5))}}, "legs": legs}


def odd(rng: random.Random, n: int) -> dict[str, Any]:
    return {f"{word(rng)}{rng.randrange(10**4)}": n for _ in range(4)}


def log(rng: random.Random, n: int) -> str:
    at = f"2026-03-01T{n // 3600 % 24:02}:{n // 60 % 60:02}:{n % 60:02}Z"
    return f"{at} {'ERROR' if n % 97 == 0 else 'INFO'} worker-{rng.randrange(8)} handled request {rng.randrange(10**6)} in {n % 900} ms"


def log_of_all_kinds(rng: random.Random, n: int) -> str:
    return f"Mar  1 10:{n // 60 % 60:02}:{n % 60:02} host {word(rng)}[{rng.randrange(9999)}]: {some(rng, 9)}"


def trace(rng: random.Random, n: int) -> str:
    frames = "\n".join(
        f'  File "/app/{word(rng)}.py", line {rng.randrange(900)}, in {word(rng)}\n    {word(rng)}()' for _ in range(6)
    )
    return f"Traceback (most recent call last):\n{frames}\nValueError: {some(rng, 4)} {n}"


def code(rng: random.Random, n: int) -> str:
    return f"def {word(rng)}_{n}(value):\n    if value > {rng.randrange(99)}:\n        return {word(rng)}(value)\n    return None\n"


def hit(rng: random.Random, n: int) -> str:
    return f"src/{word(rng)}/{word(rng)}.py:{n % 900}:    {word(rng)} = {word(rng)}({rng.randrange(99)})"


def directory(rng: random.Random, n: int) -> str:
    return "\n".join([f"./src/{word(rng)}/{word(rng)}{n}:", *(f"{word(rng)}{rng.randrange(99)}.py" for _ in range(8)), ""])


def entry(rng: random.Random, n: int) -> str:
    return f"-rw-r--r-- 1 root root {rng.randrange(10**6)} Mar  1 10:{n % 60:02} {word(rng)}{n}.py"


def patch(rng: random.Random, n: int) -> str:
    path = f"src/{word(rng)}{n}.py"
    head = f"diff --git a/{path} b/{path}\nindex 1234567..89abcde 100644\n--- a/{path}\n+++ b/{path}\n@@ -1,3 +1,3 @@"
    return f"{head}\n {some(rng, 3)}\n-{some(rng, 4)}\n+{some(rng, 4)}"


def tested(rng: random.Random, n: int) -> str:
    if n == 0:
        return "============ test session starts ============"
    return f"tests/test_{word(rng)}.py::test_{word(rng)}_{n} {'FAILED' if n % 50 == 0 else 'PASSED'}   [ {n % 100}%]"


def installed(rng: random.Random, n: int) -> str:
    return rng.choice(
        [
            f"Requirement already satisfied: {word(rng)} in /usr/lib/python3 ({n}.0)",
            f"Downloading {word(rng)}-{n}.tar.gz (3.1 MB)",
            f"  {n % 100}% |################| 3.1 MB/s",
            f"Successfully installed {word(rng)}-{n}",
        ]
    )


def tag(rng: random.Random, n: int) -> str:
    head = "HTTP/1.1 200 OK\n<!doctype html><html><body>" if n == 0 else ""
    return f'{head}<div class="a{n}"><a href="/{word(rng)}/{n}">{some(rng, 3)}</a><script>{word(rng)}({n})</script></div>'


def element(rng: random.Random, n: int) -> str:
    if n == 0:
        return "RootWebArea 'Shop', focused"
    return rng.choice(
        [f"\t[{n}] link '{some(rng, 2)}'", f"\t\tStaticText '{some(rng, 2)}'", f"\t[{n}] generic", f"\t\t[{n}] listitem"]
    )


def separated(rng: random.Random, n: int) -> str:
    return "id,name,city,total" if n == 0 else f"{n},{word(rng)},{word(rng)},{rng.randrange(10**4) / 100}"


def sentence(rng: random.Random, n: int) -> str:
    return " ".join(f"{some(rng, 12).capitalize()}." for _ in range(5)) + "\n" * (n % 2)


def mapped(rng: random.Random, n: int) -> str:
    return repr({"id": n, "name": word(rng), "total": rng.random(), "ok": True, "none": None})


def one_row(rng: random.Random, n: int) -> str:
    return repr((word(rng), n, rng.random(), None))


def tree(rng: random.Random, depth: int = 4) -> Any:
    return {f"{word(rng)}{n}": tree(rng, depth - 1) for n in range(3)} if depth else rng.randrange(999)


def recursive_listing(rng: random.Random, n: int) -> str:
    return "\n".join([f"./src/{word(rng)}{n}:", f"total {rng.randrange(99)}", *(entry(rng, n) for _ in range(6)), ""])


def failure(rng: random.Random, n: int) -> str:
    if n == 0:
        return "============ test session starts ============\ncollected 900 items\n\n============ FAILURES ============"
    told = f">       assert {word(rng)}({n}) == 0\nE       assert {n} == 0"
    return f"____ test_{word(rng)}_{n} ____\n\n{told}\n\ntests/test_{word(rng)}.py:{n}: AssertionError"


def snapshot(rng: random.Random, n: int) -> str:
    return (
        f"- generic [ref=e{n}]:",
        f'  - link "{some(rng, 2)}" [ref=e{n}] [cursor=pointer]:',
        f"    - /url: /{word(rng)}",
        f"    - text: {word(rng)}",
    )[n % 4]


def base64(size: int) -> str:
    return "".join(random.Random(7).choices("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", k=size))


def one_line(size: int) -> str:
    return lines(lambda rng, _: some(rng, 20))(size).replace("\n", " ")


def run(piece: str) -> Callable[[int], str]:
    return lambda size: piece * (size // len(piece))


TEXTS: dict[str, Callable[[int], str]] = {
    "records": listed(record),
    "records, indented": listed(record, indent=2),
    "nested records": listed(nested),
    "records without common keys": listed(odd),
    "strings": listed(lambda rng, _: some(rng, 3)),
    "numbers": listed(lambda rng, _: rng.randrange(10**6)),
    "digits": listed(lambda _, n: n % 10),
    "pairs of numbers": listed(lambda rng, _: [rng.randrange(100), rng.randrange(100)]),
    "rows of numbers": listed(lambda rng, _: [rng.randrange(100) for _ in range(20)]),
    "points in time": listed(lambda rng, n: {"t": n, "v": rng.randrange(10)}),
    "records of one digit": listed(lambda _, n: {"a": n % 10}),
    "empty objects": listed(lambda _, __: {}),
    "object of numbers": lambda size: json.dumps({f"k{n}": n for n in range(size // 15)}),
    "nested objects": listed(lambda rng, _: tree(rng)),
    "deep lists": lambda size: f"[{','.join(['[' * 40 + '1' + ']' * 40] * (size // 81))}]",
    "one long string": lambda size: json.dumps({"ok": True, "content": lines(sentence)(size)}),
    "nested records by line": lines(lambda rng, n: json.dumps(nested(rng, n))),
    "records by line": lines(lambda rng, n: json.dumps(record(rng, n))),
    "records, cut off": lambda size: listed(record)(size)[:-20] + "...",
    "object of objects": lambda size: json.dumps({f"key{n}": one for n, one in enumerate(json.loads(listed(record)(size)))}),
    "JSON among words": lambda size: f"The answer is:\n{listed(record)(size)}\nThat was all.",
    "JSON in JSON": lambda size: json.dumps({"body": listed(record)(size), "ok": True}),
    "Python literals": lambda size: f"[{', '.join(lines(mapped)(size).split(chr(10)))}]",
    "rows of tuples": lambda size: f"[{', '.join(lines(one_row)(size).split(chr(10)))}]",
    "log": lines(log),
    "log of all kinds": lines(log_of_all_kinds),
    "traces": lines(trace),
    "code": lines(code),
    "code by number": lines(lambda rng, n: f"{n:6}\t{word(rng)} = {word(rng)}({n})"),
    "search hits": lines(hit),
    "ls -R": lines(directory),
    "ls -l": lines(entry),
    "paths": lines(lambda rng, n: f"./src/{word(rng)}/{word(rng)}/{word(rng)}{n}.py"),
    "patch": lines(patch),
    "pytest": lines(tested),
    "pip": lines(installed),
    "page": lines(tag),
    "accessibility tree": lines(element),
    "separated values": lines(separated),
    "grid": lines(lambda rng, n: f"| {word(rng):10} | {n:8} | {word(rng):10} |" if n % 50 else f"+{'-' * 12}+{'-' * 10}+{'-' * 12}+"),
    "prose": lines(sentence),
    "ls -lR": lines(recursive_listing),
    "failures": lines(failure),
    "snapshot": lines(snapshot),
    "separated digits": lines(lambda rng, n: "a,b,c,d,e,f" if n == 0 else ",".join(str(rng.randrange(10)) for _ in range(6))),
    "separated values in quotes": lines(lambda rng, n: '"id","note"' if n == 0 else f'"{n}","{some(rng, 3)}, {word(rng)}"'),
    "separated values, CRLF": lambda size: lines(separated)(size).replace("\n", "\r\n"),
    "separated values, one emoji": lambda size: lines(separated)(size).replace("\n", "\n0,\U0001f600,x,1\n", 1),
    "psql": lines(lambda rng, n: f" {n:6} | {word(rng):9}" if n > 1 else ("   id   |   name", "--------+-----------")[n]),
    "table of Markdown": lines(lambda rng, n: f"| {n} | {word(rng)} |" if n > 1 else ("| id | name |", "|----|------|")[n]),
    "numbers by line": lines(lambda rng, _: str(rng.randrange(999))),
    "letters by line": lines(lambda rng, _: rng.choice("abcdefgh}{])(><-+=.:")),
    "reprs by line": lines(lambda rng, n: f"<Order id={n} name='{word(rng)}' at 0x{rng.randrange(16**8):08x}>"),
    "log, CRLF": lambda size: lines(log)(size).replace("\n", "\r\n"),
    "Chinese": lines(lambda rng, _: "".join(rng.choices("的一是在不了有和人这中大为上个国我以要他", k=30)) + "。"),
    "page with one emoji": lambda size: lines(tag)(size) + "\U0001f600",
    "base64 within": lambda size: json.dumps({"name": "a.png", "data": base64(size)}),
    "base64": base64,
    "one long line": one_line,
    "terminal": lines(lambda rng, n: f"\x1b[32m{word(rng)}\x1b[0m {n % 100}%\r\x1b[K{some(rng, 4)}   "),
    **{f"only {piece!r}": run(piece) for piece in ("a", " ", "\n", "[", "{", '"', "'", "\\", "<", "(", "\r", "\b", "\x1b[", "1", "é", "=")},
    **{
        f"only {piece!r}": run(piece)
        for piece in (
            "[]", "[[", '{"a":', '["', "('", "<a ", '<a b="', "a.", "a:", "/a", "-", "=\n", "| ", "a=", "1:", "\t1", ". ", "a\n", "a \n",
            "\n{", "\n[", '\n  File "', "--- a\n", "a/b:1:\n", "12:34:56 ", "INFO a\n", "data:image/png;base64,", "=== ", "…", "__",
        )
    },
}  # fmt: skip


def one(paths: list[Path]) -> None:
    """Seconds for each text, in this process; the memory of the first."""
    tokenizer, policy, ref = load_tokenizer(), Policy(), partial(reference, "", "benchmark")
    hints = Hints(tool="fetch", query=QUERY, intent=INTENT)
    compress_output(WARM, hints, policy, tokenizer, ref=ref)
    out: dict[str, Any] = {"seconds": []}
    for path in paths:
        text = path.read_bytes().decode()
        before = _start()
        start = time.process_time()
        made = compress_output(text, hints, policy, tokenizer, ref=ref)
        out["seconds"].append(time.process_time() - start)
        out.setdefault("memory", max(0, _most() - before) / len(text.encode()))
        out["kind"] = made.kind or made.reason
    print(json.dumps(out))


def _start() -> int:
    """What this process has now, in bytes; from here on the most is counted anew, and memory that is free is not at hand."""
    gc.collect()
    if not STATUS.exists():
        return _most()  # too little growth is seen where the system tells no more, never too much
    if hasattr(trim := ctypes.CDLL(None), "malloc_trim"):
        trim.malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    return _told("VmRSS")


def _most() -> int:
    """The most memory that this process had, in bytes. Not `ru_maxrss` where it can be helped: that keeps the most of the parent."""
    if STATUS.exists():
        return _told("VmHWM")
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def _told(name: str) -> int:
    return next(int(line.split()[1]) * 1024 for line in STATUS.read_text().splitlines() if line.startswith(f"{name}:"))


def child(paths: list[Path]) -> dict[str, Any]:
    """Figures of a process of its own. Texts are made here: what it took to make them would be at hand for their compression."""
    command = [sys.executable, __file__, *map(str, paths)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{paths[0].name}: {done.stderr[-800:]}")
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def measured(make: Callable[[int], str]) -> tuple[dict[str, float], float, str]:
    """Seconds by size, memory over size at 1 MB, and kind."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder, str(size)) for size in SIZES]
        for path, size in zip(paths, SIZES, strict=True):
            path.write_bytes(make(size).encode())
        timed, weighed = child(paths), child([paths[SIZES.index(MEGABYTE)]])
    return dict(zip(map(str, SIZES), timed["seconds"], strict=True)), weighed["memory"], weighed["kind"]


def judged(seconds: dict[str, float], memory: float) -> str:
    """What is wrong with these figures; empty: nothing."""
    wrong = []
    if seconds[str(MEGABYTE)] > MOST_SECONDS:
        wrong.append("slow")
    if memory > MOST_MEMORY:
        wrong.append("large")
    largest = SIZES[-1]
    if math.log(seconds[str(largest)] / seconds[str(MEGABYTE)], largest / MEGABYTE) > MOST_GROWTH:
        wrong.append("faster growing than its size")
    return ", ".join(wrong)


def main(*, as_json: bool) -> int:
    """Prints a row a kind. 1 where one is too slow, too large, or grows like the square."""
    rows: list[dict[str, Any]] = []
    for name in track(TEXTS, console=Console(stderr=True), description="kinds"):
        seconds, memory, kind = measured(TEXTS[name])
        rows.append(
            {
                "text": name,
                "kind": kind,
                "seconds": {size: round(took, 4) for size, took in seconds.items()},
                "memory_over_size": round(memory, 1),
                "wrong": judged(seconds, memory),
            }
        )
    if as_json:
        print(json.dumps(rows))
    else:
        print(f"{'text':32} {'kind':18} {'s at 1 MB':>9} {'s at 4 MB':>9} {'memory':>7}")
        for row in rows:
            small, large = row["seconds"][str(MEGABYTE)], row["seconds"][str(SIZES[-1])]
            print(f"{row['text']:32} {row['kind']:18} {small:9.3f} {large:9.3f} {row['memory_over_size']:6.1f}x {row['wrong']}")
    return int(any(row["wrong"] for row in rows))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("texts", nargs="+", type=Path)
    one(parser.parse_args().texts)
