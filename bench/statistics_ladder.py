"""Bars of the ladder: joint outcomes at a stated ratio and discordance, a walk over four rungs, and the real pair."""

from typing import NamedTuple

import numpy as np
from routing_data import Pairs, pairs
from statistics_verdict import Bar, Run

from baton.stats.betting import capital_path
from baton.stats.guarantee import Design, Guarantee, Pair, PairTest, open_test, sample_size
from baton.stats.ladder import BATCH, Ladder, LadderPlan, replay

QUALITY = 0.85
OUTCOMES = ((1.0, 1.0), (0.0, 1.0), (1.0, 0.0), (0.0, 0.0))
"""(reference, candidate), in the order of the chances below."""
WALK_PROMPTS = 2_500
OFTEN = 4
"""Times as many repetitions of one step, which cost little."""
CHECKED = 20
"""Of the walks are also walked by `Ladder` itself."""


def chances(ratio: float, discordance: float, quality: float = QUALITY) -> np.ndarray:
    worse = (discordance + quality * (1 - ratio)) / 2
    better = max(0.0, discordance - worse)
    return np.array([quality - worse, better, worse, 1 - quality - better])


def gains(guarantee: Guarantee) -> np.ndarray:
    return np.array([guarantee.gain(Pair(*outcome)) for outcome in OUTCOMES])


