"""What is counted: each number has a call behind it."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from headroom_stream.store import open_store
from tests.core.folding import user
from tests.gateway.talks import KEY, OTHER_KEY, TALK, bearer, compress
from tests.support.gateway import RunningGateway, running_gateway


@pytest.fixture
def fresh() -> Iterator[RunningGateway]:
    with running_gateway() as running:
        yield running


def test_calls_are_counted(fresh: RunningGateway) -> None:
    one = compress(fresh, TALK[:4], config={"session_id": "s"}).json()
    two = compress(fresh, config={"session_id": "s"}).json()
    compress(fresh, [user("hi")], model="claude-sonnet-4-5", config={"default_mode": "audit"})
    fresh.post("/v1/compress", b"nonsense")
    stats = fresh.get("/stats").json()
    assert stats["requests"] | {"by_provider": 0} == {
        "total": 3,
        "cached": 1,
        "failed": 1,
        "rate_limited": 0,
        "refused": 1,
        "timeouts": 0,
        "by_provider": 0,
        "by_model": {"gpt-4o": 2, "claude-sonnet-4-5": 1},
        "by_mode": {"optimize": 2, "audit": 1},
    }
    assert stats["tokens"]["saved"] == one["tokens_saved"] + two["tokens_saved"]
    assert stats["tokens"]["total_before_compression"] - stats["tokens"]["saved"] == stats["tokens"]["input"]
    assert stats["cost"]["priced_requests"] == 2
    assert stats["cost"]["saved_usd"] > 0
    assert stats["waste_signals"]["json_bloat"] > 0
    assert stats["compression"]["ccr_entries"] == 1
    assert stats["feedback_loop"]["tools_tracked"] == 2
    for part in ("latency", "overhead"):
        assert 0 < stats[part]["min_ms"] <= stats[part]["average_ms"] <= stats[part]["max_ms"]
    assert stats["pipeline_timing"]["compress"]["count"] == 3
    recent = stats["recent_requests"]
    assert [row["mode"] for row in recent] == ["audit", "optimize", "optimize"]
    assert recent[1]["tokens_saved"] == two["tokens_saved"]
    assert recent[1]["session_id"] == "s"


def test_history_adds_up_in_every_series(fresh: RunningGateway) -> None:
    for _ in range(2):
        compress(fresh)
    total = fresh.get("/stats").json()["tokens"]["saved"]
    for series in ("history", "hourly", "daily", "weekly", "monthly"):
        answer = fresh.get(f"/stats-history?series={series}").json()
        assert answer["series"] == series
        assert sum(point["tokens_saved"] for point in answer["points"]) == total
        reply = fresh.get(f"/stats-history?format=csv&series={series}")
        assert reply.headers["content-type"].startswith("text/csv")
        rows = list(csv.DictReader(io.StringIO(reply.body.decode())))
        assert sum(int(row["tokens_saved"]) for row in rows) == total
    assert len(fresh.get("/stats-history").json()["points"]) == 2
    assert fresh.get("/stats-history?series=yearly").status == 400
    assert fresh.get("/stats-history?format=xml").status == 400


def test_prometheus_can_read_the_metrics(fresh: RunningGateway) -> None:
    compress(fresh, model='odd "model"\\\n')
    reply = fresh.get("/metrics")
    assert reply.headers["content-type"].startswith("text/plain")
    text = reply.body.decode()
    line = re.compile(r'[a-z_]+(\{[a-z]+="(?:[^"\\\n]|\\[\\"n])*"\})? [-+0-9.e]+')
    assert all(one.startswith("# ") or line.fullmatch(one) for one in text.splitlines())
    assert "headroom_requests_total 1\n" in text
    assert 'model="odd \\"model\\"\\\\\\n"} 1' in text


def test_memory_is_told_of_the_whole_gateway(gateway: RunningGateway) -> None:
    compress(gateway, config={"session_id": "memory"})
    answer = gateway.get("/debug/memory").json()
    assert answer["process_memory"]["rss"] > 20_000_000
    assert answer["components"]["sessions"]["memory_mb"] > 0
    assert answer["total_tracked_mb"] <= answer["target_budget_mb"]


def test_health_tells_what_the_package_asks_for(gateway: RunningGateway) -> None:
    answer = gateway.get("/health").json()
    assert (answer["status"], answer["ready"]) == ("healthy", True)
    assert answer["config"] == {"optimize": True, "cache": True, "rate_limit": False}
    assert gateway.get("/livez").status == gateway.get("/readyz").status == 200


def test_counts_of_tenants_are_apart() -> None:
    with running_gateway(keys={"acme": KEY, "globex": OTHER_KEY}) as gateway:
        compress(gateway, headers=bearer(KEY))
        assert gateway.get("/stats", bearer(KEY)).json()["requests"]["total"] == 1
        assert gateway.get("/stats", bearer(OTHER_KEY)).json()["requests"]["total"] == 0
        assert gateway.get("/v1/telemetry", bearer(OTHER_KEY)).json()["total_compressions"] == 0


def test_a_row_of_each_call_is_kept_in_the_store(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'rows.db'}"
    with running_gateway(store_url=url) as gateway:
        saved = compress(gateway, config={"session_id": "kept"}).json()["tokens_saved"]
    store = open_store(url)
    rows = store.query()
    store.close()
    assert [(row.session_id, row.model, row.mode, row.tokens_saved) for row in rows] == [("kept", "gpt-4o", "optimize", saved)]
    assert rows[0].latency_ms is not None
    assert "FLT003" not in (tmp_path / "rows.db").read_bytes().decode(errors="replace")


def test_what_the_provider_billed_is_told_to_the_session(gateway: RunningGateway) -> None:
    usage = {"cache_read_input_tokens": 500, "cache_creation_input_tokens": 20, "input_tokens": 9}
    compress(gateway, TALK[:4], config={"session_id": "billed"})
    told = gateway.post("/v1/usage", {"session_id": "billed", "usage": usage}).json()
    assert told == {"session_id": "billed", "frozen_message_count": 4, "applied": True}
    assert compress(gateway, config={"session_id": "billed"}).json()["session"]["cached_prefix_replayed"]
    unknown = gateway.post("/v1/usage", {"session_id": "unknown", "usage": usage}).json()
    assert unknown == {"session_id": "unknown", "frozen_message_count": 0, "applied": False}
    assert gateway.post("/v1/usage", {"usage": {}}).status == 400
