"""The baseline: what each model is worth on each task type, and whether the configured reference is the best of them.

Every figure has its interval: quality by Wilson (0/1 grades) or betting (scores), by the clustered bootstrap where
prompts belong together; costs by BCa, since their tail is heavy. Times in seconds, money in US dollars.
"""

import asyncio
import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from baton.measure.bench import Bench, Entrants
from baton.measure.examiner import Outcome
from baton.measure.graders.grader import OutOfBudget
from baton.measure.graders.soundness import soundness
from baton.measure.judged import JudgeFigures, judge_figures
from baton.stats.betting import betting_interval
from baton.stats.intervals import Interval, bca_mean, wilson
from baton.stats.paths import Difference, paired_difference
from baton.stats.sanity import SanityReport
from baton.types.money import usd_from_nano

if TYPE_CHECKING:
    import numpy as np

PER_TYPE = 100
BOOTSTRAP_SEED = 20_251_124
AS_GOOD = 0.02
"""Nothing better than the reference by more than this: it is confirmed."""

Standing = Literal["confirmed", "contradicted", "open", "grader suspect"]
"""Of the configured reference: nothing can be better by over 2 points; something is better; neither is known yet."""


class Line(Struct, frozen=True):
    """One model on one task type. What nothing was graded for is None: a bare average is never shown."""

    model: str
    n: int
    asked: int
    quality: float | None
    interval: Interval | None
    method: str
    cost_usd: float
    cost_per_task_usd: float
    cost_interval_usd: Interval | None
    cost_per_success_usd: float | None
    latency_p50_s: float | None
    latency_p95_s: float | None
    refusal_rate: float
    format_failure_rate: float
    fault_rate: float
    judge: JudgeFigures | None = None


class TypeBaseline(Struct, frozen=True):
    """`better`: models that are better than the reference, with the paired difference."""

    task_type: str
    reference: str
    reference_is: Standing
    better: dict[str, Difference]
    grader: str
    sanity: SanityReport
    models: tuple[Line, ...]
    unfit: dict[str, str]
    simulated: bool
    stopped: str
    cost_usd: float
    """Of all answers that it is computed from, those of earlier runs among them."""


