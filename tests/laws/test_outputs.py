"""Laws of one output: whatever tool it came from."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headroom_stream.config import Policy, override
from headroom_stream.content import Compressed, Hints, delimited, diffs, ends, grids, listings, numbered, search, structured, traces
from headroom_stream.content.records import parse, restore
from headroom_stream.content.split import split
from headroom_stream.tokenizers import load_tokenizer
from headroom_stream.transforms.outputs import Decision, compress_output, reference
from tests.laws import promises
from tests.laws.kinds import MAKERS, made
from tests.laws.outputs import corpus, outputs

TOKENIZER = load_tokenizer(network=False)
POLICIES = {
    "conservative": override(Policy(), {"preset": "conservative"}),
    "balanced": Policy(),
    "aggressive": override(Policy(), {"preset": "aggressive"}),
    "budget": override(Policy(), {"output_tokens": 120}),
    "everything": override(Policy(), {"min_tokens": 1, "crush": {"enabled": True}, "output_tokens": 60}),
}
HINTS = (
    Hints(),
    Hints(tool="browser", query="What is the state of R00012?"),
    Hints(intent="curl https://example.com | grep order"),
)

policies = st.sampled_from(sorted(POLICIES)).map(POLICIES.__getitem__)
hints = st.sampled_from(HINTS)


def decide(text: str, told: Hints, policy: Policy) -> Decision:
    return compress_output(text, told, policy, TOKENIZER, ref=partial(reference, "", "s"))


@given(outputs(), hints, policies)
def test_no_compressor_fails_and_no_output_gets_longer(text: str, told: Hints, policy: Policy) -> None:
    decision = decide(text, told, policy)
    assert decision.action != "failed", decision.reason
    assert decision.tokens_before == TOKENIZER.count(text)
    assert decision.tokens_after == TOKENIZER.count(decision.text) <= decision.tokens_before
    assert (decision.text == text) == (decision.action == "kept")
    decision.text.encode()


@given(outputs(), hints, policies)
def test_an_output_that_is_not_all_there_any_more_names_its_original_and_no_other_does(
    text: str, told: Hints, policy: Policy
) -> None:
    decision = decide(text, told, policy)
    assert bool(decision.ref) == (not decision.lossless)
    if decision.ref:
        assert decision.ref == reference("", "s", text)
    if policy.preset == "conservative":
        assert f"original {decision.ref}]" not in decision.text or not decision.ref


@given(outputs(), hints)
def test_a_budget_is_kept(text: str, told: Hints) -> None:
    for policy in (POLICIES["budget"], POLICIES["everything"]):
        decision = decide(text, told, policy)
        assert policy.output_tokens is not None
        assert decision.tokens_after <= max(policy.output_tokens, 72), decision


@given(outputs(), hints, policies)
def test_the_same_output_gives_the_same_text(text: str, told: Hints, policy: Policy) -> None:
    assert decide(text, told, policy) == decide(text, told, policy)


@given(outputs(), hints)
def test_json_that_is_written_without_loss_has_equal_values(text: str, told: Hints) -> None:
    for name in ("conservative", "balanced"):
        short = structured.compress(text, told, POLICIES[name])
        if short is not None and short.lossless:
            assert restore(short.text) == json.loads(json.dumps(_values(text)))


def _values(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return [json.loads(line) for line in text.split("\n") if line.strip()]


@given(
    st.sampled_from(("records", "plain_records", "answer", "nested", "keyed", "lines_of_json")),
    st.integers(0, 60),
    st.integers(0, 999),
)
def test_whole_decisions_on_json_have_equal_values(kind: str, size: int, seed: int) -> None:
    text = made(kind, size, seed)
    for policy in POLICIES.values():
        decision = decide(text, HINTS[0], policy)
        # Two documents, of which the first is most of the text, are a value and what stands after it.
        written = decision.action == "compressed" and decision.lossless and decision.kind in ("json", "records")
        if written and len(split(text, policy.wrappers)) == 1:
            assert restore(decision.text) == _values(text)


@given(outputs(), hints)
def test_separated_values_have_equal_rows(text: str, told: Hints) -> None:
    short = delimited.compress(text, told, Policy().records)
    if short is not None:
        columns = delimited.parse(text)
        assert columns is not None
        cells = zip(*columns.values(), strict=True)
        rows = [{name: cell for name, cell in zip(columns, row, strict=True) if cell} for row in cells]
        names = list(dict.fromkeys(name for row in rows for name in row))
        back = restore(short.text)
        assert [{name: _cell(value) for name, value in row.items()} for row in back] == [
            {
                name: _cell(parse(f"[{row[name]}]")[0] if row[name] in ("true", "false", "null") else row[name])
                for name in names
                if name in row
            }
            for row in rows
        ]


def _cell(value: Any) -> Any:
    try:
        return float(value)
    except (TypeError, ValueError):
        return value


def lossless(short: Compressed | None) -> str | None:
    return None if short is None or not short.lossless else short.text


@given(outputs(), hints)
def test_search_hits_can_be_written_out_again(text: str, told: Hints) -> None:
    if (short := lossless(search.compress(text, told, Policy().search))) is not None:
        assert promises.hits(short) == text


@given(outputs(), hints)
def test_numbered_lines_can_be_padded_again(text: str, told: Hints) -> None:
    if (short := lossless(numbered.compress(text, told, Policy().numbered))) is not None:
        assert promises.padded(short) == promises.padded(text)


@given(outputs(), hints)
def test_a_patch_can_be_written_out_again(text: str, told: Hints) -> None:
    if (short := lossless(diffs.compress(text, told, Policy().diffs))) is not None:
        assert promises.patch(short) == promises.patch(text)


@given(outputs(), hints)
def test_frames_of_a_trace_keep_path_line_and_name(text: str, told: Hints) -> None:
    if (short := lossless(traces.compress(text, told, Policy().traces))) is not None:
        assert short == promises.frames(text)


@given(outputs(), hints)
def test_what_lines_begin_and_end_with_can_be_put_back(text: str, told: Hints) -> None:
    if (short := lossless(ends.compress(text, told, Policy().ends))) is not None:
        assert promises.whole_lines(short) == text


@given(st.sampled_from(("listing", "recursive")), st.integers(6, 90), st.integers(0, 999), hints)
def test_every_name_of_a_listing_stays_in_its_directory(kind: str, size: int, seed: int, told: Hints) -> None:
    text = made(kind, size, seed)
    if (short := lossless(listings.compress(text, told, Policy().listings))) is not None:
        assert promises.names_of_lines(short) == promises.names_of_listing(text)


@given(st.integers(50, 120), st.integers(0, 999), hints)
def test_every_path_of_a_long_list_stays(size: int, seed: int, told: Hints) -> None:
    text = made("found", size, seed)
    if (short := lossless(listings.compress(text, told, Policy().listings))) is not None:
        assert promises.paths(short) == text.split("\n")


@given(st.integers(3, 90), st.integers(0, 999), hints)
def test_every_row_of_a_long_listing_says_what_differs(size: int, seed: int, told: Hints) -> None:
    text = made("long_listing", size, seed)
    short = lossless(listings.compress(text, told, Policy().listings))
    if short is None:
        return
    head, *rows = short.split("\n")[1:]
    for row, line in zip(rows, text.split("\n")[1:], strict=True):
        mode, links, owner, group, size_of, rest = line.split(maxsplit=5)
        date, name = rest[:12], rest[13:]
        assert row.startswith(f"{name}/ {links}" if mode[0] == "d" else f"{name} {size_of}")
        for value in (mode, f"{owner} {group}", date):
            assert value in row or f", {value}" in head or f" {value} " in head
        if mode[0] == "d":
            assert f"size {size_of}" in row or f"size {size_of}" in head


@given(st.sampled_from(("grid", "aligned", "tuples")), st.integers(3, 60), st.integers(0, 999), hints)
def test_every_cell_of_a_table_stays(kind: str, size: int, seed: int, told: Hints) -> None:
    text = made(kind, size, seed)
    short = lossless(grids.compress(text, told, Policy().tables))
    if short is None:
        return
    if kind == "tuples":
        at = 0
        for cell in promises.cells(text):
            at = short.index(cell.replace("\\", "\\\\"), at) + len(cell)
    else:
        assert promises.cells(short) == promises.cells(text)


@pytest.mark.parametrize("kind", sorted(MAKERS))
def test_a_kind_of_output_is_compressed_where_it_is_long(kind: str) -> None:
    """The laws say nothing about texts that come through untouched: most kinds have to be touched."""
    untouched = {"code", "control", "grep_files", "silent", "unicode", "surrogates", "syslog", "quoted_csv", "nested"}
    decisions = [decide(made(kind, 120, seed), HINTS[1], Policy()) for seed in range(4)]
    assert kind in untouched or any(one.action == "compressed" for one in decisions)


PROGRAM = """
import hashlib
from tests.laws.test_outputs import all_bytes
print(hashlib.sha256(all_bytes()).hexdigest())
"""


def all_bytes() -> bytes:
    """What comes of the corpus under every policy."""
    return "\n".join(
        decide(text, told, policy).text for text in corpus() for told in HINTS[1:] for policy in POLICIES.values()
    ).encode()


def test_every_process_gives_the_same_bytes() -> None:
    root = Path(__file__).parents[2]
    own = hashlib.sha256(all_bytes()).hexdigest()
    for seed in ("0", "1", "4242"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(root)}
        made_there = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=True)
        assert made_there.stdout.strip() == own
