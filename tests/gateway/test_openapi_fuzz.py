"""Every route, with requests made from the OpenAPI document: right ones, and ones that break it in all places.

Whatever is sent, the gateway answers in time, with a status and a body that the document has for it, and never with a fault of its own.
`HYPOTHESIS_PROFILE=thorough` tries many more.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests
import schemathesis
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    missing_required_header,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from headroom_stream.gateway.app import ROUTES
from headroom_stream.gateway.openapi import document
from tests.support.gateway import RunningGateway, running_gateway
from tests.support.provider_stub import ProviderStub

SECONDS = 20
"""A request that takes longer hangs."""
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
    missing_required_header,
    unsupported_method,
]
"""All of schemathesis but `positive_data_acceptance`: messages and configs may have the right types and still make no sense."""

schema = schemathesis.openapi.from_dict(document(ROUTES, keys=False))


@pytest.fixture(scope="module")
def gateway() -> Iterator[RunningGateway]:
    with ProviderStub() as provider, running_gateway(openai_url=provider.openai_url, anthropic_url=provider.url) as running:
        yield running


@pytest.fixture(scope="module")
def session() -> Iterator[requests.Session]:
    with requests.Session() as connections:
        yield connections


@schema.parametrize()
def test_a_route_keeps_to_the_document(case: schemathesis.Case[Any], gateway: RunningGateway, session: requests.Session) -> None:
    case.call_and_validate(base_url=gateway.url, session=session, timeout=SECONDS, checks=CHECKS)


def test_the_document_that_is_served_is_the_one_that_is_tested(gateway: RunningGateway) -> None:
    assert gateway.get("/openapi.json").json() == document(ROUTES, keys=False)
