"""What `baton drift` shows, and how an order by hand reaches the one who leads."""

import asyncio
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner

from baton.cli import app
from baton.config.load import load_config
from baton.flow.house import House, open_house
from baton.measure.drift.runner import Watcher
from baton.record.watching import Fenced, WatchStore
from baton.state.lease import FileLease

CONFIG = """
version: 1
providers:
  sim: {{base_url: 'http://127.0.0.1:9/v1', dialects: [openai-chat], auth: none, simulated: true}}
models:
  - {{id: sim/big, tier: frontier, context_window: 1000, price: {{input_usd: 5, output_usd: 20}}}}
  - {{id: sim/small, tier: small, context_window: 1000, price: {{input_usd: 1, output_usd: 2}}}}
task_types: {{classification: {{rule: cheapest, reference: sim/big}}}}
ledger: {{path: '{folder}/ledger.db'}}
proof: {{watch: {{poll_s: 0.05}}}}
"""
RUN = CliRunner()


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "baton.yaml"
    path.write_text(CONFIG.format(folder=tmp_path))
    return path


def drift(*words: str) -> str:
    found = RUN.invoke(app, ["drift", *words], catch_exceptions=False)
    assert found.exit_code == 0, found.output
    return found.stdout


def watcher(house: House, name: str = "watch") -> Watcher:
    path = Path(house.ledger.path)
    return Watcher(lambda: house, FileLease(path.with_name(name)), WatchStore(path))


def test_an_order_is_carried_out_survives_a_restart_and_is_in_the_log(config: Path) -> None:
    async def main() -> None:
        house = open_house(load_config(config, {}))
        await watcher(house, "first").turn()
        rows = msgspec.json.decode(await asyncio.to_thread(drift, "status", "--json", "--config", str(config)))
        small = next(one for one in rows if (one["task_type"], one["model"]) == ("classification", "sim/small"))
        assert set(small) >= {"task_type", "model", "state", "monitor", "e_value", "threshold", "n", "since"}
        assert small["state"] == "watched"
        await asyncio.to_thread(drift, "demote", "classification", "sim/small", "--config", str(config))
        again = watcher(house, "second")  # the first is gone: killed between order and demotion
        await again.turn()
        assert [(one.task_type, one.model) for one in house.life.demotions] == [("classification", "sim/small")]
        assert house.policy.snapshot.demoted == house.life.demotions
        await again.turn()
        told = await asyncio.to_thread(drift, "status", "--log", "1", "--json", "--config", str(config))
        (last,) = msgspec.json.decode(told)["log"]
        assert (last["before"], last["after"]) == ("watched", "suspended")
        assert last["reason"].startswith("demoted by ")
        await house.close()

    asyncio.run(main())


def test_of_two_leaders_only_the_later_one_writes(config: Path) -> None:
    async def main() -> None:
        house = open_house(load_config(config, {}))
        old = watcher(house, "one side")
        await old.turn()
        new = watcher(house, "other side")
        await new.turn()
        store = WatchStore(Path(house.ledger.path))
        before = store.load()
        store.order(1.0, "eva", "demote", "classification", "sim/small")
        with pytest.raises(Fenced):
            store.save(1, b"{}", (), ())
        await old.turn()  # it finds out that it leads no more, and its order is not carried out twice
        assert store.load().token == before.token
        await new.turn()
        assert [one.model for one in store.load().demotions] == ["sim/small"]
        assert sum(one.after == "suspended" for one in store.transitions()) == 1
        await house.close()

    asyncio.run(main())


def test_a_model_that_is_not_watched_is_told(config: Path) -> None:
    async def main() -> None:
        house = open_house(load_config(config, {}))
        await watcher(house).turn()
        await house.close()

    asyncio.run(main())
    found = RUN.invoke(app, ["drift", "demote", "classification", "sim/none", "--config", str(config)])
    assert "'sim/none' is not watched on 'classification'" in str(found.exception)
