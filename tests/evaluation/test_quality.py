"""The table of quality: what of hindsight's saving is reached, which targets hold, and a program of others measured as a policy."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from headroom_stream.errors import ConfigurationError
from headroom_stream.evaluation import PolicySession
from headroom_stream.evaluation.baseline import EachOutput, minified
from headroom_stream.evaluation.bill import RATES
from headroom_stream.evaluation.conversation import from_file
from headroom_stream.evaluation.foreign import ForeignPolicy
from headroom_stream.evaluation.report import evaluate
from headroom_stream.evaluation.shortfall import facts_moved, lost_facts, tokens_left
from headroom_stream.evaluation.summary import HINDSIGHT, Summary
from headroom_stream.evaluation.tally import Tally, reached, score
from headroom_stream.evaluation.targets import checks, parsed
from tests.evaluation.talk import Letters, Message, calls, changing_outputs, dropping, keeping, measured, result, says, talk, user

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "quality.py"
UNUSED = "It rained all day, and nobody who was there will say that it did not. " * 20
RECORDS = json.dumps([{"order": 4000 + n, "state": "open", "city": "Oslo"} for n in range(30)], indent=2)
EIGHT = "the pump behind the second door runs hot tonight"


def asked(text: str, answer: str = "Done.") -> list[Message]:
    return [user("Go."), calls("a"), result("a", text), says(answer), user("Thanks."), says("You are welcome.")]


def halved() -> Any:
    return changing_outputs(lambda text: text[: len(text) // 2])


def tallies(run: Any, texts: Sequence[str]) -> list[Tally]:
    return [measured(run(), *asked(text)).tally for text in texts]


TEXTS = [UNUSED, UNUSED * 2, UNUSED * 5]
RATE = RATES["anthropic"]


def test_a_ceiling_reaches_all_of_itself_and_half_of_the_saving_is_half_of_it() -> None:
    ceiling = tallies(lambda: changing_outputs(lambda _: ""), TEXTS)
    assert reached(ceiling, ceiling, RATE) == pytest.approx((100, 0))
    share, bound = reached(tallies(halved, TEXTS), ceiling, RATE)
    assert share == pytest.approx(50, abs=0.1) and bound == pytest.approx(0, abs=0.1)


def test_the_share_is_of_the_sums_and_its_bound_grows_with_what_differs() -> None:
    ceiling = tallies(dropping, TEXTS)
    mixed = [*tallies(dropping, TEXTS[:2]), *tallies(keeping, TEXTS[2:])]
    share, bound = reached(mixed, ceiling, RATE)
    saved = [one.cost_full(RATE) - one.cost_net(RATE) for one in ceiling]
    assert share == pytest.approx(100 * sum(saved[:2]) / sum(saved))
    assert bound is not None and bound > 10
    assert reached(mixed, ceiling, RATE) == (share, bound)


def test_where_a_ceiling_saves_nothing_there_is_no_share_of_it() -> None:
    kept = tallies(keeping, TEXTS)
    assert reached(kept, kept, RATE) == (None, None)
    one = tallies(dropping, TEXTS[:1])
    share, bound = reached(one, one, RATE)
    assert share == pytest.approx(100) and bound is None


def test_the_count_of_phrases_stands_beside_their_share() -> None:
    shown = measured(keeping(), *asked(f"Note: {EIGHT}.", f"I see: {EIGHT}.")).tally
    assert (score([shown, shown], RATE).phrases, score([shown, shown], RATE).phrase_count) == (100, 12)


def summary(run: Any, *, text: str = UNUSED, answer: str = "Done.", family: str = "shop") -> Summary:
    sample = [talk(*asked(text, answer), family=family, name=str(n)) for n in range(20)]
    policies: dict[str, Any] = {"ours": run, "theirs": halved, HINDSIGHT: lambda: changing_outputs(lambda _: "")}
    return Summary(evaluate(sample, policies, Letters()), RATE)


def failing(made: Summary, share: float = 50, above: str | None = None) -> list[str]:
    return [one.figure for one in checks(made, {"shop": share}, policy="ours", above=above) if not one.holds]


def test_a_target_holds_from_its_share_on() -> None:
    assert failing(summary(dropping), 99) == []
    assert failing(summary(halved), 60) == failing(summary(keeping), 1) == ["share of hindsight"]


def test_a_policy_has_to_save_more_than_the_other_not_as_much() -> None:
    assert failing(summary(dropping), above="theirs") == []
    assert failing(summary(halved), 49, above="theirs") == ["net saved, beside theirs"]


def test_lost_facts_and_phrases_fail_a_policy_that_saves_enough() -> None:
    made = summary(dropping, text=UNUSED * 9 + f"{EIGHT}, order ORD-77123", answer=f"It is ORD-77123: {EIGHT}.")
    assert failing(made, -1000) == ["in context", "phrases"]


def test_of_few_phrases_none_is_asked_for() -> None:
    made = summary(dropping, text=UNUSED + EIGHT, answer=EIGHT.rsplit(" ", 4)[0])
    assert 0 < made.lines[0].score.phrase_count < 100 and made.lines[0].score.phrases == 0
    assert failing(made) == []


def test_touched_messages_and_invalid_contexts_fail_a_policy() -> None:
    class Mute:
        def turn(self, new: Sequence[Any], /) -> list[Message]:
            return [calls("b")]

    assert failing(summary(Mute), -1000) == ["touched", "invalid"]


def test_families_without_a_target_are_not_checked_and_targets_without_a_family_fail() -> None:
    made = summary(dropping, family="inn")
    assert checks(made, {}, policy="ours") == []
    assert [(one.family, one.figure, one.holds) for one in checks(made, {"shop": 1}, policy="ours")] == [
        ("shop", "conversations", False)
    ]


def test_targets_are_read_and_told_apart_from_what_is_none() -> None:
    assert parsed("shop=85,inn=42.5", {"shop", "inn", "other"}) == {"shop": 85, "inn": 42.5}
    assert parsed("", {"shop"}) == {}
    with pytest.raises(ConfigurationError, match="'bar'; there are inn, shop"):
        parsed("bar=1", {"shop", "inn"})
    with pytest.raises(ConfigurationError, match="'shop=much': expected FAMILY=PERCENT"):
        parsed("shop=much", {"shop"})


def test_what_is_missing_is_listed_with_the_most_of_it_first() -> None:
    long, short = "ORD-77123 and ORD-88231 " + UNUSED, "until 2031-04-05"
    lines = [calls("a", "find"), result("a", long), says("ORD-77123, ORD-88231"), calls("b", "ping"), result("b", short)]
    (outcome,) = evaluate([talk(user("Go."), *lines, says("2031-04-05"))], {"ours": dropping}, Letters(), lost=99).outcomes
    assert [(one.what, one.count) for one in lost_facts(outcome, 9)] == [("output, find, ident", 2), ("output, ping, date", 1)]
    assert [round(one.share) for one in lost_facts(outcome, 9)] == [67, 33]
    assert len(lost_facts(outcome, 1)) == 1


def test_facts_that_stand_elsewhere_are_told_by_content() -> None:
    page = f"<html>{'<div class=frame><b>' * 9}<i>leaving</i> harbour gate <a href=x>ORD-77123</a> <b>towards</b> island</html>"
    sample = [talk(user("Go."), calls("a", "fetch"), result("a", page + UNUSED), says("It is ORD-77123."))]

    class Bare(PolicySession):
        """Keeps of a page the fact alone."""

        def turn(self, new: Sequence[Mapping[str, Any]], /) -> list[dict[str, Any]]:
            return [m | ({"content": "ORD-77123"} if m["role"] == "tool" else {}) for m in super().turn(new)]

    (outcome,) = evaluate(sample, {"ours": lambda: Bare(tokenizer=Letters())}, Letters()).outcomes
    assert lost_facts(outcome, 9) == []
    assert [(one.count, one.share) for one in facts_moved(outcome, 9)] == [(1, 100.0)]


def test_tokens_that_are_left_are_told_by_content_and_by_tool() -> None:
    lines = [
        calls("a", "orders"),
        result("a", RECORDS),
        calls("b", "read"),
        result("b", "It is so and not otherwise."),
        says("Done."),
    ]
    sample = [talk(user("Go."), *lines)]
    (outcome,) = evaluate(sample, {"ours": lambda: PolicySession(tokenizer=Letters())}, Letters()).outcomes
    left = tokens_left(outcome, 9)
    row = outcome.tools["orders"]
    assert left["tool"][0].count == row.tokens_after and left["tool"][0].what.startswith("orders, ")
    assert left["tool"][0].what.endswith(f"{100 * (1 - row.tokens_after / row.tokens_before):.0f} % off")
    assert [one.what for one in left["content"]][1:] == ["left as it was, 0 % off"]
    assert sum(one.count for one in left["tool"]) == sum(one.count for one in left["content"])


@pytest.mark.parametrize(
    ("text", "least"),
    [
        ('{"a": [1, 2.50],\n "b": "x  y"}', '{"a":[1,2.50],"b":"x  y"}'),
        ("a   b\t\tc\n\n \n\nd\n e", "a b c\nd\n e"),
        ("", ""),
    ],
)
def test_minifying_drops_white_space_and_nothing_else(text: str, least: str) -> None:
    assert minified(text) == least


def test_all_parts_of_an_output_are_changed_together_and_the_rest_stays() -> None:
    parts = [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]
    block = {"type": "tool_result", "tool_use_id": "a", "content": parts}
    message = {"role": "user", "content": [block, {"type": "text", "text": "And  now?"}]}
    (changed,) = EachOutput(str.upper).turn([message])
    assert json.dumps(changed["content"][0]["content"]).count("ONE\\nTWO") == 1
    assert changed["content"][1] == message["content"][1]
    spoken = user("a   b")
    assert EachOutput(minified).turn([spoken]) == [spoken]


FAKE = """
import json, sys
print(json.dumps({"name": "fake 1.0"}), flush=True)
for line in sys.stdin:
    turn = json.loads(line)
    if turn["begin"]:
        sent = []
    new = [{**m, "content": "cut"} if m["role"] == "tool" else m for m in turn["new"]]
    %s
    print(json.dumps({"kept": len(sent), "messages": new}), flush=True)
    sent += new
