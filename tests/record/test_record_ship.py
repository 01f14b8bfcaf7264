"""What replicas write arrives in PostgreSQL once, whatever happens around it, and sums up there as it would in one file."""

import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from baton.record.ledger import Ledger
from baton.record.queries import decision_of, report
from baton.types.errors import LedgerError
from baton.types.outcome import Attempt, Content, Finished, Grade
from baton.types.secret import Secret
from tests.record.test_record_ledger import decision, finished
from tests.services import PostgresServer

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with PostgresServer() as running:
        yield running


@pytest.fixture
def url(server: PostgresServer, request: pytest.FixtureRequest) -> Secret:
    return Secret(server.database(f"db{abs(hash(request.node.name))}"))


def rows(url: Secret, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url.reveal()) as connection:
        return connection.execute(query).fetchall()


def opened(path: Path, url: Secret, name: str | None = None) -> Ledger:
    return Ledger.open(path, flush_s=0.02, database_url=url, replica=name)


def until(holds: Callable[[], bool], seconds: float = 15.0) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def interrupted(number: int, task: str | None = None) -> Finished:
    one = finished(number, task=task, cost=7)
    usage = one.usage
    attempt = Attempt("sim/a", "sim", 0, "interrupted", 0.0, 0.0, usage, False, 7)
    return replace(one, ending="interrupted", status=0, error="interrupted", attempts=(attempt,))


def test_the_rows_of_two_replicas_arrive_and_are_reported_together(tmp_path: Path, url: Secret) -> None:
    one, two = opened(tmp_path / "1.db", url, "gw-1"), opened(tmp_path / "2.db", url, "gw-2")
    one.put(finished(1, task="t", content=Content(b"asked\x00", b"answered")))
    two.put(finished(2, task="t", model="sim/b"))
    two.put(finished(3, model="sim/b", ending="upstream_fault"))
    one.close()
    two.close()
    assert one.health().shipping is not None
    assert rows(url, "SELECT request_id, split_part(replica, '-', 2) FROM requests ORDER BY request_id") == [
        ("r1", "1"), ("r2", "2"), ("r3", "2"),
    ]  # fmt: skip
    assert rows(url, "SELECT request, answer FROM contents") == [(b"asked\x00", b"answered")]
    assert rows(url, "SELECT requests, cost, model, several_models FROM tasks WHERE task_id = 't'") == [
        (2, 200, "sim/b", True)
    ]
    found = report(url)
    assert (found.tasks, found.requests, found.faults) == (1, 2, {"upstream_cut": 1})
    assert decision_of(url, "r2") == decision(2, "sim/b")
    assert decision_of(url, "r9") is None


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["put", "put", "fault", "grade", "flush", "interrupt"]),
        st.integers(0, 1),
        st.integers(0, 4),
        st.integers(0, 10**9),
    ),
    max_size=30,
)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_shipped_sums_are_those_of_one_file_that_got_everything(
    tmp_path_factory: pytest.TempPathFactory, server: PostgresServer, steps: list[tuple[str, int, int, int]]
) -> None:
    folder = tmp_path_factory.mktemp("ship")
    url = Secret(server.database(f"law{time.monotonic_ns()}"))
    whole = Ledger.open(folder / "whole.db", flush_s=60.0)
    replicas = [opened(folder / f"{number}.db", url) for number in (0, 1)]
    put = 0
    for number, (step, replica, task, value) in enumerate(steps):
        if step in {"put", "fault"}:
            model = f"sim/{value % 3}"
            ending = "ok" if step == "put" else "upstream_fault"
            one = finished(number, task=f"t{task}", cost=value, model=model, ending=ending)  # type: ignore[arg-type]
            put = number
            for ledger in (replicas[replica], whole):
                ledger.put(one)
        elif step == "grade":
            given_grade = Grade(f"r{put}", (value % 11) / 10, "g", "", float(number))
            for ledger in (replicas[replica], whole):
                ledger.grade(given_grade)
        elif step == "interrupt":
            replicas[1 - replica].put(interrupted(put, task=f"t{task}"))
            whole.put(interrupted(put, task=f"t{task}"))
        else:
            replicas[replica].flush()
            whole.flush()
    for ledger in (*replicas, whole):
        ledger.close()
    requests = "SELECT COUNT(*), COALESCE(SUM(cost), 0), COUNT(DISTINCT request_id) FROM requests"
    shipped = rows(url, requests)[0]
    assert shipped[0] == shipped[2]
    real = sum(step[0] in {"put", "fault"} for step in steps)
    lone = any(step[0] == "interrupt" for step in steps) and not any(step[0] in {"put", "fault"} for step in steps[:1])
    assert real <= shipped[0] <= real + lone
    for table in ("tasks", "rollups", "spend WHERE account = 'house'", "spend WHERE account = 'key:k'"):
        assert rows(url, f"SELECT COALESCE(SUM(requests), 0), COALESCE(SUM(cost), 0) FROM {table}")[0] == shipped[:2]
    graded = rows(url, "SELECT COUNT(grade), COALESCE(SUM(grade), 0) FROM requests")[0]
    rolled = rows(url, "SELECT COALESCE(SUM(graded), 0), COALESCE(SUM(grade_sum), 0) FROM rollups")[0]
    assert graded == pytest.approx(rolled)
    if not any(step[0] == "interrupt" for step in steps):
        assert report(url) == report(folder / "whole.db")