async def baseline(bench: Bench, entrants: Entrants, per_type: int, stepped: Callable[[], None]) -> TypeBaseline:
    """Raises OutOfBudget where not one prompt could be answered by every model."""
    outcomes: dict[str, list[Outcome]] = {model: [] for model in entrants.models}
    stopped = ""
    prompts = entrants.prompts[:per_type]
    step = max(1, bench.examiner.concurrency // len(entrants.models))
    for start in range(0, len(prompts), step):
        wanted = [(model, one) for one in prompts[start : start + step] for model in entrants.models]
        found = await asyncio.gather(*(bench.examiner.examine(*pair) for pair in wanted), return_exceptions=True)
        for one in found:
            if isinstance(one, Outcome):
                outcomes[one.model].append(one)
            elif not isinstance(one, OutOfBudget):
                raise one
            else:
                stopped = one.message
        stepped()
        if stopped:
            break
    if not all(outcomes.values()):
        raise OutOfBudget(f"the budget is too small for one prompt of {entrants.task_type!r} on each model: {stopped}")
    sanity = await soundness(bench.grader, prompts, outcomes, entrants.reference, bench.order.chance)
    return summary(bench, entrants, outcomes, sanity, stopped)


def summary(
    bench: Bench, entrants: Entrants, outcomes: Mapping[str, Sequence[Outcome]], sanity: SanityReport, stopped: str
) -> TypeBaseline:
    lines = []
    for model, rows in outcomes.items():
        figures = (
            judge_figures(bench, entrants, model, rows, outcomes[entrants.reference])
            if bench.judged and bench.journal
            else None
        )
        lines.append(line_of(model, rows, figures))
    standing, better = _reference(outcomes, entrants.reference)
    return TypeBaseline(
        task_type=entrants.task_type,
        reference=entrants.reference,
        reference_is=standing if sanity.sound else "grader suspect",
        better=better if sanity.sound else {},
        grader=bench.grader_id,
        sanity=sanity,
        models=tuple(sorted(lines, key=lambda line: (-line.cost_per_task_usd, line.model))),
        unfit=entrants.unfit,
        simulated=any(one.simulated for rows in outcomes.values() for one in rows),
        stopped=stopped,
        cost_usd=sum(line.cost_usd for line in lines),
    )


def line_of(model: str, rows: Sequence[Outcome], judge: JudgeFigures | None = None) -> Line:
    answered = [one for one in rows if not one.fault]
    graded = [one for one in answered if one.grade is not None]
    grades = [one.grade for one in graded if one.grade is not None]
    quality, interval, method = quality_of(grades, [one.cluster for one in graded])
    costs = [usd_from_nano(one.cost) for one in rows]
    total = math.fsum(costs)
    won = math.fsum(grades)
    times = sorted(one.duration_s for one in answered if one.duration_s)  # recorded grades may come without
    return Line(
        model=model,
        n=len(graded),
        asked=len(rows),
        quality=quality,
        interval=interval,
        method=method,
        cost_usd=total,
        cost_per_task_usd=total / len(rows) if rows else 0.0,
        cost_interval_usd=_cost_interval(costs),
        cost_per_success_usd=total / won if won else None,
        latency_p50_s=_quantile(times, 0.50),
        latency_p95_s=_quantile(times, 0.95),
        refusal_rate=_share([one.declined for one in answered]),
        format_failure_rate=_share([not one.formed for one in answered]),
        fault_rate=_share([bool(one.fault) for one in rows]),
        judge=judge,
    )


def quality_of(grades: Sequence[float], clusters: Sequence[str]) -> tuple[float | None, Interval | None, str]:
    """Mean, 95 % interval and how it was made. A prompt without a cluster is one by itself."""
    n = len(grades)
    if n == 0:
        return None, None, "nothing is graded"
    mean = math.fsum(grades) / n
    names = [name or f"alone {place}" for place, name in enumerate(clusters)]
    if len(set(names)) < n:
        if len(set(names)) < 2:
            return mean, Interval(0.0, 1.0), "one conversation: nothing can be said of others"
        return mean, bca_mean(grades, _rng(), clusters=names), "mean, clustered bootstrap 95 %"
    if all(grade in {0.0, 1.0} for grade in grades):
        return mean, wilson(math.fsum(grades), n), "share of right answers, Wilson 95 %"
    return mean, betting_interval(grades, horizon=n), "mean score, betting 95 %"


def _reference(outcomes: Mapping[str, Sequence[Outcome]], reference: str) -> tuple[Standing, dict[str, Difference]]:
    """Paired differences at a level that holds for all models together."""
    others = [model for model in outcomes if model != reference]
    level = 1 - 0.05 / max(1, len(others))
    better: dict[str, Difference] = {}
    all_behind = bool(others)
    for model in others:
        found = _difference(outcomes[model], outcomes[reference], level)
        if found is None:
            all_behind = False
            continue
        if found.interval.low > 0:
            better[model] = found
        all_behind = all_behind and found.interval.high <= AS_GOOD
    return ("contradicted" if better else "confirmed" if all_behind else "open"), better


def _difference(mine: Sequence[Outcome], theirs: Sequence[Outcome], level: float) -> Difference | None:
    by_prompt = {one.prompt: one.grade for one in theirs if one.grade is not None}
    pairs = [(one.grade, by_prompt[one.prompt]) for one in mine if one.grade is not None and one.prompt in by_prompt]
    found = paired_difference([a for a, _ in pairs], [b for _, b in pairs], level)
    return found if isinstance(found, Difference) else None


def _cost_interval(costs: Sequence[float]) -> Interval | None:
    return bca_mean(costs, _rng()) if len(costs) > 1 else None


def _rng() -> "np.random.Generator":
    import numpy as np

    return np.random.default_rng(BOOTSTRAP_SEED)


def _quantile(ordered: Sequence[float], share: float) -> float | None:
    """Nearest rank: a time that was really measured."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else None


def _share(flags: Sequence[bool]) -> float:
    return sum(flags) / len(flags) if flags else 0.0
