"""The ladder: the same grades give the same verdicts, whatever order they come in; few wrong targets."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baton.stats.guarantee import Design, Guarantee, Pair
from baton.stats.ladder import Due, Ladder, LadderPlan, replay
from baton.stats.multiplicity import e_bh, e_holm, spent_on_retest

EASY = Guarantee(rho=0.8, alpha=0.2)


def fleet(chance: dict[str, float], prompts: int, seed: int) -> dict[Due, Pair]:
    """Grades of every rung on every prompt; the reference is right on nine in ten."""
    rng = np.random.default_rng(seed)
    reference = rng.random(prompts) < 0.9
    return {
        Due(rung, i): Pair(float(reference[i]), float(rng.random() < p))
        for rung, p in chance.items() for i in range(prompts)
    }  # fmt: skip


def driven(plan: LadderPlan, grades: dict[Due, Pair], limit: int = 10) -> tuple[Ladder, list[Due]]:
    ladder, asked = Ladder(plan), []
    while due := ladder.due(limit):
        for one in due:
            ladder.add(one.rung, one.prompt, grades[one])
        asked += due
    return ladder, asked


@settings(max_examples=40)
@given(
    st.sampled_from(["walk", "all"]), st.lists(st.floats(0.5, 1), min_size=1, max_size=3), st.integers(1, 120),
    st.integers(0, 9), st.randoms(),
)  # fmt: skip
def test_arrival_order_changes_nothing(
    mode: str, chances: list[float], prompts: int, seed: int, random: "object"
) -> None:
    grades = fleet({f"m{i}": p for i, p in enumerate(chances)}, prompts, seed)
    plan = LadderPlan(tuple(f"m{i}" for i in range(len(chances))), prompts, EASY, mode=mode)  # type: ignore[arg-type]
    in_order, asked = driven(plan, grades)
    shuffled = list(grades.items())
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    mixed = replay(plan, [(due.rung, due.prompt, pair) for due, pair in shuffled])
    assert mixed.standings == in_order.standings
    assert in_order.done
    assert len(set(asked)) == len(asked)


def test_a_walk_stops_at_the_first_rung_that_degrades() -> None:
    grades = fleet({"mid": 0.9, "small": 0.5, "nano": 0.9}, 400, 1)
    ladder, asked = driven(LadderPlan(("mid", "small", "nano"), 400, EASY, cap=400), grades)
    verdicts = [standing.verdict for standing in ladder.standings]
    assert verdicts == ["adequate", "degrades", "untested"]
    assert ladder.target == "mid"
    assert {due.rung for due in asked} == {"mid", "small"}
    assert len(asked) < 800


def test_all_finds_the_specialist_below_a_rung_that_degrades() -> None:
    grades = fleet({"mid": 0.9, "small": 0.5, "nano": 0.9}, 400, 1)
    ladder, _ = driven(LadderPlan(("mid", "small", "nano"), 400, EASY, cap=400, mode="all"), grades, limit=7)
    assert [standing.verdict for standing in ladder.standings] == ["adequate", "degrades", "adequate"]
    assert ladder.target == "nano"


def test_too_few_prompts_leave_it_undecided_and_say_how_many_more() -> None:
    ladder, _ = driven(LadderPlan(("mid",), 35), fleet({"mid": 0.9}, 35, 2))
    (standing,) = ladder.standings
    assert (standing.verdict, standing.n, ladder.target) == ("undecided", 35, None)
    assert standing.needs_more is not None
    assert standing.needs_more >= 10
    assert standing.interval.low < (standing.quality or 0) < standing.interval.high


def test_a_rung_must_also_have_the_least_quality() -> None:
    """Both models have 70 %: the cheap one is as good as the reference, and not good enough."""
    rng = np.random.default_rng(8)
    reference = (rng.random(900) < 0.7).astype(float)
    for least, verdict in ((None, "adequate"), (0.6, "adequate"), (0.8, "degrades")):
        plan = LadderPlan(("mid",), 900, Guarantee(0.9), cap=900, min_quality=least)
        ladder = Ladder(plan)
        while due := ladder.due():
            for rung, prompt in due:
                ladder.add(rung, prompt, Pair(float(reference[prompt]), float(reference[prompt])))
        assert ladder.standings[0].verdict == verdict


def test_two_guarantees_must_break_twice_as_clearly() -> None:
    """`degrades` of either would be wrong with probability 2 alpha, so each is held to alpha / 2."""
    grades = fleet({"mid": 0.75}, 900, 6)
    alone, _ = driven(LadderPlan(("mid",), 900, batch=1), grades)
    both, _ = driven(LadderPlan(("mid",), 900, batch=1, min_quality=0.01), grades)
    assert 20 <= alone.standings[0].e_fail < 40 <= both.standings[0].e_fail
    assert both.standings[0].n > alone.standings[0].n


def test_a_family_plans_for_its_stricter_level() -> None:
    rungs = ("mid", "small", "nano")
    assert Ladder(LadderPlan(rungs, 5_000, mode="all")).cap > Ladder(LadderPlan(rungs, 5_000)).cap


def test_a_raised_cap_goes_on_where_it_stopped() -> None:
    grades = fleet({"mid": 0.88}, 900, 5)
    recorded = [(due.rung, due.prompt, pair) for due, pair in grades.items()]
    first = replay(LadderPlan(("mid",), 100, cap=100), recorded[:100])
    more = replay(LadderPlan(("mid",), 900, cap=900, horizon=100), recorded[:100])
    assert first.standings[0].verdict == "undecided"
    assert more.standings[0].e_last == first.standings[0].e_last
    assert more.due()[0] == Due("mid", 100)


def test_an_adequate_rung_is_proved_up_to_the_floor_at_least() -> None:
    ladder, _ = driven(
        LadderPlan(("mid", "nano"), 400, EASY, cap=400, mode="all"), fleet({"mid": 0.9, "nano": 0.9}, 400, 1)
    )
    for standing in ladder.standings:
        assert standing.verdict == "adequate"
        assert EASY.rho <= standing.bound <= 1
        assert standing.e_last <= standing.e_pass


def test_what_could_not_be_graded_counts_for_nothing() -> None:
    plan = LadderPlan(("mid",), 40)
    grades = fleet({"mid": 0.9}, 40, 3)
    ladder = Ladder(plan)
    for due, pair in grades.items():
        ladder.add(due.rung, due.prompt, None if due.prompt % 4 == 0 else pair)
    (standing,) = ladder.standings
    assert (standing.n, standing.skipped) == (30, 10)


def test_a_grade_may_come_twice_but_not_change() -> None:
    ladder = Ladder(LadderPlan(("mid",), 40, EASY))
    ladder.add("mid", 3, Pair(1, 1))
    ladder.add("mid", 3, Pair(1, 1))
    with pytest.raises(ValueError, match="was graded"):
        ladder.add("mid", 3, Pair(1, 0))
    for rung, prompt, pair in [("top", 0, Pair(1, 1)), ("mid", 40, Pair(1, 1)), ("mid", 0, Pair(1, math.nan))]:
        with pytest.raises(ValueError, match=r"no prompt|need 0\.\.1"):
            ladder.add(rung, prompt, pair)


@pytest.mark.parametrize("bad", [{"rungs": ()}, {"rungs": ("a", "a")}, {"prompts": 0}, {"batch": 0}])
def test_impossible_plans_are_refused(bad: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="need at least one"):
        LadderPlan(**{"rungs": ("a",), "prompts": 10, **bad})  # type: ignore[arg-type]


def test_few_walks_end_on_an_inadequate_rung() -> None:
    """The second rung stands exactly on the floor; a target at or below it is an error, allowed in one run of twenty."""
    rng = np.random.default_rng(11)
    plan = LadderPlan(("equal", "boundary"), 240, Guarantee(0.9), design=Design(discordance=0.1))
    wrong = 0
    for _ in range(120):
        reference = (rng.random(240) < 0.85).astype(float)
        equal = np.where(rng.random(240) < 0.1, rng.random(240) < 0.85, reference)
        boundary = np.where(rng.random(240) < 0.1, 0.0, reference)
        answers = {"equal": equal, "boundary": boundary}
        ladder = Ladder(plan)
        while due := ladder.due(10):
            for one in due:
                pair = Pair(float(reference[one.prompt]), float(answers[one.rung][one.prompt]))
                ladder.add(one.rung, one.prompt, pair)
        wrong += ladder.target == "boundary"
    assert wrong <= 10  # binomial(120, .05) exceeds 10 for 4 seeds in 100


logs = st.lists(st.floats(0, 12), max_size=12)


@given(logs, st.floats(0.01, 0.3))
def test_holm_and_e_bh_agree_with_their_definitions(peaks: list[float], alpha: float) -> None:
    m, ordered = len(peaks), sorted(peaks, reverse=True)
    k = max((i for i in range(1, m + 1) if ordered[i - 1] >= math.log(m / (i * alpha))), default=0)
    assert sum(e_bh(peaks, alpha)) == k
    steps = next((i for i in range(m) if ordered[i] < math.log((m - i) / alpha)), m)
    assert sum(e_holm(peaks, alpha)) == steps
    assert all(fallen for fallen, peak in zip(e_holm(peaks, alpha), peaks, strict=True) if peak >= math.log(m / alpha))


def test_alpha_spent_over_all_retests_is_alpha() -> None:
    assert sum(spent_on_retest(0.05, k) for k in range(1, 200_000)) == pytest.approx(0.05, abs=1e-6)
    with pytest.raises(ValueError, match="count from 1"):
        spent_on_retest(0.05, 0)
    with pytest.raises(ValueError, match="NaN"):
        e_bh([math.nan], 0.05)
    with pytest.raises(ValueError, match="alpha"):
        e_holm([1.0], 1.5)
