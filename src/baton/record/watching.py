"""What watching the models writes and reads: its state under a fence, its log, orders by hand, grades in their order.

In the ledger's own file, or in the PostgreSQL that the ledgers of all replicas are shipped to. State, log and
comparisons of one batch are written in one transaction: after a kill everything of a batch has happened, or nothing.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager

import msgspec
from msgspec import Struct
from msgspec.structs import asdict
from sqlalchemy import Connection, desc, insert, select, text, update
from sqlalchemy.dialects import postgresql, sqlite

from baton.record.database import Place, explained, prepare, reading_engine, writing_engine
from baton.record.postgres import explained as explained_shared
from baton.record.postgres import prepare_shared, shared_engine
from baton.record.schema import comparisons, policy_log, policy_orders, policy_state
from baton.types.demotion import Demotion
from baton.types.errors import LedgerError
from baton.types.secret import Secret
from baton.types.watch import Compared, Transition

BUSY_TIMEOUT_S = 5.0
NAME = "drift"
GRADED = """
SELECT g.sequence, g.replica, g.request_id, g.score, g.grader, g.at, r.at, r.task_type, r.model, r.provider, r.key
FROM grades g JOIN requests r ON r.request_id = g.request_id
WHERE g.replica = :replica AND g.sequence > :after AND r.ending = 'ok' AND r.route NOT LIKE 'measurement%'
AND NOT EXISTS (SELECT 1 FROM grades e WHERE e.request_id = g.request_id AND (
    (e.replica = g.replica AND e.sequence < g.sequence) OR (e.replica <> g.replica AND e.at < g.at)))
ORDER BY g.sequence LIMIT :most
"""
DRAWN = """
SELECT c.sequence, c.replica, r.request_id, r.at, r.task_type, r.model, r.dialect, r.stream, d.body, c.request,
       c.answer, r.cost
