"""An answer-aware cascade on RouterBench's 0-shot slice: chosen on train, scored on test, all calls counted.

Labels seen: the grades and answers of all models on the train tasks. An answer is compared as the gateway compares it.
"""

from pathlib import Path
from typing import Any

import numpy as np
from routing_outcomes import Graded, against, folds, graded

from baton.measure.cascade import Answered, choose_roads, says_of, walked
from baton.stats.choice import Served
from baton.types.money import NANO_PER_USD
from baton.types.verdict import Answer

GPT_4 = "gpt-4-1106-preview"
TARGETS = {"at_98": 0.98, "at_95": 0.95}


def cascade(data: Path) -> dict[str, Any]:
    train, test = (answered(graded(data / "routing", "routerbench_0shot", (split,))) for split in ("train", "test"))
    train_ids = graded(data / "routing", "routerbench_0shot", ("train",)).ids
    return {
        "labels_seen": f"{len(train.types)} tasks x {len(train.models)} models",
        "test_tasks": len(test.types),
        **{name: _scored(train, test, target, folds(train_ids, 0)) for name, target in TARGETS.items()},
    }


def answered(found: Graded) -> Answered:
    outcomes = found.outcomes
    texts = [[Answer(text) if text.strip() else None for text in row] for row in found.responses]
    return Answered(
        found.tasks, outcomes.types, found.models, outcomes.quality, outcomes.cost * NANO_PER_USD, says_of(texts)
    )


def _scored(train: Answered, test: Answered, target: float, fold: np.ndarray) -> dict[str, Any]:
    roads = choose_roads(train, GPT_4, target, fold)
    quality, cost = np.zeros(len(test.types)), np.zeros(len(test.types))
    for number, plan in enumerate(roads.plans):
        rows = np.flatnonzero(test.types == number)
        found = walked(plan, test.at(rows))
        quality[rows], cost[rows] = found.quality, found.cost
    strong = test.models.index(GPT_4)
    apart = roads.chosen.held_out
    column = train.models.index(GPT_4)
    return {
        "test": against(Served(quality, cost), test.quality[:, strong], test.cost[:, strong]),
        "train_held_out": against(apart, train.quality[:, column], train.cost[:, column]),
        "confidence": roads.confidence,
        "plans": {
            plan.task_type: " + ".join(step.arm for step in plan.steps)
            + (f" ({plan.steps[-1].quorum} agree), else " if plan.steps else "")
            + plan.escalate_to
            for plan in roads.plans
        },
    }
