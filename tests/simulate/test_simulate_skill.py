"""Who is right: margins as stated, disagreement as stated, and the same draw for everybody."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baton.simulate.skill import chance, expected_quality, is_right, own_share

MIX = {"easy": 0.5, "hard": 0.5}
STRONG, WEAK = {"easy": 1.1, "hard": 0.9}, {"easy": 1.0, "hard": 0.6}
UNIT = st.floats(0, 1)


@given(UNIT, UNIT, UNIT)
def test_more_skill_and_less_difficulty_never_hurt(low: float, high: float, difficulty: float) -> None:
    low, high = sorted((low, high))
    assert chance(low, difficulty) <= chance(high, difficulty)
    assert chance(difficulty, high) <= chance(difficulty, low)
    assert chance(difficulty, difficulty) == pytest.approx(0.5)


@pytest.mark.parametrize("own", [0.02, 0.3, 1.0])
@pytest.mark.parametrize("stated", [0.1, 0.5, 0.93])
@pytest.mark.parametrize("sample", [0, 5])
def test_the_share_of_right_answers_is_the_stated_chance(own: float, stated: float, sample: int) -> None:
    rights = [
        is_right(chance=stated, own=own, seed=1, item=str(number), model="m", sample=sample) for number in range(4_000)
    ]
    assert sum(rights) / len(rights) == pytest.approx(stated, abs=0.025)


@given(st.floats(0.01, 0.99), st.floats(0.01, 0.99), st.integers(0, 500))
def test_without_an_own_part_a_better_model_is_right_on_a_superset(one: float, other: float, item: int) -> None:
    worse, better = sorted((one, other))
    if is_right(chance=worse, own=0.0, seed=1, item=str(item), model="worse"):
        assert is_right(chance=better, own=0.0, seed=1, item=str(item), model="better")


@pytest.mark.parametrize("stated", [0.03, 0.05, 0.08])
def test_the_weaker_model_alone_is_right_as_often_as_stated(stated: float) -> None:
    own = own_share([STRONG, WEAK], MIX, stated)
    alone = total = 0
    for number in range(12_000):
        kind, difficulty = ("easy", "hard")[number % 2], (number % 97 + 0.5) / 97
        strong, weak = (
            is_right(chance=chance(skills[kind], difficulty), own=own, seed=2, item=str(number), model=name)
            for name, skills in (("strong", STRONG), ("weak", WEAK))
        )
        alone += weak and not strong
        total += 1
    assert alone / total == pytest.approx(stated, abs=0.008)


def test_a_discordance_that_no_draw_can_give_is_refused_with_the_range() -> None:
    with pytest.raises(
        ValueError, match=r"discordance 0\.4 is out of reach of these models: between 0\.\d+ and 0\.\d+"
    ):
        own_share([STRONG, WEAK], MIX, 0.4)


def test_one_model_has_nobody_to_disagree_with() -> None:
    assert own_share([STRONG], MIX, 0.05) == 0.5


def test_quality_is_the_mean_chance_over_the_workload() -> None:
    assert 0 < expected_quality(WEAK, MIX) < expected_quality(STRONG, MIX) < 1


def test_another_sample_agrees_more_often_than_chance_and_not_always() -> None:
    def right(number: int, sample: int) -> bool:
        return is_right(chance=0.5, own=0.9, seed=1, item=str(number), model="m", sample=sample)

    same = sum(right(number, 0) == right(number, 3) for number in range(2_000)) / 2_000
    assert 0.6 < same < 0.95
