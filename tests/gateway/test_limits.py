"""What bounds a request: its size, its time, and those of all others."""

from __future__ import annotations

import json
import socket
import threading
import time

import pytest

from tests.core.folding import call, result, user
from tests.gateway.talks import TALK, compress
from tests.support.gateway import RunningGateway, running_gateway

SLOW_TALK = [
    user("Look."),
    call("a"),
    result("a", json.dumps([{"id": i, "text": f"entry {i * 7919} of many", "n": [i, i + 1, {"k": str(i)}]} for i in range(9_000)])),
]
"""Takes far more than a millisecond."""


def connected(gateway: RunningGateway) -> socket.socket:
    host, _, port = gateway.url.removeprefix("http://").partition(":")
    return socket.create_connection((host, int(port)), timeout=20)


def read_all(connection: socket.socket) -> bytes:
    out = b""
    while chunk := connection.recv(65536):
        out += chunk
    return out


def test_a_body_that_is_too_large_is_refused_before_it_is_read() -> None:
    with running_gateway(body_bytes=1_000) as gateway, connected(gateway) as connection:
        connection.sendall(
            b"POST /v1/compress HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 100000000\r\n\r\n"
        )
        answer = read_all(connection)
        assert b" 413 " in answer
        assert b"request_too_large" in answer
        assert compress(gateway, [user("hi")]).status == 200


def test_a_body_of_unknown_size_is_read_up_to_the_limit() -> None:
    with running_gateway(body_bytes=1_000) as gateway, connected(gateway) as connection:
        connection.sendall(
            b"POST /v1/compress HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        for _ in range(5):
            connection.sendall(b"190\r\n" + b" " * 400 + b"\r\n")
        assert b" 413 " in connection.recv(65536)


def test_compressed_bodies_are_not_unpacked(gateway: RunningGateway) -> None:
    reply = gateway.post("/v1/compress", b"\x1f\x8b", {"Content-Encoding": "gzip"})
    assert (reply.status, reply.json()["error"]["type"]) == (415, "unsupported_media_type")


def test_clients_that_send_nothing_or_too_slowly_are_let_go() -> None:
    with running_gateway(read_timeout_s=0.3) as gateway:
        with connected(gateway) as silent:
            assert read_all(silent) == b""
        with connected(gateway) as trickling:
            trickling.sendall(b"POST /v1/compress HTTP/1.1\r\nHost: loc")
            assert read_all(trickling) == b""
        with connected(gateway) as half:
            half.sendall(b"POST /v1/compress HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50\r\nConnection: close\r\n\r\n{")
            assert b" 408 " in half.recv(65536)
        assert gateway.get("/livez").status == 200


def test_a_session_that_takes_too_long_is_an_error_and_a_call_without_one_is_not() -> None:
    with running_gateway(timeout_s=0.001) as gateway:
        reply = compress(gateway, SLOW_TALK, config={"session_id": "s"})
        assert (reply.status, reply.json()["error"]["type"]) == (503, "compression_timeout")
        assert "retry-after" in reply.headers
        reply = compress(gateway, SLOW_TALK)
        assert reply.status == 200
        answer = reply.json()
        assert answer["messages"] == SLOW_TALK
        assert (answer["compression_skipped"], answer["skip_reason"]) == (True, "compression_timeout")
        assert answer["compression_ratio"] == 1
        assert gateway.get("/stats").json()["requests"]["timeouts"] == 2


def test_when_too_much_is_at_work_others_are_told_to_come_back() -> None:
    with running_gateway(pending_bytes=3_000) as gateway, connected(gateway) as half:
        half.sendall(b"POST /v1/compress HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2900\r\n\r\n{")
        deadline = time.monotonic() + 20
        while gateway.get("/debug/memory").json()["components"]["requests"]["memory_mb"] == 0:
            assert time.monotonic() < deadline
        reply = compress(gateway)
        assert (reply.status, reply.json()["error"]["type"]) == (503, "overloaded")
        assert reply.headers["retry-after"] == "1" or int(reply.headers["retry-after"]) >= 1
        half.close()
        while compress(gateway).status != 200:
            assert time.monotonic() < deadline


def test_a_client_that_leaves_costs_nobody_else_an_answer(gateway: RunningGateway) -> None:
    body = json.dumps({"messages": SLOW_TALK, "model": "m"}).encode()
    for _ in range(3):
        with connected(gateway) as connection:
            head = b"POST /v1/compress HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n"
            connection.sendall(head % len(body) + body)
    assert compress(gateway, TALK).status == 200


@pytest.mark.parametrize(
    "raw",
    [
        b"GET / HTTP/1.1\r\nX: secret\x00\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\n\r\n",
        b"\r\n" * 50,
    ],
)
def test_what_is_no_http_is_answered_or_closed(gateway: RunningGateway, raw: bytes, caplog: pytest.LogCaptureFixture) -> None:
    with connected(gateway) as connection:
        connection.sendall(raw)
        connection.shutdown(socket.SHUT_WR)
        answer = read_all(connection)
        assert answer == b"" or answer.split(b" ")[1][:1] == b"4"
    assert "secret" not in caplog.text
    assert gateway.get("/livez").status == 200


def test_what_is_not_served_says_so(gateway: RunningGateway) -> None:
    assert gateway.get("/v2/compress").json()["error"]["type"] == "not_found"
    reply = gateway.get("/v1/compress")
    assert (reply.status, reply.headers["allow"], reply.json()["error"]["type"]) == (405, "POST", "method_not_allowed")


def test_many_clients_at_once_each_get_their_own_answer(gateway: RunningGateway) -> None:
    wrong: list[int] = []

    def work(number: int) -> None:
        for turn in range(3):
            talk = [user(f"question {number}"), *TALK[2 : 4 + 2 * turn]]
            answer = compress(gateway, talk, config={"session_id": f"many-{number}"}).json()
            if answer["messages"][0] != talk[0] or answer["session"]["id"] != f"many-{number}":
                wrong.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
