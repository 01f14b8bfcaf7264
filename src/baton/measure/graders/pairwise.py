"""The judge of pairs: the same two answers in both orders; who wins once and loses once has drawn, and is counted."""

import asyncio
from typing import Literal

from baton.check.verifiers.judges import Sealed, schema_of
from baton.measure.datasets.prompt import Prompt
from baton.measure.graders.grader import Grading
from baton.measure.graders.judging import Asked, Judge, Judgement, shown_answer, shown_task
from baton.types.verdict import Answer

RULES = (
    "You compare two answers to one task. The object has the members task, first and second, and reference where a "
    "good answer is known. Say in `because`, in one sentence, what decides; set `better` to first, second or tie; "
    "repeat `seal`. The order in which they stand means nothing."
)
Better = Literal["first", "second", "tie"]
CANDIDATE_FIRST: dict[Better, float] = {"first": 1.0, "second": 0.0, "tie": 0.5}
REFERENCE_SCORE = 0.5


class Compared(Sealed, frozen=True):
    better: Better


class PairwiseJudge:
    """Win 1, tie .5, loss 0 against the reference's answer, so that the reference has .5 by itself."""

    relative = True

    def __init__(self, ask: Asked, model: str) -> None:
        schema = schema_of(better={"type": "string", "enum": [*CANDIDATE_FIRST]})
        self._judge = Judge(ask, model, "pairwise", RULES, schema)
        self.id = self._judge.id
        self.model = model

    async def grade(self, prompt: Prompt, answer: Answer, reference: Answer | None = None) -> Grading:
        if reference is None:
            return Grading(None, "there is no answer of the reference to compare with")
        mine, theirs = shown_answer(answer), shown_answer(reference)
        if mine == theirs:
            return Grading(0.5, "both answers are the same")
        one, other = await asyncio.gather(self._compare(prompt, mine, theirs), self._compare(prompt, theirs, mine))
        cost = one.cost + other.cost
        if one.verdict is None or other.verdict is None:
            return Grading(None, one.told if one.verdict is None else other.told, cost=cost)
        first, second = CANDIDATE_FIRST[one.verdict.better], 1.0 - CANDIDATE_FIRST[other.verdict.better]
        if first != second:
            return Grading(0.5, f"changes with the order: {one.told} / {other.told}", cost=cost, flipped=True)
        return Grading(first, one.told, cost=cost)

    def _compare(self, prompt: Prompt, first: str, second: str) -> "asyncio.Future[Judgement]":
        shown = {"task": shown_task(prompt), "first": first, "second": second}
        if prompt.gold is not None:
            shown["reference"] = prompt.gold
        return asyncio.ensure_future(self._judge.verdict(Compared, prompt.task_type, shown))
