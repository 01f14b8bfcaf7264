"""Deleting in the file of one gateway, or in the PostgreSQL that many are shipped to.

What is to be deleted is looked for while others write; they wait only while it is deleted, for milliseconds. In the
file it is overwritten with zeros.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, cast

from sqlalchemy import Connection, Engine

from baton.record.database import Place, explained, prepare, writing_engine
from baton.record.postgres import LOCK, prepare_shared, shared_engine
from baton.record.postgres import explained as explained_shared
from baton.types.secret import Secret

if TYPE_CHECKING:
    import sqlite3

BUSY_TIMEOUT_S = 5.0
CHECKPOINT_MS = 100
"""How long emptying the write-ahead log may hold up whoever writes."""
KEEPING = LOCK + 1
"""Advisory lock: of many replicas one deletes what is old."""

VACUUM_PAGES = 256
"""Given back in one step."""
MUCH_FREE, LITTLE_FREE = 0.25, 0.1
"""Shares of the file: it shrinks from the first one to the second, so that it does not shrink and grow all the time."""
SMALL_PAGES = 1_000
INCREMENTAL = 2


class Deleting:
    """One place to delete in. Its connection is closed with `close`, and made anew where it is used after that."""

    def __init__(self, place: Place) -> None:
        """Raises LedgerError where a driver is missing."""
        self.place = place
        self.remote = isinstance(place, Secret)
        self._engine: Engine = (
            shared_engine(place) if isinstance(place, Secret) else writing_engine(place, BUSY_TIMEOUT_S)
        )
        self._connection: Connection | None = None

    def prepare(self) -> None:
        """The tables, for who comes before any gateway. Raises LedgerError."""
        with self.explained():
            if isinstance(self.place, Secret):
                prepare_shared(self._connected())
            else:
                prepare(self.place, self._engine)

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """One that only reads until `begin_to_write`. Raises LedgerError."""
        with self.explained():
            connection = self._connected()
            try:
                yield connection
                connection.commit()
            except BaseException:
                self.close()
                raise

    def is_alone(self, connection: Connection) -> bool:
        """False where another replica looks for what is old in the same PostgreSQL."""
        if not self.remote:
            return True
        return bool(connection.exec_driver_sql(f"SELECT pg_try_advisory_xact_lock({KEEPING})").scalar())

    def begin_to_write(self, connection: Connection) -> None:
        """From here on nobody else writes, until the end of the transaction."""
        begin = f"SELECT pg_advisory_xact_lock({LOCK})" if self.remote else "BEGIN IMMEDIATE"
        connection.exec_driver_sql(begin)

    def explained(self) -> AbstractContextManager[None]:
        place = self.place
        return explained_shared(place) if isinstance(place, Secret) else explained(place)

    def empty_log(self) -> None:
        """Of the file: what was overwritten is gone from its write-ahead log too, unless somebody reads just now."""
        if not self.remote:
            with self.explained():
                connection = self._connected()
                connection.exec_driver_sql(f"PRAGMA busy_timeout={CHECKPOINT_MS}")
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
                connection.exec_driver_sql(f"PRAGMA busy_timeout={int(BUSY_TIMEOUT_S * 1_000)}")
                connection.commit()

    def wants_to_shrink(self, share: float = MUCH_FREE) -> bool:
        """The file has more free pages than that. One that was not made for it never shrinks by itself."""
        if self.remote:
            return False
        pages, free, vacuum = (self._pragma(name) for name in ("page_count", "freelist_count", "auto_vacuum"))
        return vacuum == INCREMENTAL and free > SMALL_PAGES and free > share * pages

    def shrink(self) -> bool:
        """By one step. False when it is small enough."""
        with self.explained():
            driver = cast("sqlite3.Connection", self._connected().connection.driver_connection)
            driver.executescript(f"PRAGMA incremental_vacuum({VACUUM_PAGES})")  # `execute` would free a single page
        return self.wants_to_shrink(LITTLE_FREE)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        self._engine.dispose()

    def _connected(self) -> Connection:
        if self._connection is None:
            self._connection = self._engine.connect()
            if not self.remote:
                self._connection.exec_driver_sql("PRAGMA secure_delete=ON").fetchall()
                self._connection.commit()
        return self._connection

    def _pragma(self, name: str) -> int:
        with self.explained():
            found = self._connected().exec_driver_sql(f"PRAGMA {name}").scalar()
            self._connected().commit()
        return int(found or 0)
