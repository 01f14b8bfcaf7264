"""The shipper: a thread that sends the rows of this replica's file to PostgreSQL, from where it stopped last.

How far it came stands in PostgreSQL, in the transaction of the rows: a batch arrives once or not at all. An outage is a
longer queue in the file, and costs no memory. Several processes that share a file ship it in turns.
"""

import sqlite3
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from msgspec import Struct
from sqlalchemy import PoolProxiedConnection, Table
from sqlalchemy.exc import DBAPIError

from baton.record.database import reading_engine
from baton.record.merge import SHIPPED, Rows, columns_of, merge, storable
from baton.record.postgres import LOCK, cannot_be_used, prepare_shared, shared_engine
from baton.record.schema import decisions
from baton.types.errors import LedgerError
from baton.types.secret import Secret

if TYPE_CHECKING:
    from psycopg import Connection

BATCH_ROWS = 1_000
BATCH_BYTES = 16 * 1024 * 1024
"""Of contents: what one batch may hold in memory."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.25, 5.0
"""Between two tries while PostgreSQL is away."""
DRAIN_S = 5.0
"""How long `close` goes on shipping."""


class Shipping(Struct, frozen=True):
    """`waiting` rows are only in the file so far; `last_error` is empty while PostgreSQL takes them."""

    waiting: int
    shipped: int
    last_error: str


class Shipper:
    """`replica` is the name of the file among all that are shipped."""

    def __init__(self, path: Path, url: Secret, replica: str, interval_s: float) -> None:
        """Raises LedgerError where the driver is missing; a server that is away is waited for."""
        self._path = path
        self._url = url
        self._replica = replica
        self._interval_s = interval_s
        self._engine = shared_engine(url)
        self._file: PoolProxiedConnection | None = None
        self._remote: PoolProxiedConnection | None = None
        self._mark = 0
        self._shipped = 0
        self._waiting = 0
        self._last_error = ""
        self._wake = threading.Event()
        self._deadline: float | None = None
        self._thread = threading.Thread(target=self._work, name="shipper", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        """There are new rows in the file."""
        self._wake.set()

    def close(self) -> None:
        """Ship what is there, as long as it goes on and for a few seconds; the rest waits in the file."""
        self._deadline = time.monotonic() + DRAIN_S
        self._wake.set()
        self._thread.join(DRAIN_S + 1.0)

    def health(self) -> Shipping:
        return Shipping(self._waiting, self._shipped, self._last_error)

    @property
    def mark(self) -> int:
        """Rows below this number are in PostgreSQL; 0 before it was asked."""
        return self._mark

    def _work(self) -> None:
        pause = FIRST_PAUSE_S
        while True:
            closing = self._deadline is not None
            self._wake.clear()
            try:
                self._ship_all()
                pause = FIRST_PAUSE_S
            except LedgerError as error:
                self._last_error = str(error)
                self._leave()
                pause = min(2 * pause, LONGEST_PAUSE_S)
            if closing:
                break
            self._wait(pause if self._last_error else self._interval_s)
        self._leave()
        if self._file is not None:
            self._file.close()

    def _wait(self, pause: float) -> None:
        """New rows do not cut a pause short: that would be a hammer on a server that is away."""
        if not self._last_error:
            self._wake.wait(pause)
            return
        ended = time.monotonic() + pause
        while self._deadline is None and time.monotonic() < ended:
            time.sleep(FIRST_PAUSE_S / 5)

    def _ship_all(self) -> None:
        """Until nothing waits. Raises LedgerError."""
        try:
            file = self._opened_file()
            self._waiting = _count(file, self._mark)
            remote = self._opened_remote()
            while self._ship_some(file, remote):
                if self._deadline is not None and time.monotonic() > self._deadline:
                    return
            self._waiting = 0
        except sqlite3.Error as error:
            raise LedgerError(f"the ledger at {str(self._path)!r} cannot be read to be shipped: {error}") from error
        except DBAPIError as error:
            raise cannot_be_used(self._url, error.orig or error) from error
        except self._engine.dialect.loaded_dbapi.Error as error:
            raise cannot_be_used(self._url, error) from error

    def _ship_some(self, file: sqlite3.Connection, remote: "Connection[Any]") -> bool:
        """One batch; False when nothing waited."""
        rows, next_mark = read_rows(file, self._mark, self._replica)
        if next_mark > self._mark:
            try:
                self._send(remote, rows, next_mark, _dropped(file))
            except self._engine.dialect.loaded_dbapi.DataError:  # rare enough to be looked for only now
                self._send(remote, storable(rows), next_mark, _dropped(file))
        self._last_error = ""
        return bool(rows["requests"] or rows["grades"])

    def _send(self, remote: "Connection[Any]", rows: Rows, next_mark: int, dropped: tuple[int, int, int]) -> None:
        with remote.transaction(), remote.cursor() as cursor:
            cursor.execute(f"SELECT pg_advisory_xact_lock({LOCK})")
            mark = _remote_mark(cursor, self._replica)
            if mark == self._mark:
                merge(cursor, rows)
                cursor.execute(
                    "UPDATE replicas SET next_sequence = %s, dropped_requests = %s, dropped_grades = %s, "
                    "dropped_contents = %s WHERE replica = %s",
                    (next_mark, *dropped, self._replica),
                )
        if mark == self._mark:
            sent = len(rows["requests"]) + len(rows["grades"])
            self._shipped += sent
            self._waiting = max(0, self._waiting - sent)
            self._mark = next_mark
        else:  # another process shipped the same file meanwhile
            self._mark = mark

    def _opened_file(self) -> sqlite3.Connection:
        if self._file is None:
            self._file = reading_engine(self._path).raw_connection()
        return cast("sqlite3.Connection", self._file.driver_connection)

    def _opened_remote(self) -> "Connection[Any]":
        if self._remote is None:
            with self._engine.connect() as connection:
                prepare_shared(connection)
            self._remote = self._engine.raw_connection()
            remote = cast("Connection[Any]", self._remote.driver_connection)
            remote.autocommit = True
            with remote.transaction(), remote.cursor() as cursor:
                self._mark = _remote_mark(cursor, self._replica)
        return cast("Connection[Any]", self._remote.driver_connection)

    def _leave(self) -> None:
        if self._remote is not None:
            self._remote.invalidate()
            self._remote = None


def read_rows(file: sqlite3.Connection, mark: int, replica: str) -> tuple[Rows, int]:
    """What one batch sends, and the mark after it; the same mark when nothing waits."""
    end = _end(file, mark)
    rows: Rows = {}
    for table in SHIPPED:
        if table is decisions:
            which = f"WHERE id IN (SELECT decision_id FROM requests {IN_SPAN})"
            rows[table.name] = file.execute(_select(table, which), (mark, end)).fetchall()
        else:
            rows[table.name] = file.execute(_select(table, IN_SPAN), (replica, mark, end)).fetchall()
    return rows, end


IN_SPAN = "WHERE sequence >= ? AND sequence < ?"


def _select(table: Table, which: str) -> str:
    """The first parameter stands for the name of the replica, where there is one."""
    columns = ", ".join("?" if name == "replica" else name for name in columns_of(table))
    return f"SELECT {columns} FROM {table.name} {which}"


def _end(file: sqlite3.Connection, mark: int) -> int:
    """One past the last number of a batch that is neither too long nor too large."""
    newest = mark
    ends = []
    for name in ("requests", "grades"):
        numbers = [
            row[0]
            for row in file.execute(
                f"SELECT sequence FROM {name} WHERE sequence >= ? ORDER BY sequence LIMIT ?", (mark, BATCH_ROWS)
            )
        ]
        if numbers:
            newest = max(newest, numbers[-1] + 1)
        if len(numbers) == BATCH_ROWS:
            ends.append(numbers[-1] + 1)
    end: int = min([newest, *ends])
    size = 0
    for sequence, length in file.execute(
        f"SELECT sequence, LENGTH(request) + LENGTH(answer) FROM contents {IN_SPAN} ORDER BY sequence", (mark, end)
    ):
        size += length
        if size > BATCH_BYTES:
            return int(sequence) + 1
    return end


def _count(file: sqlite3.Connection, mark: int) -> int:
    row = file.execute(
        "SELECT (SELECT COUNT(*) FROM requests WHERE sequence >= ?) "
        "+ (SELECT COUNT(*) FROM grades WHERE sequence >= ?)",
        (mark, mark),
    ).fetchone()
    return int(row[0])


def _dropped(file: sqlite3.Connection) -> tuple[int, int, int]:
    row = file.execute(
        "SELECT SUM(dropped_requests), SUM(dropped_grades), SUM(dropped_contents) FROM replicas"
    ).fetchone()
    return row[0] or 0, row[1] or 0, row[2] or 0


def _remote_mark(cursor: Any, replica: str) -> int:
    cursor.execute("INSERT INTO replicas VALUES (%s, 1, 0, 0, 0) ON CONFLICT DO NOTHING", (replica,))
    row = cursor.execute("SELECT next_sequence FROM replicas WHERE replica = %s", (replica,)).fetchone()
    return int(row[0])
