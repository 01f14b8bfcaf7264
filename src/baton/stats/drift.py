"""Drift: e-Shiryaev-Roberts monitors that tell a drop in quality soon and give few false alarms, by a stated bound.

A monitor bets on values z_t, the shortfall against what was promised, whose conditional mean is at most 0 as long as
the promise holds: M_t(b) = (M_{t-1}(b) + 1) (1 + b z_t) for each bet b, and the e-value is their mean. As long as the
promise holds, M_t - t is a supermartingale whatever the distribution, so that

- the mean run length until M >= A is at least A graded samples;
- restarted after each alarm, the expected number of false alarms in S samples is at most S / A (for every S).

Source: J. Shin, A. Ramdas, A. Rinaldo, E-detectors (arXiv 2203.03532). `restart="max"` gives the e-CUSUM
max(M, 1) (1 + b z): fewer false alarms at the same A, and 1.4 to 2.6 times slower.

Kinds, by what is fed to them: `absolute` a grade, 0..1, which alarms on harder traffic too; `residual` the grade minus
the baseline of its task type, so that a mere change of the mix of traffic is no alarm; `guarantee` the gain
c - rho f + margin of a shadow pair, which needs no baseline; `canary` the grade on a pinned prompt now minus before.
No clock: time is counted in graded samples.
"""

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Literal

from msgspec import Struct
from msgspec.structs import replace

from baton.stats.betting import NEAREST_TO_RUIN, betting_interval
from baton.stats.guarantee import Guarantee
from baton.stats.intervals import Interval, clopper_pearson, scores_of

if TYPE_CHECKING:
    import numpy as np

Kind = Literal["absolute", "residual", "guarantee", "canary"]

BETS = (0.02, 0.04, 0.08, 0.15, 0.25, 0.4, 0.6, 0.9)
FOR_DIFFERENCES = 1.98
"""Differences -1..1 are halved to fit the range of grades; bets on them are larger by this."""
LEAST_THRESHOLD = 100.0
BASELINE_FOR_5_POINTS, BASELINE_FOR_10_POINTS = 1_000, 200
"""Graded samples that a baseline needs, else its lower bound hides such a drop for thousands of tasks."""
DELAY_RUNS = 200


class Monitor(Struct, frozen=True):
    """One monitor as plain values: written down after any batch, resumed from there. Made by the functions below.

    z = scale * (centre - value); values lie in lowest..highest. After an alarm nothing more is counted until
    `restarted()`.
    """

    kind: Kind
    threshold: float
    centre: float
    scale: float
    lowest: float
    highest: float
    bets: tuple[float, ...]
    levels: tuple[float, ...]
    """M of each bet."""
    restart: Literal["sum", "max"] = "sum"
    n: int = 0
    """Values counted since the start."""
    alarmed: bool = False

    @property
    def e_value(self) -> float:
        return math.fsum(self.levels) / len(self.levels)

    def after(self, values: Iterable[float]) -> "Monitor":
        """The monitor after these values, in the order of their coming, up to the one that alarms."""
        levels, n, alarmed = list(self.levels), self.n, self.alarmed
        for value in values:
            if not self.lowest <= value <= self.highest:  # also refuses NaN
                raise ValueError(
                    f"a {self.kind} monitor was given {value!r}: need {self.lowest:g}..{self.highest:g}, leave out what"
                    " was not graded",
                )  # fmt: skip
            if alarmed:
                continue
            shortfall = self.scale * (self.centre - float(value))
            summed = self.restart == "sum"
            levels = [
                (level + 1 if summed else max(level, 1.0)) * (1 + bet * shortfall)
                for level, bet in zip(levels, self.bets, strict=True)
            ]
            n += 1
            alarmed = math.fsum(levels) >= self.threshold * len(levels)
        return replace(self, levels=tuple(levels), n=n, alarmed=alarmed)

    def restarted(self) -> "Monitor":
        return replace(self, levels=(0.0,) * len(self.bets), n=0, alarmed=False)


def absolute_monitor(baseline: float, threshold: float) -> Monitor:
    """Alarms when grades fall below `baseline` (0..1), of whatever traffic there is."""
    if not 0 < baseline < 1:
        raise ValueError(f"baseline is {baseline!r}: need a quality between 0 and 1")
    return _monitor("absolute", threshold, baseline, 1.0, (0.0, 1.0), BETS)


def residual_monitor(threshold: float, tolerance: float = 0.0) -> Monitor:
    """Alarms when grades fall more than `tolerance` below the baseline of their own task type.

    Fed the grade minus the `baseline_floor` of its task type, each type's own. Means shrunk towards the mean of all
    types will not do: they are too high for hard types, and alarm when traffic moves there.
    """
    return _difference_monitor("residual", threshold, tolerance)


def canary_monitor(threshold: float, tolerance: float = 0.01) -> Monitor:
    """Alarms when pinned prompts are answered worse than before by more than `tolerance`.

    Fed the grade now minus the mean of the grades recorded of the same prompt (at least 5 runs): the noise of a single
    recorded run would stay for ever.
    """
    return _difference_monitor("canary", threshold, tolerance)


def guarantee_monitor(guarantee: Guarantee, threshold: float, span: Interval | None = None) -> Monitor:
    """Alarms when what is served breaks the guarantee. Fed `guarantee.gain(pair)` of shadow pairs.

    `span`: of the gains, where they are not of plain grades (`LabelPlan.gain_span`).
    """
    lowest, highest = (guarantee.lowest, guarantee.highest) if span is None else (span.low, span.high)
    if not lowest < 0 < highest:
        raise ValueError(f"gains from {lowest!r} to {highest!r} can show nothing: need 0 between them")
    return _monitor("guarantee", threshold, 0.0, 1.0, (lowest, highest), BETS)


