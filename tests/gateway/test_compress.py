"""/v1/compress: what comes in comes out smaller, in its own bytes where nothing changed."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from headroom_stream.config import Policy
from headroom_stream.config.policy import WindowConfig
from headroom_stream.engine import Call, Compressor
from headroom_stream.gateway.answers import Compressed
from tests.core.conversations import LOGS, RECORDS, SHAPES
from tests.core.folding import call, result, said, user
from tests.gateway.talks import ENDS, TALK, compress
from tests.support.gateway import RunningGateway, running_gateway

SIMULATED = (
    "transforms",
    "estimated_savings",
    "messages_optimized",
    "block_breakdown",
    "waste_signals",
    "stable_prefix_hash",
    "cache_alignment_score",
    "diff_artifact",
)


def test_an_answer_says_what_was_saved(gateway: RunningGateway) -> None:
    reply = compress(gateway)
    answer = reply.json()
    assert reply.status == 200
    assert answer["tokens_saved"] == answer["tokens_before"] - answer["tokens_after"] > 0
    assert answer["compression_ratio"] == pytest.approx(answer["tokens_after"] / answer["tokens_before"])
    assert answer["fraction_saved"] == pytest.approx(1 - answer["compression_ratio"])
    assert sum(answer["transforms_summary"].values()) == 3
    assert set(answer["transforms_applied"]) == set(answer["transforms_summary"])
    assert len(answer["ccr_hashes"]) == 1
    assert max(answer["cache_breakpoints"]) == len(TALK) - 1
    assert "session" not in answer


def test_messages_that_did_not_change_keep_their_bytes(gateway: RunningGateway) -> None:
    plain = '{ "role":"user",\t"content": "caf\\u00e9 \\/ 1e3", "x": [1.00, 1e2, 123456789012345678901234567890] }'
    body = f'{{"model":"m", "messages":[ {plain} , {json.dumps(call("a"))},{json.dumps(result("a", RECORDS))}]}}'
    reply = gateway.post("/v1/compress", body.encode())
    messages = msgspec.json.decode(reply.body, type=Compressed).messages
    assert bytes(messages[0]) == plain.encode()
    assert bytes(messages[1]) == json.dumps(call("a")).encode()
    assert len(messages[2]) < len(RECORDS)


def test_a_session_is_only_appended_to(gateway: RunningGateway) -> None:
    last: list[Any] = []
    for end in ENDS:
        answer = compress(gateway, TALK[:end], config={"session_id": "appended"}).json()
        assert answer["messages"][: len(last)] == last
        assert answer["session"] == {
            "id": "appended",
            "frozen_message_count": len(last),
            "cached_prefix_replayed": bool(last),
        }
        last = answer["messages"]
    assert "same as result 1" in last[-1]["content"]


def test_a_session_over_http_has_the_bytes_of_one_in_process(gateway: RunningGateway) -> None:
    own = Compressor()
    for end in ENDS:
        mine = own.turn(TALK[:end], Call(model="gpt-4o", session="same-bytes")).result
        theirs = compress(gateway, TALK[:end], config={"session_id": "same-bytes"}).json()
        assert theirs["messages"] == mine.messages
        assert theirs["ccr_hashes"] == mine.refs
        assert (theirs["tokens_before"], theirs["tokens_after"]) == (mine.tokens_before, mine.tokens_after)


def test_calls_without_a_session_do_not_know_of_each_other(gateway: RunningGateway) -> None:
    assert compress(gateway).json() == compress(gateway).json()


def test_no_messages_are_no_tokens(gateway: RunningGateway) -> None:
    answer = compress(gateway, []).json()
    assert (answer["messages"], answer["tokens_before"], answer["compression_ratio"]) == ([], 0, 1.0)


def test_messages_that_end_in_calls_come_back_and_say_why(gateway: RunningGateway) -> None:
    answer = compress(gateway, TALK[:3], config={"session_id": "waits"}).json()
    assert answer["messages"] == TALK[:3]
    assert answer["compression_skipped"]
    assert "wait" in answer["skip_reason"]


@pytest.mark.parametrize("shape", ["anthropic", "gemini"])
def test_messages_of_other_providers_are_taken_as_they_are(gateway: RunningGateway, shape: Any) -> None:
    plot = [("user", "Which?"), ("call", [("a", "search")]), ("result", [("a", "search", RECORDS)])]
    messages = SHAPES[shape](plot)
    answer = compress(gateway, messages, model="claude-sonnet-4-5").json()
    assert answer["messages"][:2] == messages[:2]
    assert answer["messages"][2].keys() == messages[2].keys()
    assert answer["tokens_after"] < answer["tokens_before"]


def test_a_token_budget_is_kept(gateway: RunningGateway) -> None:
    answer = compress(gateway, token_budget=250).json()
    assert answer["tokens_after"] <= 250
    assert not answer["over_budget"]


def test_what_the_query_names_stays_in_what_is_cut(gateway: RunningGateway) -> None:
    log = "\n".join(f"2026-01-01 10:{i // 60:02}:{i % 60:02} INFO node-{i % 7} request {i * 977} took {i} ms" for i in range(900))
    talk = [user("Look."), call("a"), result("a", log)]
    line = log.split("\n")[452]
    assert line not in compress(gateway, talk, token_budget=600).json()["messages"][2]["content"]
    assert "request 441604" in compress(gateway, talk, token_budget=600, query="request 441604").json()["messages"][2]["content"]


def test_a_simulation_fills_all_its_fields_and_leaves_the_session_alone(gateway: RunningGateway) -> None:
    compress(gateway, TALK[:4], config={"session_id": "simulated"})
    config = {"session_id": "simulated", "default_mode": "simulate", "generate_diff_artifact": True}
    answer = compress(gateway, config=config).json()
    assert all(name in answer for name in SIMULATED)
    assert answer["messages_optimized"] == answer["messages"]
    assert answer["estimated_savings"].startswith("$")
    assert answer["waste_signals"]["json_bloat"] > 0
    assert answer["block_breakdown"]["tool_result"] > 100
    assert answer["cache_alignment_score"] == 100
    again = compress(gateway, TALK[:4], config={"session_id": "simulated"}).json()
    assert again["session"]["frozen_message_count"] == 4


def test_what_the_npm_package_sends_to_simulate_is_taken(gateway: RunningGateway) -> None:
    answer = compress(gateway, config={"default_mode": "simulate", "generate_diff_artifact": True}).json()
    assert answer["transforms"] == answer["transforms_applied"]
    assert sum(one["tokens_saved"] for one in answer["diff_artifact"]["transforms"]) == answer["tokens_saved"]


@pytest.mark.parametrize("how", [{"headers": {"x-headroom-bypass": "true"}}, {"config": {"default_mode": "audit"}}])
def test_bypassed_messages_come_back_counted(gateway: RunningGateway, how: dict[str, Any]) -> None:
    answer = compress(gateway, **how).json()
    assert answer["messages"] == TALK
    assert answer["tokens_before"] == answer["tokens_after"] == compress(gateway).json()["tokens_before"]


def test_nothing_is_left_out_where_that_is_asked_for(gateway: RunningGateway) -> None:
    answer = compress(gateway, config={"mode": "lossless"}).json()
    assert answer["lossless"]
    assert answer["ccr_hashes"] == []
    assert compress(gateway, config={"mode": "ccr"}).json() == compress(gateway).json()


def test_frozen_messages_stay(gateway: RunningGateway) -> None:
    answer = compress(gateway, config={"frozen_message_count": 6}).json()
    assert answer["messages"][:6] == TALK[:6]
    assert answer["messages"][9] != TALK[9]


def test_the_last_messages_stay_where_that_is_asked_for(gateway: RunningGateway) -> None:
    answer = compress(gateway, config={"protect_recent": 5}).json()
    assert answer["messages"][5:] == TALK[5:]
    assert answer["messages"][3] != TALK[3]
    assert answer["ccr_hashes"] == []
    assert answer["tokens_saved"] == answer["tokens_before"] - answer["tokens_after"] > 0
    assert answer["transforms_summary"] == {"records": 1}


@pytest.mark.parametrize("name", ["read_log", "readLog", "read_*"])
def test_tools_can_be_left_alone_under_either_spelling(gateway: RunningGateway, name: str) -> None:
    talk = [user("Why?"), call("a", tool="readLog" if name == "readLog" else "read_log"), result("a", LOGS)]
    sent = name if name != "readLog" else "read_log"  # as the npm package writes it
    answer = compress(gateway, talk, config={"tool_profiles": {sent: {"skip_compression": True}}}).json()
    assert answer["messages"] == talk


def test_any_part_of_the_policy_can_be_changed(gateway: RunningGateway) -> None:
    answer = compress(
        gateway, config={"policy": {"records": {"enabled": False}, "lossy": False, "references": {"enabled": False}}}
    ).json()
    assert "records" not in answer["transforms_summary"]


def test_breakpoints_are_left_out_where_the_optimizer_is_off(gateway: RunningGateway) -> None:
    assert compress(gateway, config={"cache_optimizer": {"enabled": False}}).json()["cache_breakpoints"] == []


def test_a_crusher_keeps_as_many_items_as_it_is_told(gateway: RunningGateway) -> None:
    rows = json.dumps([{"id": f"ORD{i:04}", "state": "paid", "note": f"nothing special about number {i}"} for i in range(200)])
    talk = [user("Any?"), call("a"), result("a", rows)]
    few = compress(gateway, talk, config={"smart_crusher": {"max_items_after_crush": 10}}).json()
    many = compress(gateway, talk, config={"smart_crusher": {"max_items_after_crush": 100}}).json()
    assert few["tokens_after"] < many["tokens_after"] < many["tokens_before"]


def test_values_that_change_leave_the_system_prompt_where_an_aligner_is_asked_for(gateway: RunningGateway) -> None:
    def sent(day: str) -> list[Any]:
        talk = [{"role": "system", "content": f"Today is 2026-03-{day}. " + "Be brief and kind. " * 40}, user("Hello?")]
        answer = compress(gateway, talk, config={"cache_aligner": {"enabled": True}}).json()
        assert "cache_aligner" in answer["transforms_applied"]
        messages: list[Any] = answer["messages"]
        return messages

    one, two = sent("01"), sent("02")
    assert one[:2] == two[:2]
    assert "2026-03-01" in str(one[2:])
    assert "2026-03-02" in str(two[2:])


def test_a_budget_of_the_gateways_own_is_one_of_each_call() -> None:
    with running_gateway(Policy(window=WindowConfig(max_tokens=9_000))) as gateway:
        reply = compress(gateway, config={"intelligent_context": {"enabled": True}})
        assert (reply.status, "budget" in reply.json()["error"]["message"]) == (400, True)


def test_a_crusher_is_taken_in_all_the_words_of_the_npm_package(gateway: RunningGateway) -> None:
    said = {
        "enabled": True,
        "max_items_after_crush": 5,
        "min_tokens_to_crush": 50,
        "variance_threshold": 2,
        "min_items_to_analyze": 5,
    }
    usual = {
        "use_feedback_hints": True,
        "relevance": {"tier": "hybrid", "relevance_threshold": 0.25},
        "anchor": {"anchor_budget_pct": 0.25},
        "last_fraction": 0.15,
    }
    plain = compress(gateway, config={"smart_crusher": said}).json()
    assert compress(gateway, config={"smart_crusher": said | usual}).json() == plain
    assert plain["transforms_applied"] != compress(gateway).json()["transforms_applied"]


SPOKEN = [
    user("Look."),
    call("a", "b"),
    user("And be quick."),
    result("a", RECORDS),
    result("b", LOGS),
    said("Done."),
    user("Thanks."),
]
"""As the npm package makes it of a message of Anthropic's that holds two results and then a text."""


