"""The migrations and the tables as they are declared agree."""

import sqlite3
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config

from baton.record.database import writing_engine
from baton.record.ledger import Ledger
from baton.types.errors import LedgerError


def shape(path: Path) -> set[tuple[str, str]]:
    connection = sqlite3.connect(path)
    found = connection.execute("SELECT name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'").fetchall()
    connection.close()
    return {(name, " ".join((sql or "").split())) for name, sql in found if name != "alembic_version"}


def test_a_migrated_ledger_has_the_tables_of_a_new_one(tmp_path: Path) -> None:
    Ledger.open(tmp_path / "new.db").close()
    config = Config()
    config.set_main_option("script_location", "baton.record:migrations")
    with writing_engine(tmp_path / "migrated.db", 1.0).connect() as connection:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        connection.commit()
    assert shape(tmp_path / "migrated.db") == shape(tmp_path / "new.db")


def test_a_ledger_of_an_unknown_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    Ledger.open(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    with pytest.raises(LedgerError, match="'9999', which this Baton does not know"):
        Ledger.open(path)
