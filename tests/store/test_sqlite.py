"""A file under several threads and processes, and files that are not as they should be."""

from __future__ import annotations

import multiprocessing
import os
import sqlite3
import threading
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from headroom_stream.errors import StorageError
from headroom_stream.results import RequestMetrics
from headroom_stream.store import open_store, sqlite
from headroom_stream.store.schema import STEPS, bring_up
from headroom_stream.store.sqlite import MemoryStore, SqliteStore
from tests.store.calls import START, call


def save_many(path: str, first: int, count: int) -> None:
    store = SqliteStore(path)
    for n in range(first, first + count):
        store.save(call(n))
    store.close()


def test_rows_of_several_processes_that_start_at_once_are_all_kept(tmp_path: Path) -> None:
    path = str(tmp_path / "calls.db")
    fresh = multiprocessing.get_context("spawn")
    children = [fresh.Process(target=save_many, args=(path, n * 60, 60)) for n in range(3)]
    for child in children:
        child.start()
    for child in children:
        child.join(60)
    assert [child.exitcode for child in children] == [0, 0, 0]
    store = SqliteStore(path)
    assert store.query(limit=1000) == [call(n) for n in reversed(range(180))]
    store.close()


def test_threads_share_a_store_while_others_read_it(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "calls.db")
    failed: list[BaseException] = []
    seen: list[int] = []

    def write(first: int) -> None:
        try:
            for n in range(first, first + 150):
                store.save(call(n))
        except BaseException as error:  # noqa: BLE001 - told by the assertion below
            failed.append(error)

    writers = [threading.Thread(target=write, args=(n * 150,)) for n in range(6)]
    for one in writers:
        one.start()
    while any(one.is_alive() for one in writers):
        seen.append(store.summary()["total_requests"])
    for one in writers:
        one.join()
    assert failed == []
    assert seen == sorted(seen)
    assert store.summary()["total_requests"] == 900
    store.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_store_that_was_open_before_a_fork_serves_parent_and_child(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "calls.db")
    store.save(call(0))
    forked = multiprocessing.get_context("fork")
    child = forked.Process(target=store.save, args=(call(1),))
    child.start()
    store.save(call(2))
    child.join(30)
    assert child.exitcode == 0
    assert store.query() == [call(2), call(1), call(0)]
    store.close()


def test_rows_are_there_when_the_file_is_opened_again(tmp_path: Path) -> None:
    path = tmp_path / "with space ä.db"
    first = open_store(f"sqlite:///{path}")
    first.save(call(1))
    first.close()
    again = open_store(f"sqlite:///{path}")
    assert again.query() == [call(1)]
    again.close()


def test_a_relative_path_is_relative(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    open_store("sqlite:///calls.db").close()
    assert (tmp_path / "calls.db").is_file()


def test_a_file_that_is_missing_reads_as_empty_and_is_not_made_where_only_reading_is_asked_for(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'calls.db'}", create=False)
    assert store.query() == []
    assert list(tmp_path.iterdir()) == []


def test_a_locked_file_is_an_error_that_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "LOCK_SECONDS", 0.05)
    store = SqliteStore(tmp_path / "calls.db")
    holder = sqlite3.connect(tmp_path / "calls.db", isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    with pytest.raises(StorageError, match=r"calls\.db failed: another program holds it locked; close"):
        store.save(call(1))
    assert store.query() == [], "readers do not wait"
    holder.execute("ROLLBACK")
    holder.close()
    store.save(call(1))
    assert store.query() == [call(1)]
    store.close()


def test_a_file_that_is_no_database_is_an_error_and_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_bytes(b"These are my notes. " * 400)
    with pytest.raises(StorageError, match=r"no SQLite file; give another store_url"):
        SqliteStore(path)
    assert path.read_bytes() == b"These are my notes. " * 400


def test_a_damaged_file_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "calls.db"
    store = SqliteStore(path)
    store.save_all([call(n) for n in range(2000)])
    store.close()
    data = bytearray(path.read_bytes())
    data[8192:-4096] = b"\xff" * (len(data) - 12288)
    path.write_bytes(data)
    broken = SqliteStore(path)
    with pytest.raises(StorageError, match="damaged; move it away"):
        broken.query(limit=5000)
    broken.close()


def test_a_folder_that_does_not_exist_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"nowhere/calls\.db failed: it can't be opened; does its folder exist"):
        SqliteStore(tmp_path / "nowhere" / "calls.db")


