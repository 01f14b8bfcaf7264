"""The three questions of the mission, asked of the ledger: share per model, cost per task type, quality per route.

Every function opens its own read-only view; the gateway may write meanwhile. A task counts once, for the model that
answered it last: who retried on another model got his answer there.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Literal

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, text

from baton.record.database import Place, reading
from baton.record.postgres import reading_shared
from baton.stats.intervals import Interval, bootstrap_mean, wilson
from baton.types.decision import Decision
from baton.types.money import usd_from_nano
from baton.types.secret import Secret
from baton.types.spend import MEASUREMENT

BOOTSTRAP_SEED = 20_251_123
"""Intervals of the same ledger are the same each time."""


COUNTED = f"last_at >= :since AND lead_rank = 1 AND route NOT LIKE '{MEASUREMENT}%'"
"""Tasks of callers that were answered: what Baton asks to measure is no traffic."""


class CostLine(Struct, frozen=True):
    """Costs in US dollars. `baseline` is the estimate for the same tokens on the reference."""

    tasks: int
    cost_usd: float
    cost_per_task_usd: float
    baseline_cost_usd: float


class QualityLine(Struct, frozen=True):
    """`quality` and its interval (95 %) are None where nothing is graded: a bare average is never shown."""

    tasks: int
    graded: int
    quality: float | None
    interval: Interval | None
    method: str


class Savings(Struct, frozen=True):
    cost_usd: float
    baseline_cost_usd: float
    saved_pct: float | None
    basis: str = "estimate: the same tokens at the reference's price"


class Report(Struct, frozen=True):
    simulated: bool | Literal["mixed"]
    tasks: int
    requests: int
    dropped: int
    share_by_model: dict[str, float]
    cost_by_task_type: dict[str, CostLine]
    quality_by_route: dict[str, QualityLine]
    quality_by_task_type: dict[str, QualityLine]
    savings: Savings
    faults: dict[str, int]
    note: str = "Raw averages of different routes are not comparable: hard tasks go to strong models."


def report(place: Place, since: float = 0.0) -> Report:
    """`since` in Unix seconds bounds the tasks by their last request. Raises LedgerError where there is no ledger."""
    with opened(place) as connection:
        tasks, requests, simulated = _counts(connection, since)
        costs = _costs(connection, since)
        cost = sum(line.cost_usd for line in costs.values())
        baseline = sum(line.baseline_cost_usd for line in costs.values())
        return Report(
            simulated="mixed" if 0 < simulated < requests else simulated > 0,
            tasks=tasks,
            requests=requests,
            dropped=int(
                connection.execute(text("SELECT COALESCE(SUM(dropped_requests), 0) FROM replicas")).scalar() or 0
            ),
            share_by_model=_shares(connection, since),
            cost_by_task_type=costs,
            quality_by_route=_quality(connection, since, "route"),
            quality_by_task_type=_quality(connection, since, "task_type"),
            savings=Savings(cost, baseline, 100.0 * (1.0 - cost / baseline) if baseline else None),
            faults=_faults(connection, since),
        )


def decision_of(place: Place, decision_id: str) -> Decision | None:
    """The decision of a request (they share their id), None when the ledger has none of that id."""
    with opened(place) as connection:
        body = connection.execute(text("SELECT body FROM decisions WHERE id = :id"), {"id": decision_id}).scalar()
    return None if body is None else msgspec.json.decode(body, type=Decision)


def key_of(place: Place, request_id: str) -> str | None:
    """Name of the key that made a request, None when the ledger has none of that id."""
    with opened(place) as connection:
        found = connection.execute(text("SELECT key FROM requests WHERE request_id = :id"), {"id": request_id}).scalar()
    return None if found is None else str(found)


def graded_models(place: Place, since: float = 0.0) -> dict[str, set[str]]:
    """By task type, the models whose answers were graded. Raises LedgerError."""
    query = f"SELECT DISTINCT task_type, model FROM tasks WHERE {COUNTED} AND grade IS NOT NULL"
    found: dict[str, set[str]] = {}
    with opened(place) as connection:
        for task_type, model in connection.execute(text(query), {"since": since}):
            found.setdefault(task_type, set()).add(model)
    return found


def opened(place: Place) -> AbstractContextManager[Connection]:
    """One read-only connection that sees one moment of a ledger. Raises LedgerError."""
    return reading_shared(place) if isinstance(place, Secret) else reading(place)


def _counts(connection: Connection, since: float) -> tuple[int, int, int]:
    row = connection.execute(
        text(f"SELECT COUNT(*), COALESCE(SUM(requests), 0), COALESCE(SUM(simulated), 0) FROM tasks WHERE {COUNTED}"),
        {"since": since},
    ).one()
    return int(row[0]), int(row[1]), int(row[2])


def _shares(connection: Connection, since: float) -> dict[str, float]:
    rows = connection.execute(
        text(f"SELECT model, COUNT(*) FROM tasks WHERE {COUNTED} GROUP BY model ORDER BY COUNT(*) DESC, model"),
        {"since": since},
    ).all()
    total = sum(count for _, count in rows)
    return {model: count / total for model, count in rows}


def _costs(connection: Connection, since: float) -> dict[str, CostLine]:
    rows = connection.execute(
        text(
            "SELECT task_type, COUNT(*), SUM(cost), SUM(baseline_cost) FROM tasks "
            f"WHERE {COUNTED} GROUP BY task_type ORDER BY task_type"
        ),
        {"since": since},
    ).all()
    return {  # sums come as Decimal from PostgreSQL
        task_type: CostLine(n, usd_from_nano(int(cost)), usd_from_nano(int(cost)) / n, usd_from_nano(int(baseline)))
        for task_type, n, cost, baseline in rows
    }


def _quality(connection: Connection, since: float, column: Literal["route", "task_type"]) -> dict[str, QualityLine]:
    rows = connection.execute(
        text(f"SELECT {column}, grade, COUNT(*) FROM tasks WHERE {COUNTED} GROUP BY {column}, grade ORDER BY {column}"),
        {"since": since},
    ).all()
    grouped: dict[str, list[tuple[float | None, int]]] = {}
    for name, grade, count in rows:
        grouped.setdefault(name, []).append((grade, count))
    return {name: _line(graded) for name, graded in grouped.items()}


def _line(rows: Sequence[tuple[float | None, int]]) -> QualityLine:
    tasks = sum(count for _, count in rows)
    grades = [(grade, count) for grade, count in rows if grade is not None]
    n = sum(count for _, count in grades)
    if n == 0:
        return QualityLine(tasks, 0, None, None, "no grades yet")
    total = sum(grade * count for grade, count in grades)
    if all(grade in {0.0, 1.0} for grade, _ in grades):
        return QualityLine(tasks, n, total / n, wilson(total, n), "share of right answers, Wilson 95 %")
    import numpy as np

    scores, counts = zip(*grades, strict=True)
    interval = bootstrap_mean(scores, np.random.default_rng(BOOTSTRAP_SEED), counts=counts)
    return QualityLine(tasks, n, total / n, interval, "mean score, bootstrap 95 %")


def _faults(connection: Connection, since: float) -> dict[str, int]:
    rows = connection.execute(
        text("SELECT fault, COUNT(*) FROM attempts WHERE fault <> '' AND at >= :since GROUP BY fault ORDER BY fault"),
        {"since": since},
    ).all()
    return {fault: int(count) for fault, count in rows}
