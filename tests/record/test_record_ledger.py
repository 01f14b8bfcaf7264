"""The ledger holds what was put, once, whatever happens around it."""

import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baton.record.ledger import Ledger
from baton.record.queries import decision_of, report
from baton.types.decision import Decision
from baton.types.errors import LedgerError
from baton.types.money import Usage
from baton.types.outcome import Attempt, Content, Ending, Finished, Grade


def decision(number: int, model: str = "sim/a", task_type: str = "code") -> Decision:
    return Decision(
        id=f"r{number}", model=model, provider="sim", route="auto", task_type=task_type, task_type_source="rule",
        rule="policy", asked="auto", floor=0.95, min_quality=None, lambda_=1.0, expected_cost=5, reason="because",
    )  # fmt: skip


def finished(
    number: int,
    *,
    task: str | None = None,
    cost: int = 100,
    model: str = "sim/a",
    ending: Ending = "ok",
    task_type: str = "code",
    content: Content | None = None,
) -> Finished:
    usage = Usage(10, 5, 2, 1, 3)
    attempt = Attempt(model, "sim", 200, "" if ending == "ok" else "upstream_cut", 0.2, 0.1, usage, True, cost)
    return Finished(
        request_id=f"r{number}", task_id=task or f"r{number}", at=1_000.0 + number, dialect="openai-chat", key="k",
        status=200, ending=ending, error="", stream=False, simulated=True, duration_s=0.25, overhead_s=0.05,
        usage=usage, cost=cost, baseline_cost=2 * cost, attempts=(attempt,), content=content,
        decision=decision(number, model, task_type),
    )  # fmt: skip


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


def rows(path: Path, query: str) -> list[tuple[object, ...]]:
    with sqlite3.connect(path) as connection:
        found = connection.execute(query).fetchall()
    connection.close()
    return found


def test_a_request_is_written_with_its_attempts_and_decision(path: Path) -> None:
    ledger = Ledger.open(path)
    ledger.put(finished(1, content=Content(b"asked", b"answered")))
    ledger.close()
    assert rows(path, "SELECT request_id, cost, model, ending FROM requests") == [("r1", 100, "sim/a", "ok")]
    assert rows(path, "SELECT model, fault, cost FROM attempts") == [("sim/a", "", 100)]
    assert rows(path, "SELECT request, answer FROM contents") == [(b"asked", b"answered")]
    assert decision_of(path, "r1") == decision(1)
    assert decision_of(path, "r2") is None


def test_requests_of_one_task_are_summed_and_the_last_answer_speaks_for_it(path: Path) -> None:
    ledger = Ledger.open(path)
    ledger.put(finished(1, task="t", cost=100, model="sim/a"))
    ledger.put(finished(2, task="t", cost=10, model="sim/b"))
    ledger.put(finished(3, task="t", cost=1, model="sim/c", ending="upstream_fault"))
    ledger.close()
    task = "SELECT requests, cost, baseline_cost, model, several_models, first_at, last_at FROM tasks"
    assert rows(path, task) == [(3, 111, 222, "sim/b", 1, 1_001.0, 1_003.0)]
    found = report(path)
    assert found.share_by_model == {"sim/b": 1.0}
    assert found.faults == {"upstream_cut": 1}
    assert found.simulated is True


def test_the_three_questions_are_answered(path: Path) -> None:
    ledger = Ledger.open(path)
    for number in range(10):
        cheap = number < 6
        ledger.put(finished(number, model="sim/a" if cheap else "sim/b", task_type="code" if cheap else "analysis"))
        ledger.grade(Grade(f"r{number}", float(number % 5 != 0), "exact", "", 2_000.0))
    ledger.close()
    found = report(path)
    assert found.share_by_model == {"sim/a": 0.6, "sim/b": 0.4}
    assert found.cost_by_task_type["code"].tasks == 6
    assert found.cost_by_task_type["code"].cost_usd == pytest.approx(600e-9)
    line = found.quality_by_route["auto"]
    assert (line.graded, line.quality) == (10, 0.8)
    assert line.interval is not None
    assert line.interval.low == pytest.approx(0.4902, abs=1e-4)
    assert found.savings.saved_pct == pytest.approx(50.0)


def test_what_is_not_graded_has_no_average(path: Path) -> None:
    ledger = Ledger.open(path)
    ledger.put(finished(1))
    ledger.close()
    line = report(path).quality_by_route["auto"]
    assert (line.quality, line.interval, line.method) == (None, None, "no grades yet")


def test_grades_that_are_not_zero_or_one_get_a_bootstrap_interval(path: Path) -> None:
    ledger = Ledger.open(path)
    for number in range(40):
        ledger.put(finished(number))
        ledger.grade(Grade(f"r{number}", number / 40, "rubric", "", 2_000.0))
    ledger.close()
    line = report(path).quality_by_route["auto"]
    assert line.method.startswith("mean score, bootstrap")
    assert line.interval is not None
    assert line.interval.low < line.quality < line.interval.high  # type: ignore[operator]


