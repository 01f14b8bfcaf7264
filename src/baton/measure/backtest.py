"""Recorded traffic against another policy: what would go where, what it would cost, how good it would be. No model is
called.

Quality is told from the best evidence there is for each request, and every figure says which:
*direct*, the same model answers as before, or the other model's answer to this very prompt is graded too; *table*, the
measured mean of (task type, model) in this log, shrunk, or what the config itself knows by measurement or word; else it
is unknown, and counted. Where propensities were logged, the doubly robust estimate stands beside it.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import NormalDist

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from baton.decide.policy import Policy
from baton.decide.table import MeasuredTable
from baton.measure.shrinkage import weighed
from baton.measure.traffic import Logged
from baton.stats.intervals import Interval
from baton.stats.off_policy import Worth, doubly_robust
from baton.types.decision import Decision, PolicySnapshot
from baton.types.errors import NoEligibleModel, NotAllowed, RequestError, UnknownModel
from baton.types.learned import Cell, QualityTable
from baton.types.money import usd_from_nano
from baton.types.request import Caller

Z = NormalDist().inv_cdf(0.975)
KNOWN_EVIDENCE = frozenset({"certified", "measured", "configured"})
ENOUGH = 30


class Share(Struct, frozen=True):
    """Of the requests that can be compared, 0..1. `before` is None where the log does not say what was served."""

    before: float | None
    after: float


class Costs(Struct, frozen=True):
    """US dollars of the requests for which both sides are known."""

    requests: int
    before_usd: float
    after_usd: float
    change_pct: float | None
    basis: str


class Figure(Struct, frozen=True):
    """A mean grade 0..1 (or a difference of two, -1..1) with its interval (95 %), of `n` requests."""

    mean: float
    interval: Interval
    n: int
    method: str


class Changes(Struct, frozen=True):
    """How the requests stand that the new policy sends elsewhere."""

    requests: int
    graded_both: int
    by_table: int
    unknown: int


class Backtest(Struct, frozen=True):
    requests: int
    simulated: bool
    share_by_model: dict[str, Share]
    changes: Changes
    cost: Costs | None
    quality_before: Figure | None
    quality_after: Figure | None
    """Over the requests whose quality is known, by answer or by table."""
    difference: Figure | None
    """After minus before on the same requests; what stays where it was differs by 0."""
    doubly_robust: Worth | None
    refused: dict[str, int]
    """Requests that the new policy would not serve, by why."""
    by_task_type: dict[str, dict[str, Share]]
    unknown: tuple[str, ...]
    """What this backtest cannot tell, in sentences."""


class _Replayed(Struct, frozen=True):
    logged: Logged
    decision: Decision
    task_type: str


def backtest(log: Sequence[Logged], snapshot: PolicySnapshot, *, simulated: bool = False) -> Backtest:
    """`snapshot` is the policy to try. Deterministic."""
    policy = Policy(snapshot)
    refused: Counter[str] = Counter()
    replayed = [one for logged in log if (one := _decided(policy, logged, refused)) is not None]
    judge = _Judge(replayed, snapshot)
    before = [judge.quality(one, one.logged.served) for one in replayed]
    after = [judge.quality(one, one.decision.model) for one in replayed]
    return Backtest(
        requests=len(log),
        simulated=simulated,
        share_by_model=_shares(replayed),
        changes=_changes(replayed, before, after),
        cost=_costs(replayed, snapshot),
        quality_before=_figure(before),
        quality_after=_figure(after),
        difference=_difference(replayed, before, after),
        doubly_robust=_robust(replayed, judge),
        refused=dict(refused.most_common()),
        by_task_type={
            name: _shares([one for one in replayed if one.task_type == name])
            for name in sorted({one.task_type for one in replayed})
        },
        unknown=_unknown(log, replayed, after, snapshot),
    )


# --- deciding again -----------------------------------------------------------------------------------


def _decided(policy: Policy, logged: Logged, refused: Counter[str]) -> _Replayed | None:
    request = logged.request
    if request.wish.task_type is not None and request.wish.task_type not in policy.snapshot.task_types:
        request = replace(request, wish=replace(request.wish, task_type=None))
    try:
        decision = policy.decide(request, Caller(name=logged.key or "backtest"), logged.id)
    except UnknownModel:
        refused[f"{request.model!r} is not configured"] += 1
    except (NotAllowed, NoEligibleModel, RequestError) as error:
        refused[f"{error.code}: {str(error)[:120]}"] += 1
    else:
        return _Replayed(logged, decision, logged.task_type or decision.task_type)
    return None


# --- quality ------------------------------------------------------------------------------------------


class _Told(Struct, frozen=True):
    """Quality of one model on one request. `cell` names what a table figure rests on, with its standard error."""

    quality: float
    cell: tuple[str, str] | None = None
    error: float = 0.0


class _Judge:
    def __init__(self, replayed: Sequence[_Replayed], snapshot: PolicySnapshot) -> None:
        graded: dict[str, dict[str, list[float]]] = {}
        for one in replayed:
            for model, grade in one.logged.grades.items():
                graded.setdefault(one.task_type, {}).setdefault(model, []).append(grade)
        cells = {
            name: {model: Cell(len(grades), sum(grades) / len(grades)) for model, grades in row.items()}
            for name, row in graded.items()
        }
        parents = {name: one.parent for name, one in snapshot.task_types.items() if one.parent is not None}
        self._table = MeasuredTable(
            weighed(QualityTable(cells, parents)), {card.id: card.quality for card in snapshot.cards.values()}
        )

    def quality(self, one: _Replayed, model: str | None) -> _Told | None:
        if model is None:
            return None
        grade = one.logged.grades.get(model)
        return _Told(grade) if grade is not None else self.by_table(one, model)

    def by_table(self, one: _Replayed, model: str) -> _Told | None:
        """Grades of this log on this very type first, then what the new policy itself knows of the model."""
        found = self._table.of(one.task_type, model)
        if found is not None and found.n > 0:
            return _Told(found.quality, (one.task_type, model), (found.quality - found.low) / 1.645)
        stated = next((each for each in one.decision.candidates if each.model == model), None)
        if stated is not None and stated.evidence in KNOWN_EVIDENCE:
            error = 0.0 if stated.bound is None else (stated.quality - stated.bound) / 1.645
            return _Told(stated.quality, (one.task_type, model), error)
        return None


def _figure(told: Sequence[_Told | None]) -> Figure | None:
    known = [one for one in told if one is not None]
    if not known:
        return None
    direct = sum(one.cell is None for one in known)
    values = np.array([one.quality for one in known])
    spread = _spread(values, [(one, 1.0) for one in known])
    mean = float(values.mean())
    method = f"{direct} graded answers, {len(known) - direct} by table"
    return Figure(mean, Interval(max(0.0, mean - spread), min(1.0, mean + spread)), len(known), method)


def _difference(
    replayed: Sequence[_Replayed], before: Sequence[_Told | None], after: Sequence[_Told | None]
) -> Figure | None:
    values, parts, same, direct = [], list[tuple[_Told, float]](), 0, 0
    for one, old, new in zip(replayed, before, after, strict=True):
        if one.logged.served is not None and one.logged.served == one.decision.model:
            values.append(0.0)
            same += 1
        elif old is not None and new is not None:
            values.append(new.quality - old.quality)
            parts += [(new, 1.0), (old, -1.0)]
            direct += old.cell is None and new.cell is None
    if not values:
        return None
    changed = np.array(values)
    mean, spread = float(changed.mean()), _spread(changed, parts)
    method = f"{same} unchanged, {direct} graded on both, {len(values) - same - direct} by table"
    return Figure(mean, Interval(max(-1.0, mean - spread), min(1.0, mean + spread)), len(values), method)


def _spread(values: np.ndarray, parts: Sequence[tuple[_Told, float]]) -> float:
    """Half a 95 % interval of the mean: between requests, and of the table, whose cells err for all requests alike."""
    n = len(values)
    variance = float(values.var(ddof=1)) / n if n > 1 else 0.25
    weights: dict[tuple[str, str], float] = {}
    errors: dict[tuple[str, str], float] = {}
    for told, sign in parts:
        if told.cell is not None:
            weights[told.cell] = weights.get(told.cell, 0.0) + sign / n
            errors[told.cell] = told.error
    return Z * math.sqrt(variance + sum((weights[cell] * errors[cell]) ** 2 for cell in weights))


def _robust(replayed: Sequence[_Replayed], judge: _Judge) -> Worth | None:
    rows = [
        (new.quality, old.quality, logged.grades[logged.served], logged.served == one.decision.model, logged.propensity)
        for one in replayed
        if (logged := one.logged).propensity is not None
        and logged.served is not None
        and logged.served in logged.grades
        and (new := judge.by_table(one, one.decision.model)) is not None
        and (old := judge.by_table(one, logged.served)) is not None
    ]
    if not rows:
        return None
    predicted, served, grades, same, chances = (np.array(column) for column in zip(*rows, strict=True))
    return doubly_robust(predicted, served, grades, same, chances)


# --- shares and cost ----------------------------------------------------------------------------------


def _shares(replayed: Sequence[_Replayed]) -> dict[str, Share]:
    n = len(replayed)
    told = all(one.logged.served is not None for one in replayed)
    before = Counter(one.logged.served for one in replayed)
    after = Counter(one.decision.model for one in replayed)
    names = {name for name in (*before, *after) if name is not None}
    ordered = sorted(names, key=lambda name: (-after[name], -before[name], name))
    return {name: Share(before[name] / n if told else None, after[name] / n) for name in ordered}


def _changes(replayed: Sequence[_Replayed], before: Sequence[_Told | None], after: Sequence[_Told | None]) -> Changes:
    moved = graded = table = 0
    for one, old, new in zip(replayed, before, after, strict=True):
        if one.logged.served != one.decision.model:
            moved += 1
            known = old is not None and new is not None
            both = known and old is not None and new is not None and old.cell is None and new.cell is None
            graded += both
            table += known and not both
    return Changes(moved, graded, table, moved - graded - table)


def _costs(replayed: Sequence[_Replayed], snapshot: PolicySnapshot) -> Costs | None:
    pairs = []
    recorded = 0
    for one in replayed:
        served, model = one.logged.served, one.decision.model
        old = one.logged.costs.get(served) if served is not None else None
        if old is None:
            continue
        new = one.logged.costs.get(model)
        recorded += new is not None
        if new is None:
            usage = one.logged.usage
            new = one.decision.expected_cost if usage is None else snapshot.cards[model].price.cost(usage)
        pairs.append((old, new if one.decision.plan is None else one.decision.expected_cost))
    if not pairs:
        return None
    old_sum, new_sum = (sum(side) for side in zip(*pairs, strict=True))
    basis = f"{recorded} as recorded, {len(pairs) - recorded} the same tokens at the other model's price"
    change = 100.0 * (new_sum / old_sum - 1.0) if old_sum else None
    return Costs(len(pairs), usd_from_nano(old_sum), usd_from_nano(new_sum), change, basis)


# --- what it cannot tell ------------------------------------------------------------------------------


def _unknown(
    log: Sequence[Logged],
    replayed: Sequence[_Replayed],
    after: Sequence[_Told | None],
    snapshot: PolicySnapshot,
) -> tuple[str, ...]:
    said = []
    n = len(log)
    if rebuilt := sum(not one.whole for one in log):
        said.append(
            f"{rebuilt} of {n} requests are rebuilt from size and task type: their text was not kept, so rules on it, "
            "difficulty, tools and media do not count"
        )
    if silent := sum(one.served is None for one in log):
        said.append(f"{silent} of {n} requests do not say which answer was served: no before for them")
    if blank := sum(one is None for one in after):
        models = sorted({one.decision.model for one, told in zip(replayed, after, strict=True) if told is None})
        said.append(f"{blank} of {n} requests go where nothing is graded: quality unknown for {', '.join(models)}")
    if any(told is not None and told.cell is not None for told in after):
        said.append(
            "figures by table rest on the answers that the old policy sent to each model: where it sent the hard ones "
            "up, they flatter the cheap models; only graded pairs or logged propensities free them of it"
        )
    said += _thin(replayed)
    gone = sorted({one.served for one in log if one.served is not None} - set(snapshot.cards))
    if gone:
        said.append(f"served then, not configured now: {', '.join(gone)}")
    if any(one.decision.plan is not None for one in replayed):
        said.append("cascades are counted at their first model and their expected cost: what their checks find is open")
    return tuple(said)


def _thin(replayed: Sequence[_Replayed]) -> list[str]:
    graded: Mapping[tuple[str, str], int] = Counter(
        (one.task_type, model) for one in replayed for model in one.logged.grades
    )
    used = Counter((one.task_type, one.decision.model) for one in replayed)
    thin = [(cell, graded[cell]) for cell in used if 0 < graded.get(cell, 0) < ENOUGH]
    return [
        f"{model} on {task_type}: {n} graded answers only"
        for (task_type, model), n in sorted(thin, key=lambda one: one[0])
    ]