@pytest.mark.parametrize("config", [{}, {"session_id": "spoken"}, {"default_mode": "simulate"}])
def test_results_come_right_after_their_calls(gateway: RunningGateway, config: dict[str, Any]) -> None:
    usual = [*SPOKEN[:2], *SPOKEN[3:5], SPOKEN[2], *SPOKEN[5:]]
    answer = compress(gateway, SPOKEN, config=config).json()
    assert [m["role"] for m in answer["messages"]] == [m["role"] for m in usual]
    assert answer["messages"] == compress(gateway, usual, config=config).json()["messages"]


def test_a_session_whose_results_come_late_is_only_appended_to(gateway: RunningGateway) -> None:
    config = {"session_id": "late"}
    first = compress(gateway, SPOKEN[:5], config=config).json()["messages"]
    answer = compress(gateway, SPOKEN, config=config).json()
    assert answer["messages"][:5] == first
    assert answer["session"]["frozen_message_count"] == 5


def test_messages_that_only_pass_keep_their_order(gateway: RunningGateway) -> None:
    assert compress(gateway, SPOKEN, config={"default_mode": "audit"}).json()["messages"] == SPOKEN


def test_a_window_keeps_the_rounds_that_it_is_told(gateway: RunningGateway) -> None:
    window = {"max_tokens": 250, "preserve_recent_turns": 1}
    assert compress(gateway, config={"rolling_window": window}).json()["tokens_after"] <= 250
    assert compress(gateway, config={"rolling_window": window | {"enabled": False}}).json()["tokens_after"] > 250
    short = compress(gateway, token_budget=300, config={"keep_turns": 3, "policy": {"window": {"low_water": 0.9}}}).json()
    assert short["tokens_after"] <= 300


