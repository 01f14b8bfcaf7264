"""Bars of the judge's correction, and intervals against scipy."""

import numpy as np
from scipy import stats
from statistics_verdict import Bar, Run

from baton.stats.intervals import clopper_pearson, wilson
from baton.stats.judge import Corrected, corrected_mean

QUALITY, SENSITIVITY, SPECIFICITY = 0.85, 0.95, 0.90
JUDGED = 2_000
GOOD = 0.97


def judge(run: Run) -> list[Bar]:
    """A judge of sensitivity .95 and specificity .90 on 2,000 answers of quality .85, and a few human labels."""
    bars = []
    for humans, least in ((100, 0.90), (200, 0.93)):
        covered, width, human_width, alone = corrected(run, humans, QUALITY)
        bars += [
            Bar(f"coverage of the corrected 95 % interval, {humans} human labels", covered, at_least=least),
            Bar(f"its width as a share of that of the human labels alone, {humans}", width / human_width),
            Bar(f"control: coverage of the judge's own interval, beside {humans}", alone, at_most=0.5),
        ]
    good = corrected(run, 100, GOOD)
    return [*bars, Bar(f"coverage at a quality of {GOOD}, 100 human labels", good[0], at_least=0.9)]


def corrected(run: Run, humans: int, quality: float) -> tuple[float, float, float, float]:
    rng = run.rng(f"judge {humans} {quality}")
    covered = alone = 0
    width = human_width = 0.0
    for _ in range(run.reps):
        truth = (rng.random(JUDGED + humans) < quality).astype(float)
        says = np.where(truth == 1, rng.random(truth.size) < SENSITIVITY, rng.random(truth.size) > SPECIFICITY)
        scores = says.astype(float)
        found = corrected_mean(scores[humans:], scores[:humans], truth[:humans])
        assert isinstance(found, Corrected)
        covered += found.interval.low <= quality <= found.interval.high
        own = wilson(scores.sum(), scores.size)
        alone += own.low <= quality <= own.high
        human = wilson(truth[:humans].sum(), humans)
        width += found.interval.high - found.interval.low
        human_width += human.high - human.low
    return covered / run.reps, width / run.reps, human_width / run.reps, alone / run.reps


def intervals(run: Run) -> list[Bar]:
    """Every number of successes of some numbers of trials, three levels, against scipy."""
    worst = {"wilson": 0.0, "exact": 0.0}
    ours = {"wilson": wilson, "exact": clopper_pearson}
    rng = run.rng("intervals")
    for n in (1, 2, 7, 30, 100, 1_000, 20_000):
        some = range(n + 1) if n <= 100 else sorted({0, 1, n - 1, n, *rng.integers(0, n, 25).tolist()})
        for k in some:
            for level in (0.8, 0.95, 0.99):
                for method, interval in ours.items():
                    expected = stats.binomtest(k, n).proportion_ci(level, method)
                    found = interval(k, n, level)
                    gap = max(abs(found.low - expected.low), abs(found.high - expected.high))
                    worst[method] = max(worst[method], gap)
    return [
        Bar("largest difference of Wilson from scipy", worst["wilson"], at_most=1e-9),
        Bar("largest difference of Clopper-Pearson from scipy", worst["exact"], at_most=1e-9),
    ]
