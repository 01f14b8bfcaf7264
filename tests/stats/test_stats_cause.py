"""The cause of an alarm, and the monitors that it is read from, on simulated changes of one kind at a time."""

import numpy as np
import pytest

from baton.stats.cause import Alarms, cause
from baton.stats.drift import absolute_monitor, canary_monitor, residual_monitor


@pytest.mark.parametrize(
    ("alarms", "expected"),
    [
        (Alarms(), None),
        (Alarms(judge=False, canary=False, residual=False, guarantee=False, absolute=False), None),
        (Alarms(judge=True, canary=True, residual=True), "judge"),
        (Alarms(judge=False, canary=True, residual=True), "model"),
        (Alarms(canary=False, residual=False, guarantee=True), "traffic"),
        (Alarms(guarantee=True), "unclear"),
        (Alarms(canary=False, residual=True, absolute=True), "unclear"),
        (Alarms(residual=False, absolute=True), "traffic"),
        (Alarms(absolute=True), "unclear"),
    ],
)
def test_rules(alarms: Alarms, expected: str | None) -> None:
    assert cause(alarms) == expected


@pytest.mark.parametrize(
    ("change", "expected"), [("model", "model"), ("traffic", "traffic"), ("judge", "judge"), ("nothing", None)]
)
def test_one_change_at_a_time_is_told_apart(change: str, expected: str | None) -> None:
    rng = np.random.default_rng(1)
    n, threshold = 1_500, 10_000
    easy = rng.random(n) < (0.1 if change == "traffic" else 0.6)
    quality = np.where(easy, 0.95, 0.7)
    drop = 0.15 if change == "model" else 0.0
    strictness = 0.15 if change == "judge" else 0.0
    right = rng.random(n) < quality - drop
    grade = (right & (rng.random(n) >= strictness)).astype(float)
    pinned = np.where(rng.random(n) < drop, -1.0, 0.0)
    regraded = np.where(rng.random(n) < strictness, -1.0, 0.0)
    alarms = Alarms(
        judge=canary_monitor(threshold).after(regraded).alarmed,
        canary=canary_monitor(threshold).after(pinned).alarmed,
        residual=residual_monitor(threshold, 0.01).after(grade - quality).alarmed,
        absolute=absolute_monitor(0.84, threshold).after(grade).alarmed,
    )
    assert cause(alarms) == expected
