"""The loop over HTTP with the simulated fleet: a model gets worse in silence, is demoted, mended, and comes back.

    python bench/closed_loop.py --json            # 20 seeds with a drop of 10 points, 20 without; exits 1 below a bar
    python bench/closed_loop.py --seeds 2 --json

Each run: a certified small model serves one task type; after `DROP` graded tasks it is wrong on 10 points more, after
`MENDED` it is what it was. Everything is fixed beforehand: the horizon, the moments, the thresholds.
"""

import argparse
import asyncio
import contextlib
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import yaml
from msgspec import Struct

from baton.check.verify import verify
from baton.config.load import load_config
from baton.config.proof import references_of
from baton.measure.datasets.rows import Recorded
from baton.measure.ladder import Rules, walk
from baton.measure.lock import promote
from baton.measure.proposals import propose
from baton.measure.recorded import RecordedOrder, recorded_bench
from baton.record.watching import WatchStore
from baton.server.run import Source, bind, serving
from baton.simulate.drive import openai_answer, openai_arguments
from baton.simulate.fleet import Fleet, gateway_config
from baton.simulate.serve import serve_in_thread
from baton.simulate.workload.item import WorkItem, item
from baton.types.watch import Transition

TYPE, REFERENCE, RUNG = "classification", "sim/frontier", "sim/mid"
RHO = 0.9
UPSTREAM = RUNG.replace("/", "-")
POINTS = 0.10
HORIZON, DROP, MENDED = 3_000, 400, 1_000
"""Graded tasks: in all, when the model gets worse, and when it is mended."""
CERTIFIED_ON = 1_000
CONCURRENCY = 8
DAILY_USD = 2.0
GRADED_PER_YEAR = 50_000.0
GRADER = "bench"
DRAWS = 5
"""Sets of prompts that a certificate is looked for on."""


class Run(Struct, frozen=True):
    """One run. Quality is the share of right answers; `alarm_after`: graded tasks from the drop to the demotion."""

    seed: int
    drop: bool
    alarm_after: int | None
    demotions: int
    requalified: bool
    quality: float
    reference_quality: float
    floor: float
    watch_usd: float
    cap_usd: float
    seconds: float

    @property
    def keeps(self) -> bool:
        return self.quality >= self.floor


class Scale(Struct, frozen=True):
    """How much of it there is; smaller for tests."""

    horizon: int = HORIZON
    drop: int = DROP
    mended: int = MENDED
    points: float = POINTS


def items_of(seed: int, count: int, skip: int = 0) -> list[WorkItem]:
    """Tasks of the one type."""
    found: list[WorkItem] = []
    index = skip
    while len(found) < count:
        one = item(seed, index)
        index += 1
        if one.task_type == TYPE:
            found.append(one)
    return found


async def certified(folder: Path, path: Path, fleet: Fleet, seed: int, draw: int = 1) -> None:
    """The certificate that the run begins with, from what the fleet's models know of other tasks."""
    config = load_config(path, {})
    models = {f"sim/{model.id.removeprefix('sim-')}": model for model in fleet.models}
    rows = [
        Recorded(
            id=one.reference, task_type=TYPE, model=name, grade=float(fleet.is_right(one, models[name])),
            cost=10 if name == RUNG else 1_000, grader=GRADER,
        )
        for one in items_of(seed + 5_000 * draw, CERTIFIED_ON)
        for name in (REFERENCE, RUNG)
    ]  # fmt: skip
    order = RecordedOrder(command="bench", source="fleet", date="2026-01-31", references={TYPE: REFERENCE})
    bench = recorded_bench(config, order, rows)
    one = await walk(bench, bench.entrants[0], Rules(rho=RHO, batch=500), lambda _ladder: None)
    if not one.climbed.certificates and draw < DRAWS:  # nothing is shown by a run without one
        await certified(folder, path, fleet, seed, draw + 1)
        return
    proposed = folder / "proposed.lock"
    propose(proposed, one.file, one.climbed.certificates)
    promote(proposed, folder / "policy.lock", config.snapshot, references_of(config.snapshot), frozenset())


def config_of(folder: Path, fleet: Fleet, base_url: str) -> dict[str, Any]:
    config = gateway_config(fleet, f"{base_url}/v1")
    config["models"] = [one for one in config["models"] if one["id"] in {REFERENCE, RUNG}]
    return {
        "version": 1,
        **config,
        "task_types": {TYPE: {"rule": "cheapest", "floor": RHO, "reference": REFERENCE}},
        "ledger": {"path": str(folder / "baton.db"), "flush_s": 0.02},
        "content": {"sample_rate": 0.0},
        "proof": {
            "mode": "certified",
            "lock": str(folder / "policy.lock"),
            "watch": {
                "daily_usd": DAILY_USD, "rate": 0.2, "graders": [GRADER], "graded_per_year": GRADED_PER_YEAR,
                "hold_s": 3.0, "test_pairs": 600, "poll_s": 0.05,
            },
        },
    }  # fmt: skip


