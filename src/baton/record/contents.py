"""Requests whose content was kept, as far as the content rules let it, with the grade of their answer."""

from typing import Any

from msgspec import Struct
from sqlalchemy import Row, text

from baton.record.database import Place
from baton.record.queries import opened


class Kept(Struct, frozen=True):
    """`request` and `answer` are bodies in `dialect`; `grade` is the newest one, None where nobody graded."""

    request_id: str
    task_id: str
    task_type: str
    dialect: str
    model: str
    at: float
    request: bytes
    answer: bytes
    stream: bool
    grade: float | None


_COLUMNS = "r.request_id, r.task_id, r.task_type, r.dialect, r.model, r.at, c.request, c.answer, r.stream, r.grade"


def kept_contents(place: Place, since: float = 0.0, most: int = 100_000) -> list[Kept]:
    """Answered requests of callers, newest first; what Baton asked to measure is not among them. Raises LedgerError."""
    query = (
        f"SELECT {_COLUMNS} FROM contents c JOIN requests r ON r.sequence = c.sequence AND r.replica = c.replica "
        "WHERE r.at >= :since AND r.ending = 'ok' AND r.task_type <> '' AND r.route NOT LIKE 'measurement%' "
        "ORDER BY r.at DESC, r.request_id LIMIT :most"
    )
    with opened(place) as connection:
        rows = connection.execute(text(query), {"since": since, "most": most}).all()
    return [_kept(row) for row in rows]


def kept_content(place: Place, request_id: str) -> Kept | None:
    """Of one request; None where none was kept. Raises LedgerError."""
    query = (
        f"SELECT {_COLUMNS} FROM contents c JOIN requests r ON r.sequence = c.sequence AND r.replica = c.replica "
        "WHERE c.request_id = :request_id"
    )
    with opened(place) as connection:
        row = connection.execute(text(query), {"request_id": request_id}).first()
    return None if row is None else _kept(row)


def _kept(row: Row[Any]) -> Kept:
    request_id, task_id, task_type, dialect, model, at, request, answer, stream, grade = tuple(row)
    return Kept(request_id, task_id, task_type, dialect, model, at, bytes(request), bytes(answer), bool(stream), grade)
