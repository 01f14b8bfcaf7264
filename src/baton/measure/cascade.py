"""An answer-aware road per task type, chosen on graded answers: which cheap models, what convinces, who is asked else.

One rule serves routing and cascading: ask again while `expected gain of another call > lambda * its cost`. What a state
of answers is worth is read from graded tasks: every road (a model alone; two or three cheap ones that must agree, else
a strong one; each with or without sending hard prompts up at once) is walked over the recorded answers, all its calls
counted, and is then an arm like any other. For one lambda the best arm of a type is the policy that obeys the rule;
`stats/choice.py` takes the lambda at which all types together keep the target at least cost, with a margin that
cross-validation asks for.
"""

import math
from collections.abc import Iterator, Sequence
from itertools import combinations
from statistics import NormalDist

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from baton.check.verifiers.rederives import groups_of
from baton.decide.cascade import UNCOUNTED
from baton.stats.choice import Careful, Outcomes, careful
from baton.types.cascade import CascadePlan, CascadeStep
from baton.types.verdict import Answer

MAX_CHEAP = 8
"""Models that may stand in a step: the best of those that cost at most `CHEAP` of the reference."""
CHEAP = 0.5
MAX_ESCALATIONS = 3
LIMITS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
"""Quantiles of the difficulty within a task type above which a road of one or two steps may be skipped."""
LEVEL = 0.95


class Answered(Struct, frozen=True):
    """Tasks that several models answered, graded. All arrays are (tasks, models) but `types` and `difficulty`."""

    task_types: tuple[str, ...]
    types: np.ndarray
    """(tasks,): numbers of `task_types`."""
    models: tuple[str, ...]
    quality: np.ndarray
    cost: np.ndarray
    """Nano-dollars."""
    says: np.ndarray
    """Within a task equal numbers are the same answer; `UNCOUNTED` agrees with nothing."""
    difficulty: np.ndarray | None = None
    """(tasks,): 0..1, by a predictor that has not seen the grades of the task."""

    def at(self, rows: np.ndarray) -> "Answered":
        hard = None if self.difficulty is None else self.difficulty[rows]
        quality, cost, says = self.quality[rows], self.cost[rows], self.says[rows]
        return Answered(self.task_types, self.types[rows], self.models, quality, cost, says, hard)


class Roads(Struct, frozen=True):
    """One plan per task type, and how they did on tasks that they were not chosen on."""

    plans: tuple[CascadePlan, ...]
    confidence: float | None
    """The bound at which they are cheapest and keep the target on other folds; None: the mean as it is."""
    chosen: Careful


class Walked(Struct, frozen=True):
    """A plan on every task, (tasks,)."""

    quality: np.ndarray
    cost: np.ndarray
    kept: np.ndarray
    """Whether `escalate_to` was not asked."""


def says_of(answers: Sequence[Sequence[Answer | None]]) -> np.ndarray:
    """`answers[task][model]`, None where an answer failed its checks; compared as the gateway compares them."""
    return np.array([groups_of(row) for row in answers], dtype=np.int32)


def choose_roads(answered: Answered, reference: str, target: float, folds: np.ndarray) -> Roads:
    """The cheapest plans that keep `target` (0..1) of the reference's quality over all tasks, also on other folds.

    `folds` (tasks,) numbers the folds; what is alike belongs into one. Raises ValueError for a model that is not there
    and for what `stats.choice` refuses.
    """
    if reference not in answered.models:
        raise ValueError(f"reference {reference!r} was not graded: use one of {', '.join(answered.models)}")
    strong = answered.models.index(reference)
    plans = list(_candidates(answered, strong))
    ranked = replace(answered, difficulty=_ranks(answered))
    walks = [walked(plan, ranked) for plan in plans]
    outcomes = Outcomes(
        answered.types,
        np.column_stack([one.quality for one in walks]),
        np.column_stack([one.cost for one in walks]),
    )
    alone = next(place for place, plan in enumerate(plans) if not plan.steps and plan.escalate_to == reference)
    chosen = careful(outcomes, alone, target, folds)
    return Roads(_told(answered, plans, walks, chosen, strong), chosen.confidence, chosen)


