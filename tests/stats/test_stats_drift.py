"""Drift monitors: the stated bounds on false alarms hold, drops are found, batches and restarts change nothing."""

import math

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baton.stats.drift import (
    Monitor,
    absolute_monitor,
    baseline_floor,
    blind_spot,
    canary_monitor,
    first_alarms,
    fleet_threshold,
    guarantee_monitor,
    median_delay,
    residual_monitor,
    sample_rate,
)
from baton.stats.guarantee import Guarantee

MONITORS = {
    "absolute": absolute_monitor(0.8, 200),
    "residual": residual_monitor(200, tolerance=0.01),
    "guarantee": guarantee_monitor(Guarantee(), 200),
    "canary": canary_monitor(200),
    "cusum": msgspec.structs.replace(absolute_monitor(0.8, 200), restart="max"),
}
monitors = st.sampled_from(sorted(MONITORS)).map(MONITORS.__getitem__)


def stream(monitor: Monitor, seed: int, n: int) -> list[float]:
    rng = np.random.default_rng(seed)
    return list(rng.uniform(monitor.lowest, monitor.highest, n))


@given(monitors, st.integers(0, 50), st.integers(0, 80))
def test_a_monitor_resumes_from_what_was_written_down(monitor: Monitor, seed: int, cut: int) -> None:
    values = stream(monitor, seed, 80)
    half = monitor.after(values[:cut])
    resumed = msgspec.json.decode(msgspec.json.encode(half), type=Monitor)
    assert resumed.after(values[cut:]) == monitor.after(values)


@settings(max_examples=30)
@given(monitors, st.integers(0, 50))
def test_many_runs_at_once_are_the_runs_one_by_one(monitor: Monitor, seed: int) -> None:
    values = np.array([stream(monitor, seed + i, 120) for i in range(4)])
    for alarm, row in zip(first_alarms(monitor, values), values, strict=True):
        one = monitor.after(row)
        assert one.alarmed == math.isfinite(alarm)
        assert not one.alarmed or one.n == alarm


@given(monitors, st.integers(0, 50))
def test_worse_values_raise_the_e_value(monitor: Monitor, seed: int) -> None:
    values = stream(monitor, seed, 40)
    worse = [max(monitor.lowest, value - 0.1) for value in values]
    quiet = msgspec.structs.replace(monitor, threshold=1e12)
    assert quiet.after(worse).e_value >= quiet.after(values).e_value - 1e-9


def test_the_run_length_without_a_change_is_at_least_the_threshold() -> None:
    grades = (np.random.default_rng(1).random((300, 4_000)) < 0.806).astype(float)
    alarms = first_alarms(absolute_monitor(0.806, 1_000), grades)
    watched = np.minimum(alarms, 4_000).sum()
    assert watched / np.isfinite(alarms).sum() >= 1_000
    assert (alarms <= 500).mean() <= 500 / 1_000


@pytest.mark.parametrize(("drop", "most"), [(0.05, 600), (0.10, 220)])
def test_a_drop_is_found_soon(drop: float, most: int) -> None:
    grades = (np.random.default_rng(2).random((300, 4_000)) < 0.806 - drop).astype(float)
    monitor = absolute_monitor(0.806, 10_000)
    delay = np.median(first_alarms(monitor, grades))
    assert delay <= most
    foretold = median_delay(monitor, (1.0, 0.0), (0.806 - drop, 0.194 + drop), np.random.default_rng(7))
    assert foretold == pytest.approx(delay, rel=0.25)


def test_a_change_of_the_mix_alarms_the_absolute_monitor_only() -> None:
    rng = np.random.default_rng(3)
    baselines = rng.choice([0.95, 0.55], p=[0.2, 0.8], size=(200, 1_500))  # was .87 on average
    grades = (rng.random(baselines.shape) < baselines).astype(float)
    assert np.isfinite(first_alarms(absolute_monitor(0.87, 10_000), grades)).all()
    assert np.isfinite(first_alarms(residual_monitor(10_000), grades - baselines)).mean() <= 0.08
    dropped = (rng.random(baselines.shape) < baselines - 0.1).astype(float)
    assert np.isfinite(first_alarms(residual_monitor(10_000), dropped - baselines)).mean() > 0.95