def test_an_outage_is_a_longer_queue(tmp_path: Path, server: PostgresServer, url: Secret) -> None:
    ledger = opened(tmp_path / "1.db", url)
    ledger.put(finished(0))
    until(lambda: ledger.health().shipping.shipped == 1)  # type: ignore[union-attr]
    server.stop()
    try:
        for number in range(1, 3_000):
            ledger.put(finished(number, task=f"t{number % 7}"))
        ledger.flush()
        until(lambda: ledger.health().shipping.last_error != "")  # type: ignore[union-attr]
        until(lambda: ledger.health().shipping.waiting == 2_999)  # type: ignore[union-attr]
        assert b"baton_ledger_unshipped 2999.0" in ledger.metrics()
        assert b"baton_ledger_ship_failing 1.0" in ledger.metrics()
        assert ledger.health().last_error == ""
    finally:
        server.start()
    until(lambda: ledger.health().shipping.waiting == 0)  # type: ignore[union-attr]
    assert ledger.health().shipping.last_error == ""  # type: ignore[union-attr]
    ledger.close()
    assert rows(url, "SELECT COUNT(*), COUNT(DISTINCT request_id), SUM(cost) FROM requests") == [
        (3_000, 3_000, 300_000)
    ]
    assert rows(url, "SELECT SUM(requests), SUM(cost) FROM rollups") == [(3_000, 300_000)]


def test_what_waited_at_the_end_is_shipped_at_the_next_start(
    tmp_path: Path, server: PostgresServer, url: Secret
) -> None:
    path = tmp_path / "1.db"
    ledger = opened(path, url)
    server.stop()
    try:
        ledger.put(finished(1))
        ledger.close()
    finally:
        server.start()
    again = opened(path, url, "another name changes nothing")
    again.put(finished(2))
    again.close()
    assert rows(url, "SELECT request_id, COUNT(*) OVER (PARTITION BY replica) FROM requests ORDER BY 1") == [
        ("r1", 2), ("r2", 2),
    ]  # fmt: skip


def test_kill_9_while_shipping_ships_everything_once(tmp_path: Path, url: Secret) -> None:
    path = tmp_path / "1.db"
    program = textwrap.dedent(f"""
        import time
        from tests.record.test_record_ledger import finished
        from tests.record.test_record_ship import opened
        from baton.types.secret import Secret
        from pathlib import Path
        ledger = opened(Path({str(path)!r}), Secret({url.reveal()!r}))
        number = {{begin}}
        while True:
            ledger.put(finished(number, task="t"))
            number += 1
            time.sleep(0.0005)
    """)
    for begin in (0, 100_000, 200_000):
        with subprocess.Popen([sys.executable, "-c", program.format(begin=begin)], cwd=ROOT) as process:
            time.sleep(1.7)
            os.kill(process.pid, signal.SIGKILL)
    ledger = opened(path, url)
    ledger.close()
    with sqlite3.connect(path) as connection:
        written = connection.execute("SELECT COUNT(*), SUM(cost) FROM requests").fetchone()
    connection.close()
    assert written[0] > 100
    assert rows(url, "SELECT COUNT(*), SUM(cost) FROM requests") == [written]
    assert rows(url, "SELECT SUM(requests), SUM(cost) FROM tasks") == [written]
    assert rows(url, "SELECT SUM(requests), SUM(cost) FROM rollups") == [written]


def test_rows_from_before_a_database_was_named_are_shipped_too(tmp_path: Path, url: Secret) -> None:
    path = tmp_path / "1.db"
    before = Ledger.open(path)
    before.put(finished(1))
    before.close()
    after = opened(path, url)
    after.put(finished(2))
    after.close()
    assert rows(url, "SELECT request_id FROM requests ORDER BY sequence") == [("r1",), ("r2",)]
    assert len(rows(url, "SELECT replica FROM replicas")) == 1


def test_two_processes_that_share_a_file_ship_it_once(tmp_path: Path, url: Secret) -> None:
    path = tmp_path / "1.db"
    both = [opened(path, url), opened(path, url)]
    for number in range(400):
        both[number % 2].put(finished(number))
        if number % 50 == 0:
            time.sleep(0.02)
    for ledger in both:
        ledger.close()
    assert rows(url, "SELECT COUNT(*), COUNT(DISTINCT request_id) FROM requests") == [(400, 400)]
    assert rows(url, "SELECT SUM(requests) FROM rollups") == [(400,)]


