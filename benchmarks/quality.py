"""What is saved and what is lost on conversations: the presets, plain minifying, and the peer, beside what hindsight would save.

    python benchmarks/quality.py FILE... [--by folder] [--peer PYTHON] [--split even|odd] [--limit N] [--targets FAMILY=PERCENT,...]

FILE holds conversations in any format that `headroom-stream evaluate` reads. They belong to the family that their `set` names, else to
that of the file's folder; with --by folder always to the latter.

The measure is that of `evaluate`, offline and without a model: the saving on the input bill under prompt caching after refetches, and
whether facts and phrases that the agent used later still stood in the context. Hindsight keeps of each tool output the values that will
be used: what it saves on the same conversations is the most that can be saved. An output that several conversations have keeps what any
of them used, so hindsight is always learnt from all of the FILEs: a split or a limit changes what is measured, not by what.

--peer takes a Python that has headroom-ai installed, which then compresses the whole history at each turn. ± is a 95 % bound over
conversations (bootstrap, fixed seed).

--targets gives the shares of hindsight that `balanced` has to reach: what holds is printed, and the exit code is 1 where something does
not. --lost tells what the lost facts and the tokens that are left consist of.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.progress import track

from headroom_stream.config import Policy, override
from headroom_stream.config.presets import PRESETS
from headroom_stream.errors import HeadroomError
from headroom_stream.evaluation import PolicySession
from headroom_stream.evaluation.baseline import EachOutput, minified
from headroom_stream.evaluation.bill import RATES
from headroom_stream.evaluation.conversation import Conversation, from_file
from headroom_stream.evaluation.foreign import ForeignPolicy
from headroom_stream.evaluation.hindsight import Hindsight, Knowledge, learn
from headroom_stream.evaluation.measure import PolicyRun
from headroom_stream.evaluation.report import Report, evaluate
from headroom_stream.evaluation.shortfall import Part, facts_moved, lost_facts, tokens_left
from headroom_stream.evaluation.summary import HINDSIGHT, Line, Summary
from headroom_stream.evaluation.targets import Check, checks, parsed
from headroom_stream.evaluation.text import bounded_percent, percent
from headroom_stream.tokenizers import load_tokenizer
from headroom_stream.tokens import Tokenizer

JUDGED = "balanced"
"""The preset that targets are for: the default one."""
SPLITS = {"all": slice(None), "even": slice(0, None, 2), "odd": slice(1, None, 2)}
"""Conversations of a file by their place in it."""
HEADS = (
    *("family", "policy", "conv.", "turns", "net saved %", "hindsight %", "reached %"),
    *("in context %", "phrases % (n)", "refetches", "touched", "invalid"),
)
err = Console(stderr=True)


def conversations(file: Path, *, by: str) -> list[Conversation]:
    folder = file.resolve().parent.name
    found = list(from_file(file, family=folder))
    return [msgspec.structs.replace(one, family=folder) for one in found] if by == "folder" else found


def policies(tokenizer: Tokenizer, known: Knowledge, peer: ForeignPolicy | None) -> dict[str, Callable[[], PolicyRun]]:
    def preset(name: str) -> Callable[[], PolicyRun]:
        policy = override(Policy(), {"preset": name})
        return lambda: PolicySession(policy, tokenizer=tokenizer)

    runs: dict[str, Callable[[], PolicyRun]] = {name: preset(name) for name in PRESETS}
    runs["minify"] = lambda: EachOutput(minified)
    if peer is not None:
        runs[peer.name] = peer.session
    return runs | {HINDSIGHT: lambda: Hindsight(known)}


def cells(line: Line) -> list[str]:
    s = line.score
    return [
        *(line.family, line.policy, f"{s.conversations:,}", f"{s.turns:,}"),
        *(bounded_percent(s.net_saved, s.net_bound), percent(line.hindsight_net_saved)),
        *(bounded_percent(line.hindsight_reached, line.hindsight_bound), percent(s.in_context)),
        *(f"{percent(s.phrases)} ({s.phrase_count:,})", f"{s.refetches:,}", f"{s.touched:,}", f"{s.invalid:,}"),
    ]


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """In Markdown, its columns in line."""
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    lines = [heads, ["-" * width for width in widths], *rows]
    return "\n".join(
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in lines
    )


def markdown(summary: Summary, held: Sequence[Check], missing: dict[str, dict[str, list[Part]]]) -> str:
    out = [table(HEADS, [cells(line) for line in summary.lines])]
    if held:
        rows = [[one.family, one.figure, one.value, one.wanted, "yes" if one.holds else "NO"] for one in held]
        out.append(table(("family", JUDGED, "is", "wanted", "holds"), rows))
    for family, lists in missing.items():
        out += [f"{family}, {JUDGED}: {title}\n{_bullets(parts)}" for title, parts in lists.items()]
    return "\n\n".join(out) + "\n"


def _bullets(parts: Sequence[Part]) -> str:
    return "\n".join(f"- {one.share:.1f} % ({one.count:,}) {one.what}" for one in parts) or "- none"


def json_lines(summary: Summary, held: Sequence[Check], missing: dict[str, dict[str, list[Part]]]) -> Iterator[dict[str, Any]]:
    for line in summary.lines:
        figures = msgspec.to_builtins(line)
        score = figures.pop("score")
        # The only figure that differs from run to run.
        del score["ms_per_turn"]
        yield {"type": "family", **figures, **score}
    for one in held:
        yield {"type": "check", **msgspec.to_builtins(one)}
    for family, lists in missing.items():
        for title, parts in lists.items():
            for part in parts:
                yield {"type": "missing", "family": family, "list": title, **msgspec.to_builtins(part)}


def shortfalls(report: Report, most: int) -> dict[str, dict[str, list[Part]]]:
    return {
        outcome.family: {
            "facts lost": lost_facts(outcome, most),
            "facts amid other surroundings, by content": facts_moved(outcome, most),
            **{f"tokens left, by {by}": parts for by, parts in tokens_left(outcome, most).items()},
        }
        for outcome in report.outcomes
        if outcome.policy == JUDGED
    }


def run(options: argparse.Namespace) -> int:
    tokenizer = load_tokenizer()
    files = [conversations(file, by=options.by) for file in options.files]
    whole = [one for file in files for one in file]
    sample = [one for file in files for one in file[SPLITS[options.split]][: options.limit]]
    wanted = parsed(options.targets, {one.family for one in sample})
    with ExitStack() as stack:
        peer = None
        if options.peer:
            script = str(Path(__file__).with_name("peer_policy.py"))
            peer = stack.enter_context(ForeignPolicy([options.peer, script]))
        known = learn(track(whole, console=err, description="learnt"), tokenizer)
        runs = policies(tokenizer, known, peer)
        measured = track(sample, console=err, description="measured")
        report = evaluate(measured, runs, tokenizer, lost=sys.maxsize if options.lost else 0)
    for refused in report.refused:
        err.print(f"left out: {refused.conversation} {refused.policy}: {refused.reason}", markup=False, soft_wrap=True)
    summary = Summary(report, RATES["anthropic"])
    held = checks(summary, wanted, policy=JUDGED, above=peer.name if peer else None)
    missing = shortfalls(report, options.lost) if options.lost else {}
    text = markdown(summary, held, missing)
    if options.json:
        for row in json_lines(summary, held, missing):
            print(msgspec.json.encode(row).decode())
    else:
        print(text, end="")
    if options.markdown:
        options.markdown.write_text(text, encoding="utf-8")
    return 0 if all(one.holds for one in held) else 1


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    parser.add_argument("--by", choices=("set", "folder"), default="set", help="what tells families apart")
    parser.add_argument("--peer", metavar="PYTHON", help="measure headroom-ai too, which this Python has")
    parser.add_argument("--split", choices=SPLITS, default="all", help="every conversation of a file, or every other one")
    parser.add_argument("--limit", type=int, metavar="N", help="only the first N conversations of each file, after the split")
    parser.add_argument("--targets", default="", metavar="FAMILY=PERCENT,...", help="share of hindsight to reach")
    parser.add_argument(
        "--lost", type=int, default=0, metavar="N", help="the N largest parts of what was lost, and of what is left"
    )
    parser.add_argument("--json", action="store_true", help="JSON lines in place of tables")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the tables to this file, too")
    try:
        return run(parser.parse_args())
    except HeadroomError as error:
        parser.error(str(error))


if __name__ == "__main__":
    sys.exit(main())
