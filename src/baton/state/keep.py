"""Values under a space and a key, for a time: in memory first, in a SQLite file behind it.

A value is seen by this process at once, and by others that share the file as soon as the writer thread has written it.
A file that cannot be written costs what a restart would: the values live on in memory, `health` says so.
"""

import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote

from msgspec import Struct

from baton.types.errors import LedgerError

MEMORY_BYTES = 64 * 1024 * 1024
BUSY_TIMEOUT_S = 5.0
SWEEP_EVERY = 1_000
"""Writes between two removals of what has expired."""
NEVER = float("-inf")
OVERHEAD_BYTES = 200
"""What an entry takes besides key and value."""

TABLE = """
CREATE TABLE IF NOT EXISTS kept (
    space TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL, expires_at REAL NOT NULL, PRIMARY KEY (space, key)
) WITHOUT ROWID
"""
PUT = "INSERT OR REPLACE INTO kept VALUES (?, ?, ?, ?)"
GET = "SELECT value, expires_at FROM kept WHERE space = ? AND key = ?"
DROP = "DELETE FROM kept WHERE space = ? AND key = ?"
SWEEP = "DELETE FROM kept WHERE expires_at <= ?"

Place = tuple[str, str]


class KeepHealth(Struct, frozen=True):
    """`last_error` is empty while the newest write went well."""

    entries: int
    size_bytes: int
    last_error: str


class Keep:
    """`path` None keeps everything in memory. `now` is the clock in Unix seconds."""

    shared = False
    """What is put is seen by other machines."""

    def __init__(self, path: Path | None, now: Callable[[], float], memory_bytes: int = MEMORY_BYTES) -> None:
        """Raises LedgerError when the file cannot be opened or made."""
        self._now = now
        self._limit = memory_bytes
        self._size = 0
        self._entries: OrderedDict[Place, tuple[bytes, float]] = OrderedDict()
        self._writes = 0
        self._last_error = ""
        self._lock = threading.Lock()  # of the writing connection; reading waits for no one
        self._connection = None if path is None else _open(path)
        self._reading = None if path is None else _open(path)
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="keep")
        self._newest: Future[None] | None = None
        if self._connection is not None:
            self._later(SWEEP, (now(),))

    def get(self, space: str, key: str, *, in_file: bool = True) -> bytes | None:
        """`in_file` False: it was never put there, and the file is not looked into."""
        place = (space, key)
        entry = self._entries.get(place)
        if entry is not None:
            self._entries.move_to_end(place)
        elif self._reading is not None and in_file:
            entry = self._reading.execute(GET, place).fetchone()
            if entry is not None:
                self._remember(place, entry[0], entry[1])
        return None if entry is None or entry[1] <= self._now() else entry[0]

    def put(self, space: str, key: str, value: bytes, ttl_s: float, *, durable: bool = True) -> None:
        """`durable` False keeps it out of the file."""
        expires_at = self._now() + ttl_s
        self._remember((space, key), value, expires_at)
        if durable:
            self._later(PUT, (space, key, value, expires_at))
            self._writes += 1
            if self._writes % SWEEP_EVERY == 0:
                self._later(SWEEP, (self._now(),))

    def drop(self, space: str, key: str) -> None:
        self._remember((space, key), b"", NEVER)  # the file may still have it for a moment
        self._later(DROP, (space, key))

    def once(self, space: str, key: str, make: Callable[[], bytes], ttl_s: float) -> bytes:
        """The value, made and written by whoever comes first among all who share the file."""
        if self._connection is not None:
            with self._lock:
                self._connection.execute(
                    "INSERT OR IGNORE INTO kept VALUES (?, ?, ?, ?)", (space, key, make(), self._now() + ttl_s)
                )
        found = self.get(space, key)
        if found is None:
            found = make()
            self.put(space, key, found, ttl_s, durable=False)
        return found

    def sweep(self) -> None:
        """Take out of the file what has expired. May be called from any thread."""
        if self._connection is not None:
            self._writer.submit(self._write, self._connection, SWEEP, (self._now(),))

    def flush(self) -> None:
        """Returns when everything that was put is written, or could not be."""
        if self._newest is not None:
            self._newest.result()

    def close(self) -> None:
        self._writer.shutdown()
        for connection in (self._connection, self._reading):
            if connection is not None:
                connection.close()

    def health(self) -> KeepHealth:
        return KeepHealth(len(self._entries), self._size, self._last_error)

    def _remember(self, place: Place, value: bytes, expires_at: float) -> None:
        self._forget(place)
        self._entries[place] = (value, expires_at)
        self._size += _size(place, value)
        while self._size > self._limit and len(self._entries) > 1:
            oldest, (gone, _) = self._entries.popitem(last=False)
            self._size -= _size(oldest, gone)

    def _forget(self, place: Place) -> None:
        known = self._entries.pop(place, None)
        if known is not None:
            self._size -= _size(place, known[0])

    def _later(self, statement: str, values: tuple[object, ...]) -> None:
        if self._connection is not None:
            self._newest = self._writer.submit(self._write, self._connection, statement, values)

    def _write(self, connection: sqlite3.Connection, statement: str, values: tuple[object, ...]) -> None:
        try:
            with self._lock:
                connection.execute(statement, values)
        except sqlite3.Error as error:
            self._last_error = str(error)
        else:
            self._last_error = ""


def _open(path: Path) -> sqlite3.Connection:
    address = f"file:{quote(str(path.absolute()))}?mode=rwc"
    try:
        connection = sqlite3.connect(
            address, uri=True, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
        )
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute(TABLE)
    except sqlite3.Error as error:
        raise LedgerError(
            f"private state cannot be kept at {str(path)!r}: {error}; check the folder, or set another `state.path`"
        ) from error
    return connection


def _size(place: Place, value: bytes) -> int:
    return len(place[0]) + len(place[1]) + len(value) + OVERHEAD_BYTES
