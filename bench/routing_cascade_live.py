"""The cascade of `routing_cascade.py` walked by a real gateway, every model a replay of its recorded answers over HTTP.

    python bench/routing_cascade_live.py --data ../shared/data --target 0.98 --json

Plans are chosen on train; every test prompt is one request. *Live* is what the headers of the answers say, *recorded*
what the same plans give when they are walked over the table: they differ by the checks that only the gateway makes, and
by prices, which are derived for the replay.
"""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import numpy as np
from msgspec import Struct
from msgspec.structs import replace
from routing_cascade import GPT_4, answered
from routing_outcomes import folds, graded

from baton.config.schema import Config, ContentConfig, LedgerConfig, StateConfig
from baton.measure.cascade import choose_roads, walked
from baton.server.run import bind, serving
from baton.simulate.engine import Engine
from baton.simulate.http import HttpServer
from baton.simulate.replay.fleet import ReplayFleet, ReplayItem, load_replay
from baton.types.card import ModelCard, Provider
from baton.types.cascade import CascadePlan
from baton.types.decision import PolicySnapshot
from baton.types.money import NANO_PER_USD
from baton.types.task import Route, TaskType

PREFIX = "replay/"


class Told(Struct, frozen=True):
    """What the headers of one answer say."""

    model: str
    cost_usd: float
    checked: bool
    """A cascade was run."""


async def live(fleet: ReplayFleet, plans: tuple[CascadePlan, ...], asked: list[tuple[ReplayItem, str]]) -> list[Told]:
    upstream = HttpServer(Engine(fleet, time_scale=0.0).respond)
    port = await upstream.start("127.0.0.1", 0)
    sock, told = bind("127.0.0.1", 0), []
    url = f"http://127.0.0.1:{sock.getsockname()[1]}/v1/chat/completions"
    try:
        with tempfile.TemporaryDirectory() as folder:
            config = Config(
                snapshot=snapshot(fleet, plans, f"http://127.0.0.1:{port}/v1"),
                ledger=LedgerConfig(path=f"{folder}/ledger.db"),
                content=ContentConfig(mode="off"),
                state=StateConfig(sessions_ttl_s=0),
            )
            async with serving(config, sock), httpx2.AsyncClient(timeout=60) as http:
                for item, task_type in asked:
                    told.append(await ask(http, url, item, task_type))
    finally:
        await upstream.close()
    return told


async def ask(http: httpx2.AsyncClient, url: str, item: ReplayItem, task_type: str) -> Told:
    system = [{"role": "system", "content": item.system}] if item.system else []
    body = {"model": "auto", "messages": [*system, {"role": "user", "content": item.prompt}]}
    answer = (await http.post(url, json=body, headers={"x-baton-task-type": task_type})).raise_for_status()
    headers = answer.headers
    model = headers["x-baton-model"].removeprefix(PREFIX)
    return Told(model, float(headers["x-baton-cost-usd"]), "x-baton-cascade" in headers)


def snapshot(fleet: ReplayFleet, plans: tuple[CascadePlan, ...], url: str) -> PolicySnapshot:
    cards = {
        PREFIX + one.id: ModelCard(
            PREFIX + one.id, "replay", one.id, one.tier, one.context_window, one.max_output, one.price
        )
        for one in fleet.models
    }
    types = {"other": TaskType("other", rule="reference", reference=PREFIX + GPT_4)}
    for plan in plans:
        steps = tuple(replace(step, arm=PREFIX + step.arm) for step in plan.steps)
        strong = PREFIX + plan.escalate_to
        used = replace(plan, steps=steps, escalate_to=strong) if steps else None
        types[plan.task_type] = TaskType(plan.task_type, rule=strong, reference=PREFIX + GPT_4, cascade=used, floor=0.0)
    provider = Provider("replay", url, ("openai-chat",), "none", simulated=True)
    return PolicySnapshot(cards, {"replay": provider}, types, (Route("auto", model=("auto",)),))


def measured(data: Path, target: float) -> dict[str, Any]:
    seen, fresh = (graded(data / "routing", "routerbench_0shot", (split,)) for split in ("train", "test"))
    train, test = answered(seen), answered(fresh)
    plans = choose_roads(train, GPT_4, target, folds(seen.ids, 0)).plans
    quality, cost = np.zeros(len(test.types)), np.zeros(len(test.types))
    for number, plan in enumerate(plans):
        rows = np.flatnonzero(test.types == number)
        found = walked(plan, test.at(rows))
        quality[rows], cost[rows] = found.quality, found.cost
    fleet = load_replay(data / "routing" / "routerbench_0shot.test.parquet")
    items = {item.prompt: item for item in fleet.items()}
    rows = np.array([row for row, prompt in enumerate(fresh.prompts) if prompt in items])
    asked = [(items[fresh.prompts[row]], test.task_types[test.types[row]]) for row in rows]
    told = asyncio.run(live(fleet, plans, asked))
    strong = test.models.index(GPT_4)
    best, price = test.quality[rows, strong], test.cost[rows, strong] / NANO_PER_USD
    grades = np.array([test.quality[row, test.models.index(one.model)] for row, one in zip(rows, told, strict=True)])
    paid = np.array([one.cost_usd for one in told])
    return {
        "tasks": len(rows),
        "cascades": sum(one.checked for one in told),
        "live": {"saved": 1 - paid.sum() / price.sum(), "quality": grades.mean() / best.mean()},
        "recorded": {
            "saved": 1 - cost[rows].sum() / NANO_PER_USD / price.sum(),
            "quality": quality[rows].mean() / best.mean(),
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--target", type=float, default=0.98, help="share of GPT-4's quality that is to be kept")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    found = measured(given.data, given.target)
    text = msgspec.json.format(msgspec.json.encode(found, enc_hook=float), indent=2).decode()
    sys.stdout.write((text if given.json else "\n".join(f"{name}: {value}" for name, value in found.items())) + "\n")


if __name__ == "__main__":
    main()
