"""The sanity rules of graders: each fault is seen, bad luck is not taken for one, what was not examined is named."""

import math

import pytest

from baton.stats.sanity import Fault, GraderEvidence, Tally, examine

SOUND = GraderEvidence(
    models={"big": Tally(200, 170), "small": Tally(200, 150)},
    reference="big",
    cheapest="small",
    chance=0.25,
    graded=400,
    parse_failures=8,
    gold=Tally(100, 98),
    shuffled=Tally(100, 27),
)


def rules_of(faults: tuple[Fault, ...]) -> list[str]:
    return [fault.rule for fault in faults]


def test_a_sound_grader_has_no_fault_and_nothing_unexamined() -> None:
    report = examine(SOUND)
    assert report.sound
    assert report.unexamined == ()


@pytest.mark.parametrize(
    ("rule", "changes"),
    [
        ("parse_failures", {"parse_failures": 9}),
        ("gold", {"gold": Tally(100, 97)}),
        ("shuffled", {"shuffled": Tally(100, 39)}),
        ("below_chance", {"models": {"big": Tally(200, 170), "small": Tally(200, 30)}}),
        ("reference_below_cheapest", {"models": {"big": Tally(200, 100), "small": Tally(200, 150)}}),
    ],
)
def test_each_rule_sees_its_fault(rule: str, changes: dict[str, object]) -> None:
    evidence = GraderEvidence(**{**{name: getattr(SOUND, name) for name in SOUND.__struct_fields__}, **changes})
    assert rules_of(examine(evidence).faults) == [rule]


def test_bad_luck_on_few_answers_is_no_fault() -> None:
    unlucky = GraderEvidence(
        models={"big": Tally(10, 2), "small": Tally(10, 5)}, reference="big", cheapest="small", chance=0.25
    )
    assert examine(unlucky).sound


def test_the_real_column_with_a_parsing_fault_is_caught() -> None:
    """Public results of 231 four-way questions of high-school mathematics: 5 right by a model that has 80 % elsewhere."""
    column = GraderEvidence(
        models={"strong": Tally(231, 5), "cheap": Tally(231, 71)}, reference="strong", cheapest="cheap", chance=0.25
    )
    assert rules_of(examine(column).faults) == ["below_chance", "reference_below_cheapest"]


def test_what_was_not_examined_is_named() -> None:
    report = examine(GraderEvidence())
    assert report.sound
    assert len(report.unexamined) == 5


def test_impossible_counts_are_refused() -> None:
    for n, total in [(5, 6.0), (-1, 0.0), (5, math.nan)]:
        with pytest.raises(ValueError, match="points"):
            Tally(n, total)
    with pytest.raises(ValueError, match="parse failures"):
        examine(GraderEvidence(graded=5, parse_failures=6))
    with pytest.raises(ValueError, match="chance"):
        examine(GraderEvidence(shuffled=Tally(5, 1), chance=1.0))
