"""What handlers have in common: the shape of routes, of answers and of refusals."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

import msgspec
from aiohttp import web
from msgspec import Struct

from headroom_stream.errors import HeadroomError
from headroom_stream.gateway.jobs import error_body

if TYPE_CHECKING:
    from headroom_stream.gateway.server import Gateway
    from headroom_stream.gateway.tenants import Tenant

JSON = "application/json"
REASONS = {
    400: "The request is not as documented; the message says where. Type invalid_request.",
    401: "The key is missing or not known. Type authentication_error.",
    403: "Asked by a web page or under a name that is not this machine's. Type forbidden.",
    404: "Not found, or not configured. Type not_found.",
    408: "The body did not come in time. Type request_timeout.",
    413: "The body is larger than gateway.body_bytes. Type request_too_large.",
    415: "The body is compressed. Type unsupported_media_type.",
    429: "More requests than gateway.requests_per_minute; Retry-After says when to come back. Type rate_limit_exceeded.",
    500: "A fault of the gateway; its log says more. Type internal_error.",
    502: "The provider can't be reached. Type upstream_error.",
    503: "Overloaded, not ready, or a session's compression took too long. Types overloaded, not_ready, compression_timeout.",
    504: "The provider fell silent. Type upstream_timeout.",
}
"""What each status means, for the OpenAPI document."""
ALWAYS = (401, 403, 429)
"""Statuses that any route may answer, but those that are open to everybody."""
WITH_BODY = (400, 408, 413, 415, 503)
"""Statuses that routes with a body may answer."""


class RefusedError(HeadroomError):
    """A request gets another answer than 200. `retry_after` are seconds; `detail`: the body is `{"detail": …}`."""

    def __init__(self, status: int, kind: str, message: str, *, retry_after: float | None = None, detail: bool = False) -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind
        self.retry_after = retry_after
        self.detail = detail

    def response(self) -> web.Response:
        """As it is sent."""
        body = msgspec.json.encode({"detail": self.message}) if self.detail else error_body(self.kind, self.message)
        answer = web.Response(status=self.status, body=body, content_type=JSON)
        if self.retry_after is not None:
            answer.headers["Retry-After"] = str(max(1, round(self.retry_after + 0.5)))
        return answer


Handler = Callable[["Gateway", "Tenant", web.Request], Awaitable[web.StreamResponse]]


class Parameter(Struct, frozen=True, kw_only=True):
    """Of a query string or a path."""

    name: str
    about: str
    schema: dict[str, Any]
    where: str = "query"


class Route(Struct, frozen=True, kw_only=True):
    """A method and path, what serves it, and what the OpenAPI document says of it."""

    method: str
    path: str
    handler: Handler
    summary: str
    request: Any = None
    """Type of the body; None: none is read."""
    answer: Any = None
    """Type of the body of a 200, or several; None: it is no JSON of ours, see `media`."""
    media: str = JSON
    """Of a 200 that is no JSON of ours, or that may be asked for in place of `answer`."""
    statuses: tuple[int, ...] = ()
    """Further ones than those that any such route may answer."""
    details: tuple[int, ...] = ()
    """Of them, those whose body is `{"detail": …}`."""
    parameters: tuple[Parameter, ...] = ()
    open: bool = False
    """Whether it asks for no key."""


def json_answer(value: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """A value as JSON; bytes are JSON already."""
    body = value if isinstance(value, bytes) else msgspec.json.encode(value)
    return web.Response(status=status, body=body, content_type=JSON, headers=headers)


def decoded(body: bytes, kind: Any) -> Any:
    """The body of a request as a Struct. Raises RefusedError."""
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        raise RefusedError(400, "invalid_request", str(error)) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RefusedError(400, "invalid_request", f"the body is not JSON: {error}") from error
    except RecursionError as error:
        raise RefusedError(400, "invalid_request", "the body is nested too deeply") from error