def test_a_grade_may_come_before_its_request_and_the_newest_wins(path: Path) -> None:
    ledger = Ledger.open(path)
    ledger.grade(Grade("r1", 0.0, "exact", "", 10.0))
    ledger.flush()
    ledger.put(finished(1))
    ledger.flush()
    assert report(path).quality_by_route["auto"].quality == 0.0
    ledger.grade(Grade("r1", 1.0, "human", "", 20.0))
    ledger.grade(Grade("r1", 0.5, "late", "", 15.0))
    ledger.close()
    assert report(path).quality_by_route["auto"].quality == 1.0
    assert rows(path, "SELECT graded, grade_sum FROM rollups") == [(1, 1.0)]


@pytest.mark.parametrize("score", [-0.1, 1.1, float("nan"), float("inf")])
def test_a_score_out_of_range_is_refused(path: Path, score: float) -> None:
    ledger = Ledger.open(path)
    with pytest.raises(ValueError, match="between 0 and 1"):
        ledger.grade(Grade("r1", score, "g", "", 0.0))
    ledger.close()


@settings(max_examples=25, deadline=None)
@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["put", "put", "grade", "flush"]), st.integers(0, 5), st.integers(0, 10**9)),
        max_size=30,
    )
)
def test_sums_equal_what_was_put(tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int, int]]) -> None:
    path = tmp_path_factory.mktemp("ledger") / "l.db"
    ledger = Ledger.open(path, flush_s=60.0)
    put: list[Finished] = []
    for number, (step, task, cost) in enumerate(steps):
        if step == "put":
            put.append(finished(number, task=f"t{task}", cost=cost))
            ledger.put(put[-1])
        elif step == "grade" and put:
            ledger.grade(Grade(put[-1].request_id, (cost % 11) / 10, "g", "", float(number)))
        else:
            ledger.flush()
    ledger.close()
    total = sum(one.cost for one in put)
    assert rows(path, "SELECT COUNT(*), COALESCE(SUM(cost), 0) FROM requests") == [(len(put), total)]
    assert rows(path, "SELECT COALESCE(SUM(requests), 0), COALESCE(SUM(cost), 0) FROM tasks") == [(len(put), total)]
    assert rows(path, "SELECT COALESCE(SUM(requests), 0), COALESCE(SUM(cost), 0) FROM rollups") == [(len(put), total)]
    graded = rows(path, "SELECT COUNT(grade), COALESCE(SUM(grade), 0) FROM requests")[0]
    rolled = rows(path, "SELECT COALESCE(SUM(graded), 0), COALESCE(SUM(grade_sum), 0) FROM rollups")[0]
    assert graded[0] == rolled[0]
    assert graded[1] == pytest.approx(rolled[1])


def test_a_full_queue_drops_and_counts(path: Path) -> None:
    ledger = Ledger.open(path, flush_s=60.0, capacity=3)
    for number in range(5):
        ledger.put(finished(number))
    assert (ledger.health().queued, ledger.health().dropped) == (3, 2)
    assert b"baton_ledger_dropped 2.0" in ledger.metrics()
    ledger.close()
    assert report(path).requests == 3
    assert report(path).dropped == 2


def test_a_locked_ledger_keeps_the_batch_and_writes_it_later(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("baton.record.ledger.BUSY_TIMEOUT_S", 0.05)
    ledger = Ledger.open(path, flush_s=60.0)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    ledger.put(finished(1))
    ledger.flush()
    assert "locked" in ledger.health().last_error
    assert ledger.health().queued == 1
    other.execute("ROLLBACK")
    other.close()
    ledger.close()
    assert ledger.health().last_error == ""
    assert report(path).requests == 1


def test_kill_9_loses_at_most_the_last_interval_and_corrupts_nothing(path: Path) -> None:
    program = textwrap.dedent(f"""
        import time
        from tests.record.test_record_ledger import finished
        from baton.record.ledger import Ledger
        ledger = Ledger.open({str(path)!r}, flush_s=0.1)
        number = 0
        while True:
            ledger.put(finished(number))
            number += 1
            print(number, time.time(), flush=True)
            time.sleep(0.002)
    """)
    root = Path(__file__).resolve().parents[2]
    with subprocess.Popen([sys.executable, "-c", program], cwd=root, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        begun = None
        lines = []
        for line in process.stdout:
            lines.append(line)
            begun = begun or time.time()
            if time.time() - begun > 1.0:
                break
        os.kill(process.pid, signal.SIGKILL)
        lines += process.stdout.readlines()
    killed_at = float(lines[-1].split()[1])
    expected = sum(float(line.split()[1]) < killed_at - 0.6 for line in lines if len(line.split()) == 2)
    assert rows(path, "PRAGMA integrity_check") == [("ok",)]
    assert rows(path, "SELECT COUNT(*) FROM requests")[0][0] >= expected > 50  # type: ignore[operator]


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda path: path.write_text("not a database, but long enough to be looked at " * 50), "another kind of file"),
        (lambda path: path.mkdir(), "cannot be used"),
    ],
)
def test_what_is_no_ledger_is_told(path: Path, make: object, says: str) -> None:
    make(path)  # type: ignore[operator]
    with pytest.raises(LedgerError, match=says):
        Ledger.open(path)


def test_a_missing_folder_and_a_missing_ledger_are_told(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="folder does not exist"):
        Ledger.open(tmp_path / "no" / "ledger.db")
    with pytest.raises(LedgerError, match="start the gateway once"):
        report(tmp_path / "none.db")
