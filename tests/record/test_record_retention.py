"""What is too old is deleted, in the file and in PostgreSQL, and nothing else: not what was not shipped, no sum."""

import sqlite3
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from baton.record.deletion import KEEPING, Deleting
from baton.record.ledger import Ledger
from baton.record.queries import report
from baton.record.retention import BATCH_ROWS, Bounds, id_at, sweep
from baton.record.upkeep import DAY_S, Upkeep
from baton.types.outcome import Content, Finished, Grade
from baton.types.secret import Secret
from tests.record.test_record_ledger import decision, finished, rows
from tests.services import PostgresServer

ROOT = Path(__file__).resolve().parents[2]
NOW = 1_800_000_000.0
TABLES = ("requests", "attempts", "decisions", "grades", "contents", "tasks", "rollups", "spend")


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with PostgresServer() as running:
        yield running


@pytest.fixture
def url(server: PostgresServer, request: pytest.FixtureRequest) -> Secret:
    return Secret(server.database(f"db{abs(hash(request.node.name))}"))


def aged(number: int, days: float, *, text: bytes = b"asked", task: str | None = None) -> Finished:
    """With an id as Baton gives it: its time first."""
    at = NOW - days * DAY_S
    id_ = f"{int(at * 1_000):012x}{number:016x}"
    one = finished(number, content=Content(text, b"answered"))
    return replace(one, request_id=id_, task_id=task or id_, at=at, decision=replace(decision(number), id=id_))


def counts(path: Path) -> dict[str, int]:
    return {table: int(str(rows(path, f"SELECT COUNT(*) FROM {table}")[0][0])) for table in TABLES}


def shared(url: Secret, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url.reveal()) as connection:
        return connection.execute(query).fetchall()


def never() -> bool:
    return False


def upkeep(
    path: Path, url: Secret | None = None, *, days: float | None = 30.0, mark: Callable[[], int | None] = lambda: None
) -> Upkeep:
    one = Upkeep(path, url, days, mark, lambda: NOW)
    one.content_days = 7.0
    return one


