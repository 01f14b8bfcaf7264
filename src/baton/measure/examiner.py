"""Asks a model a prompt and has the answer graded: from the run record where it is there, else for money.

Many calls run at once. What the budget has no room for waits until calls under way are settled at what they really
cost; only when nothing is under way any more is the budget too small, and the run stops with what it has.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from msgspec import Struct

from baton.flow.measurement import Desk, Probe, Reading
from baton.measure.datasets.prompt import Prompt
from baton.measure.graders.grader import Grader, Grading, OutOfBudget, graded_safely
from baton.measure.graders.pairwise import REFERENCE_SCORE
from baton.measure.journal import Answered, Graded, Journal
from baton.types.errors import BudgetExceeded, Overloaded, ProofError, RateLimited, UpstreamAway
from baton.types.verdict import Answer

MAX_OUTPUT = 4_096
CONCURRENCY = 16
COMES_BACK = frozenset({Overloaded.code, UpstreamAway.code})
"""Nobody was asked: a queue was full, or a breaker open. Waiting costs nothing."""
PATIENCE, PAUSE_S = 30, 1.0
GIVE_UP_AFTER = 8
"""A model that has answered nothing so far, and failed as often as this, is not there."""


class Outcome(Struct, frozen=True):
    """One prompt on one model. `grade` None: not graded, `why` says why. Money in nano-dollars, times in seconds."""

    prompt: str
    task_type: str
    model: str
    grade: float | None
    why: str
    cost: int
    duration_s: float = 0.0
    first_byte_s: float = 0.0
    characters: int = 0
    formed: bool = True
    declined: bool = False
    fault: str = ""
    flipped: bool = False
    simulated: bool = False
    cluster: str = ""
    difficulty: float | None = None


class Settings(Struct, frozen=True):
    """`identities` of every model by id; `reference` by task type, which judges of pairs compare with."""

    run: str
    identities: Mapping[str, str]
    references: Mapping[str, str]
    max_output: int = MAX_OUTPUT
    concurrency: int = CONCURRENCY


class Examiner:
    """`tell` is called after every outcome that had to be asked for."""

    def __init__(
        self, desk: Desk, journal: Journal, settings: Settings, tell: Callable[[], None] = lambda: None
    ) -> None:
        self._desk = desk
        self._journal = journal
        self._settings = settings
        self._tell = tell
        self._slots = asyncio.Semaphore(settings.concurrency)
        self._asking = 0
        self._settlements = 0
        self._changed = asyncio.Event()
        self._pending: dict[tuple[str, str], asyncio.Future[Answered]] = {}
        self._failures: dict[str, int] = {}
        self._gone: dict[str, ProofError] = {}
        self.grader: Grader | None = None
        """Set once before the first examination; judges ask through `ask_judge`."""

    @property
    def spent(self) -> int:
        """Nano-dollars of this run."""
        return self._journal.spent(self._settings.run)

    @property
    def concurrency(self) -> int:
        return self._settings.concurrency

    async def examine(self, model: str, prompt: Prompt) -> Outcome:
        """Raises OutOfBudget, ProofError for a model that never answers, UnknownModel."""
        answered = await self._answer(model, prompt)
        if answered.fault:
            return self._outcome(model, prompt, answered, Grading(None, answered.told, formed=False))
        grading = await self._grading(model, prompt, answered)
        return self._outcome(model, prompt, answered, grading)

    async def ask_judge(self, probe: Probe) -> Reading:
        """What judges are given to ask with: on the same budget, and in the same record."""
        run = self._settings.run
        async with self._slots:
            call = self._journal.begin(run, self._desk.at_most(probe))
            try:
                reading = await self._within_budget(probe)
            except OutOfBudget:
                self._journal.paid(call, run, 0)
                raise
            self._journal.paid(call, run, reading.cost)
        return reading

    # --- answers -----------------------------------------------------------------------------------

    async def _answer(self, model: str, prompt: Prompt) -> Answered:
        """Asked once, however many want it at the same time."""
        key = (prompt.key, self._settings.identities[model])
        known = self._journal.answers.get(key)
        if known is not None and not known.fault and (known.answer is not None or self._is_graded(prompt, key[1])):
            return known
        if (pending := self._pending.get(key)) is not None:
            return await asyncio.shield(pending)
        task = asyncio.ensure_future(self._asked(model, prompt, key))
        self._pending[key] = task
        try:
            return await task
        finally:
            self._pending.pop(key, None)

    async def _asked(self, model: str, prompt: Prompt, key: tuple[str, str]) -> Answered:
        settings = self._settings
        probe = Probe(model, prompt.task_type, prompt.dialect, prompt.body, settings.max_output)
        async with self._slots:
            if (gone := self._gone.get(model)) is not None:
                raise gone
            call = self._journal.begin(settings.run, self._desk.at_most(probe))
            try:
                reading = await self._within_budget(probe)
            except OutOfBudget:
                self._journal.paid(call, settings.run, 0)
                raise
            line = self._journal.answered(_line(call, settings.run, key, reading))
        self._watch(model, reading)
        self._tell()
        return line

    async def _within_budget(self, probe: Probe) -> Reading:
        patience = PATIENCE
        while True:
            seen = self._settlements
            self._asking += 1
            try:
                reading = await self._desk.ask(probe)
            except BudgetExceeded as refused:
                self._ended(settled=False)
                await self._wait_for_room(seen, refused)
                continue
            except RateLimited as error:
                self._ended(settled=False)
                await asyncio.sleep(error.retry_after_s or 1.0)
                continue
            except BaseException:
                self._ended(settled=True)
                raise
            self._ended(settled=True)
            if reading.fault not in COMES_BACK or patience == 0:
                return reading
            patience -= 1
            await asyncio.sleep(PAUSE_S)

    def _ended(self, *, settled: bool) -> None:
        """Everybody who waits looks again: there may be room, or nobody left to wait for."""
        self._asking -= 1
        self._settlements += settled
        self._changed.set()
        self._changed = asyncio.Event()

    async def _wait_for_room(self, seen: int, refused: BudgetExceeded) -> None:
        """Until a call has been settled since `seen`. Raises OutOfBudget where none is under way any more."""
        while self._settlements == seen:
            if self._asking == 0:
                raise OutOfBudget(f"the budget has no room for another call: {refused.message}") from refused
            await self._changed.wait()

    def _watch(self, model: str, reading: Reading) -> None:
        if not reading.fault:
            self._failures[model] = -1
        elif self._failures.get(model, 0) >= 0:
            self._failures[model] = self._failures.get(model, 0) + 1
            if self._failures[model] == GIVE_UP_AFTER:
                self._gone[model] = ProofError(
                    f"model {model!r} has answered none of its first {GIVE_UP_AFTER} prompts, the last one failed with "
                    f"{reading.fault}: {reading.told}. Is it still there? Mend it, or leave it out of the ladder"
                )
        if (gone := self._gone.get(model)) is not None:
            raise gone

    # --- grades ------------------------------------------------------------------------------------

    def _is_graded(self, prompt: Prompt, identity: str) -> bool:
        assert self.grader is not None
        return (prompt.graded_key, identity, self.grader.id, self._against(prompt, identity)) in self._journal.grades

    def _against(self, prompt: Prompt, identity: str) -> str:
        """Identity of the reference, for a grader that compares."""
        assert self.grader is not None
        reference = self._settings.identities[self._settings.references[prompt.task_type]]
        return reference if self.grader.relative and identity != reference else ""

    async def _grading(self, model: str, prompt: Prompt, answered: Answered) -> Grading:
        grader = self.grader
        assert grader is not None
        reference = self._settings.references[prompt.task_type]
        if grader.relative and model == reference:
            return Grading(REFERENCE_SCORE, "the reference itself")
        against = self._against(prompt, answered.model)
        known = self._journal.grades.get((prompt.graded_key, answered.model, grader.id, against))
        if known is not None and known.score is not None:
            return Grading(known.score, known.reason, known.formed, flipped=known.flipped)
        theirs: Answer | None = None
        if against:
            other = await self._answer(reference, prompt)
            if other.answer is None:
                return Grading(None, "the reference has no answer to compare with")
            theirs = other.answer
        assert answered.answer is not None
        found = await graded_safely(grader, prompt, answered.answer, theirs)
        line = Graded(
            prompt=prompt.graded_key,
            model=answered.model,
            grader=grader.id,
            score=found.score,
            reason=found.reason,
            formed=found.formed,
            flipped=found.flipped,
            against=against,
            task_type=prompt.task_type,
            model_id=model,
        )
        self._journal.graded(line)
        return found

    def _outcome(self, model: str, prompt: Prompt, answered: Answered, grading: Grading) -> Outcome:
        return Outcome(
            prompt=prompt.id,
            task_type=prompt.task_type,
            model=model,
            grade=grading.score,
            why=grading.reason,
            cost=answered.cost,
            duration_s=answered.duration_s,
            first_byte_s=answered.first_byte_s,
            characters=answered.characters,
            formed=grading.formed and not answered.cut,
            declined=answered.declined,
            fault=answered.fault,
            flipped=grading.flipped,
            simulated=answered.simulated,
            cluster=prompt.cluster,
        )


def _line(call: int, run: str, key: tuple[str, str], reading: Reading) -> Answered:
    answer = reading.answer
    return Answered(
        call=call,
        run=run,
        prompt=key[0],
        model=key[1],
        cost=reading.cost,
        output_tokens=reading.usage.output,
        characters=len(answer.text) + sum(len(one.arguments) for one in answer.tool_calls),
        duration_s=round(reading.duration_s, 4),
        first_byte_s=round(reading.first_byte_s, 4),
        simulated=reading.simulated,
        declined=reading.declined,
        cut=reading.cut,
        fault=reading.fault,
        told=reading.told,
        answer=None if reading.fault else answer,
    )


Examine = Callable[[str, Prompt], Awaitable[Outcome]]
"""What baseline and ladder need of an examiner: (model, prompt) -> outcome."""
