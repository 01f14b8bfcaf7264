"""Rows of one replica -> rows and sums in PostgreSQL, in one transaction, exactly once.

The sums are those of `batch.py`, made from sets instead of row by row. Whoever merges holds the only right to write, so
that what is looked up here stays true until the commit. Steps: 1. `receive` copies the rows into temporary tables;
2. `reconcile` takes out what is known, and takes back what another replica had written down as interrupted;
3. `add` writes rows, sums and grades.
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import Table

from baton.record.batch import ANSWERED, DAY_S, MINUTE_S, ROLLUP_SUMS, SPEND_SUMS
from baton.record.schema import attempts, contents, decisions, grades, requests
from baton.types.spend import HOUSE

if TYPE_CHECKING:
    from psycopg import Cursor

Rows = dict[str, Sequence[Sequence[Any]]]

SHIPPED: tuple[Table, ...] = (requests, attempts, decisions, grades, contents)
INTERRUPTED = "interrupted"

STAGES = [
    f"CREATE TEMP TABLE IF NOT EXISTS {stage} (LIKE {table}) ON COMMIT DELETE ROWS"
    for stage, table in (*((f"new_{table.name}", table.name) for table in SHIPPED), ("old_requests", "requests"))
]
STAGES.append("ALTER TABLE new_grades ALTER pending DROP NOT NULL")

FORGET_KNOWN = [
    f"DELETE FROM new_{name} n USING {name} o WHERE (o.sequence, o.replica) = (n.sequence, n.replica)"
    for name in ("requests", "grades")
]
FORGET_ANSWERED = [
    f"""
    DELETE FROM new_requests n WHERE ending = '{INTERRUPTED}'
    AND EXISTS (SELECT 1 FROM requests o WHERE o.request_id = n.request_id)
    """,
    f"""
    DELETE FROM new_requests n WHERE ending = '{INTERRUPTED}' AND EXISTS (
        SELECT 1 FROM new_requests o
        WHERE o.request_id = n.request_id AND (o.ending <> '{INTERRUPTED}' OR o.sequence < n.sequence)
    )
    """,
    """
    DELETE FROM new_attempts n WHERE NOT EXISTS (
        SELECT 1 FROM new_requests o WHERE (o.sequence, o.replica) = (n.sequence, n.replica)
    )
    """,
]

TAKE_BACK = f"""
WITH gone AS (
    DELETE FROM requests o USING new_requests n
    WHERE o.request_id = n.request_id AND o.ending = '{INTERRUPTED}' RETURNING o.*
) INSERT INTO old_requests SELECT * FROM gone
"""

ADDED = (
    "requests", "simulated", "input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens",
    "reasoning_tokens", "cost", "baseline_cost",
)  # fmt: skip
"""What a task sums."""

SUMS = {
    "requests": "COUNT(*)",
    "ok": "COUNT(*) FILTER (WHERE ending = 'ok')",
    "rejected": "COUNT(*) FILTER (WHERE ending = 'rejected')",
    "simulated": "COUNT(*) FILTER (WHERE simulated)",
    "graded": "COUNT(grade)",
    "grade_sum": "COALESCE(SUM(grade), 0)",
}
MINUTE = f"(FLOOR(at / {MINUTE_S}) * {MINUTE_S})::bigint"
GROUP = f"{MINUTE}, route, task_type, model, replica"
SAME_GROUP = (
    "(o.minute, o.route, o.task_type, o.model, o.replica) = (s.minute, s.route, s.task_type, s.model, s.replica)"
)


def columns_of(table: Table) -> list[str]:
    """What is sent of a table. Grades are rows of their own, and are given anew where the rows go."""
    return [name for name in table.columns.keys() if name not in GIVEN]  # noqa: SIM118 - no dict


GIVEN = {"grade", "graded_at", "pending"}


def _sums(names: Iterable[str]) -> str:
    return ", ".join(f"{SUMS.get(name, f'SUM({name})')} AS {name}" for name in names)


BOOKED = f"""
SELECT account, FLOOR(at / {DAY_S})::bigint AS day, replica, {_sums(SPEND_SUMS)} FROM {{rows}} r CROSS JOIN LATERAL (
    SELECT json_array_elements_text(REPLACE(r.accounts, '\\u0000', '\\ufffd')::json) AS account
    UNION ALL SELECT unnest(ARRAY['{HOUSE}', 'key:' || r.key]) WHERE r.accounts = '[]'
) booked GROUP BY account, FLOOR(at / {DAY_S})::bigint, replica
"""
"""Rows from before accounts were written carry none: they were the house's and their key's."""

SUBTRACT = [
    f"""
    UPDATE tasks o SET {", ".join(f"{name} = o.{name} - s.{name}" for name in ADDED)}
    FROM (SELECT task_id, {_sums(ADDED)} FROM old_requests GROUP BY task_id) s WHERE o.task_id = s.task_id
    """,
    f"""
    UPDATE rollups o SET {", ".join(f"{name} = o.{name} - s.{name}" for name in ROLLUP_SUMS)}
    FROM (
        SELECT {MINUTE} AS minute, route, task_type, model, replica, {_sums(ROLLUP_SUMS)}
        FROM old_requests GROUP BY {GROUP}
    ) s WHERE {SAME_GROUP}
    """,
    f"""
    UPDATE spend o SET {", ".join(f"{name} = o.{name} - s.{name}" for name in SPEND_SUMS)}
    FROM ({BOOKED.format(rows="old_requests")}) s WHERE (o.account, o.day, o.replica) = (s.account, s.day, s.replica)
    """,
    "DELETE FROM attempts o USING old_requests g WHERE (o.sequence, o.replica) = (g.sequence, g.replica)",
    "DELETE FROM decisions o USING old_requests g WHERE o.id = g.decision_id AND o.id = g.request_id",
    "UPDATE grades o SET pending = TRUE FROM old_requests g WHERE o.request_id = g.request_id",
]

_LEADS = "(excluded.lead_rank, excluded.lead_at) >= (tasks.lead_rank, tasks.lead_at)"
ADD_TASKS = f"""
INSERT INTO tasks (task_id, first_at, last_at, {", ".join(ADDED)}, several_models,
    lead_rank, lead_at, route, task_type, model)