def until(holds: Callable[[], bool], seconds: float = 15.0) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def test_old_requests_go_with_all_that_is_theirs_and_sums_stay(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    ledger = Ledger.open(path)
    old, young = aged(1, 31), aged(2, 29)
    for one in (old, young):
        ledger.put(one)
        ledger.grade(Grade(one.request_id, 1.0, "exact", "", one.at + 1))
    ledger.close()
    before = rows(
        path, "SELECT SUM(requests), SUM(cost) FROM rollups UNION ALL SELECT SUM(requests), SUM(cost) FROM spend"
    )
    upkeep(path).run()
    assert counts(path) == {
        "requests": 1, "attempts": 1, "decisions": 1, "grades": 1, "contents": 0, "tasks": 1, "rollups": 2, "spend": 4,
    }  # fmt: skip
    assert rows(path, "SELECT request_id FROM requests") == [(young.request_id,)]
    assert before == rows(
        path, "SELECT SUM(requests), SUM(cost) FROM rollups UNION ALL SELECT SUM(requests), SUM(cost) FROM spend"
    )
    assert report(path).tasks == 1


def test_contents_go_at_their_own_age_and_their_figures_stay(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    ledger = Ledger.open(path)
    for number, days in enumerate((6.9, 7.1, 400.0)):
        ledger.put(aged(number, days))
    ledger.close()
    upkeep(path, days=None).run()
    assert (counts(path)["requests"], counts(path)["contents"]) == (3, 1)
    assert rows(path, "SELECT at FROM contents") == [(NOW - 6.9 * DAY_S,)]


def test_not_a_byte_of_a_deleted_content_is_left_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    ledger = Ledger.open(path)
    for number in range(20):
        ledger.put(aged(number, 8, text=b"the secret of number %d " % number * 2_000))
    ledger.close()
    assert b"the secret of number" in path.read_bytes()
    upkeep(path).run()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    assert b"the secret of number" not in path.read_bytes()


def test_ids_of_another_kind_are_found_by_the_pass_over_everything(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    ledger = Ledger.open(path)
    ledger.put(replace(aged(1, 31), request_id="zzz"))
    ledger.close()
    place = Deleting(path)
    bounds = Bounds(0.0, NOW - 30 * DAY_S)
    assert sweep(place, bounds, never, whole=False).requests == 0
    assert sweep(place, bounds, never, whole=True).requests == 1
    place.close()


def test_more_than_a_batch_goes_in_steps_and_a_stop_is_heard_between_them(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    ledger = Ledger.open(path)
    for number in range(2 * BATCH_ROWS + 10):
        ledger.put(aged(number, 31))
    ledger.close()
    place = Deleting(path)
    stop = iter([False, True, True, True])
    assert sweep(place, Bounds(NOW), lambda: next(stop), whole=False).contents == 2 * BATCH_ROWS
    assert counts(path)["contents"] == 10
    assert sweep(place, Bounds(NOW, NOW), never, whole=False).requests == 2 * BATCH_ROWS + 10
    assert (counts(path)["requests"], counts(path)["tasks"], counts(path)["contents"]) == (0, 0, 0)
    place.close()


def test_large_contents_are_deleted_a_few_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    ledger = Ledger.open(path)
    for number in range(5):
        ledger.put(aged(number, 8, text=b"x" * 5_000_000))
    ledger.close()
    place = Deleting(path)
    left = []

    def look() -> bool:
        left.append(counts(path)["contents"])
        return False

    assert sweep(place, Bounds(NOW), look, whole=False).contents == 5
    assert left == [4, 3, 2, 1, 0]
    place.close()


def test_the_file_shrinks_when_most_of_it_is_free(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    ledger = Ledger.open(path)
    for number in range(40):
        ledger.put(aged(number, 8, text=b"x" * 500_000))
    ledger.close()
    before = path.stat().st_size
    upkeep(path).run()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()
    assert before > 20_000_000
    assert path.stat().st_size < 8_000_000


def test_the_ledger_is_written_while_old_rows_are_deleted(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    ledger = Ledger.open(path, flush_s=0.01)
    for number in range(5_000):
        ledger.put(aged(number, 31))
    ledger.flush()
    tidy = threading.Thread(target=upkeep(path).run)
    tidy.start()
    written = 0
    while tidy.is_alive():
        ledger.put(aged(10_000 + written, 1))
        ledger.flush()
        assert ledger.health().last_error == ""
        written += 1
    tidy.join()
    ledger.close()
    assert written > 10
    assert counts(path)["requests"] == written


def test_nothing_is_deleted_before_it_is_in_postgresql(tmp_path: Path, server: PostgresServer, url: Secret) -> None:
    path = tmp_path / "1.db"
    ledger = Ledger.open(path, flush_s=0.02, database_url=url)
    ledger.put(aged(1, 31))
    until(lambda: ledger.health().shipping.shipped == 1)  # type: ignore[union-attr]
    server.stop()
    keeper = upkeep(path, url, mark=ledger.shipped_below)
    try:
        for number in range(2, 50):
            ledger.put(aged(number, 31))
        ledger.flush()
        keeper.run()
        assert counts(path)["requests"] == 48
        assert counts(path)["contents"] == 48
        assert [sample.value for sample in keeper.samples()] == [1, 1, 1]
    finally:
        server.start()
    until(lambda: ledger.health().shipping.waiting == 0)  # type: ignore[union-attr]
    keeper.run()
    ledger.close()
    assert counts(path)["requests"] == 0
    assert shared(url, "SELECT COUNT(*) FROM requests") == [(0,)]
    assert shared(url, "SELECT SUM(requests), SUM(cost) FROM rollups") == [(49, 4_900)]
    assert keeper.samples()[-1].value == 0
    keeper.close()


def test_a_start_without_postgresql_deletes_nothing_that_may_not_be_there(tmp_path: Path) -> None:
    path = tmp_path / "1.db"
    ledger = Ledger.open(path, database_url=Secret("postgresql://app@127.0.0.1:1/nowhere"))
    ledger.put(aged(1, 31))
    ledger.flush()
    assert ledger.shipped_below() == 0
    upkeep(path, mark=ledger.shipped_below).run()
    ledger.close()
    assert counts(path)["requests"] == 1


def test_in_postgresql_one_process_deletes_what_is_old_for_all(tmp_path: Path, url: Secret) -> None:
    for name in ("1", "2"):
        ledger = Ledger.open(tmp_path / f"{name}.db", database_url=url, replica=name)
        for number in range(600):
            ledger.put(aged(number + 1_000 * int(name), 31 if number < 550 else 1))
        ledger.grade(Grade("nobody", 1.0, "exact", "", NOW - 40 * DAY_S))
        ledger.close()
    assert shared(url, "SELECT COUNT(*) FROM requests") == [(1_200,)]
    place = Deleting(url)
    bounds = Bounds(NOW - 7 * DAY_S, NOW - 30 * DAY_S)
    with psycopg.connect(url.reveal()) as other:
        other.execute(f"SELECT pg_advisory_xact_lock({KEEPING})")
        assert sweep(place, bounds, never, whole=True).requests == 0
    assert sweep(place, bounds, never, whole=True).requests == 1_100
    place.close()
    for table, left in {"requests": 100, "attempts": 100, "decisions": 100, "contents": 100, "grades": 0}.items():
        assert shared(url, f"SELECT COUNT(*) FROM {table}") == [(left,)], table
    assert shared(url, "SELECT SUM(requests) FROM rollups") == [(1_200,)]
    assert shared(url, "SELECT SUM(requests) FROM spend WHERE account = 'house'") == [(1_200,)]


def test_what_was_deleted_is_not_shipped_again_after_a_restart(tmp_path: Path, url: Secret) -> None:
    path = tmp_path / "1.db"
    for number in range(3):
        ledger = Ledger.open(path, flush_s=0.02, database_url=url)
        ledger.put(aged(number, 31 - number))
        until(lambda one=ledger: one.health().shipping.shipped == 1)  # type: ignore[misc]
        keeper = upkeep(path, url, mark=ledger.shipped_below)
        keeper.run()
        keeper.close()
        ledger.close()
    assert (counts(path)["requests"], shared(url, "SELECT COUNT(*) FROM requests")) == (2, [(2,)])
    assert shared(url, "SELECT SUM(requests), SUM(cost) FROM rollups") == [(3, 300)]


def test_kill_9_while_deleting_leaves_whole_requests_and_the_next_start_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    ledger = Ledger.open(path)
    for number in range(20 * BATCH_ROWS):
        ledger.put(aged(number, 31))
    ledger.close()
    program = textwrap.dedent(f"""
        from pathlib import Path
        from tests.record.test_record_retention import upkeep
        print("begins", flush=True)
        upkeep(Path({str(path)!r})).run()
    """)
    with subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"begins\n"
        until(lambda: counts(path)["contents"] < 20 * BATCH_ROWS)
        process.kill()
    left = counts(path)
    assert left["requests"] + left["contents"] > 0
    assert left["requests"] == left["attempts"] == left["decisions"]
    assert rows(path, "PRAGMA integrity_check") == [("ok",)]
    upkeep(path).run()
    left = counts(path)
    assert left["requests"] == left["attempts"] == left["decisions"] == left["contents"] == left["tasks"] == 0
    assert rows(path, "SELECT SUM(requests) FROM rollups") == [(20 * BATCH_ROWS,)]


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ages=st.lists(st.tuples(st.floats(0, 60), st.integers(0, 3)), max_size=30), days=st.floats(0.01, 60))
def test_exactly_what_is_older_is_deleted(
    tmp_path_factory: pytest.TempPathFactory, ages: list[tuple[float, int]], days: float
) -> None:
    path = tmp_path_factory.mktemp("law") / "ledger.db"
    ledger = Ledger.open(path)
    everything = [aged(number, age, task=f"t{task}") for number, (age, task) in enumerate(ages)]
    for one in everything:
        ledger.put(one)
    ledger.close()
    keeper = Upkeep(path, None, days, lambda: None, lambda: NOW)
    keeper.run()
    left = [one for one in everything if one.at >= NOW - days * DAY_S]
    assert {row[0] for row in rows(path, "SELECT request_id FROM requests")} == {one.request_id for one in left}
    assert {row[0] for row in rows(path, "SELECT task_id FROM tasks")} == {one.task_id for one in left}
    assert counts(path)["attempts"] == counts(path)["decisions"] == counts(path)["contents"] == len(left)
    assert rows(path, "SELECT COALESCE(SUM(requests), 0) FROM rollups") == [(len(everything),)]


def test_ids_are_bounded_by_their_time() -> None:
    assert aged(1, 31).request_id < id_at(NOW - 31 * DAY_S) < aged(1, 30.999).request_id
    assert id_at(-5.0) == "000000000000g"
