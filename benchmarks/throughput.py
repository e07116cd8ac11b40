"""How fast tool outputs are compressed that were never seen before: tokens a second on one core, beside headroom-ai in the same run.

    python benchmarks/throughput.py FILE... [--texts FILE...] [--peer PYTHON] [--rounds 5] [--limit N] [--json]
    python benchmarks/throughput.py --sweep [--json]

FILE holds conversations in any format that `headroom-stream evaluate` reads; each of their tool outputs is compressed once, with the
question and the call that it answers, as a worker does it. --texts takes payloads: JSON lines with a `text`, or a plain text. Nothing of
them is printed.

Each round is a process of its own, on one core, and its seconds are those of the processor, so that what else runs on the machine counts
little; --peer takes a Python that has headroom-ai installed, whose rounds stand between ours. Both are warm: tokenizer loaded, one output
compressed. Counting tokens before and after belongs to the time. Printed beside are the compressors and the tokenizer alone, kinds of
output with their share of the time, and the slowest outputs by their number.

--sweep takes texts made here, of each kind and of 10 KB to 4 MB: seconds and memory, and ends with 1 where one of 1 MB takes more than
2 s or more than ten times its size, or where time grows like the square.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import size_sweep
from msgspec import Struct
from rich.console import Console
from rich.progress import track

from headroom_stream import importers
from headroom_stream.config import Policy
from headroom_stream.content import Hints
from headroom_stream.content.detect import compress_text
from headroom_stream.importers.source import documents
from headroom_stream.messages import view
from headroom_stream.session.intake import said
from headroom_stream.tokenizers import load_tokenizer
from headroom_stream.transforms.outputs import Decision, compress_output, reference

WARM = json.dumps([{"order": n, "state": "paid", "total": n * 1.5} for n in range(60)])
SLOWEST = 8
PEER = Path(__file__).with_name("peer_throughput.py")


class Output(Struct, frozen=True):
    """A tool output, and what a worker knows beside it."""

    text: str
    tool: str = ""
    query: str = ""
    intent: str = ""


def of_conversations(paths: Iterable[Path], limit: int | None) -> Iterator[Output]:
    """The tool outputs of every conversation, in their order."""
    for path in paths:
        for session in importers.read(path, limit=limit):
            names: dict[str, str] = {}
            query = intent = ""
            for raw in (raw for turn in session.turns for raw in turn.messages or ()):
                seen = view(raw)
                if seen.role == "assistant":
                    intent = said(seen)
                    names.update((call.key, call.name) for call in seen.calls)
                elif seen.role == "user" and seen.texts:
                    query = seen.texts[-1]
                for output in seen.outputs:
                    yield Output(output.text, names.get(output.key, output.tool), query, intent)


def of_texts(paths: Iterable[Path]) -> Iterator[Output]:
    """Payloads without a conversation."""
    for path in paths:
        if path.name.endswith((".jsonl", ".jsonl.gz")):
            for document in documents(path):
                row = msgspec.json.decode(document.data)
                yield Output(row["text"], query=row.get("question") or "")
        else:
            yield Output(path.read_text(encoding="utf-8", errors="replace"))


@contextmanager
def one_core() -> Iterator[None]:
    """Keeps this process on one core, where the system can."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def seconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def ours(outputs: list[Output]) -> dict[str, Any]:
    """One round: each output once."""
    tokenizer, policy, ref = load_tokenizer(), Policy(), partial(reference, "", "benchmark")
    known = [(one.text, Hints(tool=one.tool, query=one.query, intent=one.intent)) for one in outputs]
    compress_output(WARM, Hints(), policy, tokenizer, ref=ref)
    took: list[float] = []
    decisions: list[Decision] = []

    def whole() -> None:
        for text, hints in known:
            start = time.process_time()
            decisions.append(compress_output(text, hints, policy, tokenizer, ref=ref))
            took.append(time.process_time() - start)

    whole_seconds = seconds(whole)
    looked_at = [pair for pair, made in zip(known, decisions, strict=True) if made.reason != "small"]
    return {
        "seconds": whole_seconds,
        "compressors": seconds(lambda: [compress_text(text, hints, policy) for text, hints in looked_at]),
        "tokenizer": seconds(lambda: [tokenizer.count(text) for text, _ in known]),
        "before": [made.tokens_before for made in decisions],
        "after": sum(made.tokens_after for made in decisions),
        "kinds": [made.kind or made.reason for made in decisions],
        "took": took,
    }


