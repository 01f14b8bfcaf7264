"""An answer-aware cascade on RouterBench's 0-shot slice: chosen on train, scored on test, all calls counted.

Labels seen: the grades and answers of all models on the train tasks. An answer is compared as the gateway compares it.
"""

from pathlib import Path
from typing import Any

import numpy as np
from routing_outcomes import Graded, against, folds, graded, lesson_of

from baton.decide.features import read
from baton.decide.residual import ResidualReader
from baton.decide.text import normalised
from baton.measure.cascade import Answered, choose_roads, says_of, walked
from baton.stats.choice import Served
from baton.types.money import NANO_PER_USD
from baton.types.verdict import Answer

GPT_4 = "gpt-4-1106-preview"
TARGETS = {"at_98": 0.98, "at_95": 0.95}


def cascade(data: Path) -> dict[str, Any]:
    """*Agreement*: only the answers count. *With difficulty*: prompts that learning calls hard may go up at once."""
    seen, fresh = (graded(data / "routing", "routerbench_0shot", (split,)) for split in ("train", "test"))
    hard = _difficulties(seen, fresh)
    sides = {
        "agreement": (answered(seen), answered(fresh)),
        "with_difficulty": (answered(seen, hard[0]), answered(fresh, hard[1])),
    }
    return {
        "labels_seen": f"{len(seen.ids)} tasks x {len(seen.models)} models",
        "test_tasks": len(fresh.ids),
        **{
            side: {name: _scored(train, test, target, folds(seen.ids, 0)) for name, target in TARGETS.items()}
            for side, (train, test) in sides.items()
        },
    }


def _difficulties(train: Graded, test: Graded) -> tuple[np.ndarray, np.ndarray]:
    """As the gateway reads it, by what `baton learn` finds in all train grades; of the train prompts out of fold."""
    lesson = lesson_of(train)
    scores = lesson.held_out[:, lesson.column]
    points, chances = zip(*lesson.residual.worse, strict=True)
    reader = ResidualReader(lesson.residual)
    said = [reader.read(read(normalised(prompt), len(prompt))).difficulty for prompt in test.prompts]
    return np.interp(scores, points, chances), np.array([one or 0.0 for one in said])


def answered(found: Graded, difficulty: np.ndarray | None = None) -> Answered:
    outcomes = found.outcomes
    texts = [[Answer(text) if text.strip() else None for text in row] for row in found.responses]
    return Answered(
        found.tasks,
        outcomes.types,
        found.models,
        outcomes.quality,
        outcomes.cost * NANO_PER_USD,
        says_of(texts),
        difficulty,
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
            + ("" if plan.skip_above is None else f"; at once above difficulty {plan.skip_above:.3f}")
            for plan in roads.plans
        },
    }
