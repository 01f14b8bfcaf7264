"""A classifier of the operator's own types, and the weight of a prior that the table itself tells."""

import numpy as np
import pytest

from baton.decide.classifier import Classifier
from baton.decide.table import PRIOR_WEIGHT
from baton.measure.learn.graded import GradedDataError
from baton.measure.learn.own_types import learn_types
from baton.measure.shrinkage import LEAST, MOST, prior_weight
from baton.types.learned import Cell, QualityTable

WORDS = {
    "claims": [
        "insurer",
        "damage",
        "accident",
        "policy",
        "holder",
        "liability",
        "water",
        "roof",
        "hail",
        "garage",
        "broken",
    ],
    "recipes": ["flour", "butter", "oven", "whisk", "minutes", "sugar", "dough", "bake", "cream", "lemon", "salt"],
    "travel": ["flight", "hotel", "luggage", "train", "museum", "ticket", "beach", "visa", "border", "hostel", "map"],
}


def asked(seed: int, n: int) -> tuple[list[str], list[str]]:
    rng = np.random.default_rng(seed)
    types = [str(rng.choice(list(WORDS))) for _ in range(n)]
    return [" ".join(rng.choice(WORDS[name], 8)) for name in types], types


def test_own_types_are_told_from_prompts_that_were_not_declared() -> None:
    weights = learn_types(*asked(1, 300), np.random.default_rng(0))
    classifier = Classifier(weights)
    prompts, types = asked(2, 200)
    told = [classifier.guess(prompt).name for prompt in prompts]
    assert np.mean([one == name for one, name in zip(told, types, strict=True)]) > 0.9
    assert not {one for one, name in zip(told, types, strict=True) if one not in {"", name}}


def test_what_is_like_nothing_that_was_declared_is_not_guessed() -> None:
    classifier = Classifier(learn_types(*asked(1, 300), np.random.default_rng(0)))
    assert classifier.guess("prove that every bounded monotone sequence of real numbers converges").name == ""


def test_learning_types_needs_two_of_them() -> None:
    prompts, types = asked(1, 30)
    with pytest.raises(GradedDataError, match="two of them with 20"):
        learn_types(prompts, types, np.random.default_rng(0))


def table(own_strength: float, seed: int, n: int = 100) -> QualityTable:
    """`own_strength`: standard deviation of what a model is worth on a type beyond type and model."""
    rng = np.random.default_rng(seed)
    chance = np.clip(
        0.6 + rng.normal(0, 0.1, (30, 1)) + rng.normal(0, 0.1, (1, 20)) + rng.normal(0, own_strength, (30, 20)), 0, 1
    )
    return QualityTable({
        f"t{row}": {f"m{column}": Cell(n, float(rng.binomial(n, chance[row, column])) / n) for column in range(20)}
        for row in range(30)
    })  # fmt: skip


def test_the_prior_weighs_little_where_models_have_strong_points_of_their_own_and_much_where_not() -> None:
    assert prior_weight(table(0.1, 1)) == pytest.approx(0.22 / 0.1**2, rel=0.25)
    assert prior_weight(table(0.2, 2)) < prior_weight(table(0.05, 2))
    assert prior_weight(table(0.0, 3)) > 90
    assert LEAST <= prior_weight(table(0.5, 4)) <= MOST


def test_too_few_cells_leave_the_default() -> None:
    assert prior_weight(QualityTable({"t": {"m": Cell(10, 0.5)}})) == PRIOR_WEIGHT
    assert prior_weight(QualityTable({})) == PRIOR_WEIGHT
