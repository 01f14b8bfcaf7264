"""What is learned from answers with a known cause, and that a gateway reads it as it was trained."""

import numpy as np
import pytest
from msgspec.structs import replace

from baton.decide.features import read
from baton.decide.residual import ResidualMisfit, ResidualReader
from baton.measure.learn.assemble import chances, deviations
from baton.measure.learn.design import design_of, trimmed_scores
from baton.measure.learn.graded import GradedDataError
from baton.measure.learn.lesson import Lesson, learn, standing_of
from baton.measure.learn.ridge import Ridge
from baton.measure.learn.train import features_of, losses_of
from tests.measure.lessons import graded_subjects


@pytest.fixture(scope="module")
def lesson() -> Lesson:
    return learn(graded_subjects(600), np.random.default_rng(0))


def test_the_subject_that_the_weak_model_fails_on_is_hard(lesson: Lesson) -> None:
    reader = ResidualReader(lesson.residual)
    hard = reader.read(read("Case 7: manifold about genus the knot one sheaf good bundle more boundary more?"))
    easy = reader.read(read("Case 8: onion about butter the flour one dough good roast more whisk more?"))
    assert hard.difficulty is not None and easy.difficulty is not None  # noqa: PT018
    assert hard.difficulty > 0.45 > 0.3 > easy.difficulty
    assert hard.gains is not None and easy.gains is not None  # noqa: PT018
    assert hard.gains["small"] > 0.15  # loses more than on the mean prompt
    assert easy.gains["small"] < -0.05


def test_within_a_known_type_only_what_sets_the_prompt_apart_counts(lesson: Lesson) -> None:
    reader = ResidualReader(lesson.residual)
    prompt = read("Case 7: manifold about genus the knot one sheaf good bundle more boundary more?")
    typed, untyped = reader.read(prompt, "topology").gains, reader.read(prompt).gains
    assert typed is not None and untyped is not None  # noqa: PT018
    assert abs(typed["small"]) < 0.1 < untyped["small"]


def test_a_gateway_scores_as_training_does(lesson: Lesson) -> None:
    reader = ResidualReader(lesson.residual)
    trained = lesson.fitted.scores(lesson.design)[:, 0]
    served = [reader.scores(one)["small"] for one in features_of(lesson.graded.prompts)]
    assert np.allclose(trained, served, atol=0.01)  # 8 bits a weight
    assert np.corrcoef(trained, served)[0, 1] > 0.999


def test_out_of_support_nothing_is_said(lesson: Lesson) -> None:
    reader = ResidualReader(lesson.residual)
    long = reader.read(read("onion " * 4_000))
    assert (long.difficulty, long.gains) == (None, None)
    assert "characters" in long.why
    foreign = reader.read(read("Случай 5: лук масло мука тесто жарить перец соль мешать варить и ещё?"))
    assert foreign.difficulty is None
    assert "script" in foreign.why
    strange = reader.read(read("Axial turbofan blades resonate whenever compressor stall margins collapse midflight"))
    assert strange.difficulty is None
    assert "new" in strange.why


def test_it_is_ahead_of_the_prior_and_says_how_far(lesson: Lesson) -> None:
    standing = standing_of(lesson, np.random.default_rng(1))
    assert standing.apgr is not None and standing.apgr_interval is not None  # noqa: PT018
    assert standing.apgr_interval.low < standing.apgr < standing.apgr_interval.high
    assert standing.apgr > 0.75
    assert standing.versus["prior"].ahead > 0.15
    assert abs(standing.versus["table"].ahead) < 0.1  # the cause is the type
    assert [point.pairs for point in standing.learning_curve] == [100, 200]
    worst = standing.calibration[-1]
    assert worst.said == pytest.approx(worst.was, abs=0.15)


def test_the_same_answers_teach_the_same() -> None:
    graded = graded_subjects(200)
    one = learn(graded, np.random.default_rng(5))
    two = learn(graded, np.random.default_rng(5))
    assert one.residual == two.residual


