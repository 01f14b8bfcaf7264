"""`baton content delete`, as it is called."""

import json
import sqlite3
import time
from pathlib import Path

import psycopg
import pytest
from msgspec.structs import replace

from baton.record.ledger import Ledger
from baton.types.outcome import Content
from baton.types.secret import Secret
from tests.cli.test_cli_keys import baton, folder
from tests.record.test_record_ledger import finished
from tests.services import PostgresServer

__all__ = ["folder"]


def fill(path: Path, url: str | None = None) -> None:
    ledger = Ledger.open(path, database_url=None if url is None else Secret(url))
    now = time.time()
    for number, (key, days) in enumerate((("alice", 0.1), ("alice", 40.0), ("bob", 40.0))):
        one = finished(number, content=Content(b"asked", b"answered"))
        ledger.put(replace(one, key=key, at=now - days * 86_400))
    ledger.close()


def left(path: Path) -> list[str]:
    with sqlite3.connect(path) as connection:
        found = [row[0] for row in connection.execute("SELECT request_id FROM contents ORDER BY request_id")]
    connection.close()
    return found


@pytest.mark.timeout(60)
def test_contents_are_counted_and_then_deleted(folder: Path) -> None:
    path = folder / "baton.db"
    fill(path)
    code, out, _ = baton(folder, "content", "delete", "--key", "alice", "--before", "30d", "--dry-run")
    assert (code, out) == (0, "1 content (13 bytes) would be deleted in the file\n")
    assert left(path) == ["r0", "r1", "r2"]
    code, out, _ = baton(folder, "content", "delete", "--key", "alice", "--before", "30d")
    assert (code, out) == (0, "1 content (13 bytes) deleted in the file\n")
    assert left(path) == ["r0", "r2"]
    code, out, _ = baton(folder, "content", "delete", "--before", "0d", "--json")
    assert json.loads(out) == {"dry_run": False, "file": {"contents": 2, "size_bytes": 26}}
    assert left(path) == []
    with sqlite3.connect(path) as connection:
        log = connection.execute("SELECT action, actor FROM audit").fetchall()
    connection.close()
    assert [action for action, _ in log] == ["content.delete"] * 2
    assert all(actor.startswith("cli") for _, actor in log)


@pytest.mark.timeout(60)
def test_in_postgresql_as_well(folder: Path) -> None:
    with PostgresServer() as server:
        text = (folder / "baton.yaml").read_text()
        (folder / "baton.yaml").write_text(text + f"ledger: {{database_url: '{server.url}'}}\n")
        fill(folder / "baton.db", server.url)
        code, out, err = baton(folder, "content", "delete", "--request", "r1", "--json")
        assert code == 0, err
        amount = {"contents": 1, "size_bytes": 13}
        assert json.loads(out) == {"dry_run": False, "file": amount, "database": amount}
        assert left(folder / "baton.db") == ["r0", "r2"]
        with psycopg.connect(server.url) as connection:
            rows = connection.execute("SELECT request_id FROM contents ORDER BY 1").fetchall()
            assert rows == [("r0",), ("r2",)]
            assert connection.execute("SELECT COUNT(*) FROM audit").fetchall() == [(1,)]
        (folder / "baton.db").unlink()
        code, out, _ = baton(folder, "content", "delete", "--request", "r2")
        assert (code, out) == (0, "1 content (13 bytes) deleted in PostgreSQL\n")
        assert not (folder / "baton.db").exists()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "give at least one of"),
        (("--key", ""), "`key` is empty"),
        (("--before", "soon"), "30d"),
        (("--before", "2999-01-01"), "lies in the future"),
        (("--user", "\udcff"), "no name has"),
        (("alice",), "alice"),
    ],
)
def test_bad_input_is_told_and_deletes_nothing(folder: Path, words: tuple[str, ...], told: str) -> None:
    fill(folder / "baton.db")
    code, out, err = baton(folder, "content", "delete", *words)
    assert (code, out, "Traceback" in err) == (2, "", False)
    assert told in " ".join(err.replace("│", " ").split())
    assert left(folder / "baton.db") == ["r0", "r1", "r2"]