def test_a_models_limit_makes_a_budget(gateway: RunningGateway) -> None:
    config = {"model_context_limits": {"gpt-4o": 400}, "output_buffer_tokens": 100}
    assert compress(gateway, config=config).json()["tokens_after"] <= 300
    assert compress(gateway, config=config, token_budget=250).json()["tokens_after"] <= 250


@pytest.mark.parametrize(
    ("config", "named"),
    [
        ({"target_ratio": 0.3}, "token_budget"),
        ({"compress_user_messages": True}, "only tool outputs"),
        ({"protect_analysis_context": True}, "tool_profiles"),
        ({"store_url": "sqlite:///x.db"}, "gateway.store_url"),
        ({"tool_crusher": {"enabled": True}}, "smart_crusher"),
        ({"prefix_freeze": {"enabled": False}}, "frozen_message_count"),
        ({"ccr": {"inject_tool": False}}, "headroom_retrieve"),
        ({"ccr": {"marker_template": "[{hash}]"}}, "marker_template"),
        ({"ccr": {"nope": 1}}, "nope"),
        ({"cache_optimizer": {"enabled": "yes"}}, "true or false"),
        ({"cache_optimizer": {"enable_semantic_cache": True}}, "not kept"),
        ({"smart_crusher": {"first_fraction": 0.5}}, "keep_first"),
        ({"smart_crusher": {"relevance": {"tier": "embedding"}}}, "relevance.tier"),
        ({"smart_crusher": {"anchor": {"nope": 1}}}, "anchor.nope"),
        ({"cache_aligner": {"detection_tiers": ["ner"]}}, "detection_tiers"),
        ({"intelligent_context": {"summarization_enabled": True}}, "no model"),
        ({"content_router_enabled": False}, "from the content"),
        ({"intelligent_context": {"enabled": True}, "rolling_window": {}}, "rolling_window"),
        ({"intelligent_context": {"enabled": True}, "model_context_limits": {"gpt-4o": 9000}}, "budget"),
        ({"intelligent_context": {"enabled": True}, "policy": {"window": {"max_tokens": 9000}}}, "budget"),
        ({"ccr": {"enabled": False}}, "lossless"),
        ({"protect_recent": 2, "session_id": "s"}, "session"),
        ({"policy": {"emit": "delta"}}, "whole"),
        ({"policy": {"limits": {"event_bytes": 1}}}, "limits"),
        ({"policy": {"nope": 1}}, "nope"),
        ({"smart_crusher": {"nope": 1}}, "nope"),
        ({"smart_crusher": {"self": 1}}, "self"),
        ({"cache_aligner": {"dynamic_patterns": ["(a+)+$"]}}, "regular expressions"),
        ({"model_context_limits": {"gpt-4o": 100}}, "leave none"),
        ({"tool_profiles": {"f": {"nope": 1}}}, "nope"),
        ({"default_mode": "fast"}, "default_mode"),
        ({"mode": "fast"}, "mode"),
        ({"frozen_message_count": -1}, "frozen_message_count"),
        ({"session_id": ""}, "session_id"),
        ({"session_id": "s" * 257}, "session_id"),
        ({"nope": 1}, "nope"),
    ],
)
def test_what_has_no_effect_is_refused_by_name(gateway: RunningGateway, config: dict[str, Any], named: str) -> None:
    reply = compress(gateway, config=config)
    error = reply.json()["error"]
    assert (reply.status, error["type"]) == (400, "invalid_request")
    assert named in error["message"]


