"""The ladder over HTTP: simulated models behind the real gateway path, graded by the real verifiers, many seeds.

Every rung is inadequate: the first one is exactly on the floor, the second one far below. Whatever is called adequate
is called so wrongly. What the models are worth is known from their skill, not from their answers.
"""

import asyncio
import math
import tempfile
from pathlib import Path
from typing import Any

import yaml
from msgspec.structs import replace
from statistics_verdict import Bar, Run

from baton.config.load import parse_config
from baton.measure.bench import Order, opened
from baton.measure.datasets.prompt import Prompt, pinned
from baton.measure.datasets.rows import prompt_of
from baton.measure.ladder import Rules, Walk, walk
from baton.simulate.drive import prompt_row
from baton.simulate.fleet import Fleet, default_models, gateway_config
from baton.simulate.serve import serve_in_thread
from baton.simulate.skill import DISCRIMINATION
from baton.simulate.workload.item import MIX, item

KIND = "classification"
SKILLS = {"sim-frontier": 1.2, "sim-mid": 0.98, "sim-nano": 0.6}
ON_THE_FLOOR, FAR_BELOW = "sim/mid", "sim/nano"
PROMPTS = 330
"""With the 30 of the pilot."""
LEAST_SEEDS = 5
SEEDS_PER_REPS = 5


def quality(skill: float) -> float:
    """Mean chance of a right answer over difficulties uniform in 0..1: the integral of the logistic curve."""
    a = DISCRIMINATION
    return (math.log1p(math.exp(a * skill)) - math.log1p(math.exp(a * (skill - 1)))) / a


def end_to_end(run: Run) -> list[Bar]:
    """A seed is another fleet and other prompts; one for every five repetitions, since all of it is really asked."""
    seeds = max(LEAST_SEEDS, run.reps // SEEDS_PER_REPS)
    rho = quality(SKILLS["sim-mid"]) / quality(SKILLS["sim-frontier"])
    walks = [asked(run.seed * 100_000 + number, rho) for number in range(seeds)]
    passed = [_verdicts(one)[ON_THE_FLOOR] == "adequate" for one in walks]
    wrong = [any(verdict == "adequate" for verdict in _verdicts(one).values()) for one in walks]
    failed = [_verdicts(one)[ON_THE_FLOOR] == "degrades" for one in walks]
    calls = sum(len(rows) for one in walks for rows in one.outcomes.values())
    return [
        Bar(f"wrong `adequate` over HTTP, exactly on the floor of {rho:.3f}", sum(wrong) / seeds, at_most=0.05),
        Bar("of them on the rung on the floor", sum(passed) / seeds),
        Bar("`degrades` there, where the floor is just held", sum(failed) / seeds, at_most=0.05),
        Bar("certificates for what was not called adequate", float(sum(map(_unfounded, walks))), at_most=0.0),
        Bar("seeds", float(seeds)),
        Bar("answers asked for", float(calls)),
    ]


def asked(seed: int, rho: float) -> Walk:
    fleet = Fleet(
        [replace(one, skill=dict.fromkeys(MIX, SKILLS[one.id])) for one in default_models() if one.id in SKILLS],
        seed=seed,
    )
    with tempfile.TemporaryDirectory() as folder, serve_in_thread(fleet) as running:
        whole: dict[str, Any] = {"version": 1, **gateway_config(fleet, f"{running.base_url}/v1")}
        whole |= {"ledger": {"path": f"{folder}/ledger.db"}, "content": {"mode": "off"}}
        config = parse_config(yaml.safe_dump(whole, sort_keys=False), {})
        order = Order(
            command="bench",
            prompts=pinned(_prompts(seed), "workload"),
            budget=10**12,
            record=Path(folder) / "record.jsonl",
            date="2026-01-31",
            concurrency=32,
        )

        async def work() -> Walk:
            async with opened(config, order) as bench:
                return await walk(bench, bench.entrants[0], Rules(rho=rho), lambda _ladder: None)

        return asyncio.run(work())


def _prompts(seed: int) -> list[Prompt]:
    found: list[Prompt] = []
    index = 0
    while len(found) < PROMPTS:
        one = item(seed, index)
        index += 1
        if one.task_type == KIND:
            found.append(prompt_of(prompt_row(one), None))
    return found


def _verdicts(one: Walk) -> dict[str, str]:
    return {standing.rung: standing.verdict for standing in one.climbed.standings}


def _unfounded(one: Walk) -> int:
    verdicts = _verdicts(one)
    return sum(verdicts[certificate.rung] != "adequate" for certificate in one.climbed.certificates)
