"""The OpenAPI document: all routes, and what they really answer."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest

from headroom_stream.gateway.app import ROUTES
from tests.gateway.talks import KEY, compress, left_out
from tests.support.gateway import Reply, RunningGateway, running_gateway


@pytest.fixture(scope="module")
def document(gateway: RunningGateway) -> dict[str, Any]:
    found: dict[str, Any] = gateway.get("/openapi.json").json()
    return found


def checked(document: dict[str, Any], path: str, method: str, reply: Reply) -> None:
    answers = document["paths"][path][method]["responses"]
    content = answers[str(reply.status)]["content"]
    assert reply.headers["content-type"].partition(";")[0] in content
    if reply.headers["content-type"].startswith("application/json"):
        schema = content["application/json"]["schema"] | {"components": document["components"]}
        jsonschema.validate(reply.json(), schema)


def test_every_route_is_described(document: dict[str, Any]) -> None:
    described = {(path, method.upper()) for path, item in document["paths"].items() for method in item}
    assert described == {(route.path, route.method) for route in ROUTES}
    assert document["openapi"].startswith("3.1")
    names = [operation["operationId"] for item in document["paths"].values() for operation in item.values()]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("route", [r for r in ROUTES if r.method == "GET"], ids=lambda r: r.path)
def test_answers_to_questions_are_as_described(gateway: RunningGateway, document: dict[str, Any], route: Any) -> None:
    compress(gateway, config={"session_id": "described"})
    ref = left_out(gateway)
    pattern = gateway.get("/v1/toin/patterns").json()[0]["hash"]
    for value in (ref, pattern, "search", "zzz"):
        path = route.path.replace("{hash}", value).replace("{tool}", value).replace("{prefix}", value)
        checked(document, route.path, "get", gateway.get(path))
        checked(document, route.path, "get", gateway.get(f"{path}?query=worker&series=daily&limit=3"))
        checked(document, route.path, "get", gateway.get(f"{path}?format=csv"))


def test_answers_to_bodies_are_as_described(gateway: RunningGateway, document: dict[str, Any]) -> None:
    ref = left_out(gateway)
    tool = {"type": "tool_use", "id": "a", "name": "headroom_retrieve", "input": {"hash": ref}}
    usage = {"session_id": "described", "usage": {"input_tokens": 5}}
    for config in ({}, {"session_id": "described"}, {"default_mode": "simulate", "generate_diff_artifact": True}, {"nope": 1}):
        checked(document, "/v1/compress", "post", compress(gateway, config=config))
    for path, body in (
        ("/v1/usage", usage),
        ("/v1/retrieve", {"hash": ref}),
        ("/v1/retrieve", {"hash": ref, "query": "worker"}),
        ("/v1/retrieve", {"hash": "x"}),
        ("/v1/retrieve/tool_call", {"tool_call": tool}),
        ("/v1/telemetry/import", gateway.get("/v1/telemetry/export").json()),
        ("/cache/clear", None),
        ("/v1/chat/completions", {"model": "m", "messages": []}),
        ("/v1/messages", {"model": "m", "messages": []}),
    ):
        checked(document, path, "post", gateway.post(path, body))
        if path != "/cache/clear":
            checked(document, path, "post", gateway.post(path, b"nonsense"))


def test_the_document_asks_for_a_key_where_the_gateway_does(document: dict[str, Any]) -> None:
    assert "security" not in document
    with running_gateway(keys={"acme": KEY}, requests_per_minute=1) as gateway:
        locked = gateway.get("/openapi.json").json()
        assert locked["security"] == [{"key": []}]
        assert locked["paths"]["/health"]["get"]["security"] == []
        for _ in range(3):
            checked(locked, "/stats", "get", gateway.get("/stats", {"x-headroom-key": KEY}))
        checked(locked, "/stats", "get", gateway.get("/stats"))
