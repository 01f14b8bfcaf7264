"""Bars of the gate, the shift and the sanity rules, on recorded grades of Mixtral and GPT-4."""

import math
from collections import Counter
from typing import NamedTuple

import numpy as np
from routing_data import Pairs, pairs
from statistics_verdict import Bar, Run

from baton.decide.features import BITS, read
from baton.decide.text import normalised
from baton.stats.gate import GateItems, certify_gate
from baton.stats.guarantee import Guarantee
from baton.stats.sanity import GraderEvidence, Tally, examine

TRAINING, FOLDS = 2_500, 5
PILOT, UNLABELLED = 300, 2_000
PRIOR = 20
RIDGE = 10.0
STEPS = 40
POOLED, TYPED = 200, 40
"""Repetitions of certificates over all types, and of one for each type."""
SHARES = {0.98: 0.09, 0.95: 0.35, 0.90: 0.65}
"""rho: least share sent to the cheap model at 2,000 calibration items."""
STEM = (
    "abstract_algebra", "astronomy", "biology", "chemistry", "physics", "computer", "mathematics", "statistics",
    "electrical_engineering", "machine_learning", "anatomy", "gsm8k",
)  # fmt: skip


def recorded(run: Run) -> Pairs:
    """MMLU and GSM8K, all files, without the subject whose grades are broken."""
    parts = [
        pairs(run.data, stem, split) for stem in ("routellm_mmlu", "routellm_gsm8k") for split in ("train", "test")
    ]
    whole = Pairs(
        [prompt for part in parts for prompt in part.prompts],
        [task for part in parts for task in part.tasks],
        np.concatenate([part.weak for part in parts]),
        np.concatenate([part.strong for part in parts]),
    )
    return whole.at([row for row, task in enumerate(whole.tasks) if not task.endswith("high_school_mathematics")])


class Scorer(NamedTuple):
    """1 - what the cheap model is expected to lose: a shrunk table of task types and a ridge on hashed n-grams."""

    table: dict[str, float]
    overall: float
    weights: np.ndarray

    def __call__(self, items: Pairs) -> np.ndarray:
        loss = [self.table.get(task, self.overall) for task in items.tasks] + hashed(items.prompts).dot(self.weights)
        return np.clip(1 - np.asarray(loss), 0, 1)


class Hashed(NamedTuple):
    """Sparse rows: the buckets of each prompt, each worth 1 / sqrt(their number)."""

    rows: np.ndarray
    buckets: np.ndarray
    values: np.ndarray
    n: int

    def dot(self, weights: np.ndarray) -> np.ndarray:
        return np.bincount(self.rows, self.values * weights[self.buckets], self.n)

    def transposed_dot(self, residuals: np.ndarray) -> np.ndarray:
        return np.bincount(self.buckets, self.values * residuals[self.rows], 1 << BITS)


def hashed(prompts: list[str]) -> Hashed:
    found = [sorted(read(normalised(prompt)).buckets) for prompt in prompts]
    sizes = np.array([max(1, len(one)) for one in found])
    rows = np.repeat(np.arange(len(found)), [len(one) for one in found])
    return Hashed(
        rows, np.array([b for one in found for b in one], dtype=np.int64), 1 / np.sqrt(sizes[rows]), len(found)
    )


def trained(items: Pairs) -> Scorer:
    """Ridge by conjugate gradients on what the table leaves over."""
    loss = np.maximum(items.strong - items.weak, 0)
    overall, n = float(loss.mean()), Counter(items.tasks)
    sums: Counter[str] = Counter()
    for task, one in zip(items.tasks, loss, strict=True):
        sums[task] += float(one)
    table = {task: (sums[task] + PRIOR * overall) / (n[task] + PRIOR) for task in n}
    x = hashed(items.prompts)
    goal = x.transposed_dot(loss - np.array([table[task] for task in items.tasks]))
    weights, rest = np.zeros(1 << BITS), goal.copy()
    direction, size = rest.copy(), rest @ rest
    for _ in range(STEPS):
        moved = x.transposed_dot(x.dot(direction)) + RIDGE * direction
        step = size / (direction @ moved)
        weights += step * direction
        rest -= step * moved
        direction, size = rest + (rest @ rest / size) * direction, rest @ rest
    return Scorer(table, overall, weights)


