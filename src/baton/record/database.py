"""Opening a ledger file: settings, tables, version, and errors that say what to do. `postgres.py` is the like for many.

Reading and writing never share a connection. A reader may sit in another process than the gateway.
"""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from baton.record.schema import HEAD, metadata
from baton.types.errors import LedgerError
from baton.types.secret import Secret

Place = Path | Secret
"""Where a ledger is read: the file of one gateway, or the URL of the PostgreSQL that many are shipped to."""

WAL_LIMIT_BYTES = 64 * 1024 * 1024
"""What a burst may leave behind of the write-ahead log once it has been worked off."""

CHECKPOINT_PAGES = 4_000
"""Of 4 KiB each: pages that many batches write to are then copied into the file once for all of them."""
CACHE_KIB = 4_096
"""The pages of all tables and indexes that one batch writes to: with fewer it reads its own pages again."""

WAL_SWITCH_PAUSE_S = 0.02

OURS = {"alembic_version", "requests"}
"""Tables by which a ledger is known."""

ALEMBIC_TABLE = (
    "CREATE TABLE alembic_version "
    "(version_num VARCHAR(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
)
"""As Alembic itself would make it: a new ledger is stamped without importing Alembic."""


def writing_engine(path: Path, busy_timeout_s: float) -> Engine:
    """Connections that write `path`; made as late as possible, one per call of `connect`."""

    def connect() -> sqlite3.Connection:
        connection = _sqlite(path, "rwc", busy_timeout_s)
        try:
            connection.execute("PRAGMA auto_vacuum=INCREMENTAL")  # of a new file: it can give room back
            _switch_to_wal(connection, busy_timeout_s)
            connection.execute("PRAGMA synchronous=NORMAL")
            connection.execute(f"PRAGMA journal_size_limit={WAL_LIMIT_BYTES}")
            connection.execute(f"PRAGMA wal_autocheckpoint={CHECKPOINT_PAGES}")
            connection.execute(f"PRAGMA cache_size=-{CACHE_KIB}")
        except BaseException:
            connection.close()
            raise
        return connection

    return create_engine("sqlite+pysqlite://", creator=connect, poolclass=NullPool)


def reading_engine(path: Path, busy_timeout_s: float = 5.0) -> Engine:
    """Connections that can only read `path`. A ledger that nobody has open may lie in a folder without write access."""

    def connect() -> sqlite3.Connection:
        connection = _sqlite(path, "ro", busy_timeout_s)
        try:
            connection.execute("SELECT 1 FROM sqlite_master").fetchone()
        except sqlite3.OperationalError:
            connection.close()
            # Reading a write-ahead ledger needs its two side files, and they cannot be made here. Without a log the
            # main file is whole, so that it may be read as one that nobody changes.
            if Path(f"{path}-wal").exists():
                raise
            return _sqlite(path, "ro", busy_timeout_s, "&immutable=1")
        return connection

    return create_engine("sqlite+pysqlite://", creator=connect, poolclass=NullPool)


def prepare(path: Path, engine: Engine) -> None:
    """Make the tables of a new ledger, bring an older one up to date, and prove that it can be written.

    Raises LedgerError. Safe when several processes do it at once: they take turns.
    """
    if not path.parent.is_dir():
        raise LedgerError(
            f"the ledger cannot be opened at {str(path)!r}: its folder does not exist; "
            "create it, or set another `ledger.path`",
        )  # fmt: skip
    with explained(path), engine.connect() as connection:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        bring_up_to_date(connection, _version(connection, path), repr(str(path)))
        connection.commit()


def bring_up_to_date(connection: Connection, version: str | None, named: str) -> None:
    """Tables of this Baton in an open transaction. `version` None is an empty database. Raises LedgerError."""
    if version is None:
        metadata.create_all(connection)
        connection.execute(text(ALEMBIC_TABLE))
        connection.execute(text("INSERT INTO alembic_version VALUES (:head)"), {"head": HEAD})
    elif version != HEAD:
        _migrate(connection, named, version)


@contextmanager
def reading(path: Path) -> Iterator[Connection]:
    """One read-only connection that sees one moment of the ledger. Raises LedgerError where there is none to read."""
    if not path.is_file():
        raise LedgerError(f"there is no ledger at {str(path)!r}: start the gateway once, or name another file")
    with explained(path), reading_engine(path).connect() as connection:
        connection.exec_driver_sql("BEGIN")
        refuse_other_version(_version(connection, path), repr(str(path)))
        yield connection


def refuse_other_version(version: str | None, named: str) -> None:
    if version != HEAD:
        raise LedgerError(
            f"the ledger at {named} has version {version!r} and this Baton reads {HEAD!r}: "
            "start the gateway of this version on it once, or read it with the Baton that wrote it",
        )  # fmt: skip


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn what the database says into a LedgerError that says what to do."""
    try:
        yield
    except (sqlite3.Error, DBAPIError) as error:
        said = str(error.orig if isinstance(error, DBAPIError) else error)
        raise LedgerError(f"the ledger at {str(path)!r} cannot be used: {said}; {_advice(said)}") from error


def _advice(said: str) -> str:
    advice = {
        "locked": "another process holds it: wait for it, or stop that process",
        "readonly": "give this user write access to the file and its folder",
        "unable to open": "give this user write access to the folder, and check that the path names a file",
        "full": "make room on the disk",
        "malformed": "move the file away and restore it from a copy; a new one is started in its place",
        "not a database": "this is another kind of file: set another `ledger.path`",
    }
    return next((hint for sign, hint in advice.items() if sign in said), "check the disk and the file")


def _sqlite(path: Path, mode: str, busy_timeout_s: float, more: str = "") -> sqlite3.Connection:
    """A connection in which transactions begin and end where the code says so, usable from any one thread at a time."""
    address = f"file:{quote(str(path.absolute()))}?mode={mode}{more}"
    return sqlite3.connect(address, uri=True, timeout=busy_timeout_s, isolation_level=None, check_same_thread=False)


def _switch_to_wal(connection: sqlite3.Connection, patience_s: float) -> None:
    """SQLite does not wait its turn for this one statement when two processes start on a new file at once."""
    deadline = time.monotonic() + patience_s
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(WAL_SWITCH_PAUSE_S)


def _version(connection: Connection, path: Path) -> str | None:
    """The migration that the ledger carries; None for an empty file."""
    names = {row[0] for row in connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if not names:
        return None
    if not names >= OURS:
        raise LedgerError(
            f"the database at {str(path)!r} is not a ledger of Baton: it holds {', '.join(sorted(names)[:3])}; "
            "set another `ledger.path`",
        )  # fmt: skip
    return stamped_version(connection)


def stamped_version(connection: Connection) -> str:
    row = connection.exec_driver_sql("SELECT version_num FROM alembic_version").fetchone()
    return str(row[0]) if row else ""


def _migrate(connection: Connection, named: str, version: str) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise LedgerError(
            f"the ledger at {named} has version {version!r}, which this Baton does not know: "
            "update Baton, or set another ledger",
        ) from error  # fmt: skip
