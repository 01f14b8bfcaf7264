"""Contents that are asked to be deleted are gone, all of them and no others, at every replica."""

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from baton.record.deletion import Deleting
from baton.record.erasure import Which, erase, found, read_orders, write_order
from baton.record.ledger import Ledger
from baton.record.upkeep import Upkeep
from baton.types.outcome import Content, Finished
from baton.types.secret import Secret
from tests.record.test_record_ledger import finished, rows
from tests.record.test_record_retention import shared, until
from tests.services import PostgresServer

NOW = 2_000.0


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with PostgresServer() as running:
        yield running


@pytest.fixture
def url(server: PostgresServer, request: pytest.FixtureRequest) -> Secret:
    return Secret(server.database(f"db{abs(hash(request.node.name))}"))


def one(number: int, key: str = "k", task: str = "t", *accounts: str) -> Finished:
    content = Content(b"secret of %d" % number, b"answer")
    made = finished(number, task=task, content=content)
    return replace(made, key=key, accounts=("house", f"key:{key}", *accounts))


def left(path: Path) -> list[str]:
    return [str(row[0]) for row in rows(path, "SELECT request_id FROM contents ORDER BY at")]


def follower(path: Path, url: Secret | None, now: float = NOW) -> Upkeep:
    made = Upkeep(path, url, None, lambda: None, lambda: now)
    made.content_days = 1.0
    return made


@pytest.mark.parametrize(
    ("which", "gone"),
    [
        (Which(request_id="r1"), {"r1"}),
        (Which(key="alice"), {"r1", "r2"}),
        (Which(task_id="t2"), {"r2", "r3"}),
        (Which(user="u"), {"r3"}),
        (Which(user="U"), set()),
        (Which(before=1_003.0), {"r1", "r2"}),
        (Which(key="alice", task_id="t2"), {"r2"}),
        (Which(key="alice", before=1_002.0, user="u"), set()),
        (Which(request_id="r1", key="bob"), set()),
        (Which(key="nobody"), set()),
    ],
)
@pytest.mark.parametrize("remote", [False, True], ids=["file", "postgresql"])
def test_what_is_named_is_deleted_and_nothing_else(
    tmp_path: Path, url: Secret, which: Which, gone: set[str], remote: bool
) -> None:
    path = tmp_path / "ledger.db"
    ledger = Ledger.open(path, database_url=url if remote else None)
    for made in (one(1, "alice", "t1"), one(2, "alice", "t2"), one(3, "bob", "t2", "user:u"), one(4, "bob", "t4")):
        ledger.put(made)
    ledger.close()
    place = Deleting(url if remote else path)
    there = found(place, which)
    assert len(there) == len(gone)
    assert all(item.size_bytes == len(b"secret of 1") + len(b"answer") for item in there)
    assert erase(place, there) == len(gone)
    assert found(place, which) == []
    place.close()
    ids = "SELECT request_id FROM contents"
    kept = {row[0] for row in (shared(url, ids) if remote else rows(path, ids))}
    assert kept == {"r1", "r2", "r3", "r4"} - gone
    assert len(shared(url, "SELECT 1 FROM requests") if remote else rows(path, "SELECT 1 FROM requests")) == 4


TEXT = st.text(alphabet='ab",[]\\:\n\u00e9\U0001f600', min_size=1, max_size=8)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(asked=TEXT, users=st.lists(TEXT, min_size=1, max_size=4), tags=st.lists(TEXT, max_size=3))
def test_an_end_user_is_never_taken_for_another(
    tmp_path_factory: pytest.TempPathFactory, asked: str, users: list[str], tags: list[str]
) -> None:
    path = tmp_path_factory.mktemp("user") / "ledger.db"
    ledger = Ledger.open(path)
    for number, user in enumerate([*users, asked]):
        ledger.put(one(number, "k", "t", f"user:{user}", *(f'tag:{tag},"user:{asked}"' for tag in tags)))
    ledger.close()
    place = Deleting(path)
    erase(place, found(place, Which(user=asked)))
    place.close()
    assert left(path) == [f"r{number}" for number, user in enumerate(users) if user != asked]


