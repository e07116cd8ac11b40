"""Who may come in: keys, addresses, pace."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from headroom_stream.config import GatewaySettings
from headroom_stream.errors import ConfigurationError
from headroom_stream.gateway.tenants import Bucket, Tenants, check_exposure, is_loopback
from tests.gateway.talks import KEY, OTHER_KEY, TALK, bearer, compress
from tests.support.gateway import RunningGateway, running_gateway

OPEN = ("/health", "/livez", "/readyz", "/openapi.json")


@pytest.fixture(scope="module")
def locked() -> Iterator[RunningGateway]:
    with running_gateway(keys={"acme": f"{KEY}, another-key-of-acme-9", "globex": OTHER_KEY}) as running:
        yield running


def test_a_key_opens(locked: RunningGateway) -> None:
    for headers in (bearer(KEY), bearer("another-key-of-acme-9"), {"x-headroom-key": KEY}, {"Authorization": f"bearer {KEY}"}):
        assert compress(locked, headers=headers).status == 200


@pytest.mark.parametrize(
    "headers", [{}, bearer("wrong"), bearer(KEY[:-1]), bearer(f"{KEY}x"), {"Authorization": KEY}, bearer("ключ")]
)
def test_nothing_else_opens(locked: RunningGateway, headers: dict[str, str]) -> None:
    sent = {name: value.encode().decode("latin-1") for name, value in headers.items()}
    for reply in (compress(locked, headers=sent), locked.get("/stats", sent), locked.get("/metrics", sent)):
        assert (reply.status, reply.json()["error"]["type"]) == (401, "authentication_error")


def test_probes_and_the_document_are_open(locked: RunningGateway) -> None:
    assert [locked.get(path).status for path in OPEN] == [200] * len(OPEN)
    assert KEY not in locked.get("/openapi.json").body.decode()


def test_sessions_of_tenants_are_apart_though_their_names_are_equal(locked: RunningGateway) -> None:
    config = {"session_id": "shared"}
    compress(locked, TALK[:8], bearer(KEY), config=config)
    mine = compress(locked, TALK, bearer(KEY), config=config).json()["session"]
    theirs = compress(locked, TALK, bearer(OTHER_KEY), config=config).json()["session"]
    assert (mine["frozen_message_count"], theirs["frozen_message_count"]) == (8, 0)


def test_without_keys_only_this_machine_may_listen() -> None:
    for host in ("0.0.0.0", "::", "192.168.1.5", "gateway.internal"):
        with pytest.raises(ConfigurationError, match=r"gateway\.keys"):
            check_exposure(GatewaySettings(host=host))
        check_exposure(GatewaySettings(host=host, keys={"acme": KEY}))
    for host in ("127.0.0.1", "localhost", "::1", "127.8.9.1"):
        check_exposure(GatewaySettings(host=host))


def test_a_gateway_that_others_can_reach_does_not_start_without_keys() -> None:
    with pytest.raises(ConfigurationError, match=r"0\.0\.0\.0"), running_gateway(host="0.0.0.0"):
        pass


def test_with_keys_it_listens_where_it_is_told() -> None:
    with running_gateway(host="0.0.0.0", keys={"acme": KEY}) as gateway:
        own = RunningGateway(gateway.url.replace("0.0.0.0", "127.0.0.1"))
        assert own.get("/stats", bearer(KEY) | {"Host": "gateway.internal", "Origin": "https://app.internal"}).status == 200


@pytest.mark.parametrize(
    "headers",
    [{"Host": "evil.example"}, {"Host": "evil.example:8787"}, {"Origin": "https://evil.example"}, {"Origin": "null"}, {"Host": ""}],
)
def test_without_keys_no_web_page_gets_in(gateway: RunningGateway, headers: dict[str, str]) -> None:
    for reply in (gateway.get("/stats", headers), gateway.send("POST", "/cache/clear", b"", headers)):
        assert reply.status in (400, 403)


def test_a_page_of_this_machine_gets_in(gateway: RunningGateway) -> None:
    for headers in ({"Host": "localhost:8787"}, {"Host": "[::1]:8787"}, {"Origin": "http://localhost:3000"}):
        assert gateway.get("/stats", headers).status == 200


@pytest.mark.parametrize(
    ("keys", "named"), [({"a": "short"}, "16"), ({"a": KEY, "b": KEY}, "also"), ({"a": KEY + "\n"}, ""), ({"a": ""}, "16")]
)
def test_keys_that_make_no_sense_are_errors_that_do_not_show_them(keys: dict[str, str], named: str) -> None:
    if keys["a"].strip() == KEY and len(keys) == 1:
        assert Tenants(GatewaySettings(keys=keys)).find(KEY) is not None
        return
    with pytest.raises(ConfigurationError, match=named) as caught:
        Tenants(GatewaySettings(keys=keys))
    assert KEY not in str(caught.value)


def test_a_tenant_that_is_too_fast_is_told_when_to_come_back() -> None:
    with running_gateway(keys={"acme": KEY, "globex": OTHER_KEY}, requests_per_minute=3) as gateway:
        statuses = [gateway.get("/v1/telemetry", bearer(KEY)).status for _ in range(4)]
        assert statuses == [200, 200, 200, 429]
        reply = compress(gateway, headers=bearer(KEY))
        assert reply.json()["error"]["type"] == "rate_limit_exceeded"
        assert 1 <= int(reply.headers["retry-after"]) <= 60
        assert gateway.get("/stats", bearer(OTHER_KEY)).status == 200
        assert gateway.get("/health").json()["config"]["rate_limit"]


def test_a_bucket_fills_again() -> None:
    now = [0.0]
    bucket = Bucket(60, clock=lambda: now[0])
    assert [bucket.take() for _ in range(60)] == [0.0] * 60
    assert bucket.take() == pytest.approx(1.0)
    now[0] = 2.5
    assert [bucket.take() for _ in range(3)] == [0.0, 0.0, pytest.approx(0.5)]
    now[0] = 1e6
    assert [bucket.take() for _ in range(61)][-1] > 0


def test_names_that_are_no_address_are_not_this_machine() -> None:
    assert [host for host in ("localhost.evil.example", "127.0.0.1.evil", "", "0", "[::1]", "LOCALHOST") if is_loopback(host)] == [
        "[::1]",
        "LOCALHOST",
    ]