class Drive:
    """The caller's side: asks, grades, tells the grade."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self._url = url
        self._session = session
        self.right: list[bool] = []
        self.models: list[str] = []

    async def ask(self, one: WorkItem) -> None:
        checks = [msgspec.to_builtins(one.check)]
        body = {"model": "auto", **openai_arguments(one.conversation), "baton": {"task_type": TYPE, "checks": checks}}
        async with self._session.post(f"{self._url}/v1/chat/completions", json=body) as reply:
            reply.raise_for_status()
            answer = openai_answer(await reply.json())
            request_id, model = reply.headers["x-baton-request-id"], reply.headers["x-baton-model"]
        right = verify(one.check, answer).passed
        self.right.append(right)
        self.models.append(model)
        grade = {"request_id": request_id, "score": float(right), "grader": GRADER}
        async with self._session.post(f"{self._url}/v1/baton/feedback", json=grade) as reply:
            reply.raise_for_status()


@contextlib.asynccontextmanager
async def gateway(path: Path) -> AsyncIterator[str]:
    sock = bind("127.0.0.1", 0)
    sock.listen(1_024)
    config = load_config(path, {})
    async with serving(config, sock, Source(lambda: load_config(path, {}), path)):
        yield f"http://127.0.0.1:{sock.getsockname()[1]}"


async def run(seed: int, *, drop: bool, scale: Scale, folder: Path, restart: int | None = None) -> Run:
    """`restart`: after so many tasks the process that serves and watches is gone, and another one begins."""
    begun = time.monotonic()
    fleet = Fleet(seed=seed)
    tasks = items_of(seed, scale.horizon)
    fell, log = None, []
    right: list[bool] = []
    with serve_in_thread(fleet) as upstream:
        path = folder / "baton.yaml"
        path.write_text(yaml.safe_dump(config_of(folder, fleet, upstream.base_url)))
        await certified(folder, path, fleet, seed)
        reference = next(one for one in fleet.models if one.id == "sim-frontier")
        rung = next(one for one in fleet.models if one.id == UPSTREAM)
        as_good = [fleet.is_right(one, reference) for one in tasks]
        quality = sum(fleet.is_right(one, rung) for one in tasks) / len(tasks)
        store = WatchStore(folder / "baton.db")
        done = 0
        for stop in (scale.horizon,) if restart is None else (restart, scale.horizon):
            async with gateway(path) as url, aiohttp.ClientSession() as session:
                drive = Drive(url, session)
                while done < stop:
                    if drop and done == scale.drop:
                        fleet.degrade(UPSTREAM, scale.points / quality)
                    if drop and done == scale.mended:
                        fleet.degrade(UPSTREAM, 0.0)
                    await asyncio.gather(*(drive.ask(one) for one in tasks[done : done + CONCURRENCY]))
                    done += CONCURRENCY
                    if fell is None and done > scale.drop and done % 40 == 0 and _down(store.transitions()):
                        fell = done
                right += drive.right
        log = store.transitions(1_000)
        spent = sum(one.cost for one in store.compared())
    first = next((one for one in reversed(log) if one.after == "suspended" and one.model == RUNG), None)
    back = first is not None and any(one.after == "watched" and one.number > first.number for one in log)
    reference_quality = sum(as_good) / len(as_good)
    return Run(
        seed=seed, drop=drop, alarm_after=None if fell is None else fell - scale.drop, demotions=len(_down(log)),
        requalified=back, quality=sum(right) / len(right), reference_quality=reference_quality,
        floor=RHO * reference_quality, watch_usd=spent / 1e9, cap_usd=DAILY_USD, seconds=time.monotonic() - begun,
    )  # fmt: skip


def _down(log: list[Transition]) -> list[Transition]:
    return [one for one in log if one.before == "watched" and one.after == "suspended"]


def summary(runs: list[Run]) -> dict[str, Any]:
    dropped, calm = [one for one in runs if one.drop], [one for one in runs if not one.drop]
    delays = sorted(one.alarm_after for one in dropped if one.alarm_after is not None)
    need = len(dropped) - len(dropped) // 20
    bars = {
        "closed_without_a_human": sum(one.demotions > 0 and one.requalified for one in dropped) >= need,
        "quality_kept": sum(one.keeps for one in dropped) >= need,
        "false_demotions": sum(one.demotions for one in calm) <= 1,
        "within_the_cap": all(one.watch_usd <= one.cap_usd for one in runs),
    }
    return {
        "simulated": True,
        "runs": msgspec.to_builtins(runs),
        "closed": sum(one.demotions > 0 and one.requalified for one in dropped),
        "kept_floor": sum(one.keeps for one in dropped),
        "median_alarm_after": delays[len(delays) // 2] if delays else None,
        "false_demotions": sum(one.demotions for one in calm),
        "watch_usd_highest": max((one.watch_usd for one in runs), default=0.0),
        "bars": bars,
        "passed": all(bars.values()),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    runs = []
    for seed in range(given.first, given.first + given.seeds):
        for drop in (True, False):
            with tempfile.TemporaryDirectory() as folder:
                runs.append(asyncio.run(run(seed, drop=drop, scale=Scale(), folder=Path(folder))))
            sys.stderr.write(f"{runs[-1]}\n")
    told = summary(runs)
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(told), indent=2).decode() + "\n")
    return 0 if told["passed"] else 1


if __name__ == "__main__":
    sys.exit(main())