def test_too_few_pairs_is_said() -> None:
    with pytest.raises(GradedDataError, match="pairs of answers"):
        learn(graded_subjects(30), np.random.default_rng(0))
    with pytest.raises(GradedDataError, match="no answers of the reference 'huge'"):
        losses_of(graded_subjects(60), "huge")


def test_the_reference_is_the_best_unless_it_is_named() -> None:
    assert losses_of(graded_subjects(200)).reference == "large"
    assert losses_of(graded_subjects(200), "small").models == ("large",)


def test_weights_of_another_version_or_size_are_refused(lesson: Lesson) -> None:
    with pytest.raises(ResidualMisfit, match="version '0'"):
        ResidualReader(replace(lesson.residual, features="0"))
    with pytest.raises(ResidualMisfit, match="damaged"):
        ResidualReader(replace(lesson.residual, weights=b"\x00"))


def test_ridge_agrees_with_the_normal_equations() -> None:
    design = design_of(
        features_of([f"alpha {word} beta {word} {'x' * size}" for size, word in enumerate("qwertyui")]), 6
    )
    target = np.array([0, 1, 0, 1, 1, 0, 0, 1.0])
    found = Ridge(design, 0.3).solve(target, 0.5)
    dense = np.zeros((len(design), 64))
    for row in range(len(design)):
        buckets = design.buckets[design.starts[row] : design.starts[row + 1]]
        dense[row, buckets] = 1 / np.sqrt(len(buckets))
    spread = design.surface.std(0)
    numbers = (design.surface - design.surface.mean(0)) * np.where(spread > 1e-9, 0.3 / np.maximum(spread, 1e-9), 0)
    whole = np.hstack([dense, numbers])
    exact = whole.T @ np.linalg.solve(whole @ whole.T + 0.5 * np.eye(8), target - 0.5)
    predicted = dense @ found.words + design.surface @ found.surface + found.intercept
    assert np.allclose(predicted, whole @ exact + 0.5, atol=0.01)


def test_few_words_decide_nothing() -> None:
    design = design_of(features_of(["one two three four five six seven eight nine ten eleven twelve"]))
    weights = np.zeros(1 << design.bits)
    weights[design.buckets[:3]] = [100.0, -100.0, 50.0]  # 3 of 23: the highest and lowest 15 % are left out
    assert trimmed_scores(design, weights, 0.15).tolist() == [0.0]
    assert trimmed_scores(design, weights, 0.0)[0] == pytest.approx(50 / np.sqrt(23))


def test_the_chance_of_losing_rises_with_the_score() -> None:
    rng = np.random.default_rng(2)
    scores = rng.random(5_000)
    lost = (rng.random(5_000) < scores**2).astype(float)
    points = chances(scores, lost)
    xs, ys = [x for x, _ in points], [y for _, y in points]
    assert ys == sorted(ys)
    assert np.interp(0.9, xs, ys) == pytest.approx(0.81, abs=0.06)
    assert np.interp(0.2, xs, ys) == pytest.approx(0.04, abs=0.05)
    straight = chances(scores[:500], lost[:500])
    assert len(straight) == 2


def test_deviations_are_zero_in_the_mean() -> None:
    rng = np.random.default_rng(3)
    scores = rng.random((400, 1))
    types = ["a" if score > 0.6 else "b" for score in scores[:, 0]]
    losses = scores + rng.normal(0, 0.1, scores.shape)
    across, within = deviations(scores, losses, types)
    assert np.mean(across[0].slope * scores[:, 0] + across[0].offset) == pytest.approx(0, abs=1e-9)
    of_a = scores[np.array(types) == "a", 0]
    assert np.mean(within["a"][0].slope * of_a + within["a"][0].offset) == pytest.approx(0, abs=0.02)
    assert across[0].slope == pytest.approx(1 / (1 + 50 / 400), abs=0.1)
