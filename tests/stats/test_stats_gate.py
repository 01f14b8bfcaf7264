"""Gate certificates: few violations at known truth, and teeth: what is naive violates often."""

import math

import numpy as np
import pytest

from baton.stats.gate import GateItems, certify_gate, certify_path, gated, spreads_of, thresholds_of
from baton.stats.guarantee import Guarantee


def population(size: int, rng: np.random.Generator) -> GateItems:
    """A cheap model that is worse by 15 points, and a score that knows a little about where."""
    scores = rng.random(size)
    reference = (rng.random(size) < 0.85).astype(float)
    loses = rng.random(size) < 0.4 * (1 - scores)
    cheap = np.where(loses, 0.0, np.maximum(reference, rng.random(size) < 0.05))
    return GateItems(scores, reference, cheap)


def drawn(items: GateItems, n: int, rng: np.random.Generator) -> GateItems:
    chosen = rng.integers(0, len(items.scores), n)
    return GateItems(items.scores[chosen], items.reference[chosen], items.cheap[chosen])


def test_certified_gates_keep_the_guarantee_and_naive_ones_do_not() -> None:
    rng = np.random.default_rng(1)
    world = population(20_000, rng)
    guarantee = Guarantee(0.95)
    wrong = naive_wrong = 0
    shares = []
    for _ in range(120):
        calibration, pilot = drawn(world, 600, rng), drawn(world, 300, rng)
        unlabelled = drawn(world, 600, rng).scores
        found = certify_gate(calibration, pilot, unlabelled, guarantee)
        threshold = math.inf if found.threshold is None else found.threshold
        wrong += true_ratio(world, threshold) < 0.95
        shares.append(found.share)
        thresholds = thresholds_of(unlabelled)
        served = gated(calibration.scores, calibration.reference, calibration.cheap, thresholds).mean(axis=1)
        fitting = np.flatnonzero(served >= 0.95 * calibration.reference.mean())
        naive_wrong += true_ratio(world, float(thresholds[fitting[-1]])) < 0.95
    assert wrong <= 11  # binomial(120, .05) exceeds 11 for 2 seeds in 100
    assert naive_wrong > 0.3 * 120
    assert np.mean(shares) > 0.2


def true_ratio(world: GateItems, threshold: float) -> float:
    served = np.where(world.scores >= threshold, world.cheap, world.reference)
    return float(served.mean() / world.reference.mean())


def test_a_cascade_or_policy_is_certified_along_its_own_path() -> None:
    rng = np.random.default_rng(2)
    reference = (rng.random(2_000) < 0.9).astype(float)
    lost = np.array([0.0, 0.01, 0.02, 0.3, 0.0])[:, None]
    served = np.where(rng.random((5, 2_000)) < lost, 0.0, reference)
    spreads = spreads_of(served[:, :300], reference[:300], Guarantee(0.95))
    found = certify_path(served[:, 300:], reference[300:], spreads[:], Guarantee(0.95))
    assert found.index == 2
    assert len(found.log_e) == 3  # the third stood, and the fourth, though harmless, is not reached
    assert found.ratio == pytest.approx(0.98, abs=0.02)


def test_the_capital_of_a_setting_is_the_plain_product() -> None:
    rng = np.random.default_rng(7)
    reference = (rng.random(400) < 0.9).astype(float)
    served = np.stack([reference, np.where(rng.random(400) < 0.02, 0.0, reference)])
    spread = 0.2
    found = certify_path(served, reference, [0.0, spread], Guarantee(0.95))
    bet = math.sqrt(2 * math.log(20) / (400 * spread**2))
    products = np.cumprod(1 + bet * (served[1] - 0.95 * reference))
    assert found.log_e == pytest.approx((math.log(products[19::20].max()),))


def test_a_score_on_the_threshold_goes_to_the_cheap_model() -> None:
    served = gated(np.array([0.4, 0.5, 0.6]), np.ones(3), np.zeros(3), np.array([0.5]))
    assert served.tolist() == [[1.0, 0.0, 0.0]]


def test_a_path_that_is_harmless_to_its_end_is_certified_to_its_end() -> None:
    reference = (np.random.default_rng(6).random(900) < 0.9).astype(float)
    served = np.tile(reference, (4, 1))
    found = certify_path(served, reference, spreads_of(served, reference, Guarantee()), Guarantee())
    assert (found.index, len(found.log_e), found.ratio) == (3, 3, 1.0)
    assert certify_path(served * 0, reference * 0, np.zeros(4), Guarantee()).ratio == 1.0


def test_a_useless_cheap_model_gets_nothing() -> None:
    rng = np.random.default_rng(3)
    world = population(1_000, rng)
    hopeless = GateItems(world.scores, world.reference, np.zeros(1_000))
    found = certify_gate(hopeless, hopeless, world.scores, Guarantee(0.98))
    assert (found.threshold, found.share, found.proof.index, found.proof.ratio) == (None, 0.0, 0, 1.0)


def test_thresholds_send_equal_steps_of_unlabelled_traffic() -> None:
    scores = np.random.default_rng(4).random(5_000)
    thresholds = thresholds_of(scores, 10)
    assert thresholds[0] == math.inf
    assert [(scores >= t).mean() for t in thresholds[1:]] == pytest.approx(np.arange(1, 11) / 10, abs=2e-3)
    assert list(thresholds_of([0.3, 0.3, 0.3])) == [math.inf, 0.3]


@pytest.mark.parametrize("damage", ["nan", "short", "range", "score"])
def test_bad_items_are_refused(damage: str) -> None:
    world = population(200, np.random.default_rng(5))
    cheap, scores = world.cheap.copy(), world.scores.copy()
    if damage == "score":
        scores[7] = math.nan
    else:
        cheap[7] = math.nan if damage == "nan" else 2.0
    bad = GateItems(scores, world.reference, cheap[:-1] if damage == "short" else cheap)
    with pytest.raises(ValueError, match=r"leave out|length"):
        certify_gate(bad, world, world.scores, Guarantee())
    with pytest.raises(ValueError, match=r"leave out|length"):
        certify_gate(world, bad, world.scores, Guarantee())


def test_bad_paths_are_refused() -> None:
    one = np.ones((2, 40))
    for served, reference, spreads in [
        (one, np.ones(39), np.ones(2)), (one, np.ones(40), np.ones(3)), (np.ones((2, 0)), np.ones(0), np.ones(2)),
        (one, np.ones(40), np.array([1.0, math.nan])), (one * 3, np.ones(40), np.ones(2)),
    ]:  # fmt: skip
        with pytest.raises(ValueError, match=r"need|no item|NaN"):
            certify_path(served, reference, spreads, Guarantee())
    with pytest.raises(ValueError, match="pilot"):
        spreads_of(one[:, :20], np.ones(20), Guarantee())
    with pytest.raises(ValueError, match="at least one"):
        thresholds_of([])
