"""ClickHouse's engine in this process (chDB): one connection a request, so that no request sees another's settings."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from headroom_stream.errors import LocalPartError
from headroom_stream.local.sqltext import read_statement

_NAME = re.compile(r"[A-Za-z_][A-Za-z_0-9.]*\Z")
_CODE = re.compile(r"Code: (\d+)\.")


class EngineError(Exception):
    """The engine refused a statement: ClickHouse's code and text, as they go to the client."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


class ExternalTable(Struct, frozen=True):
    """Rows sent along with a query, which sees them as a temporary table."""

    name: str
    structure: str
    format: str
    data: bytes


class Job(Struct, frozen=True, kw_only=True):
    """One request to the engine."""

    text: bytes
    database: str = "default"
    default_format: str = "TabSeparated"
    settings: Mapping[str, str] = {}
    parameters: Mapping[str, str] = {}
    """Values of `{name:Type}`, escaped as in ClickHouse's HTTP interface."""
    external: tuple[ExternalTable, ...] = ()
    read_only: bool = False
    session: str | None = None
    session_timeout: float = 60.0
    """Seconds after the last request at which the session is forgotten."""


class Answer(Struct, frozen=True):
    """What the engine gave back."""

    body: bytes
    format: str
    summary: dict[str, str]
    """As in the header X-ClickHouse-Summary, where all numbers are text."""


class _Session:
    def __init__(self, connection: Any) -> None:
        self.connection = connection
        self.lock = threading.Lock()
        self.expires = 0.0


