"""The PostgreSQL that many replicas ship their ledgers to: opening, tables, and errors that say what to do."""

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from sqlalchemy import Connection, Engine, create_engine, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from baton.record.database import OURS, bring_up_to_date, refuse_other_version, stamped_version
from baton.types.errors import LedgerError
from baton.types.secret import Secret

LOCK = 0x6261746F6E
"""Advisory lock: whoever holds it is the only one that writes."""

CONNECTING = {
    "application_name": "baton",
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,  # ms: a server that vanished is noticed
    "prepare_threshold": None,  # poolers between here and there may know no prepared statements
}

ADVICE = {
    "password authentication": "check user and password in `ledger.database_url`",
    "does not exist": "create the database or the role, or correct `ledger.database_url`",
    "permission denied": "grant this role the right to create tables in the database's schema",
    "refused": "start the server, or correct host and port in `ledger.database_url`",
    "too many": "raise max_connections of the server",
    "read-only": "name the primary in `ledger.database_url`: this server takes no writes",
}


def shared_engine(url: Secret) -> Engine:
    """Raises LedgerError where the driver is missing."""
    try:
        return create_engine(
            make_url(url.reveal()).set(drivername="postgresql+psycopg"), connect_args=CONNECTING, poolclass=NullPool
        )
    except ModuleNotFoundError as error:
        text = "`ledger.database_url` needs the driver of PostgreSQL: pip install 'batonpass[postgres]'"
        raise LedgerError(text) from error


def prepare_shared(connection: Connection) -> None:
    """Make the tables, or bring them up to date; replicas that start at once take turns. Raises LedgerError.

    Other tables of the same schema are left alone.
    """
    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOCK})")
    bring_up_to_date(connection, _version(connection), "`ledger.database_url`")
    connection.commit()


@contextmanager
def reading_shared(url: Secret) -> Iterator[Connection]:
    """One read-only connection that sees one moment of what was shipped. Raises LedgerError."""
    with explained(url), shared_engine(url).connect() as connection:
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        version = _version(connection)
        if version is None:
            raise LedgerError(f"{named(url)} holds no ledger: start a gateway with this `ledger.database_url` once")
        refuse_other_version(version, named(url))
        yield connection


@contextmanager
def explained(url: Secret) -> Iterator[None]:
    """Turn what the driver says into a LedgerError that says what to do, and never the password."""
    try:
        yield
    except DBAPIError as error:
        raise cannot_be_used(url, error.orig or error) from error


def cannot_be_used(url: Secret, error: BaseException) -> LedgerError:
    said = " ".join(str(error).split()) or type(error).__name__
    advice = next((hint for sign, hint in ADVICE.items() if sign in said), "check the server and its log")
    return LedgerError(f"{named(url)} cannot be used: {said}; {advice}")


def named(url: Secret) -> str:
    """Host, port and name, without who asks."""
    parts = urlsplit(url.reveal())
    return f"the PostgreSQL at {parts.hostname or 'its socket'}:{parts.port or 5432}{parts.path}"


def _version(connection: Connection) -> str | None:
    found = {
        name
        for name in OURS
        if connection.exec_driver_sql("SELECT to_regclass(%s)", (name,)).scalar() is not None
    }  # fmt: skip
    if not found:
        return None
    if found != OURS:
        raise LedgerError(
            f"the database of `ledger.database_url` has a table {found.pop()!r} that is not Baton's: "
            "name another database, or another schema with ?options=-csearch_path%3DNAME"
        )
    return stamped_version(connection)
