"""Bars of the drift monitors, at a baseline of .806 (GPT-4 on MMLU) and a threshold of 10,000 graded samples."""

import numpy as np
from msgspec.structs import replace
from routing_data import pairs
from statistics_verdict import Bar, Run

from baton.stats.drift import (
    Monitor,
    absolute_monitor,
    baseline_floor,
    canary_monitor,
    first_alarms,
    fleet_threshold,
    guarantee_monitor,
    residual_monitor,
)
from baton.stats.guarantee import Guarantee

BASELINE = 0.806
THRESHOLD = 10_000.0
BASELINE_N = 1_000
FLIPS = 0.04
TOLERANCE = 0.01
MIX_LENGTH = 3_000
OFTEN = 3
"""Times as many repetitions where a share is close to its bar."""


def grades(run: Run, key: str, quality: float, length: int, times: int = 1) -> np.ndarray:
    return (run.rng(key).random((times * run.reps, length), dtype=np.float32) < quality).astype(np.float64)


def alarmed(monitor: Monitor, values: np.ndarray) -> float:
    return float(np.isfinite(first_alarms(monitor, values)).mean())


def run_length(monitor: Monitor, values: np.ndarray) -> float:
    """Samples watched per alarm: the mean run length, were it exponential; counted up to the end of the values."""
    alarms = first_alarms(monitor, values)
    return float(np.minimum(alarms, values.shape[1]).sum() / max(1, np.isfinite(alarms).sum()))


def delay(monitor: Monitor, values: np.ndarray, share: float = 0.5) -> float:
    return float(np.quantile(first_alarms(monitor, values), share, method="lower"))


def run_length_and_delay(run: Run) -> list[Bar]:
    monitor = absolute_monitor(BASELINE, THRESHOLD)
    still = grades(run, "still", BASELINE, 10_000)
    dropped = {points: grades(run, f"drop {points}", BASELINE - points / 100, 6_000) for points in (5, 10)}
    return [
        Bar("run length without a change", run_length(monitor, still), at_least=THRESHOLD),
        Bar("median delay for 5 points", delay(monitor, dropped[5]), at_most=600),
        Bar("median delay for 10 points", delay(monitor, dropped[10]), at_most=220),
        Bar("delay for 5 points, 90 %", delay(monitor, dropped[5], 0.9)),
        Bar("delay for 10 points, 90 %", delay(monitor, dropped[10], 0.9)),
    ]


def estimated_baseline(run: Run) -> list[Bar]:
    """Each repetition has measured its own baseline on 1,000 graded tasks, and promises its 90 % lower bound."""
    measured = run.rng("measured").binomial(BASELINE_N, BASELINE, OFTEN * run.reps)
    floors = np.array([baseline_floor([1.0] * k + [0.0] * (BASELINE_N - k)) for k in measured.tolist()])
    still = grades(run, "still, estimated", BASELINE, 5_000, OFTEN)
    dropped = grades(run, "drop, estimated", BASELINE - 0.05, 10_000)
    plain = alarms_at(measured / BASELINE_N, still)
    return [
        Bar("false alarms in 5,000, promise: 90 % lower bound", alarms_at(floors, still), at_most=0.12),
        Bar("control: false alarms in 5,000, promise: the mean itself", plain, at_least=0.2),
        Bar("median delay for 5 points", float(np.median(alarm_times(floors[: run.reps], dropped))), at_most=1_200),
    ]


