"""Recorded grades with a known truth, for tests of what is concluded from them."""

import random
from collections.abc import Mapping

from baton.measure.evidence import LadderHeader, Row

FRONTIER, MID, NANO = "sim/frontier", "sim/mid", "sim/nano"
COSTS = {FRONTIER: 1_000, MID: 200, NANO: 10}
MODELS = {name: f"sim {name.replace('/', '-')}" for name in COSTS}


def header(**changes: object) -> LadderHeader:
    fields: dict[str, object] = {
        "task_type": "classification", "reference": FRONTIER, "models": MODELS, "rho": 0.95, "delta": 0.05,
        "power": 0.9, "batch": 10, "cap": None, "mode": "walk", "pilot": 30, "prompts": 870, "grader": "verified:1", "judged": False,
        "prompt_set": "sha256:" + "1" * 64, "order_seed": 7, "date": "2026-01-31", "simulated": True,
    }  # fmt: skip
    return LadderHeader(**(fields | changes))  # type: ignore[arg-type]


def rows(seed: int, n: int, worse: Mapping[str, float], right: float = 0.9, lucky: float = 0.02) -> list[Row]:
    """Of the prompts that the frontier gets right, a model misses a share `worse`; it gets `lucky` of the others."""
    rng = random.Random(seed)
    made = []
    for number in range(n):
        frontier = float(rng.random() < right)
        grades: dict[str, float | None] = {FRONTIER: frontier}
        for model, missed in worse.items():
            grades[model] = float(rng.random() >= missed) if frontier else float(rng.random() < lucky)
        made.append(Row(f"p{number}", grades, {name: COSTS[name] for name in grades}))
    return made
