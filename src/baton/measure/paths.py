"""How two routing paths differ in quality: on the same prompts, or not at all.

Raw averages of two models are confounded, since hard tasks go up. Fair are prompts that were graded on both: those of
the run record (`baton baseline`, `baton ladder`), and questions of callers that came to both, where they were kept.
Routing draws nothing at random, so there are no chances to weight by; where there are no pairs it says so.
"""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from baton.measure.datasets.ledger import prompts_of
from baton.measure.journal import grades_in
from baton.record.contents import kept_contents
from baton.record.database import Place
from baton.record.queries import graded_models
from baton.stats.intervals import Interval
from baton.stats.paths import FEWEST, Difference, paired_difference

LEVEL = 0.95
Scores = dict[str, dict[str, float]]
"""Grade by prompt and model."""


class PathDifference(Struct, frozen=True):
    """Quality on `a` minus that on `b`, and its interval (95 %); all None, with the reason, where not comparable."""

    a: str
    b: str
    comparable: bool
    difference: float | None
    interval: Interval | None
    method: str
    n: int
    reason: str


def path_differences(place: Place, record: Path, since: float = 0.0) -> dict[str, list[PathDifference]]:
    """By task type, every two models that answered graded tasks of it. Raises LedgerError, ProofError."""
    served = graded_models(place, since)
    measured = _measured(record)
    asked = _asked_twice(place, since)
    found = {}
    for task_type, models in sorted(served.items()):
        pairs = itertools.combinations(sorted(models), 2)
        found[task_type] = [_compared(a, b, measured.get(task_type, {}), asked.get(task_type, {})) for a, b in pairs]
    return {task_type: lines for task_type, lines in found.items() if lines}


def _compared(a: str, b: str, measured: Mapping[str, Scores], asked: Scores) -> PathDifference:
    """By the grader with most pairs; grades of different graders are never mixed."""
    best: list[tuple[float, float]] = []
    method, most = "", -1
    for name, scores in (*measured.items(), ("of callers", asked)):
        pairs = [(of[a], of[b]) for of in scores.values() if a in of and b in of]
        if len(pairs) > most:
            best, method, most = pairs, f"paired, {name}", len(pairs)
    result = paired_difference([x for x, _ in best], [y for _, y in best], LEVEL)
    if isinstance(result, Difference):
        return PathDifference(a, b, True, result.difference, result.interval, method, result.n, "")
    why = (
        f"not comparable: routing draws nothing at random, and {len(best)} prompts were graded on both (need {FEWEST})"
        ": `baton baseline` grades both on the same prompts"
    )
    return PathDifference(a, b, False, None, None, "", len(best), why)


def _measured(record: Path) -> dict[str, dict[str, Scores]]:
    """By task type and grader."""
    found: dict[str, dict[str, Scores]] = {}
    for one in grades_in(record):
        if one.score is not None and one.model_id and not one.against:
            scores = found.setdefault(one.task_type, {}).setdefault(f"measured by {one.grader}", {})
            scores.setdefault(one.prompt, {})[one.model_id] = one.score
    return found


def _asked_twice(place: Place, since: float) -> dict[str, Scores]:
    """Questions of callers by what was asked: the mean grade of each model that answered."""
    kept = [one for one in kept_contents(place, since) if one.grade is not None]
    grades = {one.request_id: (one.model, one.grade) for one in kept if one.grade is not None}
    given: dict[str, dict[str, dict[str, list[float]]]] = {}
    for prompt in prompts_of(kept):
        model, grade = grades[prompt.id]
        given.setdefault(prompt.task_type, {}).setdefault(prompt.key, {}).setdefault(model, []).append(grade)
    return {
        task_type: {key: {model: _mean(scores) for model, scores in models.items()} for key, models in keys.items()}
        for task_type, keys in given.items()
    }


def _mean(scores: Sequence[float] | Iterable[float]) -> float:
    values = list(scores)
    return sum(values) / len(values)
