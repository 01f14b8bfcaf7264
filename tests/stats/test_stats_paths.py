"""Routing paths: what is confounded as raw averages is fair when paired or weighted, or is not compared."""

import math

import numpy as np
import pytest

from baton.stats.paths import Difference, NotComparable, Routed, paired_difference, weighted_difference

ADVANTAGE = 0.1


def routed(n: int, rng: np.random.Generator) -> tuple[Routed, np.ndarray]:
    """Hard tasks mostly go up to path 0, which is 10 points better on every task; also the expected grades."""
    hard = rng.random(n) < 0.5
    up = np.where(hard, 0.9, 0.1)
    path = np.where(rng.random(n) < up, 0, 1)
    quality = np.column_stack([np.where(hard, 0.5, 0.9) + ADVANTAGE, np.where(hard, 0.5, 0.9)])
    grade = (rng.random(n) < quality[np.arange(n), path]).astype(float)
    return Routed(path, grade, np.column_stack([up, 1 - up]), quality), hard


def test_weights_undo_what_routing_confounds() -> None:
    rng = np.random.default_rng(1)
    covered = {"weighted": 0, "doubly robust": 0}
    raw = []
    widths: dict[str, list[float]] = {"weighted": [], "doubly robust": []}
    for _ in range(200):
        seen, _ = routed(1_500, rng)
        raw.append(seen.grade[seen.path == 0].mean() - seen.grade[seen.path == 1].mean())
        for one in (seen, Routed(seen.path, seen.grade, seen.chances)):
            found = weighted_difference(one, 0, 1)
            assert isinstance(found, Difference)
            covered[found.method] += found.interval.low <= ADVANTAGE <= found.interval.high
            widths[found.method].append(found.interval.high - found.interval.low)
    assert np.mean(raw) < -0.1  # the better path looks worse
    assert min(covered.values()) >= 0.91 * 200
    assert np.mean(widths["doubly robust"]) < np.mean(widths["weighted"])


def test_pairs_cover_whatever_the_grades_are() -> None:
    rng = np.random.default_rng(2)
    missed = 0
    for _ in range(100):
        b = (rng.random(200) < 0.7).astype(float)
        a = np.where(rng.random(200) < 0.1, 1.0, b)
        found = paired_difference(a, b)
        assert isinstance(found, Difference)
        missed += not found.interval.low <= 0.03 <= found.interval.high
    assert missed <= 8


def test_conversations_count_as_one() -> None:
    rng = np.random.default_rng(3)
    a, b = np.repeat(rng.random(40), 20), np.repeat(rng.random(40), 20)
    wide = paired_difference(a, b, clusters=np.repeat(np.arange(40), 20), rng=np.random.default_rng(1))
    narrow = paired_difference(a, b)
    assert isinstance(wide, Difference)
    assert isinstance(narrow, Difference)
    assert wide.interval.high - wide.interval.low > narrow.interval.high - narrow.interval.low
    with pytest.raises(ValueError, match="rng"):
        paired_difference(a, b, clusters=np.arange(800))


def test_what_cannot_be_compared_says_why() -> None:
    seen, hard = routed(400, np.random.default_rng(4))
    assert seen.chances is not None
    never = np.where(hard[:, None], [1.0, 0.0], seen.chances)
    cases = {
        "drew nothing": Routed(seen.path, seen.grade),
        "could never have taken path 1": Routed(np.where(hard, 0, seen.path), seen.grade, never),
        "no graded request took path 0": Routed(np.ones(400, dtype=int), seen.grade, seen.chances),
        "equally likely requests": Routed(seen.path[:40], seen.grade[:40], seen.chances[:40]),
    }
    for reason, one in cases.items():
        found = weighted_difference(one, 0, 1)
        assert isinstance(found, NotComparable)
        assert reason in found.reason
    few = paired_difference([1.0] * 29, [1.0] * 29)
    assert isinstance(few, NotComparable)
    assert "29 prompts" in few.reason


def test_bad_logs_are_refused() -> None:
    seen, _ = routed(200, np.random.default_rng(5))
    assert seen.chances is not None
    broken = seen.chances.copy()
    broken[3, 0] = math.nan
    for one in (
        Routed(seen.path[:-1], seen.grade, seen.chances), Routed(seen.path, seen.grade, broken),
        Routed(seen.path, seen.grade, seen.chances * 0.9), Routed(seen.path, seen.grade, seen.chances[:-1]),
        Routed(seen.path, seen.grade * 2, seen.chances), Routed(seen.path, seen.grade, seen.chances, broken),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=r"need|NaN|sum to 1"):
            weighted_difference(one, 0, 1)
    with pytest.raises(ValueError, match="index"):
        weighted_difference(seen, 0, 2)
    with pytest.raises(ValueError, match="both"):
        paired_difference([1.0], [1.0, 0.0])
