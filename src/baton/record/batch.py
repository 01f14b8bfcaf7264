"""One batch of finished requests and grades -> rows and sums, in one transaction.

Statements are compiled once from the tables; parameters are positional tuples in the order of their columns.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from functools import cache, lru_cache
from itertools import chain
from typing import Any

import msgspec
from sqlalchemy import Table
from sqlalchemy.dialects import sqlite

from baton.record.schema import attempts, contents, decisions, grades, requests
from baton.types.decision import Decision
from baton.types.money import Usage
from baton.types.outcome import Finished, Grade
from baton.types.spend import HOUSE, account_name

MINUTE_S = 60
DAY_S = 86_400
AT_ONCE = 50
"""Rows of one statement."""
ANSWERED, UNANSWERED, REFUSED = 1, 0, -1
"""Lead ranks. The newest answered request speaks for its task; where none was answered, the newest one that a model
was chosen for; where there is none of those either, the newest that was refused before anything was decided."""


def _insert(table: Table, *, or_ignore: bool = False) -> str:
    statement = str(table.insert().compile(dialect=sqlite.dialect()))
    return statement.replace("INSERT INTO", "INSERT OR IGNORE INTO", 1) if or_ignore else statement


INSERT_REQUEST = _insert(requests)
INSERT_ATTEMPT = _insert(attempts)
INSERT_DECISION = _insert(decisions, or_ignore=True)
INSERT_CONTENT = _insert(contents)
INSERT_GRADE = _insert(grades)


@cache
def _at_once(statement: str) -> str:
    """The statement for AT_ONCE rows."""
    begin = statement.index("VALUES (") + len("VALUES ")
    end = statement.index(")", begin) + 1
    return statement[:begin] + ", ".join([statement[begin:end]] * AT_ONCE) + statement[end:]


_TASK_LEADS = "(excluded.lead_rank, excluded.lead_at) >= (tasks.lead_rank, tasks.lead_at)"
UPSERT_TASK = f"""
INSERT INTO tasks VALUES (?, ?, ?, 1, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?, ?, ?, ?, NULL, NULL, NULL)
ON CONFLICT (task_id) DO UPDATE SET
    first_at = MIN(tasks.first_at, excluded.first_at), last_at = MAX(tasks.last_at, excluded.last_at),
    requests = tasks.requests + 1, simulated = tasks.simulated + excluded.simulated,
    input_tokens = tasks.input_tokens + excluded.input_tokens,
    output_tokens = tasks.output_tokens + excluded.output_tokens,
    cache_read_tokens = tasks.cache_read_tokens + excluded.cache_read_tokens,
    cache_write_tokens = tasks.cache_write_tokens + excluded.cache_write_tokens,
    reasoning_tokens = tasks.reasoning_tokens + excluded.reasoning_tokens,
    cost = tasks.cost + excluded.cost, baseline_cost = tasks.baseline_cost + excluded.baseline_cost,
    several_models = tasks.several_models OR (tasks.lead_rank = {ANSWERED} AND excluded.lead_rank = {ANSWERED}
        AND tasks.model <> excluded.model),
    route = CASE WHEN {_TASK_LEADS} THEN excluded.route ELSE tasks.route END,
    task_type = CASE WHEN {_TASK_LEADS} THEN excluded.task_type ELSE tasks.task_type END,
    model = CASE WHEN {_TASK_LEADS} THEN excluded.model ELSE tasks.model END,
    lead_rank = MAX(tasks.lead_rank, excluded.lead_rank),
    lead_at = CASE WHEN {_TASK_LEADS} THEN excluded.lead_at ELSE tasks.lead_at END
