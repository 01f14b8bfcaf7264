"""The ladder: down the rungs of measured cost, one batch of prompts at a time, until each has its verdict.

1. A pilot on every model tells costs, how often models differ, whether the grader is sound, and who is no rung at all;
2. the walk asks for what it needs next, answers of the reference once; 3. a budget that ends leaves verdicts as they
are; 4. what was graded is written down, and the certificates are computed from that.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from baton.measure.bench import Bench, Entrants
from baton.measure.datasets.prompt import Prompt, one_of_each
from baton.measure.evidence import PILOT, Climbed, LadderHeader, Row, climbed, pair_of, plan_of
from baton.measure.examiner import Outcome
from baton.measure.files import bytes_of, hash_of
from baton.measure.graders.grader import OutOfBudget
from baton.measure.graders.soundness import soundness
from baton.stats.ladder import BATCH, Due, Ladder
from baton.stats.sanity import SanityReport
from baton.types.errors import ProofError

Stopped = Literal["", "budget", "grader"]
"""Why there is no whole verdict: the budget ended; the grader is not sound."""


class Rules(Struct, frozen=True):
    """What is claimed, and how it is tested. `rho` None: the floor of each task type.

    `serves` is `policy` where the one candidate is `auto`: whatever the gateway serves, gates and cascades included.
    """

    serves: Literal["rung", "policy"] = "rung"
    rho: float | None = None
    delta: float = 0.05
    power: float = 0.9
    cap: int | None = None
    mode: Literal["walk", "all"] = "walk"
    pilot: int = PILOT
    batch: int = BATCH


class Walk(Struct, frozen=True):
    """One task type: what came of it, and the file of grades it follows from. `cost` in nano-dollars, of this run."""

    climbed: Climbed
    sanity: SanityReport
    unfit: dict[str, str]
    stopped: Stopped
    told: str
    """Why it stopped, in words."""
    file: bytes
    outcomes: dict[str, tuple[Outcome, ...]]


async def walk(bench: Bench, entrants: Entrants, rules: Rules, stepped: Callable[[Ladder | None], None]) -> Walk:
    """`stepped` is called after the pilot and after every batch.

    Raises ProofError where there are too few prompts, or the budget does not reach through the pilot.
    """
    entrants = replace(entrants, prompts=one_of_each(entrants.prompts))
    climb = _Climb(bench, entrants, rules)
    await climb.pilot()
    stepped(None)
    sanity = await soundness(bench.grader, entrants.prompts, climb.outcomes, entrants.reference, bench.order.chance)
    climb.faults = tuple(f"{fault.rule}: {fault.text}" for fault in sanity.faults)
    stopped: Stopped = "grader" if climb.faults else ""
    told = "; ".join(climb.faults)
    if not climb.faults:
        try:
            await climb.test(stepped)
        except OutOfBudget as error:
            stopped, told = "budget", error.message
    file = bytes_of(climb.header(), climb.rows())
    found = climbed(climb.header(), climb.rows(), hash_of(file))
    outcomes = {model: tuple(rows) for model, rows in climb.outcomes.items()}
    return Walk(found, sanity, entrants.unfit, stopped, told, file, outcomes)


class _Climb:
    def __init__(self, bench: Bench, entrants: Entrants, rules: Rules) -> None:
        if len(entrants.prompts) <= rules.pilot:
            have = len(entrants.prompts)
            told = f"{entrants.task_type!r} has {have} prompts, and {rules.pilot} of them are the pilot: give more"
            raise ProofError(told)
        self.faults: tuple[str, ...] = ()
        self.outcomes: dict[str, list[Outcome]] = {model: [] for model in entrants.models}
        self._bench = bench
        self._entrants = entrants
        self._rules = rules
        self._grades: dict[str, dict[str, Outcome]] = {}
        """By prompt and model, as far as anything was drawn from it."""
        self._reached: dict[str, int] = {}
        """Prompts of each rung that counted: answers that were asked for ahead, and not needed, are not evidence."""

    async def pilot(self) -> None:
        prompts = self._entrants.prompts[: self._rules.pilot]
        wanted = [(model, prompt) for prompt in prompts for model in self._entrants.models]
        try:
            self._note(await self._asked(wanted))
        except OutOfBudget as error:
            paid = self._bench.examiner.spent
            told = (
                f"the budget is too small for any verdict on {self._entrants.task_type!r}: ${paid / 1e9:.4f} are "
                f"spent, and its pilot of {len(prompts)} prompts on {len(self._entrants.models)} models is not through"
            )
            raise OutOfBudget(f"{told}. {error.message}") from error

    async def test(self, stepped: Callable[[Ladder | None], None]) -> None:
        plan = plan_of(self.header(), self.rows())
        if plan.plan is None:
            return
        ladder = Ladder(plan.plan)
        look_ahead = max(plan.plan.batch, self._bench.examiner.concurrency // 2)
        while due := ladder.due(look_ahead):
            await self._feed(ladder, due)
            self._reached = {one.rung: one.n + one.skipped for one in ladder.standings}
            stepped(ladder)

    async def _feed(self, ladder: Ladder, due: Sequence[Due]) -> None:
        reference = self._entrants.reference
        wanted = {(model, one.prompt): None for one in due for model in (reference, one.rung)}
        self._note(await self._asked([(model, self._tested[place]) for model, place in wanted]))
        for one in due:
            row = self._row(self._tested[one.prompt])
            ladder.add(one.rung, one.prompt, pair_of(row, reference, one.rung))

    async def _asked(self, wanted: Sequence[tuple[str, Prompt]]) -> list[Outcome]:
        """All of them, or, where the budget ends, what came before it is in the record for the next time."""
        examine = self._bench.examiner.examine
        found = await asyncio.gather(*(examine(model, prompt) for model, prompt in wanted), return_exceptions=True)
        for one in found:
            if isinstance(one, BaseException) and not isinstance(one, OutOfBudget):
                raise one
        for one in found:
            if isinstance(one, BaseException):
                raise one
        return [one for one in found if isinstance(one, Outcome)]

    def _note(self, outcomes: Sequence[Outcome]) -> None:
        for one in outcomes:
            known = self._grades.setdefault(one.prompt, {})
            if one.model not in known:
                known[one.model] = one
                self.outcomes[one.model].append(one)

    @property
    def _tested(self) -> tuple[Prompt, ...]:
        return self._entrants.prompts[self._rules.pilot :]

    def _row(self, prompt: Prompt, place: int | None = None) -> Row:
        """With `place` among those tested: what counted there; without: all that is known."""
        known = self._grades.get(prompt.id, {})
        if place is not None:
            counted = {model for model, reached in self._reached.items() if place < reached}
            counted |= {self._entrants.reference} if counted else set()
            known = {model: one for model, one in known.items() if model in counted}
        grades = {model: one.grade for model, one in known.items()}
        return Row(prompt.id, grades, {model: one.cost for model, one in known.items() if not one.fault})

    def rows(self) -> list[Row]:
        """The pilot, and what was tested so far."""
        pilot = [self._row(prompt) for prompt in self._entrants.prompts[: self._rules.pilot]]
        end = max(self._reached.values(), default=0)
        return pilot + [self._row(prompt, place) for place, prompt in enumerate(self._tested[:end])]

    def header(self) -> LadderHeader:
        bench, entrants, rules = self._bench, self._entrants, self._rules
        return LadderHeader(
            serves=rules.serves,
            task_type=entrants.task_type,
            reference=entrants.reference,
            models={model: bench.identities[model] for model in entrants.models},
            rho=entrants.floor if rules.rho is None else rules.rho,
            min_quality=entrants.min_quality,
            delta=rules.delta,
            power=rules.power,
            batch=rules.batch,
            cap=rules.cap,
            mode=rules.mode,
            pilot=rules.pilot,
            prompts=len(self._tested),
            grader=bench.grader_id,
            judged=bench.judged,
            prompt_set=bench.order.prompts.hash,
            order_seed=bench.order.seed,
            date=bench.order.date,
            simulated=any(one.simulated for known in self._grades.values() for one in known.values()),
            faults=self.faults,
        )
