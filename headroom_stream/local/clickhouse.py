"""ClickHouse's HTTP interface over the embedded engine: `python -m headroom_stream.local.clickhouse --port P --data-dir D`.

Any ClickHouse client that speaks HTTP can use it. It listens on loopback only and asks for no password. An answer is held in
memory as a whole before it is sent.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
import sys
import uuid
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
from aiohttp import web

from headroom_stream.errors import HeadroomError, LocalPartError, ValidationError
from headroom_stream.local.codecs import decode_body, encode_body
from headroom_stream.local.engine import Answer, Engine, EngineError, ExternalTable, Job

HOST = "127.0.0.1"
THREADS = 4
"""Requests at work at once; the engine uses all cores for each, and further ones wait."""
MAX_BODY = 4 * 1024**3
"""Bytes. An insert is held in memory as a whole."""
_TRANSPORT = frozenset(
    {
        "query",
        "database",
        "default_format",
        "query_id",
        "session_id",
        "session_timeout",
        "session_check",
        "close_session",
        "wait_end_of_query",
        "buffer_size",
        "compress",
        "decompress",
        "client_protocol_version",
        "role",
        "quota_key",
        "user",
        "password",
        "stacktrace",
        "enable_http_compression",
        "http_zlib_compression_level",
        "send_progress_in_http_headers",
        "http_headers_progress_interval_ms",
        "cancel_http_readonly_queries_on_client_close",
    }
)
"""Parameters of the HTTP interface itself; all others that have no prefix are settings of the query."""
_NOT_FOUND = frozenset({16, 46, 47, 60, 81, 82})
_BAD_REQUEST = frozenset({6, 26, 27, 36, 38, 41, 42, 43, 44, 50, 53, 62, 69, 70, 72, 115, 117, 130, 131, 179, 386, 456, 457})
"""Codes to which a server answers 404 and 400; all others are 500."""


class Endpoint:
    """The handlers, over one engine."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._pool = ThreadPoolExecutor(THREADS, "clickhouse")

    def application(self) -> web.Application:
        """The routes of the interface."""
        app = web.Application(client_max_size=MAX_BODY)
        app.router.add_get("/ping", self._ping)
        app.router.add_get("/replicas_status", self._ping)
        app.router.add_route("*", "/", self._query)
        return app

    async def close(self) -> None:
        """Wait for the requests at work and close the engine."""
        await asyncio.to_thread(self._pool.shutdown)
        self._engine.close()

    async def _ping(self, _: web.Request) -> web.Response:
        return web.Response(text="Ok.\n")

    async def _query(self, request: web.Request) -> web.Response:
        query_id = request.query.get("query_id") or str(uuid.uuid4())
        headers = {
            "X-ClickHouse-Server-Display-Name": "headroom-stream",
            "X-ClickHouse-Query-Id": query_id,
            "X-ClickHouse-Timezone": "UTC",
        }
        try:
            if request.method not in ("GET", "POST", "HEAD"):
                return web.Response(status=501, headers=headers, text=f"Method {request.method} is not supported\n")
            job = await _read(request)
            if not job.text.strip():
                return web.Response(text="Ok.\n", headers=headers)
            if request.method == "GET":
                # As a server does, so that a link can't change data.
                job = msgspec.structs.replace(job, read_only=True)
            answer = await asyncio.get_running_loop().run_in_executor(self._pool, self._engine.run, job)
        except (EngineError, ValidationError) as error:
            refused = (
                error if isinstance(error, EngineError) else EngineError(36, f"Code: 36. DB::Exception: {error}. (BAD_ARGUMENTS)")
            )
            return _error(refused, self._engine.version, headers)
        return await self._answer(request, answer, headers)

    async def _answer(self, request: web.Request, answer: Answer, headers: dict[str, str]) -> web.Response:
        headers["X-ClickHouse-Format"] = answer.format
        headers["X-ClickHouse-Summary"] = msgspec.json.encode(answer.summary).decode()
        body = answer.body
        accepted = request.headers.get("Accept-Encoding", "")
        if body and accepted and request.query.get("enable_http_compression") == "1":
            body, encoding = await asyncio.to_thread(encode_body, body, accepted)
            if encoding:
                headers["Content-Encoding"] = encoding
        return web.Response(body=body, headers=headers, content_type=_content_type(answer.format))


