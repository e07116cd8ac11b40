"""Bodies on the wire: conversations with what JSON should not hold in them, broken, huge, deep, in pieces, under any content type.

Each gets an answer in time that the OpenAPI document has for its route, and what was sent before costs no memory afterwards.
`HYPOTHESIS_PROFILE=thorough` tries many more.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.client import HTTPConnection
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from headroom_stream.gateway.app import ROUTES
from headroom_stream.gateway.openapi import document
from tests.core.conversations import SHAPES, plots
from tests.support.gateway import Reply, RunningGateway, running_gateway
from tests.support.processes import Programs
from tests.support.provider_stub import ProviderStub

SECONDS = 60
"""A request that takes longer hangs."""
MEGABYTE = 2**20
DOCUMENT = document(ROUTES, keys=False)
HOLE = "\x07hole"
TOKENS = (
    b"NaN",
    b"-Infinity",
    b"1e999",
    b"-0",
    b"9" * 5_000,
    b"1" + b"0" * 400 + b".5",
    b'"\\ud800"',
    b'"\\udfff\\ud800"',
    b'"\\u0000"',
    b'"\xff\xfe"',
    b'"\xed\xa0\x80"',
    b'"\n"',
    b"\xef\xbb\xbf1",
    b"[" * 5_000,
    b"[" * 5_000 + b"]" * 5_000,
    b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
    b'{"role":"user","role":"tool","content":1,"content":"twice"}',
    b"null",
    b"true",
    b"{}",
    b"[[]]",
    b"",
    b"'text'",
    b"// why\n1",
    b"undefined",
    b'"' + b"\\" * 301 + b'"',
    b'"unfinished',
    b'"%s"' % (b"[218 lines left out, original 54c12a0a3383]" * 3),
)
"""What may stand where a value should: several are no JSON, or none that Python's json would write."""
TYPES = (
    "application/json",
    "application/json; charset=utf-16",
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "multipart/form-data",
    "image/png",
    "nonsense",
    "",
)
PATHS = ("/v1/compress", "/v1/chat/completions", "/v1/messages")


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where the values stand, lists and objects among them."""
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inner:
        yield from leaves(one, (*path, key))


def with_hole(value: Any, path: tuple[Any, ...]) -> Any:
    if not path:
        return HOLE
    key, *rest = path
    if isinstance(value, dict):
        return value | {key: with_hole(value[key], tuple(rest))}
    return [with_hole(one, tuple(rest)) if i == key else one for i, one in enumerate(value)]


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """A request of a valid conversation, with up to three values replaced, and perhaps cut, doubled or spoilt by a byte."""
    request: dict[str, Any] = {
        "messages": SHAPES[draw(st.sampled_from(tuple(SHAPES)))](draw(plots(max_rounds=3))),
        "model": "gpt-4o",
    }
    if draw(st.booleans()):
        request["config"] = {"session_id": draw(st.sampled_from(["a", "b"])), "frozen_message_count": 1}
    text = json.dumps(request).encode()
    for _ in range(draw(st.integers(0, 3))):
        path = draw(st.sampled_from(list(leaves(request))))
        holed = json.dumps(with_hole(request, path)).encode()
        text = holed.replace(json.dumps(HOLE).encode(), draw(st.sampled_from(TOKENS)))
        try:
            request = json.loads(text)
        except (ValueError, RecursionError):
            break
        if not isinstance(request, dict):
            break
    match draw(st.sampled_from(["whole", "whole", "cut", "doubled", "byte"])):
        case "cut":
            text = text[: draw(st.integers(0, len(text)))]
        case "doubled":
            text += text
        case "byte" if text:
            at = draw(st.integers(0, len(text) - 1))
            text = text[:at] + bytes([draw(st.integers(0, 255))]) + text[at + 1 :]
        case _:
            pass
    return text


def checked(path: str, reply: Reply) -> Reply:
    """A reply as the document has it."""
    assert reply.status < 500, reply.body[:300]
    answers = DOCUMENT["paths"][path]["post"]["responses"]
    assert str(reply.status) in answers, (reply.status, reply.body[:300])
    content = answers[str(reply.status)]["content"]
    if "application/json" in content:
        jsonschema.validate(reply.json(), content["application/json"]["schema"] | {"components": DOCUMENT["components"]})
    return reply


def in_pieces(gateway: RunningGateway, path: str, body: bytes, sizes: list[int], headers: dict[str, str]) -> Reply:
    """The reply to a body of which nobody says how long it is."""

    def pieces() -> Iterator[bytes]:
        at, turn = 0, 0
        while at < len(body):
            size = sizes[turn % len(sizes)]
            yield body[at : at + size]
            at, turn = at + size, turn + 1

    connection = HTTPConnection(gateway.url.removeprefix("http://"), timeout=SECONDS)
    try:
        connection.request("POST", path, pieces(), {"Transfer-Encoding": "chunked", **headers}, encode_chunked=True)
        answer = connection.getresponse()
        return Reply(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
    finally:
        connection.close()


@pytest.fixture(scope="module")
def gateway() -> Iterator[RunningGateway]:
    with ProviderStub() as provider, running_gateway(openai_url=provider.openai_url, anthropic_url=provider.url) as running:
        yield running
        assert running.get("/health").json()["status"] == "healthy"


ANYWHERE = settings(
    max_examples=2 * settings().max_examples, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
"""A request takes milliseconds, so there is time for more of them than of other examples."""


@ANYWHERE
@given(
    body=bodies(), path=st.sampled_from(PATHS), kind=st.sampled_from(TYPES), mode=st.sampled_from(["audit", "optimize", "simulate"])
)
@example(body=b'{"messages": [], "model": "m"}', path="/v1/compress", kind="", mode="optimize")
def test_spoilt_bodies_are_answered_as_documented(gateway: RunningGateway, body: bytes, path: str, kind: str, mode: str) -> None:
    checked(path, gateway.post(path, body, {"Content-Type": kind, "x-headroom-mode": mode}))


@ANYWHERE
@given(body=bodies(), sizes=st.lists(st.integers(1, 3_000), min_size=1, max_size=4))
def test_a_body_in_pieces_is_answered_as_the_whole(gateway: RunningGateway, body: bytes, sizes: list[int]) -> None:
    sizes = [max(size, len(body) // 200) for size in sizes]
    whole = checked("/v1/compress", gateway.post("/v1/compress", body, {"x-headroom-bypass": "true"}))
    pieces = checked("/v1/compress", in_pieces(gateway, "/v1/compress", body, sizes, {"x-headroom-bypass": "true"}))
    assert (pieces.status, pieces.body) == (whole.status, whole.body)


def rounds(outputs: list[str]) -> list[dict[str, Any]]:
    """A conversation in which a tool is called for each output."""
    out: list[dict[str, Any]] = [{"role": "user", "content": "Go."}]
    for n, output in enumerate(outputs):
        function = {"name": "run", "arguments": json.dumps({"n": n})}
        out.append(
            {"role": "assistant", "content": None, "tool_calls": [{"id": f"c{n}", "type": "function", "function": function}]}
        )
        out.append({"role": "tool", "tool_call_id": f"c{n}", "content": output})
    return out


HUGE = {
    "one letter": "a" * 5 * MEGABYTE,
    "blanks": " " * 5 * MEGABYTE,
    "empty lines": "\n" * 5 * MEGABYTE,
    "brackets": "[" * 5 * MEGABYTE,
    "nested brackets": "[" * 2 * MEGABYTE + "]" * 2 * MEGABYTE,
    "quotes and backslashes": '\\"' * 2 * MEGABYTE,
    "short lines": "".join(f"{n}\n" for n in range(600_000)),
    "records": json.dumps([{"id": n, "value": n * 7919 % 10_007, "name": f"row {n}"} for n in range(90_000)]),
    "log": "".join(f"2026-01-01T10:00:{n % 60:02}Z INFO worker {n % 7} did {n}\n" for n in range(100_000)),
    "wide characters": "🜁é\u0301\u200d" * (5 * MEGABYTE // 12),
    "base64": "QUJD/+" * (5 * MEGABYTE // 6),
    "markers": "[218 lines left out, original 54c12a0a3383]\n" * 100_000,
}


USUAL = ("one letter", "brackets", "log")
"""Of them, those that are tried each time; the others take a minute."""


@pytest.mark.parametrize("what", [what if what in USUAL else pytest.param(what, marks=pytest.mark.slow) for what in HUGE])
def test_five_megabytes_of_anything_are_answered(gateway: RunningGateway, what: str) -> None:
    body = {"messages": rounds([HUGE[what]]), "model": "gpt-4o"}
    answer = checked("/v1/compress", gateway.post("/v1/compress", body)).json()
    assert len(answer["messages"]) == 3
    assert answer["tokens_after"] <= answer["tokens_before"]


def test_ten_thousand_messages_are_answered(gateway: RunningGateway) -> None:
    messages = rounds([f"result {n} of many" for n in range(5_000)])
    for config in ({}, {"session_id": "long"}, {"session_id": "long"}):
        answer = checked(
            "/v1/compress", gateway.post("/v1/compress", {"messages": messages, "model": "gpt-4o", "config": config})
        ).json()
        assert len(answer["messages"]) == len(messages)
    assert answer["session"]["cached_prefix_replayed"]


def test_what_was_sent_costs_no_memory_for_ever(programs: Programs) -> None:
    """A gateway that may keep little keeps little, however many sessions come and go."""
    few = {"CACHE_BYTES": 8 * MEGABYTE, "ORIGINALS_BYTES": 8 * MEGABYTE, "PORT": 0, "PROCESSES": 1}
    program = programs.headroom(
        "gateway", "--quiet", env={f"HEADROOM_STREAM_GATEWAY__{name}": str(value) for name, value in few.items()}
    )
    gateway = RunningGateway(program.wait_for(r"gateway ready: (http://\S+)").group(1))

    def send(number: int) -> None:
        outputs = [
            f"{number} {n}\n" + "\n".join(f"job {number * k} of {n} took {k * 7919 % 1013} ms" for k in range(2_500))
            for n in range(4)
        ]
        body = {"messages": rounds(outputs), "model": "gpt-4o", "config": {"session_id": f"s{number}"}}
        assert gateway.post("/v1/compress", body).status == 200

    def resident() -> float:
        return float(gateway.get("/debug/memory").json()["process_memory"]["rss"]) / MEGABYTE

    for number in range(12):
        send(number)
    settled = resident()
    for number in range(12, 36):
        send(number)
    # What they sent is 10 MB; with what is known of it, 100 MB and more if it were kept.
    assert resident() < settled + 15, f"{settled:.0f} MB after 12 sessions"
