"""Keys and who changed them; what accounts spend, summed beside the rows that it is the sum of."""

import json
import sqlite3
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from baton.record.database import writing_engine
from baton.record.keys import Change, KeyStore, StoredKey
from baton.record.ledger import Ledger
from baton.record.spend import SpendLine, spend_by, spent_of
from baton.types.errors import Conflict, LedgerError, NotFound
from baton.types.money import Usage
from baton.types.outcome import Finished
from baton.types.spend import Spent

DAY_S = 86_400


def store(tmp_path: Path) -> KeyStore:
    made = KeyStore(tmp_path / "ledger.db")
    made.prepare()
    return made


def key(name: str = "alice", at: float = 100.0) -> StoredKey:
    return StoredKey(name, f"digest of {name}", "bt-abcd", '{"rpm":5}', at)


def change(action: str = "key.create", subject: str = "alice", at: float = 100.0) -> Change:
    return Change(at, "root", action, subject, {"rpm": 5})


def finished(number: int, at: float, cost: int, key: str = "a", accounts: tuple[str, ...] = ()) -> Finished:
    return Finished(
        request_id=f"r{number}", task_id=f"t{number}", at=at, dialect="openai-chat", key=key, status=200, ending="ok",
        error="", stream=False, simulated=True, duration_s=0.1, overhead_s=0.01, usage=Usage(10, 5), cost=cost,
        baseline_cost=0, accounts=accounts,
    )  # fmt: skip


def test_a_key_is_found_as_it_was_put_and_every_change_is_logged(tmp_path: Path) -> None:
    keys = store(tmp_path)
    keys.add(key(), change())
    assert keys.find("alice") == key()
    revoked = keys.revoke("alice", change("key.revoke", at=200.0))
    assert revoked.revoked_at == 200.0
    assert [(one.number, one.action, one.at, one.detail) for one in keys.changes(10)] == [
        (2, "key.revoke", 200.0, {"rpm": 5}), (1, "key.create", 100.0, {"rpm": 5}),
    ]  # fmt: skip
    assert [one.number for one in keys.changes(1, before=2)] == [1]


def test_a_name_is_given_once_for_ever_and_a_refused_change_leaves_no_log(tmp_path: Path) -> None:
    keys = store(tmp_path)
    keys.add(key(), change())
    keys.revoke("alice", change("key.revoke"))
    with pytest.raises(Conflict, match="exists or existed"):
        keys.add(key(), change())
    with pytest.raises(NotFound, match="no key named 'bob'"):
        keys.revoke("bob", change("key.revoke", "bob"))
    assert len(keys.changes(10)) == 2


def test_who_revokes_twice_changes_nothing(tmp_path: Path) -> None:
    keys = store(tmp_path)
    keys.add(key(), change())
    keys.revoke("alice", change("key.revoke", at=200.0))
    assert keys.revoke("alice", change("key.revoke", at=300.0)).revoked_at == 200.0
    assert len(keys.changes(10)) == 2


def test_the_version_changes_with_every_change_and_only_then(tmp_path: Path) -> None:
    one, other = store(tmp_path), KeyStore(tmp_path / "ledger.db")
    seen = {one.version()}
    one.add(key(), change())
    assert other.version() not in seen
    seen.add(other.version())
    other.revoke("alice", change("key.revoke"))
    assert one.version() not in seen
    assert one.version() == other.version()


def test_the_newest_key_is_listed_first(tmp_path: Path) -> None:
    keys = store(tmp_path)
    for name, at in (("old", 1.0), ("new", 3.0), ("mid", 2.0)):
        keys.add(key(name, at), change(subject=name))
    assert [one.name for one in keys.all()] == ["new", "mid", "old"]


def test_keys_of_a_missing_ledger_are_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match=r"nowhere\.db"):
        KeyStore(tmp_path / "nowhere.db").version()