@pytest.mark.parametrize("real_first", [True, False])
def test_what_was_written_as_interrupted_gives_way_to_what_really_happened(
    tmp_path: Path, url: Secret, real_first: bool
) -> None:
    killed, leader = opened(tmp_path / "1.db", url), opened(tmp_path / "2.db", url)
    for real in (real_first, not real_first):
        if real:
            killed.put(finished(1, cost=100))
            killed.close()
        else:
            leader.put(interrupted(1))
            leader.close()
    assert rows(url, "SELECT ending, cost FROM requests") == [("ok", 100)]
    assert rows(url, "SELECT cost FROM attempts") == [(100,)]
    assert rows(url, "SELECT requests, cost, lead_rank FROM tasks") == [(1, 100, 1)]
    assert rows(url, "SELECT SUM(requests), SUM(cost), SUM(ok) FROM rollups") == [(1, 100, 1)]


def test_two_leaders_that_write_the_same_interruption_count_it_once(tmp_path: Path, url: Secret) -> None:
    for name in ("1.db", "2.db"):
        ledger = opened(tmp_path / name, url)
        ledger.put(interrupted(1))
        ledger.put(interrupted(1))
        ledger.close()
    assert rows(url, "SELECT ending, cost FROM requests") == [("interrupted", 7)]
    assert rows(url, "SELECT SUM(requests), SUM(cost) FROM rollups") == [(1, 7)]


def test_a_grade_that_another_replica_took_finds_its_request(tmp_path: Path, url: Secret) -> None:
    one, two = opened(tmp_path / "1.db", url), opened(tmp_path / "2.db", url)
    two.grade(Grade("r1", 0.0, "exact", "", 10.0))
    two.close()
    one.put(finished(1))
    one.close()
    assert report(url).quality_by_route["auto"].quality == 0.0
    two = opened(tmp_path / "2.db", url)
    two.grade(Grade("r1", 1.0, "human", "", 20.0))
    two.grade(Grade("r1", 0.5, "late", "", 15.0))
    two.close()
    assert report(url).quality_by_route["auto"].quality == 1.0
    assert rows(url, "SELECT grader FROM tasks") == [("human",)]
    assert rows(url, "SELECT SUM(graded), SUM(grade_sum) FROM rollups") == [(1, 1.0)]
    assert rows(url, "SELECT COUNT(*) FROM grades WHERE pending") == [(0,)]


def test_a_character_that_postgresql_does_not_know_stops_nothing(tmp_path: Path, url: Secret) -> None:
    ledger = opened(tmp_path / "1.db", url)
    ledger.put(finished(1, task="a\x00b\t\\N\n\"'"))
    ledger.close()
    assert rows(url, "SELECT task_id FROM tasks") == [("a\ufffdb\t\\N\n\"'",)]


def test_dropped_records_are_reported(tmp_path: Path, url: Secret) -> None:
    ledger = Ledger.open(tmp_path / "1.db", flush_s=60.0, capacity=2, database_url=url)
    for number in range(5):
        ledger.put(finished(number))
    ledger.close()
    assert (report(url).requests, report(url).dropped) == (2, 3)


def test_a_migrated_database_has_the_tables_of_a_new_one(server: PostgresServer) -> None:
    from alembic import command
    from alembic.config import Config

    from baton.record.postgres import prepare_shared, shared_engine

    shape = (
        "SELECT table_name, column_name, data_type, is_nullable, column_default FROM information_schema.columns "
        "WHERE table_schema = 'public' AND table_name <> 'alembic_version' ORDER BY 1, 2"
    )
    indexes = "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1"
    new, migrated = Secret(server.database("new")), Secret(server.database("migrated"))
    with shared_engine(new).connect() as connection:
        prepare_shared(connection)
        prepare_shared(connection)
    config = Config()
    config.set_main_option("script_location", "baton.record:migrations")
    with shared_engine(migrated).connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        connection.commit()
    assert rows(new, shape) == rows(migrated, shape)
    assert rows(new, indexes) == rows(migrated, indexes)


def test_what_is_wrong_with_the_database_is_told_without_the_password(server: PostgresServer, url: Secret) -> None:
    unknown = Secret(f"postgresql://app:hunter2@127.0.0.1:{server.port}/nowhere")
    with pytest.raises(LedgerError, match="create the database") as told:
        report(unknown)
    assert "hunter2" not in str(told.value)
    with pytest.raises(LedgerError, match="start a gateway with this"):
        report(url)
    with pytest.raises(LedgerError, match="start the server"):
        report(Secret("postgresql://app:hunter2@127.0.0.1:1/postgres"))


def test_a_table_of_somebody_else_is_not_touched(url: Secret, tmp_path: Path) -> None:
    with psycopg.connect(url.reveal()) as connection:
        connection.execute("CREATE TABLE requests (id int)")
    ledger = opened(tmp_path / "1.db", url)
    ledger.put(finished(1))
    until(lambda: "not Baton's" in ledger.health().shipping.last_error)  # type: ignore[union-attr]
    ledger.close()
    assert rows(url, "SELECT COUNT(*) FROM requests") == [(0,)]
