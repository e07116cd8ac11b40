"""A small shop over HTTP, and the traffic that makes its logs: the incident that one agent of the demo looks into.

It has a fault on purpose: there is no rate for Swiss francs, so that some orders answer 500.
"""

from __future__ import annotations

import http.client
import json
import random
import sqlite3
import threading
import time
import traceback
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

REQUESTS = 360
ORDERS = 120
SLOW_SECONDS = 0.15
"""Of the one report that is asked for; long enough to stand out beside the milliseconds of the others."""
TIMEOUT = 5.0

RATES = {"EUR": 1.0, "USD": 0.92, "GBP": 1.17, "SEK": 0.088}
PRODUCTS = ("kettle", "teapot", "cup", "saucer", "strainer", "tray", "tin", "spoon")


def order(number: int) -> dict[str, Any]:
    """The order of that number."""
    chance = random.Random(number)  # noqa: S311 - made-up orders, the same in every run
    currency = "CHF" if number % 9 == 4 else chance.choice(sorted(RATES))
    lines = [
        {"sku": f"SKU-{chance.randrange(100, 999)}", "product": p, "quantity": chance.randrange(1, 5)}
        for p in chance.sample(PRODUCTS, 2)
    ]
    return {
        "id": number,
        "customer": f"customer-{chance.randrange(1, 60):03}",
        "currency": currency,
        "amount": round(chance.uniform(5, 400), 2),
        "status": chance.choice(["paid", "paid", "paid", "shipped", "refunded"]),
        "lines": lines,
    }


def total_in_euro(placed: dict[str, Any]) -> float:
    """The fault: a currency without a rate raises KeyError."""
    return round(float(placed["amount"]) * RATES[placed["currency"]], 2)


class Shop:
    """The server in a thread, on a free loopback port, while the block lasts. It writes its two logs into memory."""

    def __init__(self) -> None:
        self.access: list[str] = []
        self.application: list[str] = []
        self._rows: list[tuple[str, int, float]] = []
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, name="demo-shop", daemon=True
        )

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        return "127.0.0.1", self._server.server_port

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(TIMEOUT)

    def record(self, request: str, status: int, size: int, seconds: float, failure: str = "") -> None:
        """Write a request into the logs, as the server does after it has answered."""
        now = datetime.now(UTC)
        stamp = now.strftime("%Y-%m-%d %H:%M:%S,") + f"{now.microsecond // 1000:03}"
        level = "ERROR" if status >= 500 else "WARNING" if status >= 400 else "INFO"
        with self._lock:
            self.access.append(f'127.0.0.1 - - [{now:%d/%b/%Y:%H:%M:%S} +0000] "{request} HTTP/1.1" {status} {size}')
            self.application.append(f"{stamp} {level} shop: {request} {status} in {seconds * 1000:.1f} ms")
            if failure:
                self.application += [f"{stamp} ERROR shop: unhandled error", *failure.rstrip().splitlines()]
            self._rows.append((request.split("?", maxsplit=1)[0], status, seconds * 1000))

    def send_traffic(self, count: int = REQUESTS) -> str:
        """Send real requests of several kinds, say what came back."""
        chance = random.Random(7)  # noqa: S311 - the mix of requests is the same in every run
        connection = http.client.HTTPConnection(*self.address, timeout=TIMEOUT)
        statuses: dict[int, int] = {}
        try:
            for index in range(count):
                kind = chance.random()
                if index == count // 2:
                    path = "/reports/revenue?month=10"
                elif kind < 0.12:
                    path = "/health"
                elif kind < 0.35:
                    path = f"/products?page={chance.randrange(1, 6)}"
                elif kind < 0.42:
                    path = f"/static/{chance.choice(['app.js', 'logo.svg', 'favicon.ico'])}"
                else:
                    path = f"/orders/{chance.randrange(1, ORDERS + 8)}"
                connection.request("POST" if path.startswith("/orders") and kind > 0.9 else "GET", path)
                answer = connection.getresponse()
                answer.read()
                statuses[answer.status] = statuses.get(answer.status, 0) + 1
        finally:
            connection.close()
        return json.dumps({"requests": count, "statuses": statuses})

    def get(self, path: str) -> str:
        """The body that the server answers to a GET."""
        connection = http.client.HTTPConnection(*self.address, timeout=TIMEOUT)
        try:
            connection.request("GET", path)
            return connection.getresponse().read().decode()
        finally:
            connection.close()

    def access_log(self, *, last: int | None = None) -> str:
        """The access log in the common log format."""
        with self._lock:
            return "\n".join(self.access[-last:] if last else self.access)

    def application_log(self) -> str:
        """The server's own log, with the tracebacks of what failed."""
        with self._lock:
            return "\n".join(self.application)

    def query(self, sql: str) -> str:
        """Rows of `SELECT … FROM requests(path, status, ms)`, as JSON."""
        with self._lock:
            rows = list(self._rows)
        base = sqlite3.connect(":memory:")
        try:
            base.execute("CREATE TABLE requests (path TEXT, status INTEGER, ms REAL)")
            base.executemany("INSERT INTO requests VALUES (?, ?, ?)", rows)
            cursor = base.execute(sql)
            names = [column[0] for column in cursor.description]
            return json.dumps([dict(zip(names, row, strict=True)) for row in cursor], indent=2)
        finally:
            base.close()


def _answer(path: str) -> tuple[int, Any]:
    url = urlsplit(path)
    parts = url.path.strip("/").split("/")
    if parts == ["health"]:
        return 200, {"status": "ok"}
    if parts == ["products"]:
        page = int(parse_qs(url.query).get("page", ["1"])[0])
        return 200, [{"sku": f"SKU-{page}{n}", "product": p, "stock": (page * 7 + n * 3) % 40} for n, p in enumerate(PRODUCTS)]
    if parts == ["orders"]:
        return 200, {"total": ORDERS, "orders": [order(n) for n in range(1, 61)]}
    if parts[0] == "orders" and len(parts) == 2 and int(parts[1]) <= ORDERS:
        placed = order(int(parts[1]))
        return 200, {**placed, "total_eur": total_in_euro(placed)}
    if parts == ["reports", "revenue"]:
        time.sleep(SLOW_SECONDS)
        return 200, {"month": 10, "orders": ORDERS}
    return 404, {"error": "not found", "path": path}


def _handler(shop: Shop) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            began = time.perf_counter()
            failure = ""
            try:
                status, value = _answer(self.path)
            except LookupError:
                status, value, failure = 500, {"error": "internal server error"}, traceback.format_exc()
            body = json.dumps(value).encode()
            # Written before the answer leaves, so that who has the answer finds the line in the log.
            shop.record(f"{self.command} {self.path}", status, len(body), time.perf_counter() - began, failure)
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET  # noqa: N815 - the name http.server calls

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the parameter's name in http.server
            """Quiet on standard error: the logs are the shop's own."""

    return Handler
