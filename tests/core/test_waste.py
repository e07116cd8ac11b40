"""Waste signals: each is found where it is, and nowhere else."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from headroom_stream.messages import view
from headroom_stream.results import WasteSignals
from headroom_stream.tokenizers import load_tokenizer
from headroom_stream.waste import _JSON_STRING, Waste, block_breakdown, html_noise, waste_signals
from tests.core.folding import call, result, said, user

RECORDS = json.dumps([{"order_number": n, "state_of_order": "paid"} for n in range(30)], indent=2)
PROSE = "The train to Lisbon leaves from platform four, and there is another one an hour later.\n"
SAMPLES = {
    "json_bloat": RECORDS,
    "html_noise": f"<html><style>p {{ color: red }}</style><body><p class='a'>{PROSE}</p><!-- old --></body></html>",
    "base64": PROSE + "data: " + "aGVhZHJvb20gU3RyZWFtIDEyMw0" * 20,
    "whitespace": PROSE + " " * 200 + PROSE.upper() + "\n" * 90,
    "repetition": PROSE * 6,
}


def signals(*messages: dict[str, Any]) -> WasteSignals:
    return waste_signals([view(msgspec.json.encode(m)) for m in messages], load_tokenizer(network=False))


@pytest.mark.parametrize("kind", sorted(SAMPLES))
def test_a_kind_of_waste_is_found_where_it_is(kind: str) -> None:
    found = signals(user("Go."), call("c"), result("c", SAMPLES[kind])).to_dict()
    assert found[kind] > 0
    assert [name for name, tokens in found.items() if tokens] == [kind]
    assert signals(user(PROSE)) == WasteSignals()


def test_what_only_looks_like_waste_is_none() -> None:
    path = "/srv/app1/Projects/headroom/releases/2026/services/Orders/handlers/create_order_v2.py\n" + PROSE
    assert signals(user(path), user("How is a <script> tag closed? " + PROSE)).base64_tokens == 0
    assert signals(user("How is a <script> tag closed? " + PROSE)).html_noise_tokens < 5


def test_dates_count_in_the_system_prompt_alone() -> None:
    text = "Today is 2026-11-21. Now it is 13:44:28."
    assert signals({"role": "system", "content": text}).dynamic_date_tokens > 5
    assert signals(user(text)) == WasteSignals()


def test_an_output_that_stood_before_is_a_reread_and_its_lines_are_no_repetition() -> None:
    found = signals(user("Go."), call("c"), result("c", PROSE), call("d"), result("d", PROSE))
    assert found.reread_tokens == load_tokenizer(network=False).count(PROSE)
    assert found.repetition_tokens == 0
    assert found.total() == found.reread_tokens


def test_what_is_not_sent_again_is_part_of_the_rereads() -> None:
    waste = Waste(load_tokenizer(network=False))
    views = [view(msgspec.json.encode(m)) for m in (call("c"), result("c", PROSE), call("d"), result("d", PROSE))]
    waste.add(views[:2], saved={(1, 0): 3})
    waste.add(views[2:], first=2, saved={(3, 0): 10})
    assert waste.signals.reread_compressed_tokens == 10
    assert waste.signals.total() == waste.signals.reread_tokens


def test_messages_added_one_by_one_count_as_together() -> None:
    messages = [user("Go."), call("c"), result("c", RECORDS), said(PROSE), user(PROSE), call("d"), result("d", RECORDS)]
    waste = Waste(load_tokenizer(network=False))
    for message in messages:
        waste.add([view(msgspec.json.encode(message))])
    assert waste.signals == signals(*messages)


def test_blocks_are_tokens_by_what_holds_them() -> None:
    count = load_tokenizer(network=False).count
    views = [view(msgspec.json.encode(m)) for m in (user("Go on."), call("c"), result("c", PROSE), said("Done."))]
    assert block_breakdown(views, load_tokenizer(network=False)) == {
        "user": count("Go on."),
        "tool_call": count("find") + count("{}"),
        "tool_result": count(PROSE),
        "assistant": count("Done."),
    }


class Looked(str):  # noqa: SLOT000 - one of a test
    """A text that counts how often something is looked for in it."""

    finds = 0  # of all: a text has no room for its own

    def find(self, *args: Any) -> int:
        Looked.finds += 1
        return super().find(*args)


@pytest.mark.parametrize("tag", ["<script>", "<style>", "<!--"])
def test_an_end_that_is_not_there_is_looked_for_once(tag: str) -> None:
    Looked.finds = 0
    html_noise(Looked(tag * 300))
    assert Looked.finds == 1


def test_a_string_without_an_end_is_gone_over_once() -> None:
    text = '["' + '\\"' * 500
    assert [found.end() for found in _JSON_STRING.finditer(text)] == [len(text)]
