"""Where the questions of one run go out, and answers come in that nobody may read before they are checked."""

import time
from collections import Counter
from collections.abc import Callable

from msgspec import Struct
from msgspec.structs import asdict, replace

from baton.check.contract import Asking
from baton.check.unverified import Unverified
from baton.flow.orchestrate.asking import Models
from baton.flow.orchestrate.journal import RunJournal, key_of
from baton.spend.branch import Branch
from baton.types.errors import UpstreamFault
from baton.types.question import Question, Told
from baton.types.verdict import Answer

BYTES_AROUND = 512
"""What a request has besides its texts."""


class Asked(Struct, frozen=True):
    """`told` without its text: that is in `answer`, and nowhere else."""

    answer: Unverified[Answer]
    told: Told


class Desk:
    """`clock` is monotonic, in seconds."""

    def __init__(
        self, models: Models, branch: Branch, journal: RunJournal, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.models = models
        self.branch = branch
        self.journal = journal
        self.baseline = 0
        self.simulated = False
        self._clock = clock
        self._faults: Counter[str] = Counter()

    async def ask(self, step: str, question: Question, *, tainted: bool) -> Asked:
        """`question.model` is set.

        Raises UpstreamFault for an answer that cannot be used, LimitReached or RunLimited where it may not be asked.
        """
        told = await self._told(step, question)
        self.simulated = self.simulated or told.simulated
        origin = f"{step} by {question.model}"
        return Asked(Unverified(Answer(told.text), origin=origin, tainted=tainted), replace(told, text=""))

    def asking(self, step: str) -> Asking:
        """For checks that ask a model: what it says is their evidence, and goes no further than their verdict."""

        async def ask(question: Question) -> Answer:
            model = question.model or self.models.own
            told = await self._told(f"{step}/check", replace(question, model=model))
            return Answer(told.text)

        return ask

    async def _told(self, step: str, question: Question) -> Told:
        key = key_of(step, question)
        known = self.journal.known(key)
        if known is not None:
            return Told(**known.body)
        most = self.models.way(question, question.model).at_most
        tokens = len(question.user.encode()) + len(question.system.encode()) + BYTES_AROUND + question.max_output
        self.branch.take(most, tokens)
        begun, told = self._clock(), None
        try:
            told = await self.models.ask(question)
        finally:
            cost, used = (0, 0) if told is None else (told.cost, told.tokens)
            self.branch.settle(most, tokens, cost, used)
        seconds = self._clock() - begun
        if told.fault:
            self._faults[key] += 1
            failed = f"{key}!{self._faults[key]}"
            await self.journal.write("fault", failed, asdict(replace(told, text="")), seconds=seconds, cost=told.cost)
            raise UpstreamFault(f"{question.model} gave no answer that can be used: {told.fault}", model=told.model)
        await self.journal.write("call", key, asdict(told), seconds=seconds, cost=told.cost)
        return told