def looks(test: PairTest, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First look at which each row passes, and at which it fails; counted from 1, inf for never."""
    found = []
    for side, bets in ((values, test.pass_bets), (-values, test.fail_bets)):
        over = capital_path(side, bets, BATCH) >= test.guarantee.goal
        found.append(np.where(over.any(axis=1), over.argmax(axis=1) + 1.0, np.inf))
    return found[0], found[1]


def stepped(run: Run, key: str, rho: float, ratio: float, discordance: float) -> tuple[float, float, float]:
    """One step of the ladder many times: share that passes, share that fails, mean pairs."""
    guarantee, reps = Guarantee(rho), OFTEN * run.reps
    design = Design(QUALITY, discordance)
    cap = 2 * sample_size(guarantee, design)
    test = open_test(guarantee, cap=cap, design=design)
    share = chances(ratio, discordance)
    rng = run.rng(f"{key} {rho} {discordance}")
    passed = failed = pairs_used = 0.0
    block = max(1, 20_000_000 // cap)
    for start in range(0, reps, block):
        rows = min(block, reps - start)
        values = gains(guarantee)[rng.choice(4, p=share, size=(rows, cap))]
        first_pass, first_fail = looks(test, values)
        passed += (first_pass < first_fail).sum()
        failed += (first_fail < first_pass).sum()
        pairs_used += np.minimum(np.minimum(first_pass, first_fail) * BATCH, cap).sum()
    return passed / reps, failed / reps, pairs_used / reps


def ladder_boundary(run: Run) -> list[Bar]:
    bars = []
    for rho, discordance in ((0.95, 0.05), (0.95, 0.1), (0.95, 0.2), (0.98, 0.1)):
        passed, failed, _ = stepped(run, "boundary", rho, rho, discordance)
        bars += [
            Bar(f"false pass, rho {rho}, discordance {discordance}", passed, at_most=0.05),
            Bar(f"false fail, rho {rho}, discordance {discordance}", failed, at_most=0.05),
        ]
    return [*bars, Bar("control: false pass of a t-test looked at every 50 pairs", peeking(run), at_least=0.15)]


def peeking(run: Run) -> float:
    guarantee, cap = Guarantee(), 900
    values = gains(guarantee)[run.rng("peeking").choice(4, p=chances(0.95, 0.1), size=(run.reps, cap))]
    ends = np.arange(50, cap + 1, 50)
    sums, squares = (np.cumsum(power, axis=1)[:, ends - 1] for power in (values, values**2))
    spread = np.sqrt(np.maximum(squares / ends - (sums / ends) ** 2, 1e-12) / ends)
    return float((sums / ends > 1.645 * spread).any(axis=1).mean())


def ladder_equal(run: Run) -> list[Bar]:
    passed, _, n = stepped(run, "equal", 0.95, 1.0, 0.1)
    return [
        Bar("pairs of an equal candidate, mean, rho .95, discordance .1", n, at_most=452),
        Bar("equal candidates that pass", passed, at_least=0.9),
        *(Bar(f"equal candidates that pass, rho {rho}, discordance {d}", stepped(run, "equal", rho, 1.0, d)[0])
          for rho, d in ((0.95, 0.05), (0.95, 0.2), (0.98, 0.1))),
    ]  # fmt: skip


def ladder_ten_points(run: Run) -> list[Bar]:
    _, failed, n = stepped(run, "ten points", 0.95, (QUALITY - 0.1) / QUALITY, 0.1)
    return [
        Bar("pairs of a candidate 10 points below, mean, rho .95", n, at_most=250),
        Bar("candidates 10 points below that fail", failed, at_least=0.99),
    ]


class Walks(NamedTuple):
    wrong: float
    right: float
    calls: float


def ladder_walk(run: Run) -> list[Bar]:
    """Four rungs: equal, exactly on the floor, on the floor again, and 15 points below (Mixtral under GPT-4)."""
    wide, planned = walks(run, WALK_PROMPTS), 2 * sample_size(Guarantee())
    share = wide.calls / 4 / WALK_PROMPTS
    usual = walks(run, planned)
    return [
        Bar("walks that end on an inadequate rung", wide.wrong, at_most=0.05),
        Bar("walks that end on the right rung", wide.right),
        Bar(f"calls, as a share of four rungs on all {WALK_PROMPTS} prompts", share, at_most=0.4),
        Bar("calls, mean", wide.calls),
        Bar(f"walks that end on an inadequate rung, {planned} prompts", usual.wrong, at_most=0.05),
        Bar(f"walks that end on the right rung, {planned} prompts", usual.right),
        Bar(f"calls, as a share of four rungs on all {planned} prompts", usual.calls / 4 / planned),
        Bar(f"calls, as a share of four fixed samples of {planned // 2} pairs", usual.calls / 4 / (planned // 2)),
    ]


def walks(run: Run, prompts: int) -> Walks:
    guarantee = Guarantee()
    test = open_test(guarantee, cap=prompts)
    rungs = [chances(1.0, 0.1), chances(0.95, 0.1), chances(0.95, 0.1), np.array([0.63, 0.05, 0.18, 0.14])]
    rng = run.rng(f"walk {prompts}")
    calls = wrong = right = checked = 0
    block = 200
    for start in range(0, run.reps, block):
        rows = min(block, run.reps - start)
        drawn = [rng.choice(4, p=share / share.sum(), size=(rows, prompts)) for share in rungs]
        found = [looks(test, gains(guarantee)[one]) for one in drawn]
        for row in range(rows):
            target = -1
            for rung, (passes, fails) in enumerate(found):
                calls += int(min(min(passes[row], fails[row]) * BATCH, prompts))
                if not passes[row] < fails[row]:
                    break
                target = rung
            wrong += target >= 1
            right += target == 0
            if start + row < CHECKED:
                checked += target == walked([one[row] for one in drawn])
    if checked != min(CHECKED, run.reps):
        raise AssertionError(f"the ladder itself and the many at once agree on {checked} of {CHECKED} walks")
    return Walks(wrong / run.reps, right / run.reps, calls / run.reps)


def walked(outcomes: list[np.ndarray]) -> int:
    """The target of the same walk by `Ladder`."""
    names, prompts = tuple(f"rung {i}" for i in range(len(outcomes))), len(outcomes[0])
    ladder = Ladder(LadderPlan(names, prompts, cap=prompts))
    while due := ladder.due(BATCH):
        for rung, prompt in due:
            ladder.add(rung, prompt, Pair(*OUTCOMES[outcomes[names.index(rung)][prompt]]))
    return names.index(ladder.target) if ladder.target else -1


def ladder_forecast(run: Run) -> list[Bar]:
    """Undecided after 200 pairs, rho .95: how many are decided by as many more as `needs_more` says?"""
    guarantee, start = Guarantee(), 200
    rng, opened = run.rng("forecast"), open_test(Guarantee())
    bars = []
    for name, ratio in (("equal", 1.0), ("5 points worse than the floor", 0.89)):
        undecided = decided = 0
        needs = []
        for _ in range(min(run.reps, 400)):
            outcomes = rng.choice(4, p=chances(ratio, 0.1), size=6_000)
            counts = np.bincount(outcomes[:start], minlength=4).tolist()
            test = opened.after(Pair(*one) for one, n in zip(OUTCOMES, counts, strict=True) for _ in range(n))
            more = test.needs_more()
            if test.verdict != "undecided" or more is None:
                continue
            first_pass, first_fail = looks(opened, gains(guarantee)[outcomes[None, :]])
            undecided += 1
            needs.append(more)
            decided += min(first_pass[0], first_fail[0]) * BATCH <= start + more
        bars += [
            Bar(f"decided by then, {name}", decided / max(1, undecided)),
            Bar(f"pairs more that were foretold, median, {name}", float(np.median(needs or [0.0]))),
        ]
    return bars


def ladder_real(run: Run) -> list[Bar]:
    """Mixtral under GPT-4 on MMLU, in random orders; and subject by subject, against the ratio of the whole subject."""
    seen = pairs(run.data, "routellm_mmlu", "train")
    sound = seen.at([row for row, task in enumerate(seen.tasks) if not task.endswith("high_school_mathematics")])
    rng = run.rng("real")
    test = open_test(Guarantee(), cap=4_000)
    orders = np.array([rng.permutation(len(sound))[:4_000] for _ in range(min(run.reps, 500))])
    passes, fails = looks(test, sound.weak[orders] - 0.95 * sound.strong[orders])
    told = by_subject(sound, rng, orders=max(2, min(20, run.reps // 50)))
    return [
        Bar(
            "orders in which Mixtral degrades under GPT-4 on MMLU, rho .95",
            float((fails < passes).mean()),
            at_least=0.99,
        ),
        Bar("pairs until then, median", float(np.median(fails)) * BATCH),
        *told,
    ]


def by_subject(seen: Pairs, rng: np.random.Generator, orders: int) -> list[Bar]:
    counted = {"adequate": 0, "degrades": 0, "undecided": 0}
    wrong = used = offered = 0
    tasks = np.array(seen.tasks)
    for task in sorted(set(tasks)):
        weak, strong = (grades[tasks == task] for grades in (seen.weak, seen.strong))
        above = weak.mean() >= 0.95 * strong.mean()
        for _ in range(orders):
            order = rng.permutation(len(weak))
            plan = LadderPlan(("mixtral",), len(weak), Guarantee())
            grades = [("mixtral", i, Pair(float(strong[row]), float(weak[row]))) for i, row in enumerate(order)]
            (standing,) = replay(plan, grades).standings
            counted[standing.verdict] += 1
            wrong += (standing.verdict == "adequate" and not above) or (standing.verdict == "degrades" and above)
            used, offered = used + standing.n, offered + len(weak)
    total = sum(counted.values())
    return [
        *(Bar(f"subjects where it {verdict}", n / total) for verdict, n in counted.items()),
        Bar("subjects with a wrong verdict", wrong / total, at_most=0.05),
        Bar("share of the pairs that were needed", used / offered),
    ]