def drawn(world: GateItems, n: int, rng: np.random.Generator) -> GateItems:
    chosen = rng.integers(0, len(world.scores), n)
    return GateItems(world.scores[chosen], world.reference[chosen], world.cheap[chosen])


def ratio(world: GateItems, threshold: float) -> float:
    """What the gate keeps of the reference's quality: the truth of the population that is drawn from."""
    return float(np.where(world.scores >= threshold, world.cheap, world.reference).sum() / world.reference.sum())


def gate(run: Run) -> list[Bar]:
    """The population is all recorded items, each scored by weights that have not seen it."""
    seen = recorded(run)
    mixed, scores = run.rng("gate").permutation(len(seen)), np.zeros(len(seen))
    for held in np.array_split(mixed, FOLDS):
        scores[held] = trained(seen.at(np.setdiff1d(mixed, held)))(seen.at(held))
    world = GateItems(scores, seen.strong, seen.weak)
    bars = [Bar("ranks where the cheap model is no worse (AUC)", auc(scores, seen.weak >= seen.strong))]
    for rho, least in SHARES.items():
        for n in (500, 2_000):
            bars += certified(world, rho, n, run, least if n == 2_000 else None)
    return bars


def certified(world: GateItems, rho: float, n: int, run: Run, least: float | None) -> list[Bar]:
    rng = run.rng(f"gate {rho} {n}")
    guarantee = Guarantee(rho)
    wrong = naive_wrong = 0
    share = 0.0
    for _ in range(run.reps):
        calibration, pilot = drawn(world, n, rng), drawn(world, PILOT, rng)
        unlabelled = drawn(world, UNLABELLED, rng).scores
        found = certify_gate(calibration, pilot, unlabelled, guarantee)
        threshold = math.inf if found.threshold is None else found.threshold
        wrong += ratio(world, threshold) < rho
        share += float((world.scores >= threshold).mean())
        naive_wrong += ratio(world, naive(calibration, rho)) < rho
    bars = [
        Bar(f"violations, rho {rho}, n {n}", wrong / run.reps, at_most=0.05),
        Bar(f"share to the cheap model, rho {rho}, n {n}", share / run.reps, at_least=least),
    ]
    control = f"control: violations of the threshold that fits the calibration items, rho {rho}, n {n}"
    return [*bars, Bar(control, naive_wrong / run.reps, at_least=0.4)]


def naive(calibration: GateItems, rho: float) -> float:
    """The threshold, among all scores, that sends most and keeps rho on the calibration items themselves."""
    order = np.argsort(-calibration.scores, kind="stable")
    served = calibration.reference.sum() + np.cumsum((calibration.cheap - calibration.reference)[order])
    fitting = np.flatnonzero(served >= rho * calibration.reference.sum())
    return float(calibration.scores[order[fitting[-1]]]) if fitting.size else math.inf


def auc(scores: np.ndarray, good: np.ndarray) -> float:
    """Mann and Whitney's share of pairs in the right order, ties as half."""
    ordered, inverse, n = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(n) - (n - 1) / 2)[inverse]
    yes = int(good.sum())
    return float((ranks[good].sum() - yes * (yes + 1) / 2) / (yes * (len(ordered[inverse]) - yes)))


