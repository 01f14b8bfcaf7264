"""What is older than it may be: rows of requests, and contents. Deleted in small steps, the sums over them stay.

`rollups` and `spend` name no request, and budgets of all time are read from them. A task goes with its last request.
"""

from collections.abc import Callable

from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, bindparam, delete, func, select

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


Pause = Callable[[], bool]
"""Lets others write; True when there is no time to go on."""


def sweep(place: Deleting, bounds: Bounds, pause: Pause, *, whole: bool) -> Deleted:
    """One pass. Old requests are found by their ids, which begin with the time; `whole` looks at every row instead.

    Raises LedgerError.
    """
    deleted = Deleted()
    deleted.contents = _repeat(place, lambda connection: _old_contents(connection, bounds), pause)
    if (before := bounds.rows_before) is not None:
        last_id = None if whole else id_at(before)
        deleted.requests = _repeat(place, lambda one: _old_requests(one, before, last_id, bounds.shipped_below), pause)
        _repeat(place, lambda connection: _old_tasks(connection, before), pause)
        if whole:
            _repeat(place, lambda connection: _lone_grades(connection, before, bounds.shipped_below), pause)
    return deleted


def id_at(at: float) -> str:
    """No request that came before this moment has a greater id."""
    return f"{max(0, int(at * 1_000)):012x}g"


def _repeat(place: Deleting, step: Callable[[Connection], int], pause: Pause) -> int:
    """Until nothing is left, somebody else is at it, or there is no time."""
    total = 0
    while True:
        with place.transaction(alone=True) as connection:
            count = 0 if connection is None else step(connection)
        total += count
        if count == 0 or pause():
            return total


def _old_contents(connection: Connection, bounds: Bounds) -> int:
    return delete_some(connection, contents.c.at < bounds.contents_before, bounds.shipped_below)


def delete_some(connection: Connection, which: ColumnElement[bool], below: int | None = None) -> int:
    """Contents, at most a batch."""
    size = func.length(contents.c.request) + func.length(contents.c.answer)
    query = select(contents.c.sequence, contents.c.replica, size).where(which).limit(BATCH_ROWS)
    if below is not None:
        query = query.where(contents.c.sequence < below)
    keys: list[dict[str, object]] = []
    total = 0
    for sequence, replica, length in connection.execute(query):
        total += length
        if keys and total > BATCH_BYTES:
            break
        keys.append({"of_sequence": sequence, "of_replica": replica})
    if keys:
        connection.execute(OF_ROW[contents.name], keys)
    return len(keys)


def _old_requests(connection: Connection, before: float, last_id: str | None, below: int | None) -> int:
    row = requests.c
    query = select(row.sequence, row.replica, row.request_id, row.decision_id).where(row.at < before).limit(BATCH_ROWS)
    if last_id is not None:
        query = query.where(row.request_id < last_id)
    if below is not None:
        query = query.where(row.sequence < below)
    found = [
        {"of_sequence": sequence, "of_replica": replica, "of_request": request_id, "of_decision": decision_id}
        for sequence, replica, request_id, decision_id in connection.execute(query)
    ]
    if found:
        for statement in (OF_ROW[attempts.name], OF_ROW[contents.name], OF_ROW[requests.name]):
            connection.execute(statement, found)
        connection.execute(OF_REQUEST if below is None else OF_REQUEST.where(grades.c.sequence < below), found)
        connection.execute(OF_DECISION.where(decisions.c.at < before), found)
    return len(found)


def _old_tasks(connection: Connection, before: float) -> int:
    query = select(tasks.c.task_id).where(tasks.c.last_at < before).limit(BATCH_ROWS)
    found = [{"of_task": task_id} for (task_id,) in connection.execute(query)]
    if found:
        connection.execute(OF_TASK, found)
    return len(found)


def _lone_grades(connection: Connection, before: float, below: int | None) -> int:
    """Those whose request never came, or was deleted before them."""
    without = ~select(requests.c.sequence).where(requests.c.request_id == grades.c.request_id).exists()
    query = select(grades.c.sequence, grades.c.replica).where(grades.c.at < before, without).limit(BATCH_ROWS)
    if below is not None:
        query = query.where(grades.c.sequence < below)
    found = [{"of_sequence": sequence, "of_replica": replica} for sequence, replica in connection.execute(query)]
    if found:
        connection.execute(OF_ROW[grades.name], found)
    return len(found)