def alarm_times(promised: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Of absolute monitors, each with the baseline that it was promised."""
    at_zero = replace(absolute_monitor(BASELINE, THRESHOLD), centre=0.0, lowest=-1.0)
    return first_alarms(at_zero, values - promised[:, None])


def alarms_at(promised: np.ndarray, values: np.ndarray) -> float:
    return float(np.isfinite(alarm_times(promised, values)).mean())


def mix_shift(run: Run) -> list[Bar]:
    """The model is unchanged; traffic moves from all subjects of MMLU to the harder half of them. Tolerance one point.

    Each subject's quality is the recorded one, and known; then measured, on so many graded tasks of the old mix.
    """
    seen = pairs(run.data, "routellm_mmlu", "train")
    _, places = np.unique(seen.tasks, return_inverse=True)
    quality = np.bincount(places, seen.weak) / np.bincount(places)
    harder = np.flatnonzero(quality < np.median(quality))
    rng = run.rng("mix")
    shape = (OFTEN * run.reps, MIX_LENGTH)
    old, new = rng.choice(places, size=shape), rng.choice(harder, size=shape)
    before = float(seen.weak.mean())
    residual, absolute = residual_monitor(THRESHOLD, TOLERANCE), absolute_monitor(before - TOLERANCE, THRESHOLD)
    drawn = rng.random(new.shape)

    def gaps(subjects: np.ndarray, drop: float = 0.0) -> np.ndarray:
        return (drawn < quality[subjects] - drop).astype(float) - quality[subjects]

    return [
        Bar("false alarms in 3,000, residual monitor, new mix", alarmed(residual, gaps(new)), at_most=0.08),
        Bar("the same without a new mix", alarmed(residual, gaps(old))),
        Bar("control: alarms in 3,000, absolute monitor, new mix",
            alarmed(absolute, (drawn < quality[new]).astype(float)), at_least=0.9),
        Bar("how much harder the new mix is", before - float(quality[new].mean())),
        *(Bar(f"median delay, residual monitor, new mix and {points} points", delay(residual, gaps(new, points / 100)))
          for points in (5, 10)),
        *measured(run, quality, new[: run.reps], drawn[: run.reps]),
    ]  # fmt: skip


def measured(run: Run, quality: np.ndarray, new: np.ndarray, drawn: np.ndarray) -> list[Bar]:
    """Baselines that each repetition has measured, on so many graded tasks of each subject: floors, and means."""
    monitor, bars = residual_monitor(THRESHOLD), []
    for n in (200, 1_000):
        right = run.rng(f"measured mix {n}").binomial(n, quality, size=(run.reps, quality.size))
        floor = np.array([baseline_floor([1.0] * k + [0.0] * (n - k)) for k in range(n + 1)])
        rows = np.arange(run.reps)[:, None]
        graded = (drawn < quality[new]).astype(float)
        dropped = (drawn < quality[new] - 0.1).astype(float)
        promised = floor[right][rows, new]
        bars += [
            Bar(
                f"false alarms in 3,000, promise: 90 % floors of {n} tasks a type",
                alarmed(monitor, graded - promised),
                0.08,
            ),
            Bar(f"median delay for 10 points, floors of {n} tasks a type", delay(monitor, dropped - promised)),
            Bar(
                f"false alarms in 3,000, promise: the means of {n} tasks a type",
                alarmed(monitor, graded - (right / n)[rows, new]),
            ),
        ]
    return bars


def guarantee_run(run: Run) -> list[Bar]:
    """Shadow pairs at rho .95 and discordance .1: an equal model, and ones below the floor."""
    guarantee = Guarantee()
    monitor = guarantee_monitor(guarantee, THRESHOLD)
    values = np.array([1 - guarantee.rho, 1.0, -guarantee.rho, 0.0])

    def drawn(key: str, both: float, better: float, worse: float) -> np.ndarray:
        share = [both, better, worse, 1 - both - better - worse]
        return values[run.rng(key).choice(4, p=share, size=(run.reps, 5_000))]

    return [
        Bar("alarms in 5,000, equal model", alarmed(monitor, drawn("equal", 0.8, 0.05, 0.05)), at_most=0.01),
        Bar("median delay, ratio .882", delay(monitor, drawn("10 points", 0.75, 0.0, 0.10))),
        Bar("median delay, ratio .82", delay(monitor, drawn("15 points", 0.697, 0.0, 0.153))),
    ]


def fleet(run: Run) -> list[Bar]:
    """Twenty monitors of busy and of quiet task types for a year, threshold set for one false demotion a year."""
    samples = np.geomspace(500, 10_000, 20).astype(int)
    threshold, rng = fleet_threshold(samples.tolist(), 1.0), run.rng("fleet")
    runs, demotions = min(run.reps, 400), 0
    for n in samples:
        quality = rng.uniform(0.6, 0.95)
        values = (rng.random((runs, n)) < quality).astype(float)
        demotions += int(np.isfinite(first_alarms(absolute_monitor(quality, threshold), values)).sum())
    return [
        Bar("false demotions a year in the whole fleet, asked for 1", demotions / runs, at_most=1.0),
        Bar("threshold of each monitor, graded samples", threshold),
    ]


def canary(run: Run) -> list[Bar]:
    """Pinned prompts whose grade flips in 4 of 100 replays; tolerance one point."""
    monitor, rng = canary_monitor(THRESHOLD), run.rng("canary")
    flips = rng.choice([1.0, -1.0, 0.0], p=[FLIPS / 2, FLIPS / 2, 1 - FLIPS], size=(run.reps, 10_000))
    dropped = rng.choice([1.0, -1.0, 0.0], p=[FLIPS / 2, FLIPS / 2 + 0.1, 0.9 - FLIPS], size=(run.reps, 3_000))
    return [
        Bar("alarms in 10,000 without a change", alarmed(monitor, flips), at_most=0.05),
        Bar("median delay for 10 points", delay(monitor, dropped)),
    ]


def slower_but_quieter(run: Run) -> list[Bar]:
    """The e-CUSUM at the same threshold."""
    monitor = replace(absolute_monitor(BASELINE - 0.01, THRESHOLD), restart="max")
    still, dropped = grades(run, "cusum", BASELINE, 10_000), grades(run, "cusum drop", BASELINE - 0.1, 3_000)
    return [
        Bar("false alarms in 10,000, promise one point below", alarmed(monitor, still), at_most=0.05),
        Bar("median delay for 10 points", delay(monitor, dropped)),
    ]
