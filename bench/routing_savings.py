"""Cost saved against always asking the best model, by a table per task type: chosen on four folds, scored on the fifth.

Two rules. *Mean*: whole task types go to the cheapest arms whose mean grade keeps the target. *Bound*: the lower bound
(95 %, one-sided) of the paired margin keeps it, and a share of a type may go to a cheaper arm. Both see the grades of
every model on the training folds, and hold the others against the best model of these folds. Reported is against the
best model of all tasks.
"""

from pathlib import Path
from typing import Any

import numpy as np
from routing_outcomes import FOLDS, REPEATS, Graded, against, folds, graded, held_out

from baton.stats.choice import Choice, Outcomes, Served, cheapest_adequate

MADE_FOR_CALLS = ("xlam", "functionary", "firefunction", "hermes")
TARGETS = {"at_98": 0.98, "at_95": 0.95}
BOUND = 0.95


def savings(data: Path) -> dict[str, Any]:
    wide = data / "routing-wide"
    return {
        "bfcl_general": _measured(graded(wide, "bfcl_2024_08", ("train", "test"), _general)),
        "zeroeval": _measured(graded(wide, "zeroeval", ("train", "test"))),
        "swebench": _measured(graded(wide, "swebench_bashonly", ("train", "test"))),
    }


def _general(model: str) -> bool:
    return not any(name in model.lower() for name in MADE_FOR_CALLS)


def _measured(found: Graded) -> dict[str, Any]:
    best = found.reference()
    return {
        "tasks": len(found.ids),
        "models": len(found.models),
        "always_best": found.models[best],
        "labels_seen": f"all models on {FOLDS - 1} of {FOLDS} folds, {REPEATS} times",
        **{
            name: {
                "mean_rule": _scored(found, best, target, None, shares=False),
                "mean_rule_with_shares": _scored(found, best, target, None, shares=True),
                "bound_rule": _scored(found, best, target, BOUND, shares=True),
                "bound_rule_whole_types": _scored(found, best, target, BOUND, shares=False),
            }
            for name, target in TARGETS.items()
        },
    }


def _scored(found: Graded, best: int, target: float, confidence: float | None, *, shares: bool) -> dict[str, Any]:
    def choose(inside: Outcomes) -> Choice:
        reference = int(inside.quality.mean(axis=0).argmax())
        return cheapest_adequate(inside, reference, target, confidence=confidence, shares=shares)

    each = [held_out(found.outcomes, folds(found.ids, repeat), choose) for repeat in range(REPEATS)]
    mean = Served(np.mean([one.quality for one in each], axis=0), np.mean([one.cost for one in each], axis=0))
    return against(mean, found.outcomes.quality[:, best], found.outcomes.cost[:, best])
