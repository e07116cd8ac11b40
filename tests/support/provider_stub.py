"""A model provider on this machine: OpenAI's, Anthropic's and Gemini's HTTP APIs with scripted answers, for their real SDKs.

    with ProviderStub() as stub:
        stub.reply(Reply("It is sunny.", cache_read=1024))
        client = anthropic.Anthropic(base_url=stub.url, api_key="k")
        client.messages.create(model="claude-sonnet-5", max_tokens=50, messages=[...])
        assert stub.last.body["messages"] == [...]

| SDK | address | speaks |
|---|---|---|
| openai | `stub.openai_url` | chat completions |
| anthropic | `stub.url` | messages, count_tokens |
| google-genai | `stub.url` | generateContent, streamGenerateContent, countTokens |

All of them stream where they are asked to. Requests are recorded in the order in which they came. Replies are given in the order in
which they were scripted, whoever asks; when there is none left, "Done." Like Anthropic, it refuses cache breakpoints that are too many
or in the wrong place. It runs in threads of its own, so it serves blocking and asynchronous clients alike; `async with` does as well.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from types import TracebackType
from typing import Any, Literal, Self
from urllib.parse import urlsplit

Api = Literal["openai", "anthropic", "gemini"]
Action = Literal["chat", "count"]


@dataclass(frozen=True, kw_only=True)
class ToolCall:
    """A tool that the model calls."""

    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    id: str = "call_1"


@dataclass(frozen=True)
class Reply:
    """What the model answers, and what it bills."""

    text: str = "Done."
    """Empty: none, only calls."""
    calls: tuple[ToolCall, ...] = ()
    thinking: str = ""
    """Anthropic alone shows it."""
    input_tokens: int = 100
    """Of the whole prompt, as OpenAI counts; Anthropic's own number leaves out what its cache gave and took."""
    output_tokens: int = 10
    cache_read: int = 0
    cache_write: int = 0
    pieces: int = 3
    """In which text and arguments are streamed."""
    delay_s: float = 0.0
    """Before the first byte, and between the events of a stream."""
    cut_after: int | None = None
    """Events of a stream after which the connection breaks."""


@dataclass(frozen=True)
class Failure:
    """An error that the API answers with."""

    status: int
    message: str = "scripted failure"
    kind: str = ""
    """Its type in the provider's words; by the status unless given."""
    retry_after: int | None = None


@dataclass(frozen=True, kw_only=True)
class Request:
    """A request as it came."""

    api: Api
    action: Action
    path: str
    headers: Mapping[str, str]
    """By their names in lower case."""
    body: Mapping[str, Any]
    model: str
    stream: bool


