"""What calls teach of tools: fields that agents use, outputs that are asked for again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest

from tests.core.folding import call, result, said, user
from tests.gateway.talks import compress, left_out
from tests.support.gateway import RunningGateway, running_gateway


@pytest.fixture
def fresh() -> Iterator[RunningGateway]:
    with running_gateway() as running:
        yield running


def page(n: int) -> str:
    """An order of no words that another has, so that none points at another."""
    note = " ".join(f"{n}w{i}" for i in range(40))
    return json.dumps({"code": f"ZX{n}QK", "parts": [f"K{n}-{i:03}" for i in range(60)], "note": note})


def learnt_talk() -> list[dict[str, Any]]:
    talk = [user("Which?")]
    for n in (11, 12, 13, 14):
        talk += [call(f"c{n}", tool="lookup"), result(f"c{n}", page(n)), said(f"It is part K{n}-059."), user("And now?")]
    return talk


def test_fields_that_agents_use_are_learnt(fresh: RunningGateway) -> None:
    compress(fresh, learnt_talk(), config={"session_id": "s"})
    stats = fresh.get("/v1/telemetry").json()
    assert stats["enabled"]
    assert stats["tool_signatures_tracked"] == 1
    assert 0 < stats["avg_compression_ratio"] < 1
    tools = fresh.get("/v1/telemetry/tools").json()
    assert tools["count"] == 1
    (one,) = tools["tools"]
    assert (one["tool_name"], one["outputs"], one["used"]) == ("lookup", 4, 4)
    assert one["fields"] == {"parts[]": 4}
    assert fresh.get(f"/v1/telemetry/tools/{one['signature_hash']}").json() == one
    hints = fresh.get("/v1/feedback/lookup").json()
    assert hints["hints"]["preserve_fields"] == ["parts[]"]
    assert hints["pattern"]["total_compressions"] == 4


def test_patterns_are_listed_by_how_often_they_came(fresh: RunningGateway) -> None:
    compress(fresh, learnt_talk(), config={"session_id": "s"})
    compress(fresh, [user("Hm?"), call("a", tool="rare"), result("a", '{"x": 1, "y": "abcdefghijkl"}')], config={"session_id": "t"})
    assert fresh.get("/v1/toin/stats").json()["patterns_tracked"] == 2
    patterns = fresh.get("/v1/toin/patterns").json()
    assert [one["tool_name"] for one in patterns] == ["lookup", "rare"]
    assert patterns[0]["compressions"] == 4
    assert patterns[0]["retrieval_rate"] == "0.0%"
    assert patterns[0]["confidence"] > patterns[1]["confidence"]
    assert len(fresh.get("/v1/toin/patterns?limit=1").json()) == 1
    assert fresh.get(f"/v1/toin/pattern/{patterns[1]['hash'][:6]}").json() == patterns[1]


def test_outputs_that_are_asked_for_again_count_against_cutting_them(fresh: RunningGateway) -> None:
    log = "\n".join(f"2026-01-01 10:00:{i % 60:02} INFO worker-{i % 3} request {i} served in {i * 7 % 90} ms" for i in range(80))
    for n in range(4):
        talk = [user("Why?"), call("a", tool="read_log"), result("a", log.replace("worker", f"job{n}"))]
        (ref,) = compress(fresh, talk).json()["ccr_hashes"]
        fresh.post("/v1/retrieve", {"hash": ref, "query": "request 17"})
    hints = fresh.get("/v1/feedback/read_log").json()
    assert hints["hints"]["skip_compression"]
    assert hints["hints"]["aggressiveness"] == 0
    assert hints["hints"]["suggested_items"] == ["request 17"]
    assert hints["pattern"] | {"queried_fields": []} == {
        "total_compressions": 4,
        "total_retrievals": 4,
        "retrieval_rate": 1.0,
        "full_retrieval_rate": 0.0,
        "search_rate": 1.0,
        "common_queries": ["request 17"],
        "queried_fields": [],
    }
    everything = fresh.get("/v1/feedback").json()
    assert everything["global_retrieval_rate"] == 1.0
    assert everything["tools"]["read_log"] == hints["pattern"]


def test_texts_count_among_the_shapes_once_they_are_asked_for(fresh: RunningGateway) -> None:
    ref = left_out(fresh)
    fresh.get(f"/v1/retrieve/{ref}")
    (text,) = [one for one in fresh.get("/v1/telemetry/tools").json()["tools"] if one["schema"] == "text"]
    assert (text["tool_name"], text["outputs"], text["retrievals"]) == ("read_log", 1, 1)
    patterns = {one["tool_name"]: one for one in fresh.get("/v1/toin/patterns").json()}
    assert patterns["read_log"]["retrieval_rate"] == "100.0%"


def test_a_tool_that_was_never_seen_has_no_hints(gateway: RunningGateway) -> None:
    hints = gateway.get("/v1/feedback/never%20seen").json()
    assert (hints["tool_name"], hints["hints"]["skip_compression"]) == ("never seen", False)
    assert "no output" in hints["hints"]["reason"]


def test_what_one_gateway_learnt_another_keeps(fresh: RunningGateway) -> None:
    compress(fresh, learnt_talk(), config={"session_id": "s"})
    exported = fresh.get("/v1/telemetry/export")
    assert "K11" not in exported.body.decode()
    with running_gateway() as other:
        talk = [user("Hm?"), call("a", tool="lookup"), result("a", page(99))]
        assert "K99-030" not in compress(other, talk).json()["messages"][2]["content"]
        assert other.post("/v1/telemetry/import", exported.body).json() == {"status": "imported", "tools": 1}
        assert other.get("/v1/telemetry/tools").json()["tools"][0]["fields"] == {"parts[]": 4}
        assert "K99-030" in compress(other, talk).json()["messages"][2]["content"]


def test_counts_that_add_up_to_too_much_can_still_be_passed_on(fresh: RunningGateway) -> None:
    most = {"tools": [{"tool": "t", "schema": "s", "outputs": 2**31 - 1, "fields": [{"field": "f", "used": 2**31 - 1}]}]}
    for _ in range(2):
        assert fresh.post("/v1/telemetry/import", most).status == 200
    assert fresh.post("/v1/telemetry/import", fresh.get("/v1/telemetry/export").body).status == 200


@pytest.mark.parametrize("body", [b"x", b"[]", b'{"version":2}', b'{"tools":[{"tool":5,"schema":"x"}]}', b'{"nope":1}'])
def test_what_is_no_export_is_not_imported(gateway: RunningGateway, body: bytes) -> None:
    assert gateway.post("/v1/telemetry/import", body).status == 400


@pytest.mark.parametrize("path", ["/v1/toin/pattern/zzz", "/v1/telemetry/tools/zzz"])
def test_an_unknown_shape_is_not_found(gateway: RunningGateway, path: str) -> None:
    assert gateway.get(path).json()["error"]["type"] == "not_found"


@pytest.mark.parametrize("limit", ["0", "-1", "x", "1e3", "99999", "²"])
def test_a_limit_that_is_no_number_is_refused(gateway: RunningGateway, limit: str) -> None:
    assert gateway.get(f"/v1/toin/patterns?limit={quote(limit)}").status == 400