SELECT s.task_id, s.first_at, s.last_at, {", ".join(f"s.{name}" for name in ADDED)}, s.models > 1,
    l.lead_rank, l.at, l.route, l.task_type, l.model
FROM (
    SELECT task_id, MIN(at) AS first_at, MAX(at) AS last_at, {_sums(ADDED)},
        COUNT(DISTINCT model) FILTER (WHERE lead_rank = {ANSWERED}) AS models
    FROM new_requests GROUP BY task_id
) s JOIN (
    SELECT DISTINCT ON (task_id) task_id, lead_rank, at, route, task_type, model FROM new_requests
    ORDER BY task_id, lead_rank DESC, at DESC, sequence DESC
) l USING (task_id)
ON CONFLICT (task_id) DO UPDATE SET
    first_at = LEAST(tasks.first_at, excluded.first_at), last_at = GREATEST(tasks.last_at, excluded.last_at),
    {", ".join(f"{name} = tasks.{name} + excluded.{name}" for name in ADDED)},
    several_models = tasks.several_models OR excluded.several_models
        OR (tasks.lead_rank = {ANSWERED} AND excluded.lead_rank = {ANSWERED} AND tasks.model <> excluded.model),
    {
    ", ".join(
        f"{name} = CASE WHEN {_LEADS} THEN excluded.{name} ELSE tasks.{name} END"
        for name in ("route", "task_type", "model", "lead_at")
    )
},
    lead_rank = GREATEST(tasks.lead_rank, excluded.lead_rank)
"""
ADD_ROLLUPS = f"""
INSERT INTO rollups (minute, route, task_type, model, replica, {", ".join(ROLLUP_SUMS)})
SELECT {MINUTE}, route, task_type, model, replica, {_sums(ROLLUP_SUMS)} FROM new_requests GROUP BY {GROUP}
ON CONFLICT (minute, route, task_type, model, replica) DO UPDATE SET
    {", ".join(f"{name} = rollups.{name} + excluded.{name}" for name in ROLLUP_SUMS)}
"""
ADD_SPEND = f"""
INSERT INTO spend (account, day, replica, {", ".join(SPEND_SUMS)})
{BOOKED.format(rows="new_requests")}
ON CONFLICT (account, day, replica) DO UPDATE SET
    {", ".join(f"{name} = spend.{name} + excluded.{name}" for name in SPEND_SUMS)}