def test_an_equal_model_breaks_no_guarantee_and_a_bad_one_soon_does() -> None:
    rng = np.random.default_rng(4)
    values, monitor = np.array([0.05, 1.0, -0.95, 0.0]), guarantee_monitor(Guarantee(), 10_000)
    equal = rng.choice(values, p=[0.8, 0.05, 0.05, 0.1], size=(200, 2_000))
    assert not np.isfinite(first_alarms(monitor, equal)).any()
    worse = rng.choice(values, p=[0.7, 0.03, 0.15, 0.12], size=(200, 2_000))
    assert np.median(first_alarms(monitor, worse)) < 400


def test_after_an_alarm_nothing_counts_until_the_restart() -> None:
    monitor = absolute_monitor(0.8, 50)
    alarmed = monitor.after([0.0] * 50)
    assert alarmed.alarmed
    assert alarmed.after([1.0] * 50) == alarmed
    assert alarmed.restarted() == monitor


def test_false_alarms_of_a_restarted_monitor_stay_below_samples_over_threshold() -> None:
    grades = (np.random.default_rng(5).random(20_000) < 0.8).astype(float)
    monitor, alarms = absolute_monitor(0.8, 400), 0
    for start in range(0, 20_000, 50):
        monitor = monitor.after(grades[start : start + 50])
        if monitor.alarmed:
            alarms, monitor = alarms + 1, monitor.restarted()
    assert 1 <= alarms <= 20_000 / 400


def test_thresholds_come_from_the_fleet_and_baselines_from_below() -> None:
    assert fleet_threshold([73_000.0, 27_000.0], 2.0) == 50_000
    assert fleet_threshold([]) == 100
    assert baseline_floor([1.0] * 806 + [0.0] * 194) == pytest.approx(0.806 - 1.2816 * 0.0125, abs=1.5e-3)
    scores = np.random.default_rng(6).beta(8, 2, 1_000)
    assert 0.77 < baseline_floor(scores) < scores.mean()
    assert sample_rate(400, 10_000, 2) == 0.02
    assert sample_rate(400, 10, 2) == 1
    never = median_delay(absolute_monitor(0.8, 1_000), (1.0, 0.0), (0.9, 0.1), np.random.default_rng(1), 2_000)
    assert never == math.inf


def test_a_small_baseline_says_what_it_hides() -> None:
    assert blind_spot(1_000) is None
    assert "5-point drops not detectable" in (blind_spot(999) or "")
    assert "10-point drops not detectable" in (blind_spot(199) or "")
    grades = (np.random.default_rng(8).random((200, 3_000)) < 0.706).astype(float)
    delays = [
        np.median(first_alarms(absolute_monitor(baseline_floor([1.0] * right + [0.0] * (n - right)), 10_000), grades))
        for n, right in ((60, 48), (200, 161), (1_000, 806))
    ]
    assert delays[2] < delays[1] < 1_000 < delays[0]


def test_bad_values_are_refused() -> None:
    for value in (math.nan, 1.2, -0.1):
        with pytest.raises(ValueError, match="was given"):
            absolute_monitor(0.8, 100).after([value])
        with pytest.raises(ValueError, match="all in"):
            first_alarms(absolute_monitor(0.8, 100), np.array([[value]]))
    for make in (
        lambda: absolute_monitor(1.0, 100), lambda: residual_monitor(1.0), lambda: residual_monitor(100, -0.1),
        lambda: fleet_threshold([math.nan]), lambda: fleet_threshold([1.0], 0), lambda: baseline_floor([1.0], 0.4),
        lambda: sample_rate(1, 0, 1), lambda: blind_spot(-1), lambda: median_delay(absolute_monitor(0.8, 100), [], [], np.random.default_rng(1)),
    ):  # fmt: skip
        with pytest.raises(ValueError, match="need"):
            make()
