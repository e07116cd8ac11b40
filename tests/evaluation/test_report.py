"""Policies side by side: sums, kinds and tools, what was lost, who was refused, and the figures that follow."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest

from headroom_stream.config import Policy, override
from headroom_stream.errors import ConfigurationError
from headroom_stream.evaluation import PolicySession
from headroom_stream.evaluation.bill import RATES, rates_of
from headroom_stream.evaluation.conversation import Conversation
from headroom_stream.evaluation.hindsight import Hindsight, learn
from headroom_stream.evaluation.report import KEPT, SMALL, Report, evaluate
from headroom_stream.evaluation.summary import HINDSIGHT, Summary
from headroom_stream.evaluation.tally import score, total
from headroom_stream.price_table import load_prices
from tests.evaluation.talk import Letters, calls, changing_outputs, dropping, keeping, measured, raws, result, says, talk, user

RECORDS = json.dumps([{"order_id": f"ORD{n}", "city": "Bad Ems", "total": 100 + n} for n in range(20)])
PROSE = "It rained on the hill, and nobody who was there that day will say that it did not. " * 4 + "So be it."


def shop(n: int, family: str = "shop") -> Conversation:
    return talk(
        user("Go."),
        calls("a", "orders"),
        result("a", RECORDS),
        says(f"There is ORD{n}."),
        calls("b", "read"),
        result("b", PROSE),
        calls("c", "ping"),
        result("c", "pong"),
        says("Done."),
        family=family,
        name=f"shop-{n}",
    )


def fold() -> PolicySession:
    return PolicySession(tokenizer=Letters())


def reported(*conversations: Conversation, lost: int = 0, **policies: Any) -> Report:
    return evaluate(conversations, policies or {"default": fold}, Letters(), lost=lost)


def test_outputs_are_counted_by_what_they_were_taken_for_and_by_tool() -> None:
    (outcome,) = reported(shop(3), shop(4)).outcomes
    assert set(outcome.kinds) == {"records", KEPT, SMALL}
    records, prose, ping = outcome.tools["orders"], outcome.tools["read"], outcome.tools["ping"]
    assert (records.outputs, records.tokens_before, records.used, records.in_context, records.lost) == (
        2,
        2 * len(RECORDS),
        2,
        2,
        0,
    )
    assert records.tokens_after < records.tokens_before / 2
    assert (prose.tokens_before, prose.tokens_after, prose.used) == (2 * len(PROSE), 2 * len(PROSE), 0)
    assert (ping.outputs, ping.tokens_before, outcome.kinds[SMALL]) == (2, 8, ping)


def test_a_policy_that_makes_no_decisions_has_no_kinds() -> None:
    (outcome,) = reported(shop(3), kept=keeping).outcomes
    assert (outcome.kinds, outcome.tools) == ({}, {})


def test_what_was_lost_is_shown_with_where_it_came_from_and_where_it_was_used() -> None:
    report = reported(shop(3), shop(4), lost=1, kept=keeping, dropped=dropping)
    kept, dropped = report.outcomes
    assert kept.lost == []
    (one,) = dropped.lost
    assert (one.conversation, one.policy, one.tool, one.kind) == ("shop-3", "dropped", "orders", "ident")
    assert (one.source.message, one.source.fact, one.used.message) == (2, "ORD3", 3)
    assert one.source.after.startswith('", "city": "Bad Ems"')
    assert (one.used.before, one.used.fact, one.used.after) == ("There is ", "ORD3", ". ⏎ ")


def test_a_lost_number_is_shown_as_it_was_written() -> None:
    made = talk(user("Go."), calls("a"), result("a", "in all 1,234,567 euros"), says("It is 1234567 now"))
    (one,) = reported(made, lost=9, dropped=dropping).outcomes[0].lost
    assert (one.source.before, one.source.fact, one.used.fact) == ("in all ", "1,234,567", "1234567")


def test_a_lost_fact_is_shown_where_it_stands_by_itself() -> None:
    made = talk(user("Go."), calls("a"), result("a", "gift_card_887 is a gift_card of hers"), says("a gift_card"))
    (one,) = reported(made, lost=9, dropped=dropping).outcomes[0].lost
    assert (one.source.before, one.source.fact) == ("gift_card_887 is a ", "gift_card")


def test_families_keep_their_order_and_are_added_up() -> None:
    report = reported(shop(3, "b"), shop(4, "a"), shop(5, "b"), kept=keeping, short=lambda: changing_outputs(lambda t: t[:90]))
    assert [(o.family, o.policy) for o in report.outcomes] == [("b", "kept"), ("b", "short"), ("a", "kept"), ("a", "short")]
    assert [len(o.tallies) for o in report.outcomes] == [2, 2, 1, 1]
    summary = Summary(report, RATES["openai"])
    overall = summary.overall()[1].score
    everything = [t for o in report.outcomes if o.policy == "short" for t in o.tallies]
    assert overall == score(everything, RATES["openai"])
    assert (overall.conversations, overall.turns) == (3, total(everything).turns)
    assert [line.family for line in summary.with_totals()] == ["b", "b", "a", "a", "", ""]


def test_one_family_has_no_sum_of_its_own() -> None:
    summary = Summary(reported(shop(3)), RATES["anthropic"])
    assert [line.family for line in summary.with_totals()] == ["shop"]


def test_a_conversation_that_one_policy_refuses_counts_for_none() -> None:
    tight = override(Policy(), {"limits": {"session_messages": 3}})
    report = reported(talk(*PLAIN, name="short"), shop(3), default=fold, tight=lambda: PolicySession(tight, tokenizer=Letters()))
    assert [len(o.tallies) for o in report.outcomes] == [1, 1]
    (refused,) = report.refused
    assert (refused.conversation, refused.policy) == ("shop-3", "tight")
    assert "more than 3 messages" in refused.reason


PLAIN = (user("Hello."), says("Hello."))


def test_what_no_provider_would_take_and_what_has_no_call_is_told() -> None:
    wrong = Conversation(id="wrong", family="f", messages=raws([{"role": "robot", "content": "x"}]))
    done: list[int] = []
    report = evaluate([wrong, talk(user("Hello?")), talk(*PLAIN)], {"default": fold}, Letters(), done=lambda: done.append(1))
    assert [(one.conversation, one.policy) for one in report.refused] == [("wrong", "")]
    assert (report.silent, len(report.outcomes), len(done)) == (1, 1, 3)


def test_hindsight_keeps_what_is_used_and_little_else() -> None:
    text = f"{'noise ' * 100}order_8812 {'noise ' * 100}"
    conversation = talk(user("Go."), calls("a"), result("a", text), says("order_8812"))
    known = learn([conversation], Letters())
    shown = Hindsight(known).turn([result("a", text), user("x"), result("b", "unknown")])
    assert shown[0]["content"] == text[600 - 90 : 610 + 90]
    assert (shown[1], shown[2]["content"]) == (user("x"), "")


def test_hindsight_joins_what_overlaps() -> None:
    text = "a_1_first b_2_second " + "." * 400 + " c_3_third"
    known = learn([talk(user("Go."), calls("a"), result("a", text), says("c_3_third b_2_second a_1_first"))], Letters())
    assert known.cut(text) == text[: 20 + 90] + text[-9 - 90 :]


def test_blocks_of_an_output_are_cut_as_one() -> None:
    blocks = [{"type": "text", "text": "x" * 300}, {"type": "text", "text": "then order_8812"}]
    output = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a", "content": blocks}]}
    asked = {"role": "assistant", "content": [{"type": "tool_use", "id": "a", "name": "look", "input": {}}]}
    known = learn([talk(user("Go."), asked, output, says("order_8812"))], Letters())
    (shown,) = Hindsight(known).turn([output])
    kept, empty = shown["content"][0]["content"]
    assert (kept["text"], empty["text"]) == ("x" * 84 + "\nthen order_8812", "")


def test_what_can_not_be_read_teaches_nothing() -> None:
    wrong = Conversation(id="wrong", family="f", messages=raws([{"role": "robot", "content": "x"}]))
    assert learn([wrong], Letters()).cut("order_8812") == ""


def test_the_share_of_hindsight_is_of_the_same_conversations() -> None:
    known = learn([shop(3)], Letters())
    report = reported(shop(3), default=fold, hindsight=lambda: Hindsight(known))
    (line,) = Summary(report, RATES["anthropic"]).with_totals()
    ceiling = score(report.outcomes[1].tallies, RATES["anthropic"]).net_saved
    assert report.outcomes[1].policy == HINDSIGHT
    assert line.hindsight_net_saved == ceiling
    assert ceiling and line.score.net_saved and line.hindsight_reached == pytest.approx(100 * line.score.net_saved / ceiling)


def test_the_rates_of_a_model_give_a_bill_in_dollars() -> None:
    rates = rates_of("claude-sonnet-4-5", load_prices(), date(2026, 1, 1))
    assert (rates.read, rates.write) == (0.10, 1.25)
    tally = measured(keeping(), *PLAIN).tally
    made = score([tally], rates)
    # One call of 12 tokens, all of them written to the cache.
    assert made.bill_full_usd == pytest.approx(12 * 1.25 * (rates.usd or 0) / 1e6)
    assert made.bill_net_usd == made.bill_full_usd
    with pytest.raises(ConfigurationError, match="no price is known of model 'nobody-1'"):
        rates_of("nobody-1", load_prices(), date(2026, 1, 1))


def test_the_bound_is_the_same_every_time_and_grows_with_what_differs() -> None:
    conversation = (*PLAIN, says("x"), user("y"), calls("a"), result("a", "z" * 99), says("w"))

    def bound(*runs: Any) -> float | None:
        return score([measured(run, *conversation).tally for run in runs], RATES["openai"]).net_bound

    assert bound(dropping()) is None
    assert bound(dropping(), dropping()) == pytest.approx(0)
    apart = bound(dropping(), keeping(), dropping(), keeping())
    assert apart == bound(dropping(), keeping(), dropping(), keeping())
    assert apart is not None and apart > 1
