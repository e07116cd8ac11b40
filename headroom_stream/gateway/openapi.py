"""The OpenAPI document, from the routes and the Structs of their requests and answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from headroom_stream import __version__
from headroom_stream.gateway.answers import Detail, ErrorBody
from headroom_stream.gateway.http import ALWAYS, JSON, REASONS, WITH_BODY, Route

_REF = "#/components/schemas/{name}"


def document(routes: Sequence[Route], *, keys: bool) -> dict[str, Any]:
    """The whole document. `keys`: whether this gateway asks for them."""
    kinds = [kind for route in routes for kind in (route.request, *_answers(route)) if kind is not None]
    kinds += [ErrorBody, Detail]
    schemas, components = msgspec.json.schema_components(kinds, ref_template=_REF)
    by_kind = {repr(kind): schema for kind, schema in zip(kinds, schemas, strict=True)}
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, by_kind)
    bearer = {"type": "http", "scheme": "bearer", "description": "A key of gateway.keys."}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "headroom-stream gateway",
            "version": __version__,
            "description": "Compresses the messages of agents, and brings back what was left out.",
        },
        "paths": paths,
        "components": {"schemas": components} | ({"securitySchemes": {"key": bearer}} if keys else {}),
        **({"security": [{"key": []}]} if keys else {}),
    }


def _operation(route: Route, by_kind: dict[str, Any]) -> dict[str, Any]:
    answers: dict[str, Any] = {"200": {"description": "Done.", "content": _content(route, by_kind)}}
    for status in sorted({*route.statuses, *(WITH_BODY if route.request else ()), *(() if route.open else ALWAYS)}):
        schema = by_kind[repr(Detail if status in route.details else ErrorBody)]
        answers[str(status)] = {"description": REASONS[status], "content": {JSON: {"schema": schema}}}
    operation: dict[str, Any] = {"summary": route.summary, "operationId": _name(route), "responses": answers}
    if route.parameters:
        operation["parameters"] = [
            {"name": one.name, "in": one.where, "description": one.about, "required": one.where == "path", "schema": one.schema}
            for one in route.parameters
        ]
    if route.request is not None:
        operation["requestBody"] = {"required": True, "content": {JSON: {"schema": by_kind[repr(route.request)]}}}
    if route.open:
        operation["security"] = []
    return operation


def _content(route: Route, by_kind: dict[str, Any]) -> dict[str, Any]:
    schemas = [by_kind[repr(kind)] for kind in _answers(route)]
    other: dict[str, Any] = {route.media: {"schema": {}}} if not schemas or route.media != JSON else {}
    own = {JSON: {"schema": schemas[0] if len(schemas) == 1 else {"anyOf": schemas}}} if schemas else {}
    return other | own


def _answers(route: Route) -> tuple[Any, ...]:
    if route.answer is None:
        return ()
    return route.answer if isinstance(route.answer, tuple) else (route.answer,)


def _name(route: Route) -> str:
    parts = [part.strip("{}") for part in route.path.split("/") if part]
    return "_".join([route.method.lower(), *parts]).replace("-", "_").replace(".", "_")