class ProviderStub:
    """The server. `requests` holds what came; `reply` and `fail` script what it answers next."""

    def __init__(self, *, counts: int | Callable[[Mapping[str, Any]], int] = 42) -> None:
        """`counts`: what the counting APIs say, or a function of the body that was sent to them."""
        self.requests: list[Request] = []
        self.counts = counts
        self._script: deque[Reply | Failure] = deque()
        self._lock = threading.Lock()
        self._ids = count(1)
        self._server: ThreadingHTTPServer | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """`base_url` for anthropic and google-genai."""
        assert self._server is not None, "use it as a context manager"
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def openai_url(self) -> str:
        """`base_url` for openai."""
        return f"{self.url}/v1"

    @property
    def last(self) -> Request:
        """The latest request."""
        return self.requests[-1]

    @property
    def chats(self) -> list[Request]:
        """The requests that were not about counting."""
        return [r for r in self.requests if r.action == "chat"]

    def reply(self, *replies: Reply | str) -> None:
        """Answer the next calls with these, in order; a text is a reply of that text."""
        with self._lock:
            self._script.extend(Reply(r) if isinstance(r, str) else r for r in replies)

    def fail(
        self, status: int, message: str = "scripted failure", *, kind: str = "", times: int = 1, retry_after: int | None = None
    ) -> None:
        """Answer the next calls, also those that count, with an error. SDKs try again by themselves: mind `times`, or `max_retries=0`."""
        with self._lock:
            self._script.extend([Failure(status, message, kind, retry_after)] * times)

    def take(self, request: Request) -> Reply | Failure:
        """Record a request, and say what it gets."""
        with self._lock:
            self.requests.append(request)
            if request.action == "count" and not (self._script and isinstance(self._script[0], Failure)):
                return Reply()
            return self._script.popleft() if self._script else Reply()

    def next_id(self) -> int:
        """For an answer."""
        with self._lock:
            return next(self._ids)

    def counted(self, body: Mapping[str, Any]) -> int:
        """What the counting APIs say of a body."""
        return self.counts if isinstance(self.counts, int) else self.counts(body)

    def __enter__(self) -> Self:
        handler = type("Handler", (_Handler,), {"stub": self})
        self._server = _Server(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        assert self._server is not None and self._thread is not None
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.__exit__(kind, error, trace)


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Nothing of clients that leave early: some tests are about that. Else the trace, as ever."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    stub: ProviderStub

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name in http.server
        """Nothing: tests look at `requests`."""

    def do_POST(self) -> None:
        """Answer a call."""
        raw = self.rfile.read(int(self.headers.get("content-length", "0")))
        path = urlsplit(self.path).path
        routed = _route(path)
        if routed is None:
            self._json(404, {"error": {"message": f"no such path: {path}", "type": "not_found"}})
            return
        api, action, model, streamed = routed
        try:
            body = json.loads(raw)
        except ValueError:
            self._fail(api, Failure(400, "the body is no JSON"))
            return
        if not isinstance(body, dict):
            self._fail(api, Failure(400, "the body is no object"))
            return
        request = Request(
            api=api,
            action=action,
            path=path,
            headers={name.lower(): value for name, value in self.headers.items()},
            body=body,
            model=model or body.get("model", ""),
            stream=streamed or bool(body.get("stream")),
        )
        answer = self.stub.take(request)
        if fault := _malformed(body) or (refused_marks(body) if api == "anthropic" else ""):
            answer = Failure(400, fault)
        if isinstance(answer, Failure):
            self._fail(api, answer)
        elif action == "count":
            tokens = self.stub.counted(body)
            self._json(200, {"input_tokens": tokens} if api == "anthropic" else {"totalTokens": tokens})
        else:
            self._answer(request, answer)

    def _answer(self, request: Request, reply: Reply) -> None:
        number = self.stub.next_id()
        time.sleep(reply.delay_s)
        if request.stream:
            self._stream(_STREAMS[request.api](request, reply, number), reply)
        else:
            self._json(200, _ANSWERS[request.api](request, reply, number))

    def _json(self, status: int, body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        for name, value in ({"content-type": "application/json", "content-length": str(len(data))} | dict(headers or {})).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def _fail(self, api: Api, failure: Failure) -> None:
        retry = {} if failure.retry_after is None else {"retry-after": str(failure.retry_after)}
        self._json(failure.status, _error(api, failure), retry)

    def _stream(self, events: Iterator[str], reply: Reply) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        try:
            for n, event in enumerate(events):
                if n == reply.cut_after:
                    self.close_connection = True
                    return
                time.sleep(reply.delay_s if n else 0)
                data = event.encode()
                self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
                self.wfile.flush()
            self.wfile.write(b"0\r\n\r\n")
        except (BrokenPipeError, ConnectionResetError):  # the client has read enough
            self.close_connection = True


def _route(path: str) -> tuple[Api, Action, str, bool] | None:
    """The API, what is asked of it, the model that the path names, and whether the path asks for a stream."""
    if path.endswith("/chat/completions"):
        return "openai", "chat", "", False
    if path.endswith("/messages/count_tokens"):
        return "anthropic", "count", "", False
    if path.endswith("/messages"):
        return "anthropic", "chat", "", False
    model, _, verb = path.rpartition("/")[2].partition(":")
    if verb in ("generateContent", "streamGenerateContent"):
        return "gemini", "chat", model, verb.startswith("stream")
    return ("gemini", "count", model, False) if verb == "countTokens" else None


def _malformed(body: Mapping[str, Any]) -> str:
    """Why no provider takes the messages of a request; empty: they have the form of messages."""
    messages = body.get("messages", [])
    if not isinstance(messages, list) or not all(isinstance(m, dict) for m in messages):
        return "messages is no list of messages"
    contents = [body.get("system"), *(m.get("content") for m in messages)]
    blocks = [b for content in contents if isinstance(content, list) for b in content if isinstance(b, dict)]
    if not all(isinstance(b.get("text", ""), str) and isinstance(b.get("cache_control") or {}, dict) for b in blocks):
        return "a block has another form than its type's"
    return ""


def refused_marks(body: Mapping[str, Any]) -> str:
    """Why Anthropic would refuse the cache breakpoints of a request; empty: it would not."""
    blocks: list[Mapping[str, Any]] = [*(body.get("tools") or ())]
    for content in (body.get("system"), *(m.get("content") for m in body.get("messages", ()))):
        blocks += [b for b in content if isinstance(b, dict)] if isinstance(content, list) else []
    marked = [b for b in blocks if b.get("cache_control")]
    if len(marked) + bool(body.get("cache_control")) > 4:
        return f"A maximum of 4 blocks with cache_control may be provided. Found {len(marked)}."
    for block in marked:
        if block.get("type") in ("thinking", "redacted_thinking"):
            return "cache_control cannot be set for thinking blocks"
        if block.get("type") == "text" and not block["text"].strip():
            return "cache_control cannot be set for empty text blocks"
    lives = [b["cache_control"].get("ttl", "5m") for b in marked]
    if "5m" in lives and "1h" in lives[lives.index("5m") :]:
        return "a ttl='1h' cache_control block must not come after a ttl='5m' cache_control block"
    return ""


def _error(api: Api, failure: Failure) -> dict[str, Any]:
    kinds = {
        "openai": {400: "invalid_request_error", 401: "authentication_error", 429: "rate_limit_error"},
        "anthropic": {400: "invalid_request_error", 401: "authentication_error", 429: "rate_limit_error", 529: "overloaded_error"},
        "gemini": {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 429: "RESOURCE_EXHAUSTED", 503: "UNAVAILABLE"},
    }
    others = {"openai": "server_error", "anthropic": "api_error", "gemini": "INTERNAL"}
    kind = failure.kind or kinds[api].get(failure.status, others[api])
    if api == "openai":
        return {"error": {"message": failure.message, "type": kind, "param": None, "code": None}}
    if api == "anthropic":
        return {"type": "error", "error": {"type": kind, "message": failure.message}, "request_id": "req_1"}
    return {"error": {"code": failure.status, "message": failure.message, "status": kind}}


def _parts(text: str, pieces: int) -> list[str]:
    """The text in so many pieces at most, none of them empty."""
    size = max(1, -(-len(text) // max(1, pieces)))
    return [text[at : at + size] for at in range(0, len(text), size)]


# OpenAI


def _openai_usage(reply: Reply) -> dict[str, Any]:
    return {
        "prompt_tokens": reply.input_tokens,
        "completion_tokens": reply.output_tokens,
        "total_tokens": reply.input_tokens + reply.output_tokens,
        "prompt_tokens_details": {"cached_tokens": reply.cache_read, "cache_write_tokens": reply.cache_write, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0},
    }


def _openai_call(call: ToolCall) -> dict[str, Any]:
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": json.dumps(call.arguments)}}


def _openai_answer(request: Request, reply: Reply, number: int) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": reply.text or None, "refusal": None}
    if reply.calls:
        message["tool_calls"] = [_openai_call(c) for c in reply.calls]
    return {
        "id": f"chatcmpl-{number}",
        "object": "chat.completion",
        "created": 1_790_000_000,
        "model": request.model,
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": "tool_calls" if reply.calls else "stop"}],
        "usage": _openai_usage(reply),
    }


def _openai_stream(request: Request, reply: Reply, number: int) -> Iterator[str]:
    with_usage = bool((request.body.get("stream_options") or {}).get("include_usage"))

    def chunk(choices: list[dict[str, Any]], usage: dict[str, Any] | None = None) -> str:
        body = {
            "id": f"chatcmpl-{number}",
            "object": "chat.completion.chunk",
            "created": 1_790_000_000,
            "model": request.model,
            "choices": choices,
        }
        return f"data: {json.dumps(body | ({'usage': usage} if with_usage else {}))}\n\n"

    def delta(fields: dict[str, Any], finish: str | None = None) -> str:
        return chunk([{"index": 0, "delta": fields, "logprobs": None, "finish_reason": finish}])

    yield delta({"role": "assistant", "content": "" if reply.text else None})
    for part in _parts(reply.text, reply.pieces):
        yield delta({"content": part})
    for i, call in enumerate(reply.calls):
        whole = _openai_call(call)
        arguments = whole["function"]["arguments"]
        whole["function"]["arguments"] = ""
        yield delta({"tool_calls": [{"index": i, **whole}]})
        for part in _parts(arguments, reply.pieces):
            yield delta({"tool_calls": [{"index": i, "function": {"arguments": part}}]})
    yield delta({}, "tool_calls" if reply.calls else "stop")
    if with_usage:
        yield chunk([], _openai_usage(reply))
    yield "data: [DONE]\n\n"


# Anthropic


def _anthropic_usage(reply: Reply, output: int) -> dict[str, Any]:
    return {
        "input_tokens": reply.input_tokens - reply.cache_read - reply.cache_write,
        "cache_creation_input_tokens": reply.cache_write,
        "cache_read_input_tokens": reply.cache_read,
        "output_tokens": output,
        "service_tier": "standard",
    }


def _anthropic_blocks(reply: Reply) -> list[dict[str, Any]]:
    blocks: list[dict[str, Any]] = []
    if reply.thinking:
        blocks.append({"type": "thinking", "thinking": reply.thinking, "signature": "c2lnbmVk"})
    if reply.text:
        blocks.append({"type": "text", "text": reply.text})
    return blocks + [{"type": "tool_use", "id": c.id, "name": c.name, "input": dict(c.arguments)} for c in reply.calls]


def _anthropic_answer(request: Request, reply: Reply, number: int) -> dict[str, Any]:
    return {
        "id": f"msg_{number}",
        "type": "message",
        "role": "assistant",
        "model": request.model,
        "content": _anthropic_blocks(reply),
        "stop_reason": "tool_use" if reply.calls else "end_turn",
        "stop_sequence": None,
        "usage": _anthropic_usage(reply, reply.output_tokens),
    }


def _anthropic_stream(request: Request, reply: Reply, number: int) -> Iterator[str]:
    def event(kind: str, **fields: Any) -> str:
        return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n"

    opening: dict[str, dict[str, Any]] = {
        "thinking": {"thinking": "", "signature": ""},
        "text": {"text": ""},
        "tool_use": {"input": {}},
    }
    start = _anthropic_answer(request, reply, number)
    yield event("message_start", message=start | {"content": [], "stop_reason": None, "usage": _anthropic_usage(reply, 1)})
    yield event("ping")
    for i, block in enumerate(_anthropic_blocks(reply)):
        kind = block["type"]
        opened = opening[kind]
        yield event("content_block_start", index=i, content_block=block | opened)
        field_name = {"thinking": "thinking", "text": "text", "tool_use": "partial_json"}[kind]
        text = json.dumps(block["input"]) if kind == "tool_use" else block[kind]
        delta = "input_json_delta" if kind == "tool_use" else f"{kind}_delta"
        for part in _parts(text, reply.pieces):
            yield event("content_block_delta", index=i, delta={"type": delta, field_name: part})
        if kind == "thinking":
            yield event("content_block_delta", index=i, delta={"type": "signature_delta", "signature": block["signature"]})
        yield event("content_block_stop", index=i)
    stop = {"stop_reason": start["stop_reason"], "stop_sequence": None}
    yield event("message_delta", delta=stop, usage=_anthropic_usage(reply, reply.output_tokens))
    yield event("message_stop")


# Gemini


def _gemini_chunk(request: Request, reply: Reply, number: int, parts: list[dict[str, Any]], *, last: bool) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"role": "model", "parts": parts}, "index": 0}
    return {
        "candidates": [candidate | ({"finishReason": "STOP"} if last else {})],
        "usageMetadata": {
            "promptTokenCount": reply.input_tokens,
            "candidatesTokenCount": reply.output_tokens if last else 0,
            "totalTokenCount": reply.input_tokens + (reply.output_tokens if last else 0),
            **({"cachedContentTokenCount": reply.cache_read} if reply.cache_read else {}),
        },
        "modelVersion": request.model,
        "responseId": f"resp-{number}",
    }


def _gemini_calls(reply: Reply) -> list[dict[str, Any]]:
    return [{"functionCall": {"id": c.id, "name": c.name, "args": dict(c.arguments)}} for c in reply.calls]


def _gemini_answer(request: Request, reply: Reply, number: int) -> dict[str, Any]:
    parts = [*([{"text": reply.text}] if reply.text else []), *_gemini_calls(reply)]
    return _gemini_chunk(request, reply, number, parts, last=True)


def _gemini_stream(request: Request, reply: Reply, number: int) -> Iterator[str]:
    steps = [[{"text": part}] for part in _parts(reply.text, reply.pieces)] + [[call] for call in _gemini_calls(reply)]
    for n, parts in enumerate(steps or [[]]):
        yield f"data: {json.dumps(_gemini_chunk(request, reply, number, parts, last=n == len(steps) - 1 or not steps))}\r\n\r\n"


_ANSWERS: dict[Api, Callable[[Request, Reply, int], dict[str, Any]]] = {
    "openai": _openai_answer,
    "anthropic": _anthropic_answer,
    "gemini": _gemini_answer,
}
_STREAMS: dict[Api, Callable[[Request, Reply, int], Iterator[str]]] = {
    "openai": _openai_stream,
    "anthropic": _anthropic_stream,
    "gemini": _gemini_stream,
}
