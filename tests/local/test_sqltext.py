"""Where a statement ends and its data begins."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headroom_stream.local.sqltext import read_statement


@given(st.binary())
def test_every_byte_after_the_line_of_the_format_is_data(data: bytes) -> None:
    found = read_statement(b"INSERT INTO t (`a(`, b) FORMAT Native\n" + data)
    assert found.data == data
    assert found.format == "Native"
    assert found.head == b"INSERT INTO t (`a(`, b) "


@pytest.mark.parametrize(
    ("text", "form"),
    [
        (b"SELECT 1 FORMAT JSON", "JSON"),
        (b"SELECT 'x FORMAT CSV' -- FORMAT TSV\n format JSONEachRow ;", "JSONEachRow"),
        (b"SELECT (SELECT format FROM t)", None),
        (b"/* FORMAT CSV */ SELECT 1", None),
        (b"INSERT INTO t SELECT 1", None),
        (b"INSERT INTO t VALUES ('FORMAT CSV')", None),
    ],
)
def test_a_statement_without_data_stays_whole(text: bytes, form: str | None) -> None:
    found = read_statement(text)
    assert (found.head, found.format, found.data) == (text, form, None)


def test_settings_before_the_format_belong_to_the_statement() -> None:
    found = read_statement(b"insert into t settings async_insert=0 format TSV\r\n1\n")
    assert found.head == b"insert into t settings async_insert=0 "
    assert found.data == b"1\n"


@pytest.mark.parametrize("text", [b"SET max_threads = 1", b" /* x */ use db", b"create temporary table t (a Int8)"])
def test_what_outlives_a_request_is_seen(text: bytes) -> None:
    assert read_statement(text).changes_session


@pytest.mark.parametrize("text", [b"SELECT 1", b"CREATE TABLE t (a Int8) ENGINE = Memory", b"SELECT 'SET'", b"'SET' x"])
def test_what_does_not_outlive_a_request_needs_no_session(text: bytes) -> None:
    assert not read_statement(text).changes_session