async def _read(request: web.Request) -> Job:
    query = request.query
    if query.get("decompress") == "1" or query.get("compress") == "1":
        raise ValidationError("ClickHouse's own block compression isn't supported here; use Content-Encoding")
    values: dict[str, str] = dict(query)
    text = query.get("query", "").encode()
    files: dict[str, bytes] = {}
    # Not for x-www-form-urlencoded: curl -d names that for a plain statement, and a server reads it as one.
    if request.content_type == "multipart/form-data":
        for name, value in (await request.post()).items():
            if isinstance(value, web.FileField):
                files[name] = value.file.read()
            elif name == "query":
                text = (text + b"\n" if text else b"") + value.encode() if isinstance(value, str) else bytes(value)
            else:
                values[name] = value if isinstance(value, str) else bytes(value).decode()
    else:
        body = await request.read()
        encoding = request.headers.get("Content-Encoding", "")
        if encoding:
            body = await asyncio.to_thread(decode_body, body, encoding)
        text = text + b"\n" + body if text and body else text or body
    external = _external(files, values)
    try:
        session_timeout = float(values.get("session_timeout", 60))
    except ValueError as error:
        raise ValidationError("session_timeout is not a number") from error
    return Job(
        text=text,
        database=values.get("database") or request.headers.get("X-ClickHouse-Database") or "default",
        default_format=values.get("default_format") or request.headers.get("X-ClickHouse-Format") or "TabSeparated",
        settings={k: v for k, v in values.items() if k not in _TRANSPORT and not k.startswith("param_") and not _of_file(k, files)},
        parameters={k.removeprefix("param_"): v for k, v in values.items() if k.startswith("param_")},
        external=external,
        session=values.get("session_id"),
        session_timeout=session_timeout,
    )


def _external(files: Mapping[str, bytes], values: Mapping[str, str]) -> tuple[ExternalTable, ...]:
    tables = []
    for name, data in files.items():
        structure = values.get(f"{name}_structure", "")
        if not structure:
            types = values.get(f"{name}_types", "").split(",")
            structure = ", ".join(f"_{i} {kind}" for i, kind in enumerate(types, 1))
        tables.append(ExternalTable(name, structure, values.get(f"{name}_format", "TabSeparated"), data))
    return tuple(tables)


def _of_file(name: str, files: Mapping[str, bytes]) -> bool:
    return any(name in (f"{file}_format", f"{file}_structure", f"{file}_types") for file in files)


def _error(error: EngineError, version: str, headers: dict[str, str]) -> web.Response:
    headers["X-ClickHouse-Exception-Code"] = str(error.code)
    text = error.text if "(version " in error.text else f"{error.text} (version {version})"
    status = 404 if error.code in _NOT_FOUND else 400 if error.code in _BAD_REQUEST else 500
    return web.Response(status=status, text=text + "\n", headers=headers)


def _content_type(form: str) -> str:
    if form.startswith("JSON"):
        return "application/json" if "EachRow" not in form else "application/x-ndjson"
    return "text/tab-separated-values" if form.startswith(("TSV", "TabSeparated")) else "application/octet-stream"


def _open(data_dir: str) -> Engine:
    Path(data_dir).mkdir(parents=True, exist_ok=True)
    return Engine(data_dir)


async def serve(port: int, data_dir: str, *, stop: asyncio.Event) -> None:
    """Answer on 127.0.0.1:`port` until `stop` is set. Raises LocalPartError if the port or the directory is taken."""
    endpoint = Endpoint(await asyncio.to_thread(_open, data_dir))
    # auto_decompress=False: aiohttp would stop after the first frame of a body and drop the rest without a word.
    runner = web.AppRunner(endpoint.application(), access_log=None, auto_decompress=False, handler_cancellation=False)
    try:
        await runner.setup()
        try:
            await web.TCPSite(runner, HOST, port).start()
        except OSError as error:
            raise LocalPartError("the port for ClickHouse is taken", {"port": port}) from error
        print(f"clickhouse ready on http://{HOST}:{port}", flush=True)
        await stop.wait()
    finally:
        await runner.cleanup()
        await endpoint.close()


async def _main(port: int, data_dir: str) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stop.set)
    await serve(port, data_dir, stop=stop)


def main(arguments: list[str] | None = None) -> int:
    """Entry point of the child process; 1 after an error, which is one line on standard error."""
    parser = argparse.ArgumentParser(description="ClickHouse over HTTP on this machine, embedded.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--data-dir", required=True)
    given = parser.parse_args(arguments)
    try:
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(_main(given.port, given.data_dir))
    except HeadroomError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
