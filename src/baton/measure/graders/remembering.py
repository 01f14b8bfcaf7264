"""A grader of texts that no model was asked for, gold and answers to other prompts: its grades are kept as well."""

import hashlib

import msgspec

from baton.measure.datasets.prompt import Prompt
from baton.measure.graders.grader import Grader, Grading, graded_safely
from baton.measure.journal import Graded, Journal
from baton.types.verdict import Answer


class Remembering:
    """What was graded once is not graded again: a judge is paid, and a program takes its time."""

    def __init__(self, grader: Grader, journal: Journal) -> None:
        self.id = grader.id
        self.relative = grader.relative
        self._grader = grader
        self._journal = journal

    async def grade(self, prompt: Prompt, answer: Answer, reference: Answer | None = None) -> Grading:
        text = "text " + hashlib.sha256(msgspec.json.encode(answer)).hexdigest()[:16]
        known = self._journal.grades.get((prompt.graded_key, text, self.id, ""))
        if known is not None and known.score is not None:
            return Grading(known.score, known.reason, known.formed)
        found = await graded_safely(self._grader, prompt, answer, reference)
        self._journal.graded(Graded(prompt.graded_key, text, self.id, found.score, found.reason, found.formed))
        return found
