"""The embedded ClickHouse endpoint, asked by ClickHouse's own client."""

from __future__ import annotations

import asyncio
import gzip
import urllib.error
import urllib.request
from collections.abc import Iterator
from urllib.parse import urlsplit

import clickhouse_connect
import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError
from clickhouse_connect.driver.external import ExternalData

pytestmark = pytest.mark.broker


def connect(url: str, **more: object) -> Client:
    where = urlsplit(url)
    return clickhouse_connect.get_client(host=where.hostname, port=where.port, **more)  # type: ignore[arg-type]  # passed through


@pytest.fixture
def client(clickhouse_url: str) -> Iterator[Client]:
    made = connect(clickhouse_url)
    made.command("DROP TABLE IF EXISTS rows")
    made.command("CREATE TABLE rows (a UInt32, s String) ENGINE = MergeTree ORDER BY a")
    yield made
    made.close()


def post(url: str, body: bytes, **headers: str) -> tuple[int, dict[str, str], bytes]:
    request = urllib.request.Request(url, data=body, headers={k.replace("_", "-"): v for k, v in headers.items()})
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, dict(answer.headers), answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, dict(error.headers), error.read()


@pytest.mark.parametrize("compress", ["lz4", "zstd", "gzip", False])
def test_an_insert_of_many_blocks_keeps_all_rows(clickhouse_url: str, client: Client, compress: str | bool) -> None:
    rows = [(n, "text" * (n % 40)) for n in range(300_000)]
    sender = connect(clickhouse_url, compress=compress)
    assert sender.insert("rows", rows, column_names=["a", "s"]).written_rows == len(rows)
    assert client.query("SELECT count(), sum(a), sum(length(s)) FROM rows").first_row == (
        len(rows),
        sum(n for n, _ in rows),
        sum(len(s) for _, s in rows),
    )
    assert sender.query("SELECT * FROM rows ORDER BY a LIMIT 100000").result_rows == rows[:100_000]


def test_gzip_members_sent_one_after_another_are_all_inserted(clickhouse_url: str, client: Client) -> None:
    body = gzip.compress(b"1\ta\n2\tb\n") + gzip.compress(b"3\tc\n")
    status, headers, _ = post(f"{clickhouse_url}/?query=INSERT%20INTO%20rows%20FORMAT%20TSV", body, Content_Encoding="gzip")
    assert status == 200
    assert '"written_rows":"3"' in headers["X-ClickHouse-Summary"]
    assert client.command("SELECT count() FROM rows") == 3


@pytest.mark.parametrize(("form", "data"), [("JSONEachRow", b'{"a":7,"s":"q"}'), ("TSV", b"7\tq\n"), ("CSV", b'7,"q"\n')])
def test_rows_come_in_as_text_too(client: Client, form: str, data: bytes) -> None:
    client.raw_insert("rows", ["a", "s"], data, fmt=form)
    assert client.query("SELECT * FROM rows").result_rows == [(7, "q")]


def test_parameters_arrive_as_they_were_given(client: Client) -> None:
    text = "it's\ta 'tab'\n\\ and a line"
    assert client.query("SELECT {t:String}, {n:Array(UInt8)}", parameters={"t": text, "n": [1, 2]}).first_row == (text, [1, 2])


@pytest.mark.parametrize(
    ("sql", "code", "name"),
    [
        ("SELECT * FROM nowhere", 60, "UNKNOWN_TABLE"),
        ("SELEC 1", 62, "SYNTAX_ERROR"),
        ("SELECT throwIf(1)", 395, "FUNCTION_THROW_IF_VALUE_IS_NON_ZERO"),
        ("INSERT INTO rows FORMAT TSV\nnot a number\tx\n", 27, "CANNOT_PARSE_INPUT_ASSERTION_FAILED"),
    ],
)
def test_errors_carry_the_code_and_the_name_that_clickhouse_gives_them(client: Client, sql: str, code: int, name: str) -> None:
    with pytest.raises(DatabaseError) as caught:
        client.raw_query(sql)
    assert (caught.value.code, caught.value.name) == (code, name)


def test_an_unknown_database_is_an_error(clickhouse_url: str) -> None:
    with pytest.raises(DatabaseError) as caught:
        connect(clickhouse_url, database="nowhere")
    assert caught.value.code == 81


def test_a_setting_of_one_request_is_not_seen_by_the_next(client: Client) -> None:
    asked = "SELECT getSetting('max_threads')"
    usual = client.command(asked)
    assert client.command(asked, settings={"max_threads": 17}) == 17
    assert client.command(asked) == usual


def test_a_session_keeps_its_own_settings_and_tables_and_no_others(clickhouse_url: str, client: Client) -> None:
    asked = "SELECT getSetting('max_threads')"
    other = connect(clickhouse_url)
    usual = other.command(asked)
    client.command("SET max_threads = 13")
    client.command("CREATE TEMPORARY TABLE mine (a Int8)")
    client.command("INSERT INTO mine VALUES (1), (2)")
    assert client.command(asked, settings={"max_threads": 17}) == 17
    assert client.command(asked) == 13
    assert client.command("SELECT sum(a) FROM mine") == 3
    assert other.command(asked) == usual
    with pytest.raises(DatabaseError):
        other.command("SELECT sum(a) FROM mine")


def test_rows_sent_with_a_query_are_a_table_of_it(client: Client) -> None:
    rows = ExternalData(file_name="given.csv", data=b"1\n2\n", fmt="CSV", structure="k UInt32")
    assert client.query("SELECT sum(k) FROM given", external_data=rows).first_row == (3,)


def test_a_link_reads_and_changes_nothing(clickhouse_url: str, client: Client) -> None:
    with urllib.request.urlopen(f"{clickhouse_url}/?query=SELECT%201%20FORMAT%20JSONEachRow") as answer:
        assert answer.headers["X-ClickHouse-Format"] == "JSONEachRow"
        assert answer.read() == b'{"1":1}\n'
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(f"{clickhouse_url}/?query=DROP%20TABLE%20rows")
    assert caught.value.headers["X-ClickHouse-Exception-Code"] == "164"
    caught.value.close()
    assert client.command("EXISTS TABLE rows") == 1


def test_a_damaged_body_is_refused_and_inserts_nothing(clickhouse_url: str, client: Client) -> None:
    body = gzip.compress(b"1\ta\n" * 1000)[:-10]
    status, headers, _ = post(f"{clickhouse_url}/?query=INSERT%20INTO%20rows%20FORMAT%20TSV", body, Content_Encoding="gzip")
    assert status >= 400
    assert "X-ClickHouse-Exception-Code" in headers
    assert client.command("SELECT count() FROM rows") == 0


async def test_the_asynchronous_client_works_at_once_in_many_requests(clickhouse_url: str) -> None:
    where = urlsplit(clickhouse_url)
    client = await clickhouse_connect.get_async_client(host=where.hostname, port=where.port, autogenerate_session_id=False)
    try:
        answers = await asyncio.gather(*(client.query(f"SELECT {n}") for n in range(60)))
        assert [a.first_row for a in answers] == [(n,) for n in range(60)]
    finally:
        await client.close()
