"""Keys that all replicas share in one PostgreSQL."""

import time
from collections.abc import Iterator

import psycopg
import pytest

from baton.config.schema import AdminKeyConfig, Config, ServerConfig
from baton.record.keys import Change, KeyStore, StoredKey
from baton.record.spend import spend_by
from baton.server.auth import Keys
from baton.types.errors import Conflict, LedgerError, Unauthorized
from baton.types.secret import Secret
from tests.decide.fleet import snapshot
from tests.services import PostgresServer

KEY = StoredKey("alice", "2bd806c97f0e00af1a1fc3328fa763a9269723c8db8fac4f93af71db186d6e90", "bt-abcd", "{}", 100.0)
"""Of the text `alice`."""
CONFIG = Config(snapshot(), ServerConfig(admin_keys=(AdminKeyConfig("root", Secret("root")),)))
GIVEN = {"authorization": "Bearer alice"}


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with PostgresServer() as running:
        yield running


@pytest.fixture
def url(server: PostgresServer, request: pytest.FixtureRequest) -> Secret:
    return Secret(server.database(f"keys{abs(hash(request.node.name))}"))


def change(action: str, at: float = 100.0) -> Change:
    return Change(at, "root", action, "alice", {"rpm": 5})


def until(keys: Keys, *, known: bool) -> None:
    for _ in range(40):
        try:
            keys.caller(GIVEN)
        except Unauthorized:
            if not known:
                return
        else:
            if known:
                return
        time.sleep(0.05)
    raise AssertionError(f"after two seconds the key is {'not ' if known else ''}known")


def test_keys_are_kept_in_the_shared_database_as_in_a_file(url: Secret) -> None:
    store = KeyStore(url)
    store.prepare()
    before = store.version()
    store.add(KEY, change("key.create"))
    with pytest.raises(Conflict):
        store.add(KEY, change("key.create"))
    assert store.find("alice") == KEY
    assert store.version() != before
    assert store.revoke("alice", change("key.revoke", 200.0)).revoked_at == 200.0
    assert [(one.action, one.detail) for one in store.changes(9)] == [
        ("key.revoke", {"rpm": 5}), ("key.create", {"rpm": 5}),
    ]  # fmt: skip
    assert spend_by(url, "key") == []


def test_every_replica_follows_and_none_waits_for_it(url: Secret) -> None:
    store = KeyStore(url)
    store.prepare()
    replica = Keys(CONFIG, KeyStore(url))
    with pytest.raises(Unauthorized):
        replica.caller(GIVEN)
    store.add(KEY, change("key.create"))
    until(replica, known=True)
    store.revoke("alice", change("key.revoke"))
    until(replica, known=False)


def test_a_database_that_is_away_keeps_nobody_from_starting_and_lets_nobody_in() -> None:
    keys = Keys(CONFIG, KeyStore(Secret("postgresql://nobody@127.0.0.1:1/none")))
    with pytest.raises(Unauthorized):
        keys.caller(GIVEN)
    with pytest.raises(LedgerError, match=r"127\.0\.0\.1"):
        KeyStore(Secret("postgresql://nobody@127.0.0.1:1/none")).version()


def test_what_was_known_stays_while_the_database_is_away(url: Secret) -> None:
    store = KeyStore(url)
    store.prepare()
    store.add(KEY, change("key.create"))
    replica = Keys(CONFIG, KeyStore(url))
    until(replica, known=True)
    with psycopg.connect(url.reveal()) as connection:
        connection.execute("ALTER TABLE audit RENAME TO gone")
    time.sleep(1.2)
    assert replica.caller(GIVEN).name == "alice"


def test_a_new_config_keeps_the_keys_that_were_known_until_they_are_read_anew(url: Secret) -> None:
    store = KeyStore(url)
    store.prepare()
    store.add(KEY, change("key.create"))
    before = Keys(CONFIG, KeyStore(url))
    until(before, known=True)
    away = KeyStore(Secret("postgresql://nobody@127.0.0.1:1/none"))
    assert Keys(CONFIG, away, earlier=before).caller(GIVEN).name == "alice"
    after = Keys(CONFIG, KeyStore(url), earlier=before)
    assert after.caller(GIVEN).name == "alice"
    store.revoke("alice", change("key.revoke"))
    until(after, known=False)
