"""A config that passes every check and still cannot be put in force must not end the watch over the next one."""

import asyncio
from pathlib import Path

from baton.config.load import load_config, parse_config
from baton.config.lock import lock_text
from baton.flow.house import open_house
from baton.server.app import App
from baton.server.reload import Reloader
from baton.types.errors import LedgerError

CONFIG = """
version: 1
providers:
  sim: {{base_url: 'http://127.0.0.1:9/v1', dialects: [openai-chat], auth: none, simulated: true}}
models:
  - {{id: sim/m, tier: mid, context_window: 1000, price: {{input_usd: 1, output_usd: 2}}}}
ledger: {{path: '{folder}/ledger.db'}}
spend: {{house: {{day_usd: {usd}}}}}
"""


def test_a_config_that_cannot_be_put_in_force_is_told_and_the_next_one_is_taken(tmp_path: Path) -> None:
    file = tmp_path / "baton.yaml"

    def write(usd: int) -> None:
        file.write_text(CONFIG.format(folder=tmp_path, usd=usd))

    async def main() -> None:
        house = open_house(parse_config(CONFIG.format(folder=tmp_path, usd=1), {}))
        app = App(house)
        troubles = [LedgerError("the disk is full"), RuntimeError("a defect")]
        swap = app.swap

        def failing(config: object) -> list[str]:
            if troubles:
                raise troubles.pop()
            return swap(config)  # type: ignore[arg-type]

        app.swap = failing  # type: ignore[method-assign]
        reloader = Reloader(app, lambda: load_config(file, {}), file)
        for problem in ("it could not be put in force: a defect", "it could not be put in force: the disk is full"):
            write(2)
            await reloader.reload()
            assert house.life.config_problems == (problem,)
        await reloader.reload()
        assert house.life.config_problems == ()
        await house.close()

    asyncio.run(main())


def test_a_lock_that_is_promoted_while_baton_runs_comes_into_force(tmp_path: Path) -> None:
    file, lock = tmp_path / "baton.yaml", tmp_path / "policy.lock"
    file.write_text(CONFIG.format(folder=tmp_path, usd=1) + f"proof: {{mode: certified, lock: '{lock}'}}\n")

    async def main() -> None:
        house = open_house(load_config(file, {}))
        app = App(house)
        reloader = Reloader(app, lambda: load_config(file, {}), file)
        reloader.start()
        lock.write_text("nonsense")
        while not house.life.config_problems:  # noqa: ASYNC110 - what a watch over a file does cannot be awaited
            await asyncio.sleep(0.05)
        assert "is no policy.lock" in house.life.config_problems[0]
        lock.write_text(lock_text([]))
        while house.life.config_problems:  # noqa: ASYNC110 - the same
            await asyncio.sleep(0.05)
        reloader.stop()
        await house.close()

    asyncio.run(main())