def walked(plan: CascadePlan, answered: Answered) -> Walked:
    """As `decide.cascade.next_of` walks one task, on all tasks at once."""
    column = answered.models.index
    steps = [column(step.arm) for step in plan.steps]
    n = len(answered.types)
    quality, cost = np.full(n, np.nan), np.zeros(n)
    asking, kept = np.ones(n, dtype=bool), np.zeros(n, dtype=bool)
    if plan.skip_above is not None and answered.difficulty is not None:
        asking &= answered.difficulty <= plan.skip_above
    most = np.zeros(n, dtype=np.int64)
    for place, step in enumerate(plan.steps):
        left = range(place, len(steps))
        asking &= np.any([most + later - place + 1 >= plan.steps[later].quorum for later in left], axis=0)
        cost = cost + np.where(asking, answered.cost[:, steps[place]], 0.0)
        said = answered.says[:, steps[: place + 1]]
        alike = (said == said[:, -1:]) & (said[:, -1:] != UNCOUNTED)
        votes = alike.sum(axis=1)
        keeps = asking & (votes >= step.quorum)
        first = np.asarray(steps)[alike.argmax(axis=1)]
        quality = np.where(keeps, answered.quality[np.arange(n), first], quality)
        kept |= keeps
        asking &= ~keeps
        most = np.maximum(most, votes)
    strong = column(plan.escalate_to)
    return Walked(
        np.where(kept, quality, answered.quality[:, strong]),
        cost + np.where(kept, 0.0, answered.cost[:, strong]),
        kept,
    )


def _ranks(answered: Answered) -> np.ndarray | None:
    """Difficulty as its rank within the task type, 0..1; None where there is none."""
    if answered.difficulty is None:
        return None
    ranks = np.zeros(len(answered.types))
    for number in range(len(answered.task_types)):
        rows = np.flatnonzero(answered.types == number)
        order = np.argsort(np.argsort(answered.difficulty[rows], kind="stable"), kind="stable")
        ranks[rows] = order / max(len(rows) - 1, 1)
    return ranks


def _candidates(answered: Answered, strong: int) -> Iterator[CascadePlan]:
    """Their `skip_above` is a rank within the task type."""
    for model in answered.models:
        yield CascadePlan("", (), model)
    limits: list[float | None] = [None]
    if answered.difficulty is not None:
        limits += LIMITS
    for escalate_to in _escalations(answered, strong):
        for arms, quorum in _agreements(answered, strong):
            steps = tuple(CascadeStep(answered.models[arm], quorum=quorum) for arm in arms)
            for limit in limits if len(arms) <= 2 else limits[:1]:
                if escalate_to not in arms:
                    yield CascadePlan("", steps, answered.models[escalate_to], skip_above=limit)


def _escalations(answered: Answered, strong: int) -> list[int]:
    """The reference, and the models that are best on a type."""
    best = [int(np.nanmean(answered.quality[answered.types == t], axis=0).argmax()) for t in np.unique(answered.types)]
    return list(dict.fromkeys([strong, *best]))[:MAX_ESCALATIONS]


def _agreements(answered: Answered, strong: int) -> Iterator[tuple[tuple[int, ...], int]]:
    """Models in the order in which they are asked, and how many must agree."""
    cost, quality = np.nanmean(answered.cost, axis=0), np.nanmean(answered.quality, axis=0)
    affordable = [arm for arm in np.argsort(-quality).tolist() if cost[arm] <= CHEAP * cost[strong] and arm != strong]
    cheap = sorted(affordable[:MAX_CHEAP], key=lambda arm: float(cost[arm]))
    if answered.difficulty is not None or (answered.says == UNCOUNTED).any():
        yield from (((arm,), 1) for arm in cheap)
    yield from ((pair, 2) for pair in combinations(cheap, 2))
    for one, two, three in combinations(cheap, 3):
        for order in ((one, two, three), (one, three, two), (two, three, one)):
            yield order, 2
            yield order, 3


def _told(
    answered: Answered, plans: Sequence[CascadePlan], walks: Sequence[Walked], chosen: Careful, strong: int
) -> tuple[CascadePlan, ...]:
    """The chosen plans with their figures: share kept on all tasks, quality and cost on tasks held out."""
    found = []
    for number, name in enumerate(answered.task_types):
        rows = answered.types == number
        arm = chosen.choice.arms[number]
        quality, cost = chosen.held_out.quality[rows], chosen.held_out.cost[rows]
        plan = plans[arm]
        limit = plan.skip_above
        if limit is not None and answered.difficulty is not None:
            limit = float(np.quantile(answered.difficulty[rows], limit))
        found.append(
            CascadePlan(
                name, plan.steps, plan.escalate_to, limit,
                expected_cost=round(float(cost.mean())),
                reference_cost=round(float(answered.cost[rows, strong].mean())),
                share_kept=float(walks[arm].kept[rows].mean()),
                quality=float(quality.mean()),
                low=_ratio_low(quality, answered.quality[rows, strong]),
                n=int(rows.sum()),
            )
        )  # fmt: skip
    return tuple(found)


def _ratio_low(quality: np.ndarray, reference: np.ndarray) -> float:
    """One-sided lower bound of mean(quality) / mean(reference) on the same tasks, by the delta method."""
    n, mean = len(quality), float(reference.mean())
    if n < 2 or mean == 0.0:
        return 0.0
    ratio = float(quality.mean()) / mean
    spread = float((quality - ratio * reference).std(ddof=1)) / mean / math.sqrt(n)
    return max(0.0, ratio - NormalDist().inv_cdf(LEVEL) * spread)
