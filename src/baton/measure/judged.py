"""What must stand beside a judge's figure: flips, length, agreement with people, and the figure that people correct."""

from collections.abc import Sequence

from msgspec import Struct

from baton.measure.bench import Bench, Entrants
from baton.measure.examiner import Outcome
from baton.stats.intervals import Interval
from baton.stats.judge import (
    Agreement,
    Corrected,
    FlipRate,
    LengthBias,
    Swapped,
    Uncorrected,
    agreement,
    corrected_mean,
    flip_rate,
    length_bias,
)

GOOD = 0.5
"""A score from which on a judge, or a person, calls an answer good."""
FEWEST_LENGTHS = 30


class JudgeFigures(Struct, frozen=True):
    """`basis` says what the quality stands on: `judge only` is no truth. None: not known, or another kind of judge."""

    basis: str
    corrected: float | None
    corrected_interval: Interval | None
    labels: int
    labels_needed: int
    agreement: Agreement | None
    flips: FlipRate | None
    length: LengthBias | None


def judge_figures(
    bench: Bench, entrants: Entrants, model: str, rows: Sequence[Outcome], reference: Sequence[Outcome]
) -> JudgeFigures:
    assert bench.grader is not None
    judged = {one.prompt: one for one in rows if one.grade is not None}
    labels = _labels(bench, entrants, model)
    both = [name for name in judged if name in labels]
    theirs = [judged[name].grade or 0.0 for name in both]
    human = [labels[name] for name in both]
    rest = [one.grade or 0.0 for name, one in judged.items() if name not in labels]
    found: Corrected | Uncorrected = corrected_mean(rest, theirs, human)
    known = isinstance(found, Corrected)
    return JudgeFigures(
        basis=f"judge corrected by {found.humans} human labels" if known else "judge only",
        corrected=found.mean if isinstance(found, Corrected) else None,
        corrected_interval=found.interval if isinstance(found, Corrected) else None,
        labels=found.humans,
        labels_needed=0 if isinstance(found, Corrected) else found.needed,
        agreement=agreement(_yes(theirs), _yes(human)) if both else None,
        flips=_flips(rows) if bench.grader.relative else None,
        length=_length(rows, reference) if bench.grader.relative else None,
    )


def _labels(bench: Bench, entrants: Entrants, model: str) -> dict[str, float]:
    """By prompt id: the mean of what people said of this model's answer."""
    assert bench.journal is not None
    identity = bench.identities[model]
    given: dict[str, list[float]] = {}
    for (prompt, labelled, _by), label in bench.journal.labels.items():
        if labelled == identity:
            given.setdefault(prompt, []).append(label.score)
    return {one.id: sum(given[one.key]) / len(given[one.key]) for one in entrants.prompts if one.key in given}


def _flips(rows: Sequence[Outcome]) -> FlipRate:
    """Only whether a pair flipped is recorded: which way does not matter for the rate."""
    pairs = [one for one in rows if one.grade is not None]
    return flip_rate(
        [Swapped(1.0, 0.0) if one.flipped else Swapped(one.grade or 0.0, one.grade or 0.0) for one in pairs]
    )


def _length(rows: Sequence[Outcome], reference: Sequence[Outcome]) -> LengthBias | None:
    lengths = {one.prompt: one.characters for one in reference}
    pairs = [
        (one.grade, one.characters / lengths[one.prompt])
        for one in rows
        if one.grade is not None and one.characters and lengths.get(one.prompt)
    ]
    if len(pairs) < FEWEST_LENGTHS:
        return None
    return length_bias([grade for grade, _ in pairs], [ratio for _, ratio in pairs])


def _yes(scores: Sequence[float]) -> list[float]:
    return [float(score >= GOOD) for score in scores]
