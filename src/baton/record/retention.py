"""What is older than it may be: rows of requests, and contents. Deleted in small steps, the sums over them stay.

`rollups` and `spend` name no request, and budgets of all time are read from them. A task goes with its last request.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from msgspec import Struct
from sqlalchemy import Column, ColumnElement, Connection, Delete, Select, Table, bindparam, delete, func, select

from baton.record.deletion import Deleting
from baton.record.schema import attempts, contents, decisions, grades, requests, tasks

BATCH_ROWS = 500
BATCH_BYTES = 8 * 1024 * 1024
"""Of contents, in one transaction; a larger one goes alone."""

OF_ROW = {
    table.name: delete(table).where(
        table.c.sequence == bindparam("of_sequence"), table.c.replica == bindparam("of_replica")
    )
    for table in (requests, attempts, contents, grades)
}
OF_REQUEST = delete(grades).where(grades.c.request_id == bindparam("of_request"))
OF_DECISION = delete(decisions).where(decisions.c.id == bindparam("of_decision"))
OF_TASK = delete(tasks).where(tasks.c.task_id == bindparam("of_task"))


class Bounds(Struct, frozen=True):
    """Unix seconds; `rows_before` None keeps all. Of the file only rows below `shipped_below` are touched."""

    contents_before: float
    rows_before: float | None = None
    shipped_below: int | None = None


class Deleted(Struct):
    requests: int = 0
    contents: int = 0


Rows = Sequence[Mapping[str, Any]]
Pause = Callable[[], bool]
"""Lets others write; True when there is no time to go on."""


def sweep(place: Deleting, bounds: Bounds, pause: Pause, *, whole: bool) -> Deleted:
    """One pass. Old requests are found by their ids, which begin with the time; `whole` then looks at every row.

    Raises LedgerError.
    """
    below = bounds.shipped_below
    old_contents = found_contents(contents.c.at < bounds.contents_before, below)
    deleted = Deleted(contents=_repeat(place, old_contents, contents.c.at, delete_contents, pause))
    if (before := bounds.rows_before) is not None:
        for by in (requests.c.request_id, requests.c.sequence) if whole else (requests.c.request_id,):
            old = _found_requests(before, id_at(before) if by is requests.c.request_id else None, below)
            delete_old = partial(_delete_requests, before=before, below=below)
            deleted.requests += _repeat(place, old, by, delete_old, pause)
        _repeat(place, _found_tasks(before), tasks.c.last_at, partial(_delete, OF_TASK), pause)
        if whole:
            lone = _found_lone_grades(before, below)
            _repeat(place, lone, grades.c.sequence, partial(_delete, OF_ROW[grades.name]), pause)
    return deleted


def id_at(at: float) -> str:
    """No request that came before this moment has a greater id."""
    return f"{max(0, int(at * 1_000)):012x}g"


def _repeat(
    place: Deleting, find: Select[Any], by: Column[Any], remove: Callable[[Connection, Rows], None], pause: Pause
) -> int:
    """Until nothing is left, somebody else is at it, or there is no time.

    In the order of `by`, and each step from where the last one ended: PostgreSQL does not see at once that what was
    deleted is gone, and would look through all of it again.
    """
    total = 0
    query = find = find.add_columns(by.label("place")).order_by(by)
    while True:
        with place.transaction() as connection:
            found = _rows(connection, query) if place.is_alone(connection) else []
            if found:
                place.begin_to_write(connection)
                remove(connection, found)
        total += len(found)
        if not found or pause():
            return total
        query = find.where(by >= found[-1]["place"])


def _rows(connection: Connection, find: Select[Any]) -> list[dict[str, Any]]:
    """At most a batch; where sizes are told, no more than may be deleted at once."""
    found: list[dict[str, Any]] = []
    size = 0
    for row in connection.execute(find.limit(BATCH_ROWS)).mappings():
        size += row.get("size", 0)
        if found and size > BATCH_BYTES:
            break
        found.append(dict(row))
    return found


def found_contents(which: ColumnElement[bool], below: int | None = None) -> Select[Any]:
    size = func.length(contents.c.request) + func.length(contents.c.answer)
    query = select(*_key(contents), size.label("size")).where(which)
    return query if below is None else query.where(contents.c.sequence < below)


def delete_contents(connection: Connection, found: Rows) -> None:
    _delete(OF_ROW[contents.name], connection, found)


def _found_requests(before: float, last_id: str | None, below: int | None) -> Select[Any]:
    ids = requests.c.request_id.label("of_request"), requests.c.decision_id.label("of_decision")
    query = select(*_key(requests), *ids).where(requests.c.at < before)
    if last_id is not None:
        query = query.where(requests.c.request_id < last_id)
    return query if below is None else query.where(requests.c.sequence < below)


def _delete_requests(connection: Connection, found: Rows, *, before: float, below: int | None) -> None:
    for table in (attempts, contents, requests):
        _delete(OF_ROW[table.name], connection, found)
    _delete(OF_REQUEST if below is None else OF_REQUEST.where(grades.c.sequence < below), connection, found)
    _delete(OF_DECISION.where(decisions.c.at < before), connection, found)


def _found_tasks(before: float) -> Select[Any]:
    return select(tasks.c.task_id.label("of_task")).where(tasks.c.last_at < before)


def _found_lone_grades(before: float, below: int | None) -> Select[Any]:
    """Those whose request never came, or was deleted before them."""
    theirs = select(requests.c.sequence).where(requests.c.request_id == grades.c.request_id).exists()
    query = select(*_key(grades)).where(grades.c.at < before, ~theirs)
    return query if below is None else query.where(grades.c.sequence < below)


def _key(table: Table) -> tuple[ColumnElement[Any], ...]:
    return table.c.sequence.label("of_sequence"), table.c.replica.label("of_replica")


def _delete(statement: Delete, connection: Connection, found: Rows) -> None:
    """Each statement takes of a row what it needs."""
    names = statement.compile().params
    connection.execute(statement, [{name: row[name] for name in names if name in row} for row in found])