def first_alarms(monitor: Monitor, values: "np.ndarray") -> "np.ndarray":
    """At which value each repetition alarms first, counted from 1; inf where none does. For many runs at once.

    `values` has shape (repetitions, t); the answer (repetitions,). The same arithmetic as `Monitor.after`.
    """
    import numpy as np

    x = np.asarray(values, dtype=np.float64)
    if x.ndim != 2 or not ((x >= monitor.lowest) & (x <= monitor.highest)).all():
        raise ValueError(
            f"values of shape {x.shape}: need (repetitions, t), all in {monitor.lowest:g}..{monitor.highest:g}"
        )
    bets = np.array(monitor.bets)
    levels = np.tile(np.array(monitor.levels), (len(x), 1))
    found = np.full(len(x), np.inf)
    running = np.arange(len(x))
    for t in range(x.shape[1]):
        grown = levels + 1 if monitor.restart == "sum" else np.maximum(levels, 1)
        levels = grown * (1 + np.multiply.outer(monitor.scale * (monitor.centre - x[running, t]), bets))
        over = levels.mean(axis=1) >= monitor.threshold
        if over.any():
            found[running[over]] = t + 1
            running, levels = running[~over], levels[~over]
            if not running.size:
                break
    return found


def baseline_floor(grades: "Sequence[float] | np.ndarray", confidence: float = 0.9) -> float:
    """One-sided lower bound of the mean of a baseline's grades (n,), to be promised to a monitor.

    Exact (Clopper-Pearson) for grades 0 and 1, else a betting bound. With the plain mean instead, the stated bound on
    false alarms is lost: half of all baselines are too high.
    """
    scores = scores_of(grades, "grades")
    if not 0.5 < confidence < 1:
        raise ValueError(f"confidence is {confidence!r}: need a one-sided confidence between .5 and 1, such as 0.9")
    if ((scores == 0) | (scores == 1)).all():
        return clopper_pearson(int(scores.sum()), int(scores.size), 2 * confidence - 1).low
    return betting_interval(scores, 2 * confidence - 1, horizon=int(scores.size)).low


def blind_spot(baseline_n: int) -> str | None:
    """What a monitor that is promised the floor of a baseline of so many graded samples will not see in useful time."""
    if baseline_n < 0:
        raise ValueError(f"baseline_n is {baseline_n!r}: need a number of graded samples, at least 0")
    if baseline_n >= BASELINE_FOR_5_POINTS:
        return None
    points, needed = (
        (5, BASELINE_FOR_5_POINTS) if baseline_n >= BASELINE_FOR_10_POINTS else (10, BASELINE_FOR_10_POINTS)
    )
    return f"{points}-point drops not detectable: baseline of {baseline_n} graded samples, need {needed}"


def fleet_threshold(samples_per_year: Sequence[float], false_demotions_per_year: float = 1.0) -> float:
    """The threshold A for every monitor of a fleet: graded samples of all monitors in a year / wanted false demotions.

    By the bound above, the expected number of false alarms of monitor i in a year is at most samples_i / A, so all
    together have at most `false_demotions_per_year`, however they depend on each other. Never below 100.
    """
    if not 0 < false_demotions_per_year < math.inf:
        raise ValueError(f"false_demotions_per_year is {false_demotions_per_year!r}: need a number above 0")
    if not all(0 <= samples < math.inf for samples in samples_per_year):
        raise ValueError(f"samples_per_year are {list(samples_per_year)!r}: need counts of at least 0")
    return max(LEAST_THRESHOLD, math.fsum(samples_per_year) / false_demotions_per_year)


def median_delay(
    monitor: Monitor, values: Sequence[float], shares: Sequence[float], rng: "np.random.Generator", most: int = 10_000
) -> float:
    """Median number of graded samples until the alarm if they were drawn like this, inf beyond `most`; by simulation.

    `shares` of the values sum to 1: (1, 0) with (.7, .3) is a quality of .7. Of `DELAY_RUNS` runs, for choosing rates.
    """
    import numpy as np

    if len(values) == 0 or len(values) != len(shares) or most < 1:
        raise ValueError(f"{len(values)} values with {len(shares)} shares, at most {most!r} samples: need one of each")
    drawn = rng.choice(np.asarray(values, dtype=np.float64), p=shares, size=(DELAY_RUNS, most))
    return float(np.median(first_alarms(monitor, drawn)))


def sample_rate(needed: float, tasks_per_day: float, days: float) -> float:
    """Share of tasks to be graded so that `needed` samples come together within `days`, at most 1."""
    if not (needed >= 0 and tasks_per_day > 0 and days > 0):
        raise ValueError(f"{needed!r} samples of {tasks_per_day!r} tasks a day in {days!r} days: need numbers above 0")
    return min(1.0, needed / (tasks_per_day * days))


def _difference_monitor(kind: Kind, threshold: float, tolerance: float) -> Monitor:
    if not 0 <= tolerance < 1:
        raise ValueError(f"tolerance is {tolerance!r}: need a difference of grades, at least 0 and below 1")
    bets = tuple(FOR_DIFFERENCES * bet for bet in BETS)
    return _monitor(kind, threshold, -tolerance, 0.5, (-1.0, 1.0), bets)


def _monitor(
    kind: Kind, threshold: float, centre: float, scale: float, span: tuple[float, float], bets: tuple[float, ...]
) -> Monitor:
    if not 1 < threshold < math.inf:
        raise ValueError(f"threshold is {threshold!r}: need a run length of graded samples above 1, such as 10000")
    worst = scale * (centre - span[1])
    bets = tuple(min(bet, NEAREST_TO_RUIN / -worst) for bet in bets)
    return Monitor(kind, threshold, centre, scale, *span, bets, (0.0,) * len(bets))
