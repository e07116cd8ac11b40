"""Time and memory of one tool output by its size, for texts of each kind and for hostile ones: `throughput.py --sweep`."""

from __future__ import annotations

import argparse
import json
import math
import random
import re
import resource
import subprocess
import sys
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

SIZES = (10_000, 100_000, 1_000_000, 8_000_000)
MEGABYTE = 1_000_000
MOST_SECONDS = 2.0
MOST_MEMORY = 10.0
"""Times its size, beyond what the process has once the text is there."""
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


def one(name: str, sizes: list[int]) -> None:
    """Seconds for each size, in this process; the memory of the first."""
    tokenizer, policy, ref = load_tokenizer(), Policy(), partial(reference, "", "benchmark")
    hints = Hints(tool="fetch", query=QUERY, intent=INTENT)
    compress_output(TEXTS[name](5_000), hints, policy, tokenizer, ref=ref)
    out: dict[str, Any] = {"seconds": {}}
    for size in sizes:
        text = TEXTS[name](size)
        before = _now()
        start = time.process_time()
        made = compress_output(text, hints, policy, tokenizer, ref=ref)
        out["seconds"][str(size)] = time.process_time() - start
        out.setdefault("memory", max(0, _most() - before) / len(text.encode()))
        out["kind"] = made.kind or made.reason
    print(json.dumps(out))


def _most() -> int:
    """The most memory that this process ever had, in bytes."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def _now() -> int:
    """What it has now: the most so far where the system tells nothing else, so that too little growth is seen, never too much."""
    statm = Path("/proc/self/statm")
    return int(statm.read_text().split()[1]) * resource.getpagesize() if statm.exists() else _most()


def child(name: str, sizes: tuple[int, ...]) -> dict[str, Any]:
    command = [sys.executable, __file__, name, *map(str, sizes)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{name}: {done.stderr[-800:]}")
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


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
        timed, weighed = child(name, SIZES), child(name, (MEGABYTE,))
        seconds, memory = timed["seconds"], weighed["memory"]
        rows.append(
            {
                "text": name,
                "kind": weighed["kind"],
                "seconds": {size: round(took, 4) for size, took in seconds.items()},
                "memory_over_size": round(memory, 1),
                "wrong": judged(seconds, memory),
            }
        )
    if as_json:
        print(json.dumps(rows))
    else:
        print(f"{'text':32} {'kind':18} {'s at 1 MB':>9} {'s at 8 MB':>9} {'memory':>7}")
        for row in rows:
            small, large = row["seconds"][str(MEGABYTE)], row["seconds"][str(SIZES[-1])]
            print(f"{row['text']:32} {row['kind']:18} {small:9.3f} {large:9.3f} {row['memory_over_size']:6.1f}x {row['wrong']}")
    return int(any(row["wrong"] for row in rows))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=sorted(TEXTS))
    parser.add_argument("sizes", nargs="+", type=int)
    options = parser.parse_args()
    one(options.name, options.sizes)
