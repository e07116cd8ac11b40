"""What a turn costs as a session grows: the fold over 200 turns of about 480,000 tokens, turn by turn.

    python benchmarks/session_length.py [--turns 200] [--runs 5]

The conversation is made here, of the kinds of output that agents collect: search hits as JSON, logs, database rows, grep, code. Printed:
milliseconds a turn early (turns 6-26) and late (the last 20), their ratio by the medians of several runs, bytes written to the changelog,
and whether every context starts with the bytes of the one before.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import time
from datetime import UTC, datetime

import msgspec
from msgspec import Raw
from rich.console import Console
from rich.progress import track

from headroom_stream.config import Policy
from headroom_stream.evaluation import PolicySession
from headroom_stream.events import TurnEvent
from headroom_stream.session.fold import fold
from headroom_stream.session.state import Position, Session, encode_state
from headroom_stream.tokenizers import load_tokenizer
from headroom_stream.tokens import Tokenizer

EARLY = slice(5, 26)
LATE = slice(-20, None)


def search(rng: random.Random) -> str:
    return json.dumps(
        [
            {
                "id": f"doc-{rng.randrange(10**6)}",
                "title": f"Result {i} about {rng.choice(WORDS)} {rng.choice(WORDS)}",
                "url": f"https://example.com/{rng.choice(WORDS)}/{rng.randrange(10**5)}",
                "score": round(rng.random(), 4),
                "language": "en",
            }
            for i in range(53)
        ]
    )


def log(rng: random.Random) -> str:
    lines = []
    for i in range(88):
        level = "ERROR" if rng.random() < 0.02 else "INFO"
        lines.append(
            f"2026-03-01T10:{i // 60:02}:{i % 60:02}Z {level} worker-{rng.randrange(8)} handled request {rng.randrange(10**6)} "
            f"in {rng.randrange(900)} ms"
        )
    return "\n".join(lines)


def rows(rng: random.Random) -> str:
    return json.dumps(
        {
            "rows": [
                {
                    "order": rng.randrange(10**6),
                    "state": rng.choice(["open", "paid"]),
                    "total": rng.randrange(10**4) / 100,
                    "currency": "EUR",
                }
                for _ in range(94)
            ]
        },
        indent=1,
    )


def grep(rng: random.Random) -> str:
    def one() -> str:
        place = f"src/{rng.choice(WORDS)}/{rng.choice(WORDS)}.py:{rng.randrange(900)}"
        return f"{place}:    {rng.choice(WORDS)} = {rng.choice(WORDS)}({rng.randrange(99)})"

    return "\n".join(one() for _ in range(128))


def code(rng: random.Random) -> str:
    def one(i: int) -> str:
        head = f"def {rng.choice(WORDS)}_{i}(value):\n    if value > {rng.randrange(99)}:"
        return f"{head}\n        return {rng.choice(WORDS)}(value)\n    return None"

    return "\n\n".join(one(i) for i in range(76))


WORDS = [
    "alpha",
    "branch",
    "cache",
    "delta",
    "event",
    "fold",
    "graph",
    "header",
    "index",
    "join",
    "kernel",
    "lease",
    "merge",
    "node",
    "offset",
    "parser",
    "queue",
    "range",
    "shard",
    "topic",
]
OUTPUTS = (search, log, rows, grep, code)


def conversation(turns: int, seed: int = 7) -> list[list[dict[str, object]]]:
    """The new messages of each turn. Each kind of output comes equally often early and late."""
    rng = random.Random(seed)
    out: list[list[dict[str, object]]] = [
        [{"role": "system", "content": "You are a careful engineer."}, {"role": "user", "content": "Find the fault."}]
    ]
    for n in range(turns - 1):
        make = OUTPUTS[n % len(OUTPUTS)]
        call = {"id": f"call_{n}", "type": "function", "function": {"name": make.__name__, "arguments": json.dumps({"n": n})}}
        out.append(
            [
                {"role": "assistant", "content": f"Step {n}: look further.", "tool_calls": [call]},
                {"role": "tool", "tool_call_id": f"call_{n}", "content": make(rng)},
            ]
        )
    return out


def timed(turns: list[list[dict[str, object]]], tokenizer: Tokenizer) -> tuple[list[float], bool, int, int]:
    """Milliseconds of each turn through `PolicySession`; whether contexts only appended; tokens before and after."""
    session = PolicySession(tokenizer=tokenizer)
    spent, appended, before = [], True, b""
    for new in turns:
        start = time.perf_counter()
        session.turn(new)
        spent.append((time.perf_counter() - start) * 1000)
        assert session.context is not None
        body = b",".join(bytes(m) for m in session.context.messages)
        appended = appended and body.startswith(before)
        before = body
    assert session.context is not None
    return spent, appended, session.context.tokens_before, session.context.tokens_after


def written(turns: list[list[dict[str, object]]], tokenizer: Tokenizer) -> list[int]:
    """Bytes that each turn writes to the changelog."""
    state: Session | None = None
    out = []
    for n, new in enumerate(turns):
        event = TurnEvent(session_id="s", messages=[Raw(msgspec.json.encode(m)) for m in new])
        at = Position("t", 0, n)
        folded = fold(state, event, Policy(), at=at, time=datetime(2026, 1, 1, tzinfo=UTC), tokenizer=tokenizer)
        state, effects = folded.session, folded.effects
        assert effects.head is not None
        out.append(len(encode_state(effects.head)) + sum(len(encode_state(s)) for s in effects.segments))
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=200)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    tokenizer = load_tokenizer()
    turns = conversation(options.turns)
    runs = [timed(turns, tokenizer) for _ in track(range(options.runs), console=Console(stderr=True), description="runs")]
    early = statistics.median(statistics.mean(spent[EARLY]) for spent, *_ in runs)
    late = statistics.median(statistics.mean(spent[LATE]) for spent, *_ in runs)
    ratios = [statistics.mean(spent[LATE]) / statistics.mean(spent[EARLY]) for spent, *_ in runs]
    sizes = written(turns, tokenizer)
    figures = {
        "turns": options.turns,
        "runs": options.runs,
        "tokens_before": runs[0][2],
        "tokens_after": runs[0][3],
        "ms_a_turn_early": round(early, 3),
        "ms_a_turn_late": round(late, 3),
        "late_over_early": round(statistics.median(ratios), 3),
        "seconds_a_session": round(statistics.median(sum(spent) for spent, *_ in runs) / 1000, 3),
        "every_context_continues_the_one_before": all(appended for _, appended, *_ in runs),
        "changelog_bytes_a_turn_early": round(statistics.mean(sizes[EARLY])),
        "changelog_bytes_a_turn_late": round(statistics.mean(sizes[LATE])),
    }
    if options.json:
        print(json.dumps(figures))
        return
    for name, value in figures.items():
        print(f"{name.replace('_', ' '):42} {value}")


if __name__ == "__main__":
    main()
