"""Requests of the past with all that is needed to decide them again: decision, cost, grade, and content where kept."""

from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import Row, text

from baton.record.database import Place
from baton.record.queries import opened
from baton.types.decision import Decision
from baton.types.money import Usage

MOST = 200_000

_COLUMNS = (
    "r.request_id, r.dialect, r.key, r.task_type, r.model, r.input_tokens, r.output_tokens, r.cache_read_tokens, "
    "r.cache_write_tokens, r.reasoning_tokens, r.cost, r.grade, r.simulated, d.body, c.request"
)


class Past(Struct, frozen=True):
    """One answered request. `cost` in nano-dollars; `grade` 0..1 is the newest one, None where nobody graded."""

    request_id: str
    dialect: str
    key: str
    task_type: str
    model: str
    usage: Usage
    cost: int
    grade: float | None
    simulated: bool
    decision: Decision | None
    request: bytes | None
    """The body as it came, where its content was kept."""


def past_requests(place: Place, since: float = 0.0, most: int = MOST) -> list[Past]:
    """What callers asked and got, newest first; what was asked to measure is not among it. Raises LedgerError."""
    query = (
        f"SELECT {_COLUMNS} FROM requests r LEFT JOIN decisions d ON d.id = r.decision_id "
        "LEFT JOIN contents c ON c.request_id = r.request_id "
        "WHERE r.at >= :since AND r.ending = 'ok' AND r.model <> '' AND r.route <> 'measurement' "
        "ORDER BY r.at DESC, r.request_id LIMIT :most"
    )
    with opened(place) as connection:
        return [_past(row) for row in connection.execute(text(query), {"since": since, "most": most})]


def _past(row: Row[Any]) -> Past:
    request_id, dialect, key, task_type, model, *rest = tuple(row)
    tokens, (cost, grade, simulated, decision, content) = rest[:5], rest[5:]
    return Past(
        request_id,
        dialect,
        key,
        task_type,
        model,
        Usage(*(int(count) for count in tokens)),
        int(cost),
        None if grade is None else float(grade),
        bool(simulated),
        None if decision is None else msgspec.json.decode(decision, type=Decision),
        None if content is None else bytes(content),
    )
