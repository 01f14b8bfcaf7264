"""The ledger: one row per request, written by one thread in batches. `put` never waits and never raises.

kill -9 loses at most the last batch interval. When more waits than fits, the newest record is dropped and counted:
what already waits is older and nearer to being written, and a full queue must not cost work on the hot path.
"""

import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import cast

from msgspec import Struct
from sqlalchemy import Engine

from baton.record.batch import Batch
from baton.record.database import Place, explained, prepare, writing_engine
from baton.record.metrics import Metrics
from baton.record.replica import LOCAL, claim_name
from baton.record.ship import Shipper, Shipping
from baton.types.errors import LedgerError
from baton.types.outcome import Finished, Grade
from baton.types.sample import Sample
from baton.types.secret import Secret

BUSY_TIMEOUT_S = 5.0
BATCH_ROWS = 2_000


class Health(Struct, frozen=True):
    """Counts since the ledger was opened. `last_error` is empty while the newest batch could be written."""

    written: int
    queued: int
    dropped: int
    last_error: str
    shipping: Shipping | None = None
    """None where the file is all there is."""


class Ledger:
    """Made by `open`; a process has one. `replica` names the process among those that share a ledger."""

    def __init__(self, path: Path, engine: Engine, *, flush_s: float, capacity: int, replica: str) -> None:
        self.path = path
        self.place: Place = path
        """Where reports are read."""
        self.on_written: Callable[[Sequence[str]], None] = _nobody_listens
        """Called by the writer's thread with the ids of requests that no kill can take back any more."""
        self._shipper: Shipper | None = None
        self._engine = engine
        self._pooled = engine.raw_connection()
        self._connection = cast("sqlite3.Connection", self._pooled.driver_connection)
        self._flush_s = flush_s
        self._capacity = capacity
        self._replica = replica
        self._waiting: deque[Finished | Grade] = deque()
        self._retry: list[Finished | Grade] = []
        self._written = 0
        self._dropped = 0
        self._dropped_written = 0
        self._last_error = ""
        self.redact: Callable[[Finished], Finished] | None = None
        """Applied to every record before it is written, in the writer thread."""
        self._metrics = Metrics()
        self._wake = threading.Event()
        self._closing = False
        self._writing = threading.Lock()
        self._thread = threading.Thread(target=self._work, name="ledger", daemon=True)

    @classmethod
    def open(
        cls,
        path: str | Path,
        *,
        flush_s: float = 0.5,
        capacity: int = 10_000,
        replica: str | None = None,
        database_url: Secret | None = None,
    ) -> "Ledger":
        """Raises LedgerError when the file cannot be opened, made or written.

        With `database_url` rows go on to PostgreSQL; `replica` names a new file there.
        """
        place = Path(path)
        engine = writing_engine(place, BUSY_TIMEOUT_S)
        prepare(place, engine)
        name = LOCAL
        if database_url is not None:
            with explained(place):
                name = claim_name(engine, replica)
        ledger = cls(place, engine, flush_s=flush_s, capacity=capacity, replica=name)
        if database_url is not None:
            ledger._ship(database_url)
        ledger._thread.start()
        return ledger

    def put(self, finished: Finished) -> None:
        self._add(finished)

    def grade(self, grade: Grade) -> None:
        """Raises ValueError for a score outside 0..1. The request may be written later than its grade."""
        if not 0.0 <= grade.score <= 1.0:
            raise ValueError(f"a grade lies between 0 and 1, not {grade.score!r}")
        self._add(grade)

    def flush(self) -> None:
        """Write what waits, now; returns when it is written or could not be (see `health`)."""
        self._write_all()

    def close(self) -> None:
        """Write what waits and stop. What still cannot be written is counted as dropped."""
        if self._closing:
            return
        self._closing = True
        self._wake.set()
        self._thread.join()
        self._write_all()
        if self._shipper is not None:
            self._shipper.close()
        self._dropped += len(self._waiting) + len(self._retry)
        self._pooled.close()
        self._engine.dispose()

    def health(self) -> Health:
        shipping = None if self._shipper is None else self._shipper.health()
        return Health(self._written, len(self._waiting) + len(self._retry), self._dropped, self._last_error, shipping)

    def shipped_below(self) -> int | None:
        """Rows of the file from this number on are nowhere else yet; None where they are not shipped."""
        return None if self._shipper is None else self._shipper.mark

    def metrics(self, samples: Iterable[Sample] = ()) -> bytes:
        """Prometheus text, with what other rooms say of themselves."""
        return self._metrics.render(self.health(), samples)

    def _ship(self, url: Secret) -> None:
        self.place = url
        self._shipper = Shipper(self.path, url, self._replica, self._flush_s)
        self._shipper.start()

    def _add(self, record: Finished | Grade) -> None:
        if len(self._waiting) + len(self._retry) >= self._capacity:
            self._dropped += 1
        else:
            self._waiting.append(record)

    def _work(self) -> None:
        while not self._closing:
            self._wake.wait(self._flush_s)
            self._write_all()

    def _write_all(self) -> None:
        with self._writing:
            while self._waiting or self._retry:
                batch = self._retry or [self._waiting.popleft() for _ in range(min(len(self._waiting), BATCH_ROWS))]
                self._retry = batch
                if not self._write(batch):
                    return
                self._retry = []
                self._written += len(batch)

    def _write(self, batch: list[Finished | Grade]) -> bool:
        """False when the batch could not be written; it is kept and tried again at the next interval."""
        finished = [record for record in batch if isinstance(record, Finished)]
        if self.redact is not None:
            finished = [self.redact(one) for one in finished]
        given = [record for record in batch if isinstance(record, Grade)]
        try:
            with explained(self.path):
                self._write_in_one(finished, given)
        except LedgerError as error:
            self._last_error = str(error)
            return False
        self._last_error = ""
        self._metrics.count(finished)
        if self._shipper is not None:
            self._shipper.wake()
        if finished:
            self.on_written([one.request_id for one in finished])
        return True

    def _write_in_one(self, finished: list[Finished], given: list[Grade]) -> None:
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        try:
            connection.execute("INSERT OR IGNORE INTO replicas VALUES (?, 1, 0, 0, 0)", (self._replica,))
            first = connection.execute(
                "SELECT next_sequence FROM replicas WHERE replica = ?", (self._replica,)
            ).fetchone()[0]
            batch = Batch(connection, self._replica, first)
            batch.write(finished, given)
            connection.execute(
                "UPDATE replicas SET next_sequence = ?, dropped_requests = dropped_requests + ? WHERE replica = ?",
                (batch.next_sequence, self._dropped - self._dropped_written, self._replica),
            )
            connection.execute("COMMIT")
            self._dropped_written = self._dropped
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise


def _nobody_listens(_ids: Sequence[str]) -> None:
    pass
