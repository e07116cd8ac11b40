"""What was left out comes back: by its hash, by a query, by a model's call."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.core.conversations import LOGS
from tests.gateway.talks import KEY, OTHER_KEY, bearer, compress, left_out
from tests.support.gateway import RunningGateway, running_gateway


def test_an_original_comes_back_whole(gateway: RunningGateway) -> None:
    ref = left_out(gateway)
    answer = gateway.post("/v1/retrieve", {"hash": ref}).json()
    assert (answer["hash"], answer["original_content"], answer["tool_name"]) == (ref, LOGS, "read_log")
    assert answer["original_item_count"] == 60
    assert 0 < answer["compressed_item_count"] < 60
    assert answer["original_tokens"] > answer["compressed_tokens"] > 0
    again = gateway.get(f"/v1/retrieve/{ref}").json()
    assert again["retrieval_count"] == answer["retrieval_count"] + 1


def test_a_query_brings_the_passages_that_it_is_about(gateway: RunningGateway) -> None:
    ref = left_out(gateway)
    for answer in (
        gateway.post("/v1/retrieve", {"hash": ref, "query": "request 41"}).json(),
        gateway.get(f"/v1/retrieve/{ref}?query=request%2041").json(),
    ):
        assert (answer["hash"], answer["query"], answer["count"]) == (ref, "request 41", len(answer["results"]))
        assert "request 41 served" in answer["results"][0]["text"]
    assert gateway.post("/v1/retrieve", {"hash": ref, "query": "zebra"}).json()["results"] == []


def test_originals_of_sessions_are_kept_too(gateway: RunningGateway) -> None:
    refs = compress(gateway, config={"session_id": "originals"}).json()["ccr_hashes"]
    assert gateway.get(f"/v1/retrieve/{refs[0]}").status == 200


def test_what_is_not_kept_is_not_found(gateway: RunningGateway) -> None:
    for reply in (gateway.post("/v1/retrieve", {"hash": "0" * 12}), gateway.get("/v1/retrieve/nothing")):
        assert reply.status == 404
        assert reply.json() == {"detail": "Entry not found (CCR TTL: 21600 seconds)"}


@pytest.mark.parametrize("body", [b"{}", b'{"hash":""}', b'{"hash":5}', b"x", b'{"hash":"a","nope":1}'])
def test_a_request_without_a_hash_is_refused(gateway: RunningGateway, body: bytes) -> None:
    reply = gateway.post("/v1/retrieve", body)
    assert reply.status == 400
    assert list(reply.json()) == ["detail"]


def test_statistics_tell_what_is_kept_and_what_was_asked_for(gateway: RunningGateway) -> None:
    ref = left_out(gateway)
    before = gateway.get("/v1/retrieve/stats").json()["store"]["retrievals"]
    gateway.get(f"/v1/retrieve/{ref}")
    gateway.get(f"/v1/retrieve/{ref}?query=worker-1")
    answer = gateway.get("/v1/retrieve/stats").json()
    store = answer["store"]
    assert store["entries"] == store["entry_count"] >= 1
    assert store["retrievals"] == store["total_retrievals"] == before + 2
    assert store["original_tokens_cached"] > store["compressed_tokens_cached"] > 0
    latest, one_before = answer["recent_retrievals"][:2]
    assert (latest["query"], latest["retrieval_type"], latest["tool_name"]) == ("worker-1", "search", "read_log")
    assert (one_before["query"], one_before["retrieval_type"], one_before["items_retrieved"]) == (None, "full", 60)


def calls_for(ref: str) -> list[tuple[dict[str, Any], str]]:
    arguments = {"hash": ref, "query": "request 41"}
    function = {"name": "headroom_retrieve", "arguments": json.dumps(arguments)}
    return [
        ({"id": "c1", "type": "function", "function": function}, "tool_call_id"),
        ({"type": "tool_use", "id": "c1", "name": "headroom_retrieve", "input": arguments}, "tool_use_id"),
        ({"function_call": {"name": "headroom_retrieve", "args": arguments}}, "functionResponse"),
        ({"functionCall": {"id": "c1", "name": "headroom_retrieve", "args": arguments}}, "functionResponse"),
        ({"id": "c1", "name": "headroom_retrieve", "args": arguments}, "functionResponse"),
    ]


@pytest.mark.parametrize("number", range(5))
def test_a_models_call_gets_its_result_in_its_own_shape(gateway: RunningGateway, number: int) -> None:
    call, field = calls_for(left_out(gateway))[number]
    answer = gateway.post("/v1/retrieve/tool_call", {"tool_call": call}).json()
    assert answer["success"]
    assert field in answer["tool_result"]
    assert "request 41 served" in json.dumps(answer["tool_result"])
    assert answer["data"]["results"]


@pytest.mark.parametrize("number", range(5))
def test_a_models_call_for_what_is_not_there_gets_an_answer_that_says_so(gateway: RunningGateway, number: int) -> None:
    call, _ = calls_for("nothing")[number]
    reply = gateway.post("/v1/retrieve/tool_call", {"tool_call": call})
    assert reply.status == 200
    assert not reply.json()["success"]
    assert "not found" in json.dumps(reply.json()["tool_result"])


def test_another_tool_is_none_of_ours(gateway: RunningGateway) -> None:
    for call in ({"type": "tool_use", "id": "c", "name": "bash", "input": {}}, {}, {"function": 5}):
        assert gateway.post("/v1/retrieve/tool_call", {"tool_call": call}).status == 400
    wrong = {"type": "tool_use", "id": "c", "name": "headroom_retrieve", "input": {"hash": 5}}
    assert not gateway.post("/v1/retrieve/tool_call", {"tool_call": wrong}).json()["success"]


def test_originals_of_another_tenant_are_not_there() -> None:
    with running_gateway(keys={"acme": KEY, "globex": OTHER_KEY}) as gateway:
        ref = left_out(gateway, bearer(KEY))
        assert gateway.get(f"/v1/retrieve/{ref}", bearer(KEY)).status == 200
        assert gateway.get(f"/v1/retrieve/{ref}", bearer(OTHER_KEY)).status == 404


def test_originals_go_when_they_are_too_many_or_too_old() -> None:
    with running_gateway(originals_bytes=600) as gateway:
        assert gateway.get(f"/v1/retrieve/{left_out(gateway)}").status == 404
    with running_gateway(originals_s=1e-9) as gateway:
        assert gateway.get(f"/v1/retrieve/{left_out(gateway)}").status == 404


def test_a_cleared_gateway_has_forgotten(gateway: RunningGateway) -> None:
    ref = left_out(gateway)
    compress(gateway, config={"session_id": "cleared"})
    assert gateway.post("/cache/clear", b"").json() == {"status": "cleared"}
    assert gateway.get(f"/v1/retrieve/{ref}").status == 404
    assert gateway.get("/health").json()["runtime"]["sessions"] == 0
    assert compress(gateway, config={"session_id": "cleared"}).json()["session"]["frozen_message_count"] == 0