FROM contents c JOIN requests r ON r.sequence = c.sequence AND r.replica = c.replica
JOIN decisions d ON d.id = r.decision_id
WHERE c.replica = :replica AND c.sequence > :after AND r.ending = 'ok' ORDER BY c.sequence LIMIT :most
"""
REPLICAS = "SELECT replica, next_sequence FROM replicas"
PER_DAY = """
SELECT task_type, model, COUNT(*), SUM(cost), SUM(CASE WHEN grade IS NULL THEN 0 ELSE 1 END), MIN(at) FROM requests
WHERE at >= :since AND ending = 'ok' AND route NOT LIKE 'measurement%' GROUP BY task_type, model
"""


class Fenced(LedgerError):
    """A later leader has written meanwhile: whoever gets this leads no more."""


class Kept(Struct, frozen=True):
    """`version` 0: nothing was ever written."""

    token: int = 0
    version: int = 0
    demotions: tuple[Demotion, ...] = ()
    body: bytes = b""


class GradedRow(Struct, frozen=True):
    """The first grade of a request. `provider` is who answered it, `key` who asked."""

    sequence: int
    replica: str
    request_id: str
    score: float
    grader: str
    at: float
    asked_at: float
    task_type: str
    model: str
    provider: str
    key: str


class DrawnRow(Struct, frozen=True):
    """An answered request with its content; `decision` is JSON."""

    sequence: int
    replica: str
    request_id: str
    at: float
    task_type: str
    model: str
    dialect: str
    stream: bool
    decision: str
    request: bytes
    answer: bytes
    cost: int


class OrderRow(Struct, frozen=True):
    number: int
    at: float
    actor: str
    action: str
    task_type: str
    model: str


class Volume(Struct, frozen=True):
    """Answered requests of a task type and model since a moment; `first_at` of the first of them."""

    task_type: str
    model: str
    requests: int
    cost: int
    graded: int
    first_at: float


class WatchStore:
    """Connections are made per call. Raises LedgerError wherever the database cannot be used."""

    def __init__(self, place: Place) -> None:
        self._place = place
        if isinstance(place, Secret):
            self._reading = self._writing = shared_engine(place)
        else:
            self._reading = reading_engine(place)
            self._writing = writing_engine(place, BUSY_TIMEOUT_S)

    def prepare(self) -> None:
        """For who comes before any gateway has made the tables."""
        if isinstance(self._place, Secret):
            with self._explained(), self._writing.connect() as connection:
                prepare_shared(connection)
        else:
            prepare(self._place, self._writing)

    def load(self) -> Kept:
        with self._read() as connection:
            row = connection.execute(select(policy_state).where(policy_state.c.name == NAME)).one_or_none()
        if row is None:
            return Kept()
        demotions = msgspec.json.decode(row.demotions, type=tuple[Demotion, ...])
        return Kept(row.token, row.version, demotions, row.body.encode())

    def save(
        self,
        token: int,
        body: bytes,
        demotions: Sequence[Demotion],
        transitions: Sequence[Transition],
        compared: Sequence[Compared] = (),
        at: float = 0.0,
    ) -> None:
        """All of it or nothing. Raises Fenced where a leader with a greater token has written."""
        told = msgspec.json.encode(demotions).decode()
        values = {"token": token, "at": at, "demotions": told, "body": body.decode()}
        with self._write() as connection:
            query = select(policy_state.c.token, policy_state.c.version).where(policy_state.c.name == NAME)
            known = connection.execute(query if not self._remote else query.with_for_update()).one_or_none()
            if known is None:
                connection.execute(insert(policy_state).values(name=NAME, version=1, **values))
            elif known.token > token:
                raise Fenced(f"a leader with token {known.token} has written, this one has {token}: it leads no more")
            else:
                connection.execute(update(policy_state).values(version=known.version + 1, **values))
            for one in transitions:
                row = {name: value for name, value in asdict(one).items() if name not in {"number", "detail"}}
                connection.execute(insert(policy_log).values(**row, detail=json.dumps(one.detail)))
            if compared:
                add = (postgresql if self._remote else sqlite).insert(comparisons).on_conflict_do_nothing()
                connection.execute(add, [asdict(one) for one in compared])

    def transitions(self, limit: int = 100) -> list[Transition]:
        """Newest first."""
        with self._read() as connection:
            rows = connection.execute(select(policy_log).order_by(desc(policy_log.c.number)).limit(limit)).all()
        return [
            Transition(
                row.at, row.task_type, row.model, row.before, row.after, row.reason, json.loads(row.detail), row.number
            )
            for row in rows
        ]

    def order(self, at: float, actor: str, action: str, task_type: str, model: str) -> None:
        """For the leader, who carries it out."""
        with self._write() as connection:
            values = {"at": at, "actor": actor, "action": action, "task_type": task_type, "model": model}
            connection.execute(insert(policy_orders).values(**values))

    def orders(self, after: int) -> list[OrderRow]:
        with self._read() as connection:
            query = select(policy_orders).where(policy_orders.c.number > after).order_by(policy_orders.c.number)
            return [OrderRow(*row) for row in connection.execute(query)]

    def replicas(self) -> dict[str, int]:
        """By name, the next number that each gives."""
        with self._read() as connection:
            return {row.replica: int(row.next_sequence) for row in connection.execute(text(REPLICAS))}

    def graded(self, cursors: Mapping[str, int], most: int) -> list[GradedRow]:
        """The first grades of requests, that came after the cursors; of each replica at most so many."""
        return [GradedRow(*row) for row in self._rows(GRADED, cursors, most)]

    def drawn(self, cursors: Mapping[str, int], most: int) -> list[DrawnRow]:
        """Requests whose content was kept, after the cursors; which of them are to be compared says the decision."""
        found = []
        for row in self._rows(DRAWN, cursors, most):
            named = dict(zip(DrawnRow.__struct_fields__, row, strict=True))
            blobs = {name: bytes(named[name]) for name in ("request", "answer")}
            found.append(DrawnRow(**named | blobs | {"stream": bool(named["stream"])}))
        return found

    def compared(self, since: float = 0.0) -> list[Compared]:
        with self._read() as connection:
            query = select(comparisons).where(comparisons.c.at >= since).order_by(comparisons.c.at)
            return [Compared(**row._mapping) for row in connection.execute(query)]  # noqa: SLF001 - SQLAlchemy's own name

    def volumes(self, since: float) -> list[Volume]:
        with self._read() as connection:
            rows = connection.execute(text(PER_DAY), {"since": since}).all()
        return [Volume(row[0], row[1], int(row[2]), int(row[3]), int(row[4]), float(row[5])) for row in rows if row[0]]

    def _rows(self, query: str, cursors: Mapping[str, int], most: int) -> Iterator[tuple]:  # type: ignore[type-arg]
        with self._read() as connection:
            for replica, after in sorted(cursors.items()):
                values = {"replica": replica, "after": after, "most": most}
                yield from (tuple(row) for row in connection.execute(text(query), values))

    @property
    def _remote(self) -> bool:
        return isinstance(self._place, Secret)

    @contextmanager
    def _read(self) -> Iterator[Connection]:
        with self._explained(), self._reading.connect() as connection:
            yield connection

    @contextmanager
    def _write(self) -> Iterator[Connection]:
        with self._explained(), self._writing.connect() as connection:
            if not self._remote:
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            yield connection
            connection.commit()

    def _explained(self) -> AbstractContextManager[None]:
        place = self._place
        return explained_shared(place) if isinstance(place, Secret) else explained(place)
