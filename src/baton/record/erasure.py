"""Contents that somebody asks to be deleted: found by what names them, deleted in steps, written into the audit log.

The row of the log is the order: whoever keeps a file reads it there and deletes in his own file, and contents that
reach PostgreSQL after it are deleted there by the next pass (`upkeep.py`).
"""

import json
from collections.abc import Sequence

import msgspec
from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, and_, func, insert, or_, select

from baton.record.deletion import Deleting
from baton.record.retention import BATCH_BYTES, BATCH_ROWS, Pause, delete_contents, found_contents
from baton.record.schema import audit, contents, requests
from baton.types.spend import account_name

ACTION = "content.delete"


class Which(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Contents to which all of this applies; at least one is given. `before` in Unix seconds, of their arrival."""

    request_id: str | None = None
    key: str | None = None
    """The name of the key."""
    task_id: str | None = None
    user: str | None = None
    """The end user, as the request named him."""
    before: float | None = None

    @property
    def everything(self) -> bool:
        return self == Which()


class Found(Struct, frozen=True):
    """One content; `size_bytes` of prompt and answer together."""

    sequence: int
    replica: str
    size_bytes: int


class Order(Struct, frozen=True):
    """What was asked for at that time, and under which number of the log."""

    number: int
    at: float
    which: Which


def found(place: Deleting, which: Which, until: float | None = None) -> list[Found]:
    """What there is of it; with `until`, of what had arrived by then. Raises LedgerError."""
    with place.transaction() as connection:
        condition = _fits(which, connection)
        query = found_contents(condition if until is None else condition & (contents.c.at <= until))
        return [Found(*row) for row in connection.execute(query)]


def erase(place: Deleting, of: Sequence[Found], pause: Pause = bool) -> int:
    """Contents deleted; all of them, unless `pause` says that there is no time. Raises LedgerError."""
    done = 0
    while done < len(of):
        step = _step(of, done)
        with place.transaction() as connection:
            place.begin_to_write(connection)
            delete_contents(connection, [{"of_sequence": one.sequence, "of_replica": one.replica} for one in step])
        done += len(step)
        if pause():
            break
    if done:
        place.empty_log()
    return done


def write_order(place: Deleting, which: Which, at: float, actor: str, count: int) -> None:
    """Raises LedgerError."""
    detail = json.dumps({"which": msgspec.to_builtins(which), "contents": count})
    with place.transaction() as connection:
        place.begin_to_write(connection)
        connection.execute(insert(audit).values(at=at, actor=actor, action=ACTION, subject="content", detail=detail))


def read_orders(place: Deleting, since: float) -> list[Order]:
    """Those given since then, oldest first. Raises LedgerError."""
    query = select(audit.c.number, audit.c.at, audit.c.detail).where(audit.c.action == ACTION, audit.c.at >= since)
    with place.transaction() as connection:
        rows = connection.execute(query.order_by(audit.c.number)).all()
    return [Order(number, at, msgspec.convert(json.loads(detail)["which"], Which)) for number, at, detail in rows]


def _step(of: Sequence[Found], begin: int) -> Sequence[Found]:
    """As many as are deleted in one transaction."""
    end, size = begin, 0
    while end < len(of) and end - begin < BATCH_ROWS and (end == begin or size + of[end].size_bytes <= BATCH_BYTES):
        size += of[end].size_bytes
        end += 1
    return of[begin:end]


def _fits(which: Which, connection: Connection) -> ColumnElement[bool]:
    if which.everything:
        raise ValueError("nothing says which contents are meant")
    conditions = []
    if which.request_id is not None:
        conditions.append(contents.c.request_id == which.request_id)
    if which.before is not None:
        conditions.append(contents.c.at < which.before)
    of_request = []
    if which.key is not None:
        of_request.append(requests.c.key == which.key)
    if which.task_id is not None:
        of_request.append(requests.c.task_id == which.task_id)
    if which.user is not None:
        of_request.append(_names_user(which.user, connection))
    if of_request:
        same = (requests.c.sequence == contents.c.sequence) & (requests.c.replica == contents.c.replica)
        conditions.append(select(requests.c.sequence).where(same, *of_request).exists())
    return and_(*conditions)


def _names_user(user: str, connection: Connection) -> ColumnElement[bool]:
    """`accounts` is a JSON array of texts: an element begins after a bracket or a comma, and nowhere inside a text."""
    element = msgspec.json.encode(account_name("user", user)).decode()
    find = func.instr if connection.dialect.name == "sqlite" else func.strpos
    return or_(find(requests.c.accounts, f"[{element}") > 0, find(requests.c.accounts, f",{element}") > 0)
