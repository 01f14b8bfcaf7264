"""The journal of runs: committed step by step, never written twice, found again by owner and key."""

import sqlite3
from pathlib import Path

import pytest

from baton.record.database import prepare, writing_engine
from baton.record.journal import Journal
from baton.types.errors import Conflict, LedgerError, NotFound
from baton.types.orchestration import RunRecord, Step


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "ledger.db"
    prepare(file, writing_engine(file, 1.0))
    return file


def record(run_id: str = "r1", at: float = 10.0, **more: str) -> RunRecord:
    return RunRecord(run_id, "alice", at, "digest", "1", '{"request": "x"}', **more)  # type: ignore[arg-type]


def test_what_was_written_is_there_for_another_process_at_once(path: Path) -> None:
    journal = Journal(path)
    journal.begin(record(idempotency="k1"))
    journal.write("r1", Step("call", "a", 11.0, 0.5, 7, {"text": "ü"}, 0))
    journal.write("r1", Step("call", "b", 12.0, number=1))
    other = Journal(path)
    assert [(step.key, step.cost, step.body) for step in other.steps("r1")] == [("a", 7, {"text": "ü"}), ("b", 0, {})]
    assert other.find("r1") == record(idempotency="k1")
    assert other.known_as("alice", "k1") == record(idempotency="k1")
    assert other.known_as("bob", "k1") is None
    with pytest.raises(NotFound):
        other.find("r2")


def test_a_step_is_written_once_and_a_run_too(path: Path) -> None:
    journal = Journal(path)
    journal.begin(record(idempotency="k1"))
    journal.write("r1", Step("call", "a", 11.0, cost=7))
    journal.write("r1", Step("call", "a", 12.0, cost=9))
    assert [step.cost for step in journal.steps("r1")] == [7]
    for twin in (record(), record("r2", idempotency="k1")):
        with pytest.raises(Conflict):
            journal.begin(twin)
    journal.begin(record("r2"))
    journal.begin(record("r3"))  # without a key runs are told apart by their ids alone


def test_what_is_not_to_be_kept_goes_when_the_run_ends_and_old_runs_go_whole(path: Path) -> None:
    journal = Journal(path)
    journal.begin(record())
    journal.begin(record("r2", at=100.0))
    journal.write("r1", Step("call", "a", 11.0, cost=7, body={"text": "secret"}))
    journal.end("r1", "complete", "{}", forget=True)
    assert b"secret" not in b"".join(str(row).encode() for row in sqlite3.connect(path).execute("SELECT * FROM steps"))
    assert (journal.find("r1").status, journal.find("r1").request) == ("complete", "{}")
    assert [step.cost for step in journal.steps("r1")] == [7]
    journal.drop_before(50.0)
    assert journal.steps("r1") == []
    assert journal.find("r2").run_id == "r2"


def test_a_file_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(LedgerError):
        Journal(tmp_path / "nowhere" / "ledger.db").begin(record())