def test_a_database_of_another_program_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "headroom.db"
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE requests (id TEXT)")
    other.commit()
    with pytest.raises(StorageError, match="tables of another program"):
        SqliteStore(path)
    assert other.execute("SELECT name FROM sqlite_master").fetchall() == [("requests",)]
    other.close()


def test_a_file_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "calls.db"
    newer = sqlite3.connect(path, isolation_level=None)
    bring_up(newer, [*STEPS, "CREATE TABLE later (n INTEGER)"])
    newer.close()
    with pytest.raises(StorageError, match="newer version"):
        SqliteStore(path)


def test_a_step_that_is_added_later_is_applied_to_a_file_with_rows(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "calls.db")
    store.save(call(1))
    store.close()
    later = sqlite3.connect(tmp_path / "calls.db", isolation_level=None)
    steps = [*STEPS, "ALTER TABLE requests ADD COLUMN region TEXT; CREATE INDEX by_region ON requests (region)"]
    bring_up(later, steps)
    bring_up(later, steps)
    assert later.execute("SELECT request_id, region FROM requests").fetchall() == [("r1", None)]
    later.close()


def test_a_step_that_fails_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "calls.db", isolation_level=None)
    with pytest.raises(sqlite3.OperationalError):
        bring_up(connection, [*STEPS, "CREATE TABLE half (n INTEGER); NONSENSE"])
    assert connection.execute("SELECT name FROM sqlite_master").fetchall() == []
    bring_up(connection)
    connection.close()
    SqliteStore(tmp_path / "calls.db").close()


def test_all_rows_of_a_batch_are_kept_or_none(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "calls.db")
    block = sqlite3.connect(tmp_path / "calls.db", isolation_level=None)
    block.execute("CREATE TRIGGER refuse BEFORE INSERT ON requests WHEN new.request_id = 'r7' BEGIN SELECT raise(ABORT, 'no'); END")
    with pytest.raises(StorageError):
        store.save_all([call(n) for n in range(10)])
    block.execute("DROP TRIGGER refuse")
    block.close()
    assert store.query() == []
    store.save_all([call(n) for n in range(10)])
    assert len(store.query()) == 10
    store.close()


def test_the_sums_of_a_report_are_read_from_one_index_without_sorting(tmp_path: Path) -> None:
    plans: list[str] = []

    class Explained(SqliteStore):
        def _select(self, sql: str, parameters: Mapping[str, Any]) -> Sequence[Sequence[Any]]:
            plans.extend(row[3] for row in super()._select("EXPLAIN QUERY PLAN " + sql, parameters))
            return super()._select(sql, parameters)

    store = Explained(tmp_path / "calls.db")
    store.cells(START, START + timedelta(days=1))
    store.cells()
    assert len(plans) == 2
    assert all("USING" in plan and "INDEX by_group" in plan for plan in plans), plans
    store.close()


def test_a_memory_store_holds_no_file_and_is_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    one, other = open_store("memory://"), open_store("memory://")
    one.save(call(1))
    assert (one.query(), other.query()) == ([call(1)], [])
    assert list(tmp_path.iterdir()) == []


def test_the_file_holds_the_fields_of_a_row_and_nothing_else(tmp_path: Path) -> None:
    SqliteStore(tmp_path / "calls.db").close()
    found = sqlite3.connect(tmp_path / "calls.db")
    columns = [row[1] for row in found.execute("PRAGMA table_info(requests)")]
    assert columns == list(RequestMetrics.__struct_fields__)
    found.close()


def test_a_store_in_memory_keeps_the_latest_rows_only() -> None:
    store = MemoryStore(most=10)
    for n in range(25):
        store.save(call(n))
    assert [row.request_id for row in store.query()] == [f"r{n}" for n in range(24, 14, -1)]
    assert store.summary()["total_requests"] == 10
    store.close()