def test_spend_is_told_by_account_dearest_first_and_by_day(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    ledger = Ledger.open(path, flush_s=0.02)
    team = ("house", "team:t", "key:a", "tag:x_y", "tag:x%")
    ledger.put(finished(1, 10 * DAY_S, 100, accounts=team))
    ledger.put(finished(2, 11 * DAY_S - 1, 50, accounts=team))
    ledger.put(finished(3, 11 * DAY_S, 7, key="b"))
    ledger.close()
    assert spend_by(path, "key") == [SpendLine("a", 2, 20, 10, 150), SpendLine("b", 1, 10, 5, 7)]
    assert spend_by(path, "key", since_day=11) == [SpendLine("b", 1, 10, 5, 7)]
    assert [line.account for line in spend_by(path, "key", until_day=10)] == ["a"]
    assert [line.account for line in spend_by(path, "tag")] == ["x%", "x_y"]
    assert spend_by(path, "user") == []
    assert spent_of(path, 11, 10) == {
        "house": Spent(7, 157, 157), "team:t": Spent(0, 150, 150), "key:a": Spent(0, 150, 150), "key:b": Spent(7, 7, 7),
    }  # fmt: skip


PUT = st.tuples(
    st.integers(0, 40 * DAY_S), st.integers(0, 10**12), st.sets(st.sampled_from(["team:t", "user:u", "tag:x", "key:a"]))
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(PUT, max_size=20), st.integers(0, 40))
def test_the_sums_are_those_of_the_rows(
    tmp_path_factory: pytest.TempPathFactory, puts: list[tuple[int, int, set[str]]], day: int
) -> None:
    path = tmp_path_factory.mktemp("sums") / "ledger.db"
    ledger = Ledger.open(path, flush_s=60.0)
    for number, (at, cost, accounts) in enumerate(puts):
        ledger.put(finished(number, float(at), cost, accounts=("house", *sorted(accounts))))
        if number % 3 == 0:
            ledger.flush()
    ledger.close()
    with sqlite3.connect(path) as connection:
        rows = connection.execute(
            "SELECT value, SUM(cost), SUM(CASE WHEN at >= ? THEN cost ELSE 0 END) "
            "FROM requests, json_each(accounts) GROUP BY value",
            (day * DAY_S,),
        ).fetchall()
    connection.close()
    found = spent_of(path, day, 0)
    for account, total, since in rows:
        if account.startswith(("user:", "tag:")):
            assert account not in found
        else:
            assert found[account] == Spent(since, total, total)


def test_a_ledger_of_the_first_version_knows_after_migration_what_was_spent(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    config = Config()
    config.set_main_option("script_location", "baton.record:migrations")
    with writing_engine(path, 1.0).connect() as connection:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        for number, (at, name, cost) in enumerate(((DAY_S - 0.5, "a", 5), (DAY_S + 0.5, "a", 7), (DAY_S, "b", 11))):
            words = {"request_id": f"r{number}", "task_id": "t", "at": at, "key": name, "cost": cost}
            columns = connection.exec_driver_sql("SELECT name, type FROM pragma_table_info('requests')").all()
            row = {column: words.get(column, 0 if kind != "TEXT" else "") for column, kind in columns}
            row["sequence"] = number
            marks = ", ".join("?" * len(row))
            connection.exec_driver_sql(f"INSERT INTO requests VALUES ({marks})", tuple(row.values()))
        connection.commit()
    ledger = Ledger.open(path)
    ledger.put(finished(9, 2.0 * DAY_S, 100))
    ledger.close()
    assert spent_of(path, 1, 0) == {
        "house": Spent(118, 123, 123),
        "key:a": Spent(107, 112, 112),
        "key:b": Spent(11, 11, 11),
    }
    with sqlite3.connect(path) as reader:
        accounts = reader.execute("SELECT accounts FROM requests ORDER BY at").fetchall()
    reader.close()
    assert [json.loads(one) for (one,) in accounts] == [[], [], [], ["house", "key:a"]]
