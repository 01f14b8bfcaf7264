"""Versions of what was learned: kept whole, compared before they replace another, read by the config without numpy."""

import subprocess
import sys
from pathlib import Path

import msgspec
import numpy as np
import pytest
from msgspec.structs import replace

from baton.config.learned import LearnedError, current
from baton.decide.features import read
from baton.decide.residual import ResidualReader
from baton.measure.learn.graded import Graded, GradedDataError
from baton.measure.learn.join import join, mixture
from baton.measure.learn.lesson import learn, learned_of, standing_of
from baton.measure.learn.refit import Outcome, lesson_kept, new_grades, unread_alarms
from baton.measure.learn.store import MOST_BYTES, activate, alone, versions
from tests.measure.lessons import SUBJECTS, graded_subjects


def kept(graded: Graded, folder: Path, *, force: bool = False) -> Outcome:
    return lesson_kept(graded, folder, np.random.default_rng(0), now=1_700_000_000.0, force=force)


def noisy(graded: Graded) -> Graded:
    """The same prompts with grades that say nothing of them."""
    grades = np.random.default_rng(9).permutation(graded.quality)
    return replace(graded, quality=grades)


def test_what_is_kept_is_read_as_it_was(tmp_path: Path) -> None:
    outcome = kept(graded_subjects(400), tmp_path)
    assert outcome.kept
    found = current(tmp_path)
    assert found == outcome.learned
    assert found.residual is not None
    assert (found.version, found.labels, found.made_at) == (1, 800, 1_700_000_000.0)
    assert found.data_hash.startswith("sha256:")
    assert sum(one.stat().st_size for one in (tmp_path / "v1").iterdir()) < MOST_BYTES
    card = msgspec.json.decode((tmp_path / "v1" / "learned.json").read_bytes())["card"]
    assert card["licence of the data"] == "unknown"
    assert card["standing"]["apgr"] == found.apgr


def test_a_gateway_reads_it_without_numpy(tmp_path: Path) -> None:
    kept(graded_subjects(300), tmp_path)
    program = (
        "import sys; from pathlib import Path; from baton.config.learned import current\n"
        "from baton.decide.residual import ResidualReader; from baton.decide.features import read\n"
        f"print(ResidualReader(current(Path({str(tmp_path)!r})).residual).read(read('knot sheaf genus about')).why)\n"
        "assert 'numpy' not in sys.modules, 'numpy was imported'"
    )
    done = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


def test_the_last_five_versions_are_kept_and_one_can_be_put_back(tmp_path: Path) -> None:
    graded = graded_subjects(200)
    for _ in range(7):
        kept(graded, tmp_path, force=True)
    assert sorted(versions(tmp_path)) == [3, 4, 5, 6, 7]
    activate(tmp_path, 4)
    found = current(tmp_path)
    assert found is not None
    assert found.version == 4
    with pytest.raises(LearnedError, match="missing"):
        activate(tmp_path, 1)


def test_a_worse_one_does_not_replace_a_better_one_unless_forced(tmp_path: Path) -> None:
    assert kept(graded_subjects(800), tmp_path).verdict.accepted
    worse = kept(noisy(graded_subjects(800, seed=2)), tmp_path)
    assert not worse.verdict.accepted
    assert not worse.kept
    assert versions(tmp_path) == [1]
    forced = kept(noisy(graded_subjects(800, seed=2)), tmp_path, force=True)
    assert forced.kept
    assert not forced.verdict.accepted
    assert sorted(versions(tmp_path)) == [1, 2]


def test_a_better_one_replaces_it_on_prompts_that_are_new_to_both(tmp_path: Path) -> None:
    kept(graded_subjects(120, seed=4), tmp_path)
    outcome = kept(graded_subjects(1_500, seed=5), tmp_path)
    assert outcome.verdict.accepted
    assert "new to it" in outcome.verdict.why
    assert outcome.verdict.incumbent_apgr is not None
    assert outcome.verdict.ahead is not None
    assert outcome.verdict.ahead > 0
    assert outcome.verdict.ahead_interval is not None


def test_the_prompts_that_it_was_trained_on_do_not_judge_the_champion(tmp_path: Path) -> None:
    graded = graded_subjects(600)
    first = kept(graded, tmp_path)
    again = kept(graded, tmp_path)
    assert "trained on these prompts" in again.verdict.why
    assert again.verdict.incumbent_apgr == first.learned.apgr


