"""State, log and comparisons of the watching: all of a batch or nothing, and nothing of a leader that is none any more."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from baton.record.ledger import Ledger
from baton.record.watching import Fenced, WatchStore
from baton.types.demotion import Demotion
from baton.types.secret import Secret
from baton.types.watch import Compared, Transition
from tests.services import PostgresServer

DOWN = Demotion("code", "small", "it fell")
FELL = Transition(10.0, "code", "small", "watched", "suspended", "it fell", {"n": 7})
PAIR = Compared("r1", 9.0, "code", "small", "big", "small", 0.0, 1.0, 0.05, "verified:1", 1_000)


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with PostgresServer() as running:
        yield running


@pytest.fixture(params=["file", "shared"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> WatchStore:
    if request.param == "file":
        made = WatchStore(tmp_path / "ledger.db")
    else:
        server: PostgresServer = request.getfixturevalue("server")
        made = WatchStore(Secret(server.database(f"watch{abs(hash(request.node.name))}")))
    made.prepare()
    return made


def test_what_is_saved_is_loaded_and_every_change_is_in_the_log(store: WatchStore) -> None:
    assert store.load().version == 0
    store.save(1, b'{"a":1}', (DOWN,), (FELL,), (PAIR,), at=10.0)
    store.save(1, b'{"a":2}', (), (), (PAIR,), at=11.0)
    kept = store.load()
    assert (kept.token, kept.version, kept.demotions, kept.body) == (1, 2, (), b'{"a":2}')
    assert [(one.reason, one.detail, one.number) for one in store.transitions()] == [("it fell", {"n": 7}, 1)]
    assert store.compared() == [PAIR], "a comparison that is told twice counts once"


def test_an_older_leader_writes_nothing_any_more(store: WatchStore) -> None:
    store.save(2, b"{}", (DOWN,), ())
    with pytest.raises(Fenced):
        store.save(1, b"{}", (), (FELL,), (PAIR,))
    assert store.load().demotions == (DOWN,)
    assert store.transitions() == []
    assert store.compared() == []


def test_orders_are_read_once(store: WatchStore) -> None:
    store.order(1.0, "eva", "demote", "code", "small")
    store.order(2.0, "eva", "promote", "code", "small")
    assert [one.action for one in store.orders(0)] == ["demote", "promote"]
    assert [one.action for one in store.orders(1)] == ["promote"]


def test_the_ledger_of_a_gateway_holds_them_from_its_start(tmp_path: Path) -> None:
    Ledger.open(tmp_path / "ledger.db").close()
    assert WatchStore(tmp_path / "ledger.db").load().version == 0