"""


def fake(folder: Path, line: str = "pass") -> list[str]:
    script = folder / "fake.py"
    script.write_text(FAKE % line)
    return [sys.executable, str(script)]


def test_a_program_of_others_is_measured_as_a_policy_is(tmp_path: Path) -> None:
    sample = [talk(*asked(text), name=str(n)) for n, text in enumerate(TEXTS)]
    with ForeignPolicy(fake(tmp_path)) as program:
        assert program.name == "fake 1.0"
        policies: dict[str, Any] = {"theirs": program.session, "same": lambda: changing_outputs(lambda _: "cut")}
        report = evaluate(sample, policies, Letters())
    theirs, same = (score(outcome.tallies, RATE) for outcome in report.outcomes)
    assert theirs.net_saved == same.net_saved is not None
    assert (theirs.conversations, theirs.rewrites, theirs.touched, theirs.invalid) == (3, 0, 0, 0)


def test_a_program_that_stops_is_told_with_what_it_said(tmp_path: Path) -> None:
    with ForeignPolicy(fake(tmp_path, "sys.exit('out of luck')")) as program:
        with pytest.raises(ConfigurationError, match="stopped: out of luck"):
            program.session().turn([user("Go.")])
        with pytest.raises(ConfigurationError, match="stopped"):
            program.session().turn([user("Go.")])


def test_a_program_that_says_something_else_is_told(tmp_path: Path) -> None:
    with (
        ForeignPolicy(fake(tmp_path, "print('well', flush=True)")) as program,
        pytest.raises(ConfigurationError, match="answered something else"),
    ):
        program.session().turn([user("Go.")])


def test_a_program_that_does_not_start_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="can't start"):
        ForeignPolicy([str(tmp_path / "absent")])
    with pytest.raises(ConfigurationError, match="stopped: it said nothing"):
        ForeignPolicy([sys.executable, "-c", "pass"])


def test_a_file_says_of_which_family_the_others_are(tmp_path: Path) -> None:
    file = tmp_path / "runs.jsonl"
    rows: list[dict[str, Any]] = [{"messages": asked("x")}, {"messages": asked("y"), "set": "inn"}]
    file.write_text("\n".join(map(json.dumps, rows)))
    assert [one.family for one in from_file(file, family="shop")] == ["shop", "inn"]
    assert [one.family for one in from_file(file)] == ["runs", "inn"]


HEADROOM = """
import socket
__version__ = "9.9"

