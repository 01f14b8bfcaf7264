"""The rubric judge: one criterion per call, yes or no; the score is the share of criteria that hold."""

import asyncio

from baton.check.verifiers.judges import HOLDS, RUBRIC_RULES, Holds
from baton.measure.datasets.prompt import Prompt
from baton.measure.graders.grader import Grading
from baton.measure.graders.judging import Asked, Judge, shown_answer, shown_task
from baton.types.verdict import Answer

DEFAULT_CRITERIA = (
    "The answer does what the task asks, completely.",
    "Everything that the answer states is right, and agrees with the reference where there is one.",
    "The answer keeps to the form that the task asks for.",
)


class RubricJudge:
    relative = False

    def __init__(self, ask: Asked, model: str, criteria: tuple[str, ...] = DEFAULT_CRITERIA) -> None:
        """Raises ValueError without a criterion."""
        if not criteria:
            raise ValueError("a rubric needs at least one criterion")
        self._criteria = criteria
        self._judge = Judge(ask, model, "rubric", RUBRIC_RULES, HOLDS, *criteria)
        self.id = self._judge.id
        self.model = model

    async def grade(self, prompt: Prompt, answer: Answer, _reference: Answer | None = None) -> Grading:
        shown = {"task": shown_task(prompt), "answer": shown_answer(answer)}
        if prompt.gold is not None:
            shown["reference"] = prompt.gold
        found = await asyncio.gather(*(
            self._judge.verdict(Holds, prompt.task_type, {**shown, "criterion": criterion})
            for criterion in self._criteria
        ))  # fmt: skip
        cost = sum(one.cost for one in found)
        unread = [one.told for one in found if one.verdict is None]
        if unread:
            return Grading(None, unread[0], cost=cost)
        held = sum(one.verdict.holds for one in found)
        failed = [one.told for one in found if not one.verdict.holds]
        return Grading(held / len(found), "; ".join(failed) or "every criterion holds", cost=cost)