"""
ADD_GRADES = """
INSERT INTO grades (sequence, replica, request_id, score, grader, reason, at, pending)
SELECT sequence, replica, request_id, score, grader, reason, at,
    NOT EXISTS (SELECT 1 FROM requests r WHERE r.request_id = n.request_id) FROM new_grades n
"""
GRADE = f"""
WITH given AS (
    SELECT request_id, score, grader, at, sequence FROM new_grades
    UNION ALL
    SELECT g.request_id, g.score, g.grader, g.at, g.sequence
    FROM grades g JOIN new_requests n ON n.request_id = g.request_id WHERE g.pending
), newest AS (
    SELECT DISTINCT ON (request_id) * FROM given ORDER BY request_id, at DESC, sequence DESC
), found AS (
    SELECT DISTINCT ON (r.request_id) r.sequence, r.replica, r.task_id, r.at, r.route, r.task_type, r.model,
        r.grade AS old, r.graded_at AS old_at, n.score, n.grader, n.at AS graded_at
    FROM newest n JOIN requests r ON r.request_id = n.request_id ORDER BY r.request_id, r.sequence DESC
), taken AS (
    SELECT * FROM found WHERE old_at IS NULL OR old_at <= graded_at
), of_requests AS (
    UPDATE requests o SET grade = t.score, graded_at = t.graded_at
    FROM taken t WHERE (o.sequence, o.replica) = (t.sequence, t.replica)
), of_tasks AS (
    UPDATE tasks o SET grade = t.score, graded_at = t.graded_at, grader = t.grader
    FROM (SELECT DISTINCT ON (task_id) * FROM taken ORDER BY task_id, graded_at DESC, sequence DESC) t
    WHERE o.task_id = t.task_id AND (o.graded_at IS NULL OR o.graded_at <= t.graded_at)
) UPDATE rollups o SET graded = o.graded + s.graded, grade_sum = o.grade_sum + s.change
FROM (
    SELECT {MINUTE} AS minute, route, task_type, model, replica,
        COUNT(*) FILTER (WHERE old IS NULL) AS graded, SUM(score - COALESCE(old, 0)) AS change
    FROM taken GROUP BY {GROUP}
) s WHERE {SAME_GROUP}
"""
SETTLE_GRADES = (
    "UPDATE grades g SET pending = FALSE FROM new_requests n WHERE g.pending AND g.request_id = n.request_id"
)
ADD_ROWS = [
    "INSERT INTO decisions SELECT * FROM new_decisions ON CONFLICT DO NOTHING",
    "INSERT INTO requests SELECT * FROM new_requests",
    "INSERT INTO attempts SELECT * FROM new_attempts ON CONFLICT DO NOTHING",
    "INSERT INTO contents SELECT * FROM new_contents ON CONFLICT DO NOTHING",
    ADD_TASKS,
    ADD_ROLLUPS,
    ADD_SPEND,
]


def merge(cursor: "Cursor[Any]", rows: Rows) -> None:
    """In the open transaction of `cursor`. `rows` by name of the table, in the order of `columns_of`."""
    receive(cursor, rows)
    reconcile(cursor)
    add(cursor)


def receive(cursor: "Cursor[Any]", rows: Rows) -> None:
    for statement in STAGES:
        cursor.execute(statement)
    for table in SHIPPED:
        if rows.get(table.name):
            with cursor.copy(f"COPY new_{table.name} ({', '.join(columns_of(table))}) FROM STDIN") as copy:
                for row in rows[table.name]:
                    copy.write_row(row)


def reconcile(cursor: "Cursor[Any]") -> None:
    for statement in FORGET_KNOWN + FORGET_ANSWERED:
        cursor.execute(statement)
    cursor.execute(TAKE_BACK)
    if cursor.rowcount:
        for statement in SUBTRACT:
            cursor.execute(statement)


def add(cursor: "Cursor[Any]") -> None:
    for statement in (*ADD_ROWS, GRADE, ADD_GRADES, SETTLE_GRADES):
        cursor.execute(statement)


def storable(rows: Rows) -> Rows:
    """PostgreSQL has no character zero in its texts, and callers may name a task with it."""
    return {
        name: [[value.replace("\x00", "\ufffd") if isinstance(value, str) else value for value in row] for row in found]
        for name, found in rows.items()
    }