def test_weights_that_the_prior_is_ahead_of_are_left_out() -> None:
    lesson = learn(graded_subjects(400), np.random.default_rng(0))
    standing = standing_of(lesson, np.random.default_rng(0))
    assert learned_of(lesson, standing, 0.0).residual is not None
    prior = replace(standing.versus["prior"], ahead=-0.1, apgr=0.3)
    without = learned_of(lesson, replace(standing, versus={"prior": prior}), 0.0)
    assert without.residual is None
    assert not without.length_prior  # worse than chance here


def test_grades_of_single_models_make_a_table_alone(tmp_path: Path) -> None:
    graded = graded_subjects(300)
    quality = graded.quality.copy()
    quality[::2, 0] = np.nan
    quality[1::2, 1] = np.nan
    alone = kept(replace(graded, quality=quality), tmp_path)
    assert alone.kept
    assert alone.learned.residual is None
    assert alone.learned.table.cells["topology"]["large"].n > 20
    kept(graded, tmp_path)
    refused = kept(replace(graded, quality=quality), tmp_path)  # would lose the weights
    assert not refused.kept


def test_damage_is_said_and_not_served(tmp_path: Path) -> None:
    assert current(tmp_path) is None
    kept(graded_subjects(200), tmp_path)
    weights = tmp_path / "v1" / "learned.npz"
    whole = weights.read_bytes()
    weights.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(LearnedError, match="damaged"):
        current(tmp_path)
    weights.unlink()
    with pytest.raises(LearnedError, match=r"learned.npz is missing"):
        current(tmp_path)
    (tmp_path / "current").write_text("../elsewhere\n")
    with pytest.raises(LearnedError, match="no version"):
        current(tmp_path)


def test_only_grades_of_new_prompts_count_as_new(tmp_path: Path) -> None:
    seen = graded_subjects(300, seed=1)
    assert new_grades(seen, tmp_path) == 600
    kept(seen, tmp_path)
    assert new_grades(seen, tmp_path) == 0
    assert new_grades(graded_subjects(310, seed=1), tmp_path) == 20


def test_one_process_learns_into_a_folder_at_a_time(tmp_path: Path) -> None:
    with alone(tmp_path) as first:
        assert first
        with alone(tmp_path) as second:
            assert not second
    with alone(tmp_path) as third:
        assert third


def test_alarms_need_more_than_chance() -> None:
    assert unread_alarms(1_000, 310, 0) == []  # 31 % of 1,000 may be 29 %
    assert unread_alarms(100, 100, 100) == []  # too few to say
    (other,) = unread_alarms(1_000, 400, 10)
    assert "40% of 1,000 requests have no task type" in other
    (abstained,) = unread_alarms(1_000, 0, 500)
    assert "unlike the answers" in abstained


def test_a_new_model_joins_by_its_results_on_pinned_prompts() -> None:
    lesson = learn(graded_subjects(600), np.random.default_rng(0))
    learned = learned_of(lesson, standing_of(lesson, np.random.default_rng(0)), 0.0)
    pinned = graded_subjects(150, seed=8, models=("fresh", "large"))  # fails where the small one fails
    joined = join(learned, pinned, "fresh")
    assert joined.residual is not None
    assert joined.residual.models == ("small", "fresh")
    assert joined.table.cells["topology"]["fresh"].n > 20
    assert joined.table.cells["topology"]["small"] == learned.table.cells["topology"]["small"]
    reader = ResidualReader(joined.residual)
    texts = {name: f"Case 7: {' about '.join(words)}?" for name, words in SUBJECTS.items()}
    fresh = {name: reader.scores(read(text))["fresh"] for name, text in texts.items()}
    assert fresh["topology"] > max(fresh["cooking"], fresh["gardens"]) + 0.2
    with pytest.raises(GradedDataError, match="among the models"):
        join(joined, pinned, "fresh")
    with pytest.raises(GradedDataError, match="no weights"):
        join(replace(learned, residual=None), pinned, "fresh")


def test_the_mixture_finds_the_shares_with_enough_answers() -> None:
    rng = np.random.default_rng(0)
    known = rng.random((5_000, 3))
    shares, offset = mixture(known, known @ [0.2, 0.0, 0.8] + 0.1 + rng.normal(0, 0.1, 5_000))
    assert shares == pytest.approx([0.2, 0.0, 0.8], abs=0.03)
    assert offset == pytest.approx(0.1, abs=0.02)
    few, _ = mixture(known[:4], known[:4] @ [0.2, 0.0, 0.8])
    assert few == pytest.approx([1 / 3] * 3, abs=0.2)  # with few answers nearly equal