class Result:
    def __init__(self, messages):
        self.messages = messages

def compress(messages, model):
    try:
        socket.create_connection(("127.0.0.1", 9), timeout=1)
    except PermissionError:
        print("no network")
        return Result([{**m, "content": m["content"] + " and more"} if m["role"] == "tool" else m for m in messages])
    raise SystemExit("there is a network")
"""


def bench(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    shop = folder / "shop"
    shop.mkdir(exist_ok=True)
    rows = [{"id": str(n), "messages": asked(RECORDS + " " * n, f"Order {4000 + n}.")} for n in range(5)]
    (shop / "public.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (folder / "headroom.py").write_text(HEADROOM)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), str(BENCHMARK.parents[1])])}
    command = [sys.executable, str(BENCHMARK), str(shop / "public.jsonl"), *options]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_the_benchmark_prints_its_table_and_fails_where_a_target_does(tmp_path: Path) -> None:
    told = bench(tmp_path, "--peer", sys.executable, "--targets", "shop=1", "--json", "--markdown", str(tmp_path / "table.md"))
    assert told.returncode == 0, told.stderr
    rows = [json.loads(line) for line in told.stdout.splitlines()]
    table = {row["policy"]: row for row in rows if row["type"] == "family"}
    assert list(table) == ["conservative", "balanced", "aggressive", "minify", "headroom-ai 9.9"]
    assert {row["family"] for row in rows} == {"shop"}
    assert table["headroom-ai 9.9"]["net_saved"] < 0 < table["balanced"]["net_saved"]
    assert table["balanced"]["hindsight_reached"] > table["minify"]["hindsight_reached"] > 0
    assert all(row["holds"] for row in rows if row["type"] == "check")
    assert "| shop" in (tmp_path / "table.md").read_text()
    again = bench(tmp_path, "--peer", sys.executable, "--targets", "shop=1", "--json")
    assert again.stdout == told.stdout
    failed = bench(tmp_path, "--targets", "shop=101", "--lost", "2")
    assert failed.returncode == 1 and "| NO" in failed.stdout and "tokens left, by tool" in failed.stdout


def test_a_split_takes_every_other_conversation_and_a_limit_the_first_of_them(tmp_path: Path) -> None:
    def balanced(*options: str) -> dict[str, Any]:
        rows = [json.loads(line) for line in bench(tmp_path, "--json", *options).stdout.splitlines()]
        return next(row for row in rows if row["policy"] == "balanced")

    even, odd = balanced("--split", "even"), balanced("--split", "odd")
    assert (even["conversations"], odd["conversations"]) == (3, 2)
    assert balanced("--split", "even", "--limit", "2")["conversations"] == 2


def test_a_target_for_a_family_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    told = bench(tmp_path, "--targets", "inn=1")
    assert told.returncode == 2 and "'inn'; there are shop" in told.stderr
