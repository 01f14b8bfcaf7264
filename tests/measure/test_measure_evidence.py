"""What counts as evidence: pairs that do not resemble each other, and not only those that could be graded."""

import asyncio
import random

import pytest

from baton.measure.datasets.prompt import Prompt, in_order
from baton.measure.datasets.rows import Recorded
from baton.measure.files import bytes_of, read_evidence
from baton.measure.ladder import Rules, Walk, walk
from baton.measure.recorded import RecordedOrder, recorded_bench
from baton.types.errors import ProofError
from tests.measure.made import COSTS, FRONTIER, NANO, header
from tests.measure.made import rows as rows_of

KIND = "classification"
ORDER = RecordedOrder(command="test", source="grades", date="2026-01-31", references={KIND: FRONTIER}, chance=0.0)


def climbed(rows: list[Recorded]) -> Walk:
    bench = recorded_bench(None, ORDER, rows)
    return asyncio.run(walk(bench, bench.entrants[0], Rules(rho=0.9), lambda _: None))


def row(number: int, model: str, grade: float, cluster: str = "") -> Recorded:
    return Recorded(id=f"p{number}", task_type=KIND, model=model, grade=grade, cost=COSTS[model], cluster=cluster)


def test_a_conversation_is_one_pair_of_evidence_however_many_turns_it_has() -> None:
    rng = random.Random(1)
    right = {number: float(rng.random() < 0.9) for number in range(60)}
    turns = [(talk * 20 + turn, f"talk {talk}", right[talk]) for talk in right for turn in range(20)]
    rows = [row(number, model, grade, talk) for number, talk, grade in turns for model in (FRONTIER, NANO)]
    (standing,) = climbed(rows).climbed.standings
    assert (standing.n, standing.verdict) == (30, "undecided")
    alone = [row(int(one.id[1:]), one.model, one.grade) for one in rows]
    (standing,) = climbed(alone).climbed.standings
    assert standing.verdict == "adequate"


def test_a_rung_whose_hard_prompts_have_no_grade_is_not_adequate() -> None:
    rows = [row(number, FRONTIER, 1.0) for number in range(600)]
    drawn = in_order([Prompt(id=f"p{number}", task_type=KIND, body={}) for number in range(600)], ORDER.seed)
    for place, one in enumerate(drawn):
        if place < 30 or place % 3:  # later a third has no answer
            rows.append(row(int(one.id[1:]), NANO, 1.0))
    found = climbed(rows)
    (standing,) = found.climbed.standings
    assert standing.skipped > standing.n / 4
    assert (standing.verdict, found.climbed.target, found.climbed.certificates) == ("undecided", FRONTIER, ())
    whole = climbed([row(number, model, 1.0) for number in range(600) for model in (FRONTIER, NANO)]).climbed
    assert (whole.target, len(whole.certificates)) == (NANO, 1)


def test_a_file_of_grades_that_holds_a_prompt_twice_is_refused() -> None:
    once = rows_of(1, 60, {NANO: 0.0})
    assert read_evidence(bytes_of(header(), once), "grades")[1] == once
    with pytest.raises(ProofError, match="holds a prompt twice"):
        read_evidence(bytes_of(header(), [*once, once[-1]]), "grades")
