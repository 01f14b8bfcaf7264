"""A house deletes what its config says is too old, by the config in force."""

import asyncio
import sqlite3
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from baton.config.schema import Config, ContentConfig, LedgerConfig
from baton.flow.house import open_house
from baton.types.outcome import Content
from tests.decide.fleet import snapshot
from tests.record.test_record_ledger import finished

DAY_S = 86_400.0


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(work)


def left(path: Path, table: str) -> int:
    with sqlite3.connect(path) as connection:
        found = connection.execute(f"SELECT COUNT(*) FROM {table}").fetchone()
    connection.close()
    return int(found[0])


def test_a_house_deletes_by_the_config_in_force(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    config = Config(
        snapshot=snapshot(),
        ledger=LedgerConfig(path=str(path), retention_days=10.0),
        content=ContentConfig(retention_days=3.0),
    )

    async def work() -> None:
        house = open_house(config)
        for number, days in enumerate((1.0, 2.0, 5.0, 11.0)):
            one = finished(number, content=Content(b"asked", b"answered"))
            house.ledger.put(replace(one, at=time.time() - days * DAY_S))
        house.ledger.flush()
        house.life.upkeep.run()
        assert (left(path, "requests"), left(path, "contents")) == (3, 2)
        renewed = house.renewed(replace(config, content=ContentConfig(retention_days=1.5)))
        house.life.upkeep.run()
        assert (left(path, "requests"), left(path, "contents")) == (3, 1)
        figures = renewed.metrics().decode()
        assert 'baton_retention_deleted_total{what="requests"} 1.0' in figures
        assert 'baton_retention_deleted_total{what="contents"} 3.0' in figures
        assert "baton_retention_failing 0.0" in figures
        await renewed.close()

    run(work())


def test_what_has_expired_leaves_the_state_file_too(tmp_path: Path) -> None:
    async def work() -> None:
        house = open_house(Config(snapshot=snapshot(), ledger=LedgerConfig(path=str(tmp_path / "ledger.db"))))
        keep = house.life.keep
        keep.put("private", "soon", b"gone", 0.01)
        keep.put("private", "late", b"kept", 60.0)
        keep.flush()
        before = left(tmp_path / "ledger-state.db", "kept WHERE space = 'private'")
        await asyncio.sleep(0.02)
        house.life.upkeep.run()
        await house.close()
        assert before == 2

    run(work())
    assert left(tmp_path / "ledger-state.db", "kept WHERE space = 'private'") == 1