def child(command: list[str]) -> dict[str, Any]:
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command[:2])} ended with {done.returncode}: {done.stderr.decode(errors='replace')[-500:]}")
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def measure(outputs: list[Output], peer: str | None, rounds: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        given = Path(folder, "outputs.json")
        given.write_bytes(msgspec.json.encode(outputs))
        mine: list[dict[str, Any]] = []
        theirs: list[dict[str, Any]] = []
        for _ in track(range(rounds), console=Console(stderr=True), description="rounds"):
            mine.append(child([sys.executable, __file__, "--round", str(given)]))
            if peer is not None:
                theirs.append(child([peer, str(PEER), str(given)]))
    tokens = sum(mine[0]["before"])
    middle = sorted(mine, key=lambda one: one["seconds"])[len(mine) // 2]
    figures: dict[str, Any] = {
        "outputs": len(outputs),
        "tokens": tokens,
        "tokens_left_percent": round(100 * mine[0]["after"] / tokens, 1),
        "rounds": rounds,
        "tokens_a_second": round(tokens / statistics.median(one["seconds"] for one in mine)),
        "tokens_a_second_compressors_alone": round(tokens / statistics.median(one["compressors"] for one in mine)),
        "tokens_a_second_tokenizer_alone": round(tokens / statistics.median(one["tokenizer"] for one in mine)),
    }
    if theirs:
        figures["peer"] = theirs[0]["name"]
        figures["peer_tokens_a_second"] = round(tokens / statistics.median(one["seconds"] for one in theirs))
        ratios = [two["seconds"] / one["seconds"] for one, two in zip(mine, theirs, strict=True)]
        figures["times_the_peer"] = round(statistics.median(ratios), 2)
        figures["peer_tokens_left_percent"] = round(100 * theirs[0]["after"] / theirs[0]["before"], 1)
    figures["kinds"] = by_kind(middle)
    figures["slowest"] = slowest(middle, outputs)
    return figures


def by_kind(one: dict[str, Any]) -> list[dict[str, Any]]:
    """What was made of the outputs, most time first."""
    count, spent, tokens = Counter(one["kinds"]), Counter[str](), Counter[str]()
    for kind, took, before in zip(one["kinds"], one["took"], one["before"], strict=True):
        spent[kind] += took
        tokens[kind] += before
    return [
        {
            "kind": kind,
            "outputs": count[kind],
            "tokens": tokens[kind],
            "percent_of_time": round(100 * took / spent.total(), 1),
            "tokens_a_second": round(tokens[kind] / took) if took else 0,
        }
        for kind, took in spent.most_common()
    ]


def slowest(one: dict[str, Any], outputs: list[Output]) -> list[dict[str, Any]]:
    """The outputs that took most time for their size, by number; short ones are within the clock's error."""
    long = [at for at, output in enumerate(outputs) if len(output.text) >= 2_000]
    long.sort(key=lambda at: -one["took"][at] / len(outputs[at].text))
    return [
        {
            "output": at,
            "kind": one["kinds"][at],
            "characters": len(outputs[at].text),
            "microseconds_a_kilobyte": round(1e9 * one["took"][at] / len(outputs[at].text)),
        }
        for at in long[:SLOWEST]
    ]


def show(figures: dict[str, Any]) -> None:
    for name, value in figures.items():
        if not isinstance(value, list):
            print(f"{name.replace('_', ' '):42} {value:,}" if isinstance(value, int) else f"{name.replace('_', ' '):42} {value}")
            continue
        print(f"\n{name}")
        for row in value:
            print("  " + "  ".join(f"{name.replace('_', ' ')} {cell}" for name, cell in row.items()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--texts", nargs="*", type=Path, default=[])
    parser.add_argument("--peer")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--limit", type=int, help="conversations of each file")
    parser.add_argument("--sweep", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--round", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.round:
        with one_core():
            print(json.dumps(ours(msgspec.json.decode(options.round.read_bytes(), type=list[Output]))))
        return
    if options.sweep:
        raise SystemExit(size_sweep.main(as_json=options.json))
    outputs = [*of_conversations(options.files, options.limit), *of_texts(options.texts)]
    if not outputs:
        parser.error("no tool output in these files")
    figures = measure(outputs, options.peer, options.rounds)
    print(json.dumps(figures)) if options.json else show(figures)


if __name__ == "__main__":
    main()
