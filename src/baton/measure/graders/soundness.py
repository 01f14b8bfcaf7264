"""What the sanity check of a grader looks at: gold answers, right answers of other prompts, and what models scored."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence

from baton.measure.datasets.prompt import Prompt
from baton.measure.examiner import Outcome
from baton.measure.graders.grader import Grader
from baton.stats.sanity import GraderEvidence, SanityReport, Tally, examine
from baton.types.verdict import Answer, Exact, Executes, Fields, Numeric

MOST_GOLD = 30
"""Gold answers that are graded; a judge is paid for each of them, and for as many shuffled ones."""


async def soundness(
    grader: Grader | None,
    prompts: Sequence[Prompt],
    outcomes: Mapping[str, Sequence[Outcome]],
    reference: str,
    chance: float | None = None,
) -> SanityReport:
    """Of one task type. `outcomes` by model; `chance` where it is known better than from the checks."""
    if grader is None:
        return examine(evidence_of(outcomes, reference, chance=chance))
    known = [(prompt, text) for prompt in prompts if (text := prompt.right_answer) is not None][:MOST_GOLD]
    gold, shuffled = Tally(0, 0.0), Tally(0, 0.0)
    if known and not grader.relative:
        gold = await _graded(grader, known)
        shuffled = await _graded(grader, [(prompt, known[place - 1][1]) for place, (prompt, _) in enumerate(known)])
    chance = chance_of(prompts) if chance is None else chance
    return examine(evidence_of(outcomes, reference, gold=gold, shuffled=shuffled, chance=chance))


def evidence_of(
    outcomes: Mapping[str, Sequence[Outcome]],
    reference: str,
    *,
    gold: Tally | None = None,
    shuffled: Tally | None = None,
    chance: float | None = None,
) -> GraderEvidence:
    """The cheapest is the model whose tasks cost least."""
    tallies = {model: _tally([one.grade for one in rows]) for model, rows in outcomes.items()}
    costs = {model: _mean([one.cost for one in rows]) for model, rows in outcomes.items() if rows}
    graded, failures = _failures(outcomes, reference)
    return GraderEvidence(
        models=tallies,
        reference=reference,
        cheapest=min(costs, key=lambda model: (costs[model], model)) if costs else None,
        chance=chance,
        graded=graded,
        parse_failures=failures,
        gold=gold,
        shuffled=shuffled,
    )


def chance_of(prompts: Sequence[Prompt]) -> float | None:
    """Score of the right answer of another prompt, drawn at random; None where any answer may fit any prompt."""
    golds: list[str] = []
    for prompt in prompts:
        match prompt.check:
            case Exact() | Numeric() | Fields() as check:
                golds.append(repr(check.gold))
            case Executes():
                golds.append(prompt.id)
            case _:
                return None
    if len(golds) < 2:
        return None
    pairs = sum(count * (count - 1) for count in Counter(golds).values())
    chance = pairs / (len(golds) * (len(golds) - 1))
    return chance if chance < 1 else None


def _failures(outcomes: Mapping[str, Sequence[Outcome]], reference: str) -> tuple[int, int]:
    """Answers that the grader could not tell of; or those of the reference without the form, where they are more.

    That a weak model misses a form is its own fault; where the best one does, prompt or grader are to blame.
    """
    answers = [one for rows in outcomes.values() for one in rows if not one.fault]
    theirs = [one for one in outcomes.get(reference, ()) if not one.fault]
    untold = (len(answers), sum(one.grade is None for one in answers))
    unformed = (len(theirs), sum(not one.formed for one in theirs))
    return max(untold, unformed, key=lambda pair: pair[1] / pair[0] if pair[0] else 0.0)


async def _graded(grader: Grader, pairs: Sequence[tuple[Prompt, str]]) -> Tally:
    found = await asyncio.gather(*(grader.grade(prompt, Answer(text)) for prompt, text in pairs))
    return _tally([one.score for one in found])


def _tally(scores: Sequence[float | None]) -> Tally:
    known = [score for score in scores if score is not None]
    return Tally(len(known), min(float(len(known)), sum(known)))


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