"""

ROLLUP_SUMS = (
    "requests", "ok", "rejected", "faults", "simulated", "input_tokens", "output_tokens", "cache_read_tokens",
    "cache_write_tokens", "reasoning_tokens", "cost", "baseline_cost", "duration_s", "graded", "grade_sum",
)  # fmt: skip
NOTHING = (0,) * (len(ROLLUP_SUMS) - 2)
"""Where only a grade is new."""
UPSERT_ROLLUP = (
    f"INSERT INTO rollups VALUES (?, ?, ?, ?, ?, {', '.join('?' * len(ROLLUP_SUMS))}) "
    "ON CONFLICT (minute, route, task_type, model, replica) DO UPDATE SET "
    + ", ".join(f"{name} = rollups.{name} + excluded.{name}" for name in ROLLUP_SUMS)
)

SPEND_SUMS = ("requests", "input_tokens", "output_tokens", "cost")
UPSERT_SPEND = (
    "INSERT INTO spend VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (account, day, replica) DO UPDATE SET "
    + ", ".join(f"{name} = spend.{name} + excluded.{name}" for name in SPEND_SUMS)
)

FIND_GRADED = (
    "SELECT sequence, replica, task_id, at, route, task_type, model, grade, graded_at FROM requests "
    "WHERE request_id = ? ORDER BY sequence DESC LIMIT 1"
)
GRADE_REQUEST = "UPDATE requests SET grade = ?, graded_at = ? WHERE sequence = ? AND replica = ?"
GRADE_TASK = (
    "UPDATE tasks SET grade = ?, graded_at = ?, grader = ? WHERE task_id = ? AND (graded_at IS NULL OR graded_at <= ?)"
)

RollupKey = tuple[int, str, str, str]


class Batch:
    """Writes into an open transaction of `connection`. `first_sequence` is the replica's next unused number."""

    def __init__(self, connection: sqlite3.Connection, replica: str, first_sequence: int) -> None:
        self.next_sequence = first_sequence
        self._connection = connection
        self._replica = replica
        self._rollups: dict[RollupKey, list[tuple[float, ...]]] = {}

    def write(self, finished: Sequence[Finished], given: Sequence[Grade]) -> None:
        """Requests first: a grade of the same batch finds its request."""
        self._write_finished(finished)
        self._grade_late(finished)
        for grade in given:
            self._write_grade(grade)
        rows = [(*key, self._replica, *map(sum, zip(*all_, strict=True))) for key, all_ in self._rollups.items()]
        self._write_many(UPSERT_ROLLUP, rows)

    def _write_finished(self, finished: Sequence[Finished]) -> None:
        written: list[Finished] = []
        request_rows: list[tuple[Any, ...]] = []
        attempt_rows: list[tuple[Any, ...]] = []
        content_rows: list[tuple[Any, ...]] = []
        decided: dict[str, tuple[float, Decision]] = {}
        for one in finished:
            if one.ending == "interrupted" and (self._knows(one.request_id) or _is_among(written, one)):
                continue  # it was written after all, before its replica was killed
            written.append(one)
            sequence = self._number()
            faults = sum(attempt.fault != "" for attempt in one.attempts)
            request_rows.append(_request_row(sequence, self._replica, one, faults))
            attempt_rows.extend(_attempt_rows(sequence, self._replica, one))
            if one.decision is not None:
                decided.setdefault(one.decision.id, (one.at, one.decision))
            if one.content is not None:
                kept = one.content
                content_rows.append((sequence, self._replica, one.request_id, one.at, kept.request, kept.answer))
            self._roll_up(one, faults)
        encode = msgspec.json.Encoder().encode
        executemany = self._write_many
        executemany(INSERT_REQUEST, request_rows)
        executemany(INSERT_ATTEMPT, attempt_rows)
        executemany(INSERT_DECISION, [(id_, at, encode(body).decode()) for id_, (at, body) in decided.items()])
        executemany(INSERT_CONTENT, content_rows)
        executemany(UPSERT_TASK, map(_task_row, written))
        executemany(UPSERT_SPEND, _spend_rows(written, self._replica))

    def _write_many(self, statement: str, rows: Iterable[tuple[Any, ...]]) -> None:
        """Many rows to a statement: `executemany` lets go of the interpreter for each row, and waits to get it back."""
        waiting = list(rows)
        whole = len(waiting) - len(waiting) % AT_ONCE
        for begin in range(0, whole, AT_ONCE):
            values = tuple(chain.from_iterable(waiting[begin : begin + AT_ONCE]))
            self._connection.execute(_at_once(statement), values)
        self._connection.executemany(statement, waiting[whole:])

    def _knows(self, request_id: str) -> bool:
        return self._connection.execute(FIND_GRADED, (request_id,)).fetchone() is not None

    def _number(self) -> int:
        self.next_sequence += 1
        return self.next_sequence - 1

    def _roll_up(self, one: Finished, faults: int) -> None:
        decision = one.decision
        route, task_type = (decision.route, decision.task_type) if decision is not None else ("", "")
        self._parts(one.at, route, task_type, model_of(one)).append(
            (
                1, one.ending == "ok", one.ending == "rejected", faults, one.simulated,
                *_tokens(one.usage), one.cost, one.baseline_cost, one.duration_s, 0, 0.0,
            )
        )  # fmt: skip

    def _parts(self, at: float, route: str, task_type: str, model: str) -> list[tuple[float, ...]]:
        """What is summed, in the order of ROLLUP_SUMS."""
        key = (int(at // MINUTE_S) * MINUTE_S, route, task_type, model)
        found = self._rollups.get(key)
        if found is None:
            found = self._rollups[key] = []
        return found

    def _write_grade(self, grade: Grade) -> None:
        pending = not self._apply(grade)
        row = (
            self._number(), self._replica, grade.request_id, grade.score, grade.grader, grade.reason, grade.at, pending,
        )  # fmt: skip
        self._connection.execute(INSERT_GRADE, row)

    def _apply(self, grade: Grade) -> bool:
        """Grade the request; False when it is not there yet. An older grade than the one it has changes nothing."""
        found = self._connection.execute(FIND_GRADED, (grade.request_id,)).fetchone()
        if found is None:
            return False
        sequence, replica, task_id, at, route, task_type, model, old, old_at = found
        if old_at is not None and old_at > grade.at:
            return True
        self._connection.execute(GRADE_REQUEST, (grade.score, grade.at, sequence, replica))
        self._connection.execute(GRADE_TASK, (grade.score, grade.at, grade.grader, task_id, grade.at))
        graded = (old is None, grade.score - (old or 0.0))
        self._parts(at, route, task_type, model).append((*NOTHING, *graded))
        return True

    def _grade_late(self, finished: Sequence[Finished]) -> None:
        """Grades that came before their request are applied now, oldest first."""
        if self._connection.execute("SELECT 1 FROM grades WHERE pending LIMIT 1").fetchone() is None:
            return
        for one in finished:
            waiting = self._connection.execute(
                "SELECT score, grader, reason, at FROM grades WHERE pending AND request_id = ? ORDER BY at, sequence",
                (one.request_id,),
            ).fetchall()
            for row in waiting:
                self._apply(Grade(one.request_id, *row))
            if waiting:
                self._connection.execute("UPDATE grades SET pending = 0 WHERE request_id = ?", (one.request_id,))


def _is_among(written: Sequence[Finished], one: Finished) -> bool:
    return any(other.request_id == one.request_id for other in written)


def model_of(one: Finished) -> str:
    """The model asked last, or whose answer a cascade kept; the decided one where none was asked; else empty."""
    if one.attempts and not _kept(one):
        return one.attempts[-1].model
    return one.decision.model if one.decision is not None else ""


def provider_of(one: Finished) -> str:
    """The account that `model_of` was asked through."""
    if one.attempts:
        if not _kept(one):
            return one.attempts[-1].provider
        model = model_of(one)
        return next((last.provider for last in reversed(one.attempts) if last.model == model), "")
    return one.decision.provider if one.decision is not None else ""


def _kept(one: Finished) -> bool:
    cascade = () if one.decision is None else one.decision.cascade
    return bool(cascade) and any(answer.given for answer in cascade)


def _tokens(usage: Usage) -> tuple[int, int, int, int, int]:
    return (usage.input, usage.output, usage.cache_read, usage.cache_write, usage.reasoning)


def _rank(one: Finished) -> int:
    if one.ending == "ok":
        return ANSWERED
    return REFUSED if one.decision is None else UNANSWERED


def _request_row(sequence: int, replica: str, one: Finished, faults: int) -> tuple[Any, ...]:
    decision = one.decision
    return (
        sequence, replica, one.request_id, one.task_id, one.at, one.dialect, one.key, one.status, one.ending, one.error,
        one.stream, one.simulated, one.duration_s, one.overhead_s, *_tokens(one.usage), one.cost, one.baseline_cost,
        *(("", "", "") if decision is None else (decision.id, decision.route, decision.task_type)),
        model_of(one), provider_of(one),
        _rank(one), faults, None, None, _as_json(accounts_of(one)),
    )  # fmt: skip


@lru_cache(maxsize=1024)
def _as_json(accounts: tuple[str, ...]) -> str:
    return msgspec.json.encode(accounts).decode()


def accounts_of(one: Finished) -> tuple[str, ...]:
    return one.accounts or (HOUSE, account_name("key", one.key))


def _spend_rows(finished: Sequence[Finished], replica: str) -> list[tuple[Any, ...]]:
    sums: dict[tuple[str, int], list[int]] = {}
    for one in finished:
        day = int(one.at // DAY_S)
        for account in accounts_of(one):
            row = sums.setdefault((account, day), [0, 0, 0, 0])
            row[0] += 1
            row[1] += one.usage.input
            row[2] += one.usage.output
            row[3] += one.cost
    return [(account, day, replica, *row) for (account, day), row in sums.items()]


def _attempt_rows(sequence: int, replica: str, one: Finished) -> Iterable[tuple[Any, ...]]:
    for number, attempt in enumerate(one.attempts):
        yield (
            sequence, replica, number, one.at, attempt.model, attempt.provider, attempt.status, attempt.fault,
            attempt.duration_s, attempt.first_byte_s, *_tokens(attempt.usage), attempt.usage_known, attempt.cost,
        )  # fmt: skip


def _task_row(one: Finished) -> tuple[Any, ...]:
    decision = one.decision
    route, task_type = (decision.route, decision.task_type) if decision is not None else ("", "")
    return (
        one.task_id, one.at, one.at, one.simulated, *_tokens(one.usage), one.cost, one.baseline_cost, _rank(one),
        one.at, route, task_type, model_of(one),
    )  # fmt: skip