def shift(run: Run) -> list[Bar]:
    """Trained and certified on what is not STEM; then STEM comes. Certificates for each task type keep it out."""
    seen, rho = recorded(run), 0.9
    rng = run.rng("shift")
    rows = rng.permutation(len(seen))
    stem = np.array([any(word in seen.tasks[row] for word in STEM) for row in rows])
    known, unseen = seen.at(rows[~stem]), seen.at(rows[stem])
    score = trained(known.at(range(TRAINING)))
    held = known.at(range(TRAINING, len(known)))
    world, foreign = (GateItems(score(items), items.strong, items.weak) for items in (held, unseen))
    found: dict[str, list[float]] = {key: [] for key in ("known", "foreign", "known share", "foreign share")}
    for _ in range(min(run.reps, POOLED)):
        threshold = threshold_for(drawn(world, len(held) // 2, rng), rho)
        for name, items in (("known", world), ("foreign", foreign)):
            found[name].append(ratio(items, threshold))
            found[f"{name} share"].append(float((items.scores >= threshold).mean()))
    keeps = {name: float((np.array(found[name]) >= rho).mean()) for name in ("known", "foreign")}
    return [
        Bar("certificates pooled: share of them that holds on known types", keeps["known"], at_least=0.95),
        Bar("the same on unseen STEM", keeps["foreign"], at_most=0.05),
        Bar("quality kept on unseen STEM, mean", float(np.mean(found["foreign"]))),
        Bar("share of unseen STEM to the cheap model, mean", float(np.mean(found["foreign share"]))),
        Bar("share of known types to the cheap model, mean", float(np.mean(found["known share"]))),
        *typed(world, held.tasks, foreign, unseen.tasks, rho, run),
    ]


def typed(
    world: GateItems, tasks: list[str], foreign: GateItems, foreign_tasks: list[str], rho: float, run: Run
) -> list[Bar]:
    """Each task type its certificate, from as many items as it has; a type without one goes to the reference."""
    rng = run.rng("shift, typed")
    names = np.array(tasks)
    worlds = {task: part(world, names == task) for task in sorted(set(tasks))}
    wrong = certificates = 0
    cheap, all_kept = [], []
    for _ in range(min(run.reps, TYPED)):
        thresholds = {task: threshold_for(drawn(one, len(one.scores), rng), rho) for task, one in worlds.items()}
        certificates += sum(map(math.isfinite, thresholds.values()))
        wrong += sum(ratio(one, thresholds[task]) < rho for task, one in worlds.items())
        cheap.append(float((world.scores >= np.array([thresholds[task] for task in tasks])).mean()))
        on_foreign = np.array([thresholds.get(task, math.inf) for task in foreign_tasks])
        served = np.where(foreign.scores >= on_foreign, foreign.cheap, foreign.reference)
        all_kept.append(float(served.sum() / foreign.reference.sum()))
    tried = len(worlds) * len(cheap)
    return [
        Bar("per type, unknown types to the reference: least kept on unseen STEM", min(all_kept), at_least=rho),
        Bar("per type: share of the type's gates that violate", wrong / tried, at_most=0.05),
        Bar("per type: share of types with a certificate", certificates / tried),
        Bar("per type: share of known types to the cheap model, mean", float(np.mean(cheap))),
    ]


def part(items: GateItems, rows: np.ndarray) -> GateItems:
    return GateItems(items.scores[rows], items.reference[rows], items.cheap[rows])


def threshold_for(graded: GateItems, rho: float) -> float:
    """Certified on all but a pilot of 300 items or a third, whichever is less; inf where there are too few."""
    pilot = min(PILOT, len(graded.scores) // 3)
    if pilot < 30:
        return math.inf
    rows = np.arange(len(graded.scores))
    first, rest = part(graded, rows < pilot), part(graded, rows >= pilot)
    found = certify_gate(rest, first, first.scores, Guarantee(rho))
    return math.inf if found.threshold is None else found.threshold


def sanity(run: Run) -> list[Bar]:
    """Every subject of the real table through the rules; one has a column that no model can have earned."""
    seen = [pairs(run.data, "routellm_mmlu", split) for split in ("train", "test")]
    tallies: dict[str, list[np.ndarray]] = {}
    for part in seen:
        for task, weak, strong in zip(part.tasks, part.weak, part.strong, strict=True):
            tallies.setdefault(task, []).append(np.array([weak, strong]))
    suspect = [task for task, grades in tallies.items() if not sound(np.array(grades))]
    return [
        Bar("the broken column is flagged", float("mmlu/high_school_mathematics" in suspect), at_least=1),
        Bar("other subjects flagged", float(len(suspect) - ("mmlu/high_school_mathematics" in suspect)), at_most=0),
        Bar("subjects", float(len(tallies))),
    ]


def sound(grades: np.ndarray) -> bool:
    n = len(grades)
    models = {"mixtral": Tally(n, float(grades[:, 0].sum())), "gpt-4": Tally(n, float(grades[:, 1].sum()))}
    return examine(GraderEvidence(models=models, reference="gpt-4", cheapest="mixtral", chance=0.25)).sound
