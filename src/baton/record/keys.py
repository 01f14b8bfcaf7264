"""Keys that were made while Baton runs, and the log of who changed them. Every change writes a row of the log with it.

What a key may do (`terms`) is JSON that this room does not read.
"""

import json
import weakref
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from msgspec import Struct
from sqlalchemy import Connection, PoolProxiedConnection, desc, insert, select, text, update
from sqlalchemy.exc import IntegrityError

from baton.record.database import Place, explained, prepare, reading_engine, writing_engine
from baton.record.postgres import explained as explained_shared
from baton.record.postgres import prepare_shared, shared_engine
from baton.record.schema import audit, keys
from baton.types.errors import Conflict, NotFound
from baton.types.secret import Secret

BUSY_TIMEOUT_S = 5.0
VERSION = "SELECT COUNT(*), COALESCE(MAX(number), 0) FROM audit"


class StoredKey(Struct, frozen=True):
    name: str
    digest: str
    """SHA-256 of the key in hex digits; the key itself is nowhere."""
    hint: str
    terms: str
    created_at: float
    revoked_at: float | None = None


class Change(Struct, frozen=True):
    """Who did what to which key, and when (Unix seconds)."""

    at: float
    actor: str
    action: str
    subject: str
    detail: dict[str, Any] = {}
    number: int = 0
    """Given by the log."""


class KeyStore:
    """Keys in the ledger's own file, or in the PostgreSQL that the ledgers of all replicas are shipped to.

    Connections are made per call, but for the one that `version` looks through; it is closed with the store.
    """

    def __init__(self, place: Place) -> None:
        """Raises LedgerError where a driver is missing."""
        self._place = place
        self.remote = isinstance(place, Secret)
        """Asking it is a matter of milliseconds, or of seconds while it is away."""
        self._looking: PoolProxiedConnection | None = None
        if isinstance(place, Secret):
            self._reading = self._writing = shared_engine(place)
        else:
            self._reading = reading_engine(place)
            self._writing = writing_engine(place, BUSY_TIMEOUT_S)

    def prepare(self) -> None:
        """For who comes before any gateway has made the tables. Raises LedgerError."""
        if isinstance(self._place, Secret):
            with self._explained(), self._writing.connect() as connection:
                prepare_shared(connection)
        else:
            prepare(self._place, self._writing)

    def version(self) -> tuple[int, int]:
        """Differs after every change, whoever made it. Raises LedgerError."""
        if self.remote:
            with self._read() as connection:
                return tuple(connection.execute(text(VERSION)).one())
        with self._explained():
            if self._looking is None:
                self._looking = self._reading.raw_connection()
                weakref.finalize(self, self._looking.close)
            cursor = self._looking.cursor()
            cursor.execute(VERSION)  # asked twice a second on the way of requests: past the layers that cost more
            row = cursor.fetchall()[0]
        return row[0], row[1]

    def all(self) -> list[StoredKey]:
        """Newest first, revoked ones too."""
        with self._read() as connection:
            rows = connection.execute(select(keys).order_by(desc(keys.c.created_at), keys.c.name)).all()
            return [StoredKey(*row) for row in rows]

    def find(self, name: str) -> StoredKey:
        """Raises NotFound."""
        with self._read() as connection:
            row = connection.execute(select(keys).where(keys.c.name == name)).one_or_none()
        if row is None:
            raise NotFound(f"there is no key named {name!r} here: `baton keys list` shows them", "name")
        return StoredKey(*row)

    def add(self, key: StoredKey, change: Change) -> None:
        """Raises Conflict when the name was ever given."""
        try:
            with self._write() as connection:
                connection.execute(insert(keys).values(_row(key)))
                _log(connection, change)
        except IntegrityError as error:
            told = f"a key named {key.name!r} exists or existed: choose another name, its figures are kept under it"
            raise Conflict(told, "name") from error

    def revoke(self, name: str, change: Change) -> StoredKey:
        """The key as it is now. Raises NotFound; who revokes twice changes nothing."""
        with self._write() as connection:
            changed = connection.execute(
                update(keys).where(keys.c.name == name, keys.c.revoked_at.is_(None)).values(revoked_at=change.at)
            )
            if changed.rowcount:
                _log(connection, change)
        return self.find(name)

    def changes(self, limit: int, before: int | None = None) -> list[Change]:
        """Newest first; `before` is a number of the log."""
        query = select(audit).order_by(desc(audit.c.number)).limit(limit)
        if before is not None:
            query = query.where(audit.c.number < before)
        with self._read() as connection:
            rows = connection.execute(query).all()
            return [
                Change(at, actor, action, subject, json.loads(detail), number)
                for number, at, actor, action, subject, detail in rows
            ]

    @contextmanager
    def _read(self) -> Iterator[Connection]:
        with self._explained(), self._reading.connect() as connection:
            yield connection

    @contextmanager
    def _write(self) -> Iterator[Connection]:
        with self._writing.connect() as connection:
            if not self.remote:
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            yield connection
            connection.commit()

    def _explained(self) -> AbstractContextManager[None]:
        place = self._place
        return explained_shared(place) if isinstance(place, Secret) else explained(place)


def _row(key: StoredKey) -> dict[str, object]:
    return {name: getattr(key, name) for name in StoredKey.__struct_fields__}


def _log(connection: Connection, change: Change) -> None:
    row = {name: getattr(change, name) for name in ("at", "actor", "action", "subject")}
    connection.execute(insert(audit).values({**row, "detail": json.dumps(change.detail)}))