@pytest.mark.parametrize(
    "config",
    [
        {"compress_user_messages": False, "protect_analysis_context": False, "content_router_enabled": True, "target_ratio": None},
        {"ccr": {"enabled": True}, "intelligent_context": {"enabled": False}, "cache_optimizer": {"enabled": True}},
        {"tool_crusher": {"max_depth": 5}, "prefix_freeze": {"force_compress_threshold": 0.5, "min_cached_tokens": 1024.0}},
        {"ccr": {"inject_tool": True, "store_max_entries": 1000}, "cache_optimizer": {"auto_detect_provider": True}},
        {"cache_aligner": {"enabled": False, "detection_tiers": ["regex"], "entropy_threshold": 0.7}},
        {"intelligent_context": {"enabled": True, "use_importance_scoring": True}, "policy": {"window": {"keep_last_turns": 3}}},
        {"intelligent_context": {"enabled": False, "summarization_model": None, "summary_max_tokens": 500}},
    ],
)
def test_settings_that_say_what_holds_anyway_are_taken(gateway: RunningGateway, config: dict[str, Any]) -> None:
    assert compress(gateway, config=config).json() == compress(gateway).json()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"nonsense",
        b"\xff\xfe",
        b"[]",
        b"null",
        b'{"model":"m"}',
        b'{"messages":[]}',
        b'{"messages":"hi","model":"m"}',
        b'{"messages":[],"model":""}',
        b'{"messages":[],"model":"m","nope":1}',
        b'{"messages":[1],"model":"m"}',
        b'{"messages":[{"role":"nobody","content":"x"}],"model":"m"}',
        b'{"messages":[{"role":"tool","tool_call_id":"x","content":"orphan"}],"model":"m"}',
        b'{"messages":[],"model":"m","token_budget":0}',
        b'{"messages":[],"model":"m","config":{"session_id":5}}',
        b'{"messages":[{"role":"user","content":"\xed\xa0\x80"}],"model":"m"}',
        b'{"messages":[{"role":"user","content":"\\ud800"}],"model":"m"}',
        b'{"messages":[{"role":"user","content":"x"}],"model":"m","config":{"session_id":"\\ud800"}}',
    ],
)
def test_what_is_no_request_is_refused(gateway: RunningGateway, body: bytes) -> None:
    reply = gateway.post("/v1/compress", body)
    assert (reply.status, reply.json()["error"]["type"]) == (400, "invalid_request")


@pytest.mark.parametrize("depth", [60, 400, 950, 5_000, 200_000])
@pytest.mark.parametrize("pair", [(b"[", b"]"), (b'{"content":[', b"]}")])
def test_nesting_costs_an_answer_at_most(gateway: RunningGateway, depth: int, pair: tuple[bytes, bytes]) -> None:
    deep = pair[0] * depth + pair[1] * depth
    for body in (
        b'{"messages":[{"role":"user","content":[{"x":' + deep + b'}]}],"model":"m"}',
        b'{"messages":[{"role":"user","content":' + deep + b'}],"model":"m"}',
        b'{"messages":[],"model":"m","config":{"policy":{"records":' + deep + b"}}}",
        deep,
    ):
        assert gateway.post("/v1/compress", body).status in (200, 400)
    assert compress(gateway, TALK[:2]).status == 200