def test_nothing_of_what_was_deleted_is_left_in_the_files(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    ledger = Ledger.open(path)
    ledger.put(replace(one(1), content=Content(b"the whole secret " * 1_000, b"whispered " * 3)))
    ledger.put(one(2))
    ledger.flush()
    place = Deleting(path)
    assert erase(place, found(place, Which(request_id="r1"))) == 1
    place.close()
    everything = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert b"secret of 2" in everything or path.with_name("ledger.db-wal").stat().st_size == 0
    assert b"whole secret" not in everything
    assert b"whispered" not in everything
    ledger.close()


def test_contents_of_many_requests_go_in_steps_that_can_be_broken_off(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    ledger = Ledger.open(path)
    for number in range(1_200):
        ledger.put(one(number))
    ledger.close()
    place = Deleting(path)
    stop = iter([False, True])
    assert erase(place, found(place, Which(key="k")), lambda: next(stop)) == 1_000
    assert len(left(path)) == 200
    place.close()


def test_who_names_nothing_deletes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    ledger = Ledger.open(path)
    ledger.put(one(1))
    ledger.close()
    place = Deleting(path)
    with pytest.raises(ValueError, match="nothing says which"):
        found(place, Which())
    place.close()
    assert left(path) == ["r1"]


def test_an_order_is_a_row_of_the_audit_log(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    Ledger.open(path).close()
    place = Deleting(path)
    write_order(place, Which(key="alice", before=5.0), 100.0, "root", 3)
    write_order(place, Which(user="u"), 200.0, "cli:me", 0)
    assert [(order.at, order.which) for order in read_orders(place, 0.0)] == [
        (100.0, Which(key="alice", before=5.0)), (200.0, Which(user="u")),
    ]  # fmt: skip
    assert [order.which for order in read_orders(place, 150.0)] == [Which(user="u")]
    place.close()
    (actor, action, detail), *_ = rows(path, "SELECT actor, action, detail FROM audit ORDER BY number")
    assert (actor, action) == ("root", "content.delete")
    assert json.loads(str(detail)) == {"which": {"key": "alice", "before": 5.0}, "contents": 3}


def test_other_replicas_follow_an_order_also_for_what_was_not_shipped(
    tmp_path: Path, server: PostgresServer, url: Secret
) -> None:
    """One replica has shipped nothing when the order is given, and ships before it hears of it."""
    paths = [tmp_path / "1.db", tmp_path / "2.db"]
    first = Ledger.open(paths[0], database_url=url)
    first.put(one(1, "alice"))
    first.put(one(2, "bob"))
    first.close()
    away = Ledger.open(paths[1])  # writes, and ships later
    away.put(one(3, "alice"))
    away.put(one(4, "bob"))
    away.close()

    place = Deleting(url)
    there = found(place, Which(key="alice"))
    write_order(place, Which(key="alice"), NOW - 1, "root", len(there))
    erase(place, there)
    place.close()
    assert left(paths[0]) == ["r1", "r2"]
    follower(paths[0], url).run()
    assert left(paths[0]) == ["r2"]

    late = Ledger.open(paths[1], database_url=url)
    until(lambda: late.health().shipping.shipped == 2)  # type: ignore[union-attr]
    late.close()
    assert ("r3",) in shared(url, "SELECT request_id FROM contents")
    back = follower(paths[1], url)
    back.run()
    assert left(paths[1]) == ["r4"]
    assert shared(url, "SELECT request_id FROM contents ORDER BY 1") == [("r2",), ("r4",)]

    again = Ledger.open(paths[1], flush_s=0.02)
    again.put(replace(one(5, "alice"), at=NOW + 5.0))  # came after the order
    again.close()
    back.run()
    assert left(paths[1]) == ["r4", "r5"]


def test_what_came_before_an_order_and_is_written_after_it_goes_too(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    ledger = Ledger.open(path)
    clock = [NOW]
    keeper = Upkeep(path, None, None, lambda: None, lambda: clock[0])
    keeper.content_days = 1.0
    place = Deleting(path)
    write_order(place, Which(key="k"), NOW, "root", 0)
    place.close()
    keeper.run()
    ledger.put(replace(one(1), at=NOW - 5.0))
    ledger.flush()
    clock[0] = NOW + 300.0
    keeper.run()
    assert left(path) == []
    ledger.put(replace(one(2), at=NOW - 5.0))
    ledger.flush()
    clock[0] = NOW + 1_000.0  # the order is not young any more
    keeper.run()
    assert left(path) == ["r2"]
    clock[0] = NOW + 4_000.0  # but each hour all are followed again
    keeper.run()
    assert left(path) == []
    ledger.close()


def test_a_ledger_that_cannot_be_deleted_from_is_told_and_tried_again(tmp_path: Path, caplog: Any) -> None:
    path = tmp_path / "ledger.db"
    ledger = Ledger.open(path)
    ledger.put(replace(one(1), at=NOW - 2 * 86_400.0))
    ledger.close()
    keeper = follower(path, None)
    with sqlite3.connect(path) as connection:
        connection.execute("ALTER TABLE contents RENAME TO elsewhere")
    keeper.run()
    keeper.run()
    assert [record.message.split(":")[0] for record in caplog.records] == [
        "what is old in the file could not be deleted, it is tried again"
    ]
    assert keeper.samples()[-1].value == 1
    with sqlite3.connect(path) as connection:
        connection.execute("ALTER TABLE elsewhere RENAME TO contents")
    connection.close()
    keeper.run()
    assert left(path) == []
    assert keeper.samples()[-1].value == 0
