"""Outputs of tools as agents get them, of every kind. Each is made from a size and a seed: the same two give the same text anywhere."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from random import Random
from typing import Any

Maker = Callable[[int, Random], str]

WORDS = tuple(
    re.findall(
        r"\w+",
        "order flight airport passenger invoice account payment warehouse parser thread socket request response cache index token"
        " session worker partition offset retry timeout refused denied missing updated created deleted resolved pending active",
    )
)
CITIES = ("Oslo", "Lisbon", "Rome", "Köln", "São Paulo", "東京", "New York", "Reykjavík")
FILES = (
    "main.py",
    "models.py",
    "views.py",
    "README.md",
    "Makefile",
    "test_app.py",
    "data.json",
    "style.css",
    "index.html",
    "a b.txt",
)
FOLDERS = ("src", "src/app", "src/app/core", "tests", "docs/en", "docs/de", "docs/fr", "lib/x86_64")
STATES = (
    "active",
    "inactive",
    "pending",
    "null",
    "true",
    "007",
    "1.50",
    "-0",
    "^",
    "…",
    "…rest",
    "a,b",
    "{x}",
    'say "hi"',
    " padded ",
)
LEVELS = ("INFO", "INFO", "INFO", "DEBUG", "WARN", "ERROR")


def sentence(random: Random, most: int = 14) -> str:
    chosen = [random.choice(WORDS) for _ in range(random.randint(3, most))]
    return " ".join(chosen).capitalize() + random.choice((".", ".", "!", "?", "; it failed.", ", he said."))


def path(random: Random) -> str:
    return f"{random.choice(FOLDERS)}/{random.choice(FILES[:9])}"


def record(number: int, random: Random) -> dict[str, Any]:
    one: dict[str, Any] = {
        "id": f"R{number:05}",
        "name": f"{random.choice(WORDS)} {number}",
        "city": random.choice(CITIES),
        "price": random.choice((number, number * 1.5, -0.0, 1e22, 10**20, 0.10)),
        "state": random.choice(STATES),
        "open": random.choice((True, False, None)),
        "url": f"https://example.com/things/{number}",
    }
    if random.random() < 0.3:
        one["seats"] = {"economy": random.randint(0, 9), "business": random.randint(0, 3)}
    if random.random() < 0.3:
        one["legs"] = [{"from": "OSL", "to": "LIS"} for _ in range(random.randint(0, 3))]
    if random.random() < 0.1:
        del one["city"]
    return one


def written(value: Any, random: Random) -> str:
    return json.dumps(value, indent=random.choice((None, None, 2, 4)), ensure_ascii=random.random() < 0.5)


def records(size: int, random: Random) -> str:
    return written([record(n, random) for n in range(size)], random)


def plain_records(size: int, random: Random) -> str:
    state = random.choice(STATES)
    return written([{"id": n, "state": state, "mail": f"user{n}@example.com", "": ""} for n in range(size)], random)


def answer(size: int, random: Random) -> str:
    return written({"total": size, "next": None, "results": [record(n, random) for n in range(size)], "took_ms": 12}, random)


def nested(size: int, random: Random) -> str:
    value: Any = record(0, random)
    for n in range(min(size, 70)):
        value = {"level": n, "inner": value} if n % 2 else [value, {"n": n}]
    return written(value, random)


def keyed(size: int, random: Random) -> str:
    return written({f"user_{n}": record(n, random) for n in range(size)}, random)


def lines_of_json(size: int, random: Random) -> str:
    return "\n".join(json.dumps(record(n, random)) for n in range(size))


def json_strings(size: int, random: Random) -> str:
    return written([sentence(random) if n % 3 else random.choice(STATES) for n in range(size)], random)


def json_numbers(size: int, random: Random) -> str:
    return written([random.choice((n, n / 7, -n, 10**n if n < 30 else 1)) for n in range(size)], random)


def json_in_json(size: int, random: Random) -> str:
    inner = json.dumps([record(n, random) for n in range(size)], indent=random.choice((None, 2)))
    return json.dumps({"status": "ok", "body": inner, "headers": {"length": str(len(inner))}})


def order(size: int, random: Random) -> str:
    """The state of one of few things, as tools answer that change it."""
    number = random.randint(1, 3)
    value: dict[str, Any] = {"order_id": f"W{number:07}", "customer": "someone with a long name", "status": random.choice(WORDS)}
    value |= {f"field_{n}": f"the value of field {n}" for n in range(size % 20)}
    value |= {"items": [record(n, Random(number)) for n in range(size % 3)], "refund": random.randint(0, 9)}
    return json.dumps({"result": json.dumps(value), "ok": True} if random.random() < 0.3 else value)


def long_strings(size: int, random: Random) -> str:
    return written({"title": "page", "text": " ".join(sentence(random) for _ in range(size)), "size": size}, random)


def envelope(size: int, random: Random) -> str:
    text = random.choice((logs, listing, code, records))(size, random)
    return json.dumps({"output": text, "metadata": {"exit_code": random.choice((0, 0, 1)), "duration_seconds": 0.4}})


def surrogates(size: int, random: Random) -> str:
    half = f"half of a pair {chr(0xD83D)}"
    return random.choice(
        (
            json.dumps({"output": f"{half}\n{code(size, random)}", "exit_code": 0}),
            json.dumps({half: [{"id": n, half: half if n % 5 else n, "state": "x" * n} for n in range(size)]}),
            json.dumps({"text": half + prose(size, random) + half, "list": [half] * size, "inner": json.dumps([half] * size)}),
            str({"a": [half] * size, half: prose(size, random)}),
        )
    )


def csv(size: int, random: Random) -> str:
    between = random.choice((",", "\t", ";"))
    rows = [["id", "city", "state", "amount", "note"]]
    rows += [[str(n), random.choice(CITIES), random.choice(("open", "007", "true", "")), f"{n}.50", "none"] for n in range(size)]
    return "\n".join(between.join(row) for row in rows)


def quoted_csv(size: int, random: Random) -> str:
    rows = [f'{n},"{sentence(random)}","said ""{random.choice(WORDS)}"""' for n in range(size)]
    return "\r\n".join(["id,text,quote", *rows]) + "\r\n"


