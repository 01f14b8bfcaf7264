"""The act of drift: a certified model gets worse and says nothing. Who notices, who serves then, and the new test."""

import asyncio
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from baton.check.verify import verify
from baton.cli.demo.proof import RHO, baton
from baton.record.watching import WatchStore
from baton.simulate.answer import Answerer
from baton.simulate.drive import openai_answer, openai_arguments
from baton.simulate.fleet import Fleet
from baton.simulate.workload.item import WorkItem, item
from baton.types.verdict import Answer
from baton.types.watch import Transition

if TYPE_CHECKING:
    import aiohttp
    from rich.console import Console

    from baton.cli.demo.stage import Stage

TYPE = "classification"
POINTS = 0.25
BEFORE, MOST, AFTER, MOST_AFTER, STEP = 160, 1_200, 160, 640, 16
PAUSE_S = 0.2
GRADER = "exact"
GRADED_PER_YEAR = 20_000
"""With one false demotion a year this is the threshold of every monitor."""
OTHER_TASKS = 2_000
"""Added to the seed."""


class Drift(Struct, frozen=True):
    """Qualities are shares of right answers. `alarm_after`: graded tasks from the drop to the first other model."""

    simulated: bool
    model: str
    drop: float
    alarm_after: int | None
    demoted_to: str
    quality_before: float
    during: float
    after: float
    reason: str
    """Why it was demoted, as `baton explain` gives it for a task that went elsewhere."""
    retest: str
    """What became of its test; empty where it was not through at the end."""
    log: list[Transition]
    watch_usd: float


class Told(Struct, frozen=True):
    request_id: str
    model: str
    right: bool


def drift_config(config: dict[str, Any], lock: Path) -> dict[str, Any]:
    """The certificates that the demo has just earned, watched."""
    watch = {
        "daily_usd": 5, "rate": 0.1, "graders": [GRADER], "graded_per_year": GRADED_PER_YEAR, "hold_s": 1,
        "poll_s": 0.05,
    }  # fmt: skip
    return {
        **config,
        "task_types": {TYPE: {"rule": "cheapest", "floor": RHO}},
        "proof": {"mode": "certified", "lock": str(lock), "watch": watch},
        "content": {"sample_rate": 0},
        "ledger": {"flush_s": 0.05},
    }


def drifting(stage: "Stage", fleet: Answerer, seed: int) -> Drift | None:
    """None where no cheaper model has a certificate."""
    lock = stage.lock
    if not lock.exists() or not isinstance(fleet, Fleet):
        return None
    with stage.gateway("drift", 0, drift_config(stage.config(), lock)) as gateway:
        shown = asyncio.run(_acted(gateway.url, gateway.ledger, fleet, seed))
    return shown


async def _acted(url: str, ledger: Path, fleet: Fleet, seed: int) -> Drift | None:
    import aiohttp

    tasks = iter(_tasks(seed + OTHER_TASKS, BEFORE + MOST + MOST_AFTER))
    async with aiohttp.ClientSession() as session:
        before = await _some(session, url, tasks, BEFORE)
        model = Counter(one.model for one in before).most_common(1)[0][0]
        upstream = model.replace("sim/", "sim-")
        if upstream == fleet.models[0].id:
            return None  # the reference itself: nothing cheaper is certified
        fleet.degrade(upstream, POINTS)
        try:
            during: list[Told] = []
            while len(during) < MOST and (not during or during[-1].model == model):
                during += await _some(session, url, tasks, STEP)
            after = await _some(session, url, tasks, AFTER)
            while len(after) < MOST_AFTER and not _tested(ledger):
                await asyncio.sleep(PAUSE_S)  # comparisons come after the answers
                after += await _some(session, url, tasks, STEP)
        finally:
            fleet.degrade(upstream, 0.0)
    return _shown(ledger, model, before, during, after)


def _tested(ledger: Path) -> bool:
    return any(one.before == "testing" for one in WatchStore(ledger).transitions())


def _shown(ledger: Path, model: str, before: list[Told], during: list[Told], after: list[Told]) -> Drift:
    store = WatchStore(ledger)
    log = [one for one in reversed(store.transitions()) if one.task_type == TYPE and one.model == model]
    fell = [number for number, one in enumerate(during) if one.model != model]
    explained = baton(["explain", after[-1].request_id, "--ledger", str(ledger), "--json"])
    reasons = [one["detail"] for one in explained["excluded"] if one["model"] == model]
    return Drift(
        simulated=True,
        model=model,
        drop=POINTS,
        alarm_after=fell[0] if fell else None,
        demoted_to=Counter(one.model for one in after).most_common(1)[0][0],
        quality_before=_quality(before),
        during=_quality([one for one in during if one.model == model]),
        after=_quality(after),
        reason=reasons[0] if reasons else "",
        retest=next((one.reason for one in log if one.before == "testing"), ""),
        log=log,
        watch_usd=sum(one.cost for one in store.compared()) / 1e9,
    )


async def _some(session: "aiohttp.ClientSession", url: str, tasks: Any, count: int) -> list[Told]:
    found: list[Told] = []
    while len(found) < count:
        found += await asyncio.gather(*(_one(session, url, next(tasks)) for _ in range(min(STEP, count - len(found)))))
    return found


async def _one(session: "aiohttp.ClientSession", url: str, task: WorkItem) -> Told:
    """Asked, graded, and the grade told; the check goes along, so that comparisons can be graded too."""
    import msgspec

    asked = {"task_type": TYPE, "checks": [msgspec.to_builtins(task.check)]}
    body = {"model": "auto", **openai_arguments(task.conversation), "baton": asked}
    async with session.post(f"{url}/v1/chat/completions", json=body) as reply:
        reply.raise_for_status()
        answer: Answer = openai_answer(await reply.json())
        told = Told(
            reply.headers["x-baton-request-id"], reply.headers["x-baton-model"], verify(task.check, answer).passed
        )
    grade = {"request_id": told.request_id, "score": float(told.right), "grader": GRADER}
    async with session.post(f"{url}/v1/baton/feedback", json=grade) as reply:
        reply.raise_for_status()
    return told


def _tasks(seed: int, count: int) -> list[WorkItem]:
    found: list[WorkItem] = []
    index = 0
    while len(found) < count:
        one = item(seed, index)
        index += 1
        if one.task_type == TYPE:
            found.append(one)
    return found


def _quality(told: list[Told]) -> float:
    return sum(one.right for one in told) / len(told) if told else 0.0


def print_drift(shown: Drift | None, console: "Console") -> None:
    if shown is None:
        return
    console.print()
    console.print(f"What happens when {shown.model} gets {100 * shown.drop:g} % worse and says nothing (simulated):")
    found = "not noticed" if shown.alarm_after is None else f"noticed after {shown.alarm_after} graded tasks"
    console.print(f"  {found}, then {shown.demoted_to} serves {TYPE}; watching cost ${shown.watch_usd:.4f}")
    figures = f"{shown.quality_before:.3f} before, {shown.during:.3f} meanwhile, {shown.after:.3f} after"
    console.print(f"  share of right answers: {figures}", highlight=False)
    for one in shown.log:
        console.print(f"  {one.before or 'new'} -> {one.after}: {one.reason}", markup=False, highlight=False)
