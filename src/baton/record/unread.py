"""How many requests nobody can place: of no known task type, or unlike all that was learned from."""

from msgspec import Struct
from sqlalchemy import text

from baton.record.database import Place
from baton.record.queries import opened
from baton.types.secret import Secret


class Unread(Struct, frozen=True):
    """Of the requests that a model was chosen for."""

    requests: int
    other: int
    """Their task type is `other` because no rule and no classifier told it."""
    abstained: int
    """Their difficulty could not be told."""


def unread(place: Place, since: float) -> Unread:
    """`since`: Unix time. Raises LedgerError."""
    if isinstance(place, Secret):
        rule, source, difficulty = (f"d.body::json ->> '{name}'" for name in ("rule", "task_type_source", "difficulty"))
    else:
        rule, source, difficulty = (
            f"json_extract(d.body, '$.{name}')" for name in ("rule", "task_type_source", "difficulty")
        )
    query = (
        f"SELECT COUNT(*), COALESCE(SUM(CASE WHEN {source} = 'default' THEN 1 ELSE 0 END), 0), "
        f"COALESCE(SUM(CASE WHEN {difficulty} IS NULL THEN 1 ELSE 0 END), 0) "
        "FROM requests r JOIN decisions d ON d.id = r.decision_id "
        f"WHERE r.at >= :since AND r.route <> 'measurement' AND {rule} <> 'pass'"
    )
    with opened(place) as connection:
        counts = connection.execute(text(query), {"since": since}).one()
    return Unread(*(int(count) for count in counts))