def logs(size: int, random: Random) -> str:
    return "\n".join(
        f"2026-05-04 10:{n // 60 % 60:02}:{n % 60:02},{random.randint(0, 999):03} {random.choice(LEVELS)} [worker-{n % 3}] "
        f"{random.choice(WORDS[:4])} {random.randint(1, 99999)} served in {random.randint(1, 90)} ms"
        for n in range(size)
    )


def syslog(size: int, random: Random) -> str:
    return "\n".join(
        f"May {n % 28 + 1:2} 10:00:{n % 60:02} host{n % 2} sshd[{random.randint(100, 999)}]: {random.choice(('Accepted', 'Failed'))} "
        f"password for {random.choice(WORDS)} from 10.0.0.{random.randint(1, 255)} port {random.randint(1024, 65535)}"
        for n in range(size)
    )


def code(size: int, random: Random) -> str:
    return "\n".join(
        f"def {random.choice(WORDS)}_{n}(a, b={n}):\n    if a > b:  \n        return [a, {{'k': b}}]\n    return None\n"
        for n in range(size)
    )


def numbered(size: int, random: Random) -> str:
    between = random.choice(("\t", "→"))
    lines = code(size // 4 + 1, random).split("\n")
    return "\n".join(f"{n:6}{between}{line}" for n, line in enumerate(lines, random.choice((1, 95, 9_990))))


def grep(size: int, random: Random) -> str:
    lines: list[str] = []
    for n in range(size):
        where = path(random) if n % 4 == 0 or not lines else lines[-1].partition(":")[0]
        lines.append(f"{where}:{n + 1}:{random.choice(('    ', '', '12:', ':'))}{sentence(random)}")
        if random.random() < 0.02:
            lines.append(random.choice(("--", "grep: lib: Is a directory", "7:no path", ":none")))
    return "\n".join(lines)


def grep_context(size: int, random: Random) -> str:
    out = []
    for n in range(size):
        where = path(random)
        out += [
            f"{where}-{n + 8}-before",
            f"{where}:{n + 9}:{sentence(random)}",
            f"{where}-{n + 10}-{random.choice(('', 'x-1-y'))}",
            "--",
        ]
    return "\n".join(out)


def grep_files(size: int, random: Random) -> str:
    where = [path(random) for _ in range(size // 3 + 1)]
    return "\n".join(f"{where[n // 3]}:{random.choice(('', '', '12-34 ', '12:', ':'))}{sentence(random)}" for n in range(size))


def listing(size: int, random: Random) -> str:
    return "\n".join([f"file_{n}{random.choice(('.py', '.txt', '.json', '/'))}" for n in range(size)])


def recursive(size: int, random: Random) -> str:
    blocks = []
    for n in range(size // 5 + 1):
        names = "\n".join(random.choice(FILES[:9]) for _ in range(random.randint(0, 6)))
        blocks.append(f"./pkg{n}/{random.choice(FOLDERS)}:\n{names}")
    return "\n\n".join(blocks)


def long_listing(size: int, random: Random) -> str:
    rows = [f"total {size * 4}"]
    for n in range(size):
        mode, links = random.choice((("-rw-r--r--", 1), ("-rwxr-xr-x", 2), ("drwxr-xr-x", n + 2)))
        date = random.choice(("May  4 10:12", "Jan 12  2024"))
        rows.append(
            f"{mode} {links:2} root {random.choice(('root', 'staff'))} {random.randint(1, 99999):8} {date} {random.choice(FILES)}{n}"
        )
    return "\n".join(rows)


def found(size: int, random: Random) -> str:
    return "\n".join(sorted(f"./{random.choice(FOLDERS)}/{n}_{random.choice(FILES)}" for n in range(size * 3)))


def diff(size: int, random: Random) -> str:
    out = []
    for n in range(size // 6 + 1):
        where = path(random)
        new = random.random() < 0.2
        out.append(f"diff --git a/{where} b/{where}")
        out += [f"new file mode 100644\nindex 0000000..{n + 1:07x}\n--- /dev/null\n+++ b/{where}"] * new
        out += [f"index {n:07x}..{n + 1:07x} 100644\n--- a/{where}\n+++ b/{where}"] * (not new)
        out += [f"@@ -{n + 1},3 +{n + 1},4 @@ def f():\n     kept = 1\n-    old = {n}\n+    new = {n}\n+    more = 2\n     end"]
    return "\n".join(out) + "\n"


def tests(size: int, random: Random) -> str:
    lines = ["============ test session starts ============", "platform linux -- Python 3.11.2", f"collected {size} items", ""]
    lines += [
        f"tests/test_{random.choice(WORDS)}.py::test_{n} {'FAILED' if n % 17 == 5 else 'PASSED'} [{n:3}%]" for n in range(size)
    ]
    lines += [
        "=========== FAILURES ===========",
        "____ test_5 ____",
        "    def test_5():",
        ">       assert 1 == 2",
        "E       assert 1 == 2",
    ]
    return "\n".join([*lines, f"======== 1 failed, {size} passed in 2.31s ========"])


def build(size: int, random: Random) -> str:
    lines = [
        f"Collecting {random.choice(WORDS)}{n}\n  Downloading {random.choice(WORDS)}{n}-1.{n}.tar.gz ({n} kB)" for n in range(size)
    ]
    return "\n".join([*lines, "npm warn deprecated x@1: gone", f"Successfully installed things-{size}", "error: 1 of them failed"])


def page(size: int, random: Random) -> str:
    items = "".join(f'<li class="c-{n}"><a href="/item/{n}">{sentence(random)}</a> &amp; more</li>\n' for n in range(size))
    head = "<!DOCTYPE html><html><head><title>Shop</title><style>li { color: red }</style><script>var a = 1;</script></head>"
    return f"HTTP/1.1 200 OK\ncontent-type: text/html\n\n{head}<body><ul>{items}</ul><input name=q value='x'></body></html>"


def tree(size: int, random: Random) -> str:
    lines = ["RootWebArea 'Shop', focused"]
    for n in range(size):
        says = sentence(random, 5)
        lines += [
            f"\t[{n}] {random.choice(('link', 'button', 'generic', 'option'))} '{says}'",
            f"\t\tStaticText '{says}'",
            "\t\t[g] generic",
        ]
    return "\n".join(lines)


def playwright(size: int, random: Random) -> str:
    lines = ["- document [ref=e1]:"]
    lines += [f'  - link "{random.choice(WORDS)} {n}" [ref=e{n + 2}] [cursor=pointer]:\n    - text: {n}' for n in range(size)]
    return "\n".join(lines)


def grid(size: int, random: Random) -> str:
    rows = [f"| {n:5} | {random.choice(CITIES):12} | {random.choice(STATES[:4]):10} |" for n in range(size)]
    border = "+-------+--------------+------------+"
    return "\n".join([border, "|    id | city         | state      |", border, *rows, border, f"{size} rows in set (0.01 sec)"])


def aligned(size: int, random: Random) -> str:
    rows = [f"{random.choice(WORDS) + str(n):24} {'Running':10} {n % 5:8}   {n}d" for n in range(size)]
    return "\n".join([f"{'NAME':24} {'STATUS':10} {'RESTARTS':8}   AGE", *rows])


def complaints(size: int, random: Random) -> str:
    """What a command says of each of its arguments, or of each packet."""
    says = random.choice(
        (
            "ls: cannot access '{}': No such file or directory",
            "64 bytes from 10.0.0.1: icmp_seq={} ttl=59 time=24.0 ms",
            "{},varchar(255),YES,None,''",
        )
    )
    return "\n".join(sentence(random) if random.random() < 0.1 else says.format(f"{random.choice(WORDS)}_{n}") for n in range(size))


def tuples(size: int, random: Random) -> str:
    return str([(n, random.choice(CITIES), None, random.choice(STATES), n / 4) for n in range(size)])


def literal(size: int, random: Random) -> str:
    return str({"rows": [record(n, random) for n in range(size)], "set": (1, "two", None)})


def prose(size: int, random: Random) -> str:
    return "\n\n".join(" ".join(sentence(random) for _ in range(6)) for _ in range(size // 6 + 1))


def blob(size: int, random: Random) -> str:
    return f"data:image/png;base64,{base64.b64encode(random.randbytes(size * 20)).decode()}\nsha256 {random.randbytes(32).hex()}"


def trace(size: int, random: Random) -> str:
    frames = "".join(f'  File "/app/{path(random)}", line {n + 1}, in {random.choice(WORDS)}\n    call({n})\n' for n in range(size))
    return f"Traceback (most recent call last):\n{frames}ValueError: {sentence(random)}"


def terminal(size: int, random: Random) -> str:
    return "".join(f"\x1b[32m{n:3}%\x1b[0m {'#' * n}\r\x1b[K" for n in range(size)) + "\x1b[1mdone\x1b[0m   \n\n\n\n\n\b\bend\x00"


def control(size: int, random: Random) -> str:
    return "".join(
        random.choice(("\x00", "\x1b", "\x1b[", "\r", "\b", "\x07", "\x7f", "\u2028", "\x85", "a b", "\t", "\n", " "))
        for _ in range(size)
    )


def unicode(size: int, random: Random) -> str:
    return "\n".join(
        random.choice(("naïve café", "東京タワー", "👩‍👩‍👧 family", "Ωμέγα", "e\u0301", "\ufeff", "שלום", "𝒳𝒴"))
        for _ in range(size)
    )


def silent(size: int, random: Random) -> str:
    return random.choice(("", "ok", " ", "\n\n", "null", "[]", "{}", "0", "Tool ran without output or errors"))


MAKERS: dict[str, Maker] = {
    maker.__name__: maker
    for maker in (
        records, plain_records, answer, nested, keyed, lines_of_json, json_strings, json_numbers, json_in_json, order, long_strings,
        envelope, surrogates, csv, quoted_csv, logs, syslog, code, numbered, grep, grep_context, grep_files, listing, recursive,
        long_listing, found, diff, tests, build, page, tree, playwright, grid, aligned, complaints, tuples, literal, prose, blob, trace,
        terminal, control, unicode, silent,
    )
}  # fmt: skip


def made(kind: str, size: int, seed: int) -> str:
    return MAKERS[kind](size, Random(seed))
