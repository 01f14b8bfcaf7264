"""Laws of the measured table: what thin grades are shrunk to, and what its lower bound promises."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baton.decide.table import PRIOR_WEIGHT, Estimate, MeasuredTable, adjusted
from baton.types.learned import Cell, QualityTable

CELLS = {
    "analysis": {"a": Cell(200, 0.9), "b": Cell(200, 0.7)},
    "analysis.law": {"a": Cell(5, 0.2), "b": Cell(400, 0.5)},
    "code": {"a": Cell(100, 0.6), "b": Cell(100, 0.4)},
}
TABLE = QualityTable(CELLS, {"analysis.law": "analysis"})


def found(table: MeasuredTable, task_type: str, model: str) -> Estimate:
    estimate = table.of(task_type, model)
    assert estimate is not None
    return estimate


def test_a_thin_cell_is_shrunk_to_its_parent_by_the_stated_formula() -> None:
    table = MeasuredTable(TABLE)
    parent = found(table, "analysis", "a")
    thin = found(table, "analysis.law", "a")
    assert thin.quality == pytest.approx((5 * 0.2 + PRIOR_WEIGHT * parent.quality) / (5 + PRIOR_WEIGHT))
    assert (thin.n, thin.source, parent.source) == (5, "parent", "measured")


def test_what_the_operator_configured_is_the_prior_before_any_other() -> None:
    table = MeasuredTable(TABLE, {"a": {"analysis.law": 0.5}})
    thin = found(table, "analysis.law", "a")
    assert thin.quality == pytest.approx((5 * 0.2 + PRIOR_WEIGHT * 0.5) / (5 + PRIOR_WEIGHT))
    assert thin.source == "configured"


def test_a_model_unseen_on_a_hard_type_is_not_thought_better_than_those_seen_there() -> None:
    """A plain mean over all types would give the newcomer .9 where everybody gets .3."""
    cells = {"easy": {"old": Cell(500, 0.9), "new": Cell(500, 0.9)}, "hard": {"old": Cell(500, 0.3)}}
    table = MeasuredTable(QualityTable(cells))
    assert found(table, "hard", "new").quality == pytest.approx(0.3, abs=0.02)
    assert found(table, "hard", "new").low < found(table, "hard", "old").low


def test_a_type_without_grades_is_as_its_parent_and_without_one_as_the_model_is_overall() -> None:
    table = MeasuredTable(QualityTable(CELLS, {"analysis.tax": "analysis"}), task_types=("analysis.tax", "other"))
    parent, child = found(table, "analysis", "b"), found(table, "analysis.tax", "b")
    assert child.quality == pytest.approx(parent.quality)
    assert child.low < parent.low
    assert found(table, "other", "a").source == "overall"
    assert table.of("other", "nobody") is None
    assert table.of("unnamed", "a") is None


def test_parents_in_a_circle_end() -> None:
    table = MeasuredTable(QualityTable(CELLS, {"code": "analysis", "analysis": "code"}))
    assert 0.0 < found(table, "code", "a").quality < 1.0


def test_a_weight_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="above 0"):
        MeasuredTable(TABLE, prior_weight=0.0)


@given(st.integers(0, 10_000), st.floats(0, 1), st.floats(0, 1))
def test_estimates_lie_between_grade_and_prior_and_above_their_bound(n: int, grade: float, prior: float) -> None:
    table = MeasuredTable(QualityTable({"t": {"m": Cell(n, grade)}, "u": {"m": Cell(1, 0.5)}}), {"m": {"t": prior}})
    estimate = found(table, "t", "m")
    assert min(grade, prior) - 1e-12 <= estimate.quality <= max(grade, prior) + 1e-12
    assert 0.0 <= estimate.low <= estimate.quality + 1e-12


def test_the_bound_holds_in_nineteen_of_twenty_draws() -> None:
    rng = random.Random(7)
    missed = 0
    for _ in range(2_000):
        right = sum(rng.random() < 0.8 for _ in range(150))
        table = MeasuredTable(QualityTable({"t": {"m": Cell(150, right / 150)}}), {"m": {"t": 0.8}})
        missed += found(table, "t", "m").low > 0.8
    assert missed <= 0.055 * 2_000


def test_a_prompt_that_is_harder_than_its_type_lowers_estimate_and_bound() -> None:
    usual = Estimate(0.7, 0.6, 50, "measured")
    assert adjusted(usual, 0.3, 0.1).quality == pytest.approx(0.5)
    assert adjusted(usual, 0.3, 0.1).low == pytest.approx(0.4)
    assert adjusted(usual, 0.1, 0.1) == usual
    assert adjusted(usual, -2.0, 0.1).quality == 1.0


def test_a_table_may_say_what_its_prior_weighs() -> None:
    cells = {"t": {"m": Cell(10, 1.0)}}
    light = MeasuredTable(QualityTable(cells, prior_weight=2.0), {"m": {"t": 0.4}})
    assert found(light, "t", "m").quality == pytest.approx((10 * 1.0 + 2 * 0.4) / 12)
    heavy = MeasuredTable(QualityTable(cells, prior_weight=2.0), {"m": {"t": 0.4}}, prior_weight=90.0)
    assert found(heavy, "t", "m").quality == pytest.approx((10 * 1.0 + 90 * 0.4) / 100)