class Engine:
    """The engine over one data directory. `run` may be called from several threads at once.

    A directory belongs to one process at a time. Raises LocalPartError if chDB isn't installed or another process holds it.
    """

    def __init__(self, data_dir: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        try:
            from chdb import _chdb  # noqa: PLC0415 - half a gigabyte that only this part needs
        except ImportError as error:
            raise LocalPartError("chDB isn't installed: pip install 'headroom-stream[local]'") from error
        self._connect: Callable[[str], Any] = _chdb.connect  # type: ignore[attr-defined]  # compiled, ships no types
        self._path = data_dir
        self._clock = clock
        self._lock = threading.Lock()
        self._sessions: dict[str, _Session] = {}
        try:
            # Kept open: the engine shuts down with its last connection, and starting it takes a second.
            self._anchor = self._connect(data_dir)
            self.version = self._anchor.query("SELECT version()", "TSVRaw").bytes().decode().strip()
        except RuntimeError as error:
            raise LocalPartError(f"ClickHouse's engine can't open its data: {_brief(error)}", {"data_dir": data_dir}) from error

    def run(self, job: Job) -> Answer:
        """Execute one request. Raises EngineError."""
        statement = read_statement(job.text)
        session = self._session(job, create=statement.changes_session)
        if session is None:
            connection = self._connect(self._path)
            try:
                return self._on(connection, job, fresh=True)
            finally:
                connection.close()
        with session.lock:
            return self._on(session.connection, job, fresh=False)

    def close(self) -> None:
        """Close every connection; the engine writes what it holds and stops."""
        with self._lock:
            for session in self._sessions.values():
                session.connection.close()
            self._sessions.clear()
            self._anchor.close()

    def _session(self, job: Job, *, create: bool) -> _Session | None:
        # A session has a connection of its own only from the first statement on that leaves something behind. Most clients name
        # a session in each request and never do.
        now = self._clock()
        with self._lock:
            for name in [n for n, s in self._sessions.items() if s.expires < now and not s.lock.locked()]:
                self._sessions.pop(name).connection.close()
            if job.session is None:
                return None
            session = self._sessions.get(job.session)
            if session is None:
                if not create:
                    return None
                session = self._sessions[job.session] = _Session(self._connect(self._path))
                session.connection.query(_BASE, "Null")
                _query(session.connection, f"USE {quote_name(job.database)}")
            session.expires = now + job.session_timeout
            return session

    def _on(self, connection: Any, job: Job, *, fresh: bool) -> Answer:
        before: dict[str, str | None] = {}
        if fresh:
            connection.query(_BASE, "Null")
            if job.database != "default":
                _query(connection, f"USE {quote_name(job.database)}")
        elif job.settings:
            before = _current(connection, job.settings)
        try:
            if job.settings:
                _query(connection, "SET " + ", ".join(f"{_setting(k)} = {quote_text(v)}" for k, v in job.settings.items()))
            for table in job.external:
                _query(connection, f"CREATE TEMPORARY TABLE {quote_name(table.name)} ({table.structure}) ENGINE = Memory")
                _insert(connection, f"INSERT INTO {quote_name(table.name)}", table.format, table.data)
            return _execute(connection, job)
        finally:
            if not fresh:
                for table in job.external:
                    connection.query(f"DROP TEMPORARY TABLE IF EXISTS {quote_name(table.name)}", "Null")
                if before:
                    back = (f"{k} = {'DEFAULT' if v is None else quote_text(v)}" for k, v in before.items())
                    connection.query("SET " + ", ".join(back), "Null")


_BASE = "SET implicit_select = 0"
"""The embedded engine reads a lone word as SELECT of it; a server answers with a syntax error."""


def _execute(connection: Any, job: Job) -> Answer:
    statement = read_statement(job.text)
    if job.read_only and connection.classify_query(job.text.decode(errors="surrogateescape"))["query_class"].name == "MUTATING":
        raise EngineError(
            164, "Code: 164. DB::Exception: Cannot execute query in readonly mode: use POST to change data. (READONLY)"
        )
    started = time.perf_counter_ns()
    if statement.data is not None:
        for name, value in job.parameters.items():
            _query(connection, f"SET param_{_setting(name)} = {quote_text(value)}")
        result = _insert(connection, statement.head.decode(errors="surrogateescape"), statement.format or "", statement.data)
        body = b""
    else:
        result = _query(connection, job.text.decode(errors="surrogateescape"), job.default_format, dict(job.parameters))
        body = result.bytes() if result.size() else b""
    numbers = {
        "read_rows": result.rows_read(),
        "read_bytes": result.bytes_read(),
        "written_rows": result.rows_written(),
        "written_bytes": result.bytes_written(),
        "total_rows_to_read": result.rows_read(),
        "result_rows": result.rows_written(),
        "result_bytes": len(body),
        "elapsed_ns": time.perf_counter_ns() - started,
    }
    return Answer(body, statement.format or job.default_format, {k: str(v) for k, v in numbers.items()})


def _insert(connection: Any, head: str, form: str, data: bytes) -> Any:
    inserter = None
    try:
        inserter = connection.send_insert(head, form)
        if data:
            connection.insert_append(inserter, data)
        return connection.insert_done(inserter)
    except RuntimeError as error:
        if inserter is not None:
            connection.insert_cancel(inserter)
        raise _refusal(error) from error


def _query(connection: Any, sql: str, form: str = "Null", parameters: dict[str, str] | None = None) -> Any:
    try:
        return connection.query(sql, form, params=parameters or {})
    except (RuntimeError, UnicodeError) as error:
        raise _refusal(error) from error


def _current(connection: Any, names: Mapping[str, str]) -> dict[str, str | None]:
    """Value of each setting of a session, None where it is the default."""
    wanted = ", ".join(quote_text(name) for name in names)
    sql = f"SELECT name, value, changed FROM system.settings WHERE name IN ({wanted})"  # noqa: S608 - quoted above
    rows = _query(connection, sql, "JSONCompactEachRow").bytes()
    found = [msgspec.json.decode(line) for line in rows.splitlines()]
    return {name: value if changed else None for name, value, changed in found}


def _setting(name: str) -> str:
    if not _NAME.match(name):
        raise EngineError(115, f"Code: 115. DB::Exception: Unknown setting {quote_text(name)}. (UNKNOWN_SETTING)")
    return name


def _refusal(error: Exception) -> EngineError:
    text = str(error)
    code = _CODE.search(text)
    if code is None:
        return EngineError(1002, f"Code: 1002. DB::Exception: {text}. (UNKNOWN_EXCEPTION)")
    return EngineError(int(code.group(1)), text[code.start() :].strip())


def _brief(error: Exception) -> str:
    return str(error).splitlines()[0][:300]


def quote_text(text: str) -> str:
    """A string literal of ClickHouse's SQL."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def quote_name(name: str) -> str:
    """An identifier of ClickHouse's SQL."""
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"
