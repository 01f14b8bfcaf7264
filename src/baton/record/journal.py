"""The journal of orchestrated runs: rows that are only ever added, to resume from and to show.

In the ledger's own file, or in the PostgreSQL that all replicas share. Every write is committed before it returns, and
survives the death of the process.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
from sqlalchemy import Connection, Table, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from baton.record.database import Place, explained, prepare, writing_engine
from baton.record.postgres import explained as explained_shared
from baton.record.postgres import prepare_shared, shared_engine
from baton.record.schema import runs, steps
from baton.types.errors import Conflict, NotFound
from baton.types.orchestration import RunRecord, RunStatus, Step
from baton.types.secret import Secret

BUSY_TIMEOUT_S = 5.0
OPEN: RunStatus = "running"


class Journal:
    """One connection, made at the first call; calls of several threads take turns. Everything raises LedgerError."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._engine = shared_engine(place) if isinstance(place, Secret) else writing_engine(place, BUSY_TIMEOUT_S)
        self._connection: Connection | None = None
        self._turn = threading.Lock()

    def prepare(self) -> None:
        """For who comes before any gateway has made the tables."""
        if isinstance(self._place, Secret):
            with explained_shared(self._place), self._engine.connect() as connection:
                prepare_shared(connection)
        else:
            prepare(self._place, self._engine)

    def begin(self, record: RunRecord) -> None:
        """Raises Conflict where the owner has a run of this id, or with this idempotency key."""
        if not self._added(runs, msgspec.structs.asdict(record)):
            raise Conflict(f"there is a run {record.run_id!r} already, or one with this Idempotency-Key")

    def write(self, run_id: str, step: Step) -> None:
        """A key that stands there already is left as it is."""
        self._added(steps, msgspec.structs.asdict(step) | {"run_id": run_id, "body": json.dumps(step.body)})

    def end(self, run_id: str, status: RunStatus, result: str, *, forget: bool) -> None:
        """`forget`: what was asked and answered is taken out, and figures and verdicts stay."""
        with self._transaction() as connection:
            changed = {"status": status, "result": result}
            if forget:
                changed["request"] = "{}"
                connection.execute(update(steps).where(steps.c.run_id == run_id).values(body="{}"))
            connection.execute(update(runs).where(runs.c.run_id == run_id).values(**changed))

    def find(self, run_id: str) -> RunRecord:
        """Raises NotFound."""
        return self._one(runs.c.run_id == run_id, f"there is no run {run_id!r} here")

    def known_as(self, owner: str, idempotency: str) -> RunRecord | None:
        try:
            return self._one((runs.c.owner == owner) & (runs.c.idempotency == idempotency), "none")
        except NotFound:
            return None

    def steps(self, run_id: str) -> list[Step]:
        """In the order in which they were written."""
        query = select(steps).where(steps.c.run_id == run_id).order_by(steps.c.number, steps.c.at)
        with self._transaction() as connection:
            rows = connection.execute(query).mappings().all()
        return [
            Step(
                row["kind"], row["key"], row["at"], row["seconds"], row["cost"], json.loads(row["body"]), row["number"]
            )
            for row in rows
        ]

    def drop_before(self, at: float) -> None:
        """Runs that began before this moment."""
        old = select(runs.c.run_id).where(runs.c.at < at)
        with self._transaction() as connection:
            connection.execute(delete(steps).where(steps.c.run_id.in_(old)))
            connection.execute(delete(runs).where(runs.c.at < at))

    def close(self) -> None:
        with self._turn:
            self._drop()

    def _added(self, table: Table, row: dict[str, object]) -> bool:
        with self._transaction() as connection:
            try:
                connection.execute(insert(table).values(**row))
            except IntegrityError:
                connection.rollback()
                return False
        return True

    def _one(self, condition: object, missing: str) -> RunRecord:
        with self._transaction() as connection:
            row = connection.execute(select(runs).where(condition)).mappings().one_or_none()  # type: ignore[arg-type]
        if row is None:
            raise NotFound(missing, "id")
        return RunRecord(**{name: row[name] for name in RunRecord.__struct_fields__})

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        place = self._place
        with self._turn, explained_shared(place) if isinstance(place, Secret) else explained(place):
            try:
                if self._connection is None:
                    self._connection = self._engine.connect()
                if not isinstance(place, Secret):
                    self._connection.exec_driver_sql("BEGIN IMMEDIATE")
                yield self._connection
                self._connection.commit()
            except BaseException:
                self._drop()
                raise

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
