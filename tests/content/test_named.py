"""What a query names is found where it stands, and nowhere else."""

from __future__ import annotations

import json
import random

import pytest

from headroom_stream.config import Policy
from headroom_stream.content import Hints
from headroom_stream.content.detect import compress_text
from headroom_stream.content.named import Named

FILL = ["job alpha-7 done in 12 ms", "the cache of node b was cleared", "", "served GET /index.html to 10.0.0.9"] * 5


@pytest.mark.parametrize(
    ("query", "line"),
    [
        ("what became of order-4711?", "order-4711 was refunded"),
        ("is api.internal.example.com up", "no route to api.internal.example.com:443"),
        ("who is ann@example.com", "mail from ann@example.com"),
        ("the run of 2024-05-01T10:22", "2024-05-01T10:22 started"),
        ("did we bill 1,234,567 units?", "billed 1234567"),
        ("did we bill 1234567 units?", "billed 1,234,567 units"),
        ("did we bill 1234567 units?", "billed 1_234_567"),
        ("how much is 12.50", "total 12.50"),
        ('find "disk is full" please', "warning: Disk is full on b"),
        ("find “disk is full” please", "warning: disk is full on b"),
        ("look at `x y`", "set x y to 3"),
        ("what fails at src/app.py:42?", '  File "src/app.py", line 42, in run'),
        ("what fails at src/app.py:42?", "src/app.py:42: error"),
        ("what fails at src/app.ts:42:7?", "at run (src/app.ts:42:7)"),
        ("explain the OutOfMemoryError", "java.lang.OutOfMemoryError: heap"),
        ("explain ECONNREFUSED", "connect ECONNREFUSED"),
        ("what is user_id?", "user_id = 3"),
        ("look for #W55", "reservation #W55 changed"),
        ("C:\\temp\\a.txt is missing", "open C:\\temp\\a.txt"),
        ("Was anything corrupted?", "one block was corrupted"),
    ],
)
def test_a_query_names_its_line(query: str, line: str) -> None:
    assert Named(query).lines([*FILL, line, *FILL]) == {len(FILL)}


@pytest.mark.parametrize(
    ("query", "line"), [("item-1", "item-17"), ("17", "x17"), ("4711", "14711"), ("a.b", "a.bc"), ("12", "1 2")]
)
def test_a_part_of_a_longer_name_is_not_named(query: str, line: str) -> None:
    assert Named(query).lines([line]) == set()


def test_plain_words_name_lines_only_where_they_are_rare() -> None:
    lines = ["request served"] * 10 + ["request rejected"]
    assert Named("was any request rejected?").lines(lines) == {10}


def test_what_stands_on_every_line_names_none_but_where_it_meets_another() -> None:
    lines = [f"app.server worker-{n % 4} did {n}" for n in range(1000)]
    assert Named("why did app.server stop?").lines(lines) == set()
    lines[500] = "app.server worker-2 and worker-3 collided"
    assert 500 in Named("did worker-2 and worker-3 meet?").lines(lines)


def test_a_query_without_names_names_nothing() -> None:
    assert Named("").lines(["a"]) == Named("so is it ok?").lines(["it is ok"]) == set()


def _log(rng: random.Random, name: str) -> tuple[str, str]:
    def line(n: int, job: str) -> str:
        return f"2024-05-01 10:{n // 60:02}:{n % 60:02} INFO [worker-{n % 7}] jobs: finished {job} with {rng.randrange(999)} rows"

    lines = [line(n, f"job-{rng.randrange(10**6)}") for n in range(400)]
    planted = line(rng.randrange(400), name)
    lines.insert(rng.randrange(400), planted)
    return "\n".join(lines), planted


def _hits(rng: random.Random, name: str) -> tuple[str, str]:
    lines = [f"src/m{n % 30}/a{n}.py:{rng.randrange(900)}:    value = load('key_{rng.randrange(10**6)}')" for n in range(300)]
    at = rng.randrange(300)
    lines[at] = f"src/planted.py:17:    value = load('{name}')"
    return "\n".join(lines), f"value = load('{name}')"


def _strings(rng: random.Random, name: str) -> tuple[str, str]:
    items = [f"shipment {rng.randrange(10**6)} left the port" for _ in range(15)]
    items.insert(rng.randrange(15), f"shipment {name} was lost")
    return json.dumps(items), f"shipment {name} was lost"


def _records(rng: random.Random, name: str) -> tuple[str, str]:
    rows = [{"id": f"r-{n}", "path": f"/srv/data/incoming/{rng.randrange(10**6)}.csv", "state": "ok", "n": n} for n in range(200)]
    rows[rng.randrange(200)] |= {"id": name, "path": "/srv/data/incoming/odd-one.csv"}
    return json.dumps(rows), "/srv/data/incoming/odd-one.csv"


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("make", [_log, _hits, _strings, _records])
def test_a_needle_that_the_query_names_is_kept(make: object, seed: int) -> None:
    assert callable(make)
    rng = random.Random(seed)
    name = rng.choice(["order-{}", "KEY{}", "{}", "user_{}@example.com", "a.b.c{}"]).format(rng.randrange(10**7, 10**8))
    text, planted = make(rng, name)
    out = compress_text(text, Hints(query=f"What happened to {name}, and when?"), Policy())
    assert name in (out.text if out else text) and planted in (out.text if out else text)
