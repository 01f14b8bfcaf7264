"""Comparisons beside the traffic: how many, at what price, and one of them carried out.

A request that was drawn, by chance alone, is asked of whoever has not answered it yet, off the caller's path; both
answers are graded by the same grader: the checks that came with the request, the schema that it asks for, else a judge.
"""

import asyncio
import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct

from baton.check.verify import verify
from baton.flow.measurement import Desk, Probe, Reading, said
from baton.measure.datasets.ledger import body_of, check_of
from baton.measure.datasets.prompt import Prompt
from baton.measure.graders.grader import Grader
from baton.measure.graders.verified import VerifiedGrader
from baton.protocol.answer_text import answer_of
from baton.record.watching import DrawnRow
from baton.stats.drift import BETS
from baton.types.card import Dialect
from baton.types.decision import Decision
from baton.types.errors import BatonError
from baton.types.verdict import Answer, Check
from baton.types.watch import Compared

MAX_OUTPUT = 4_096
DROP = 0.1
"""The drop that is to be noticed in time."""
LEAST_PER_DAY = 50.0
VERIFIED = VerifiedGrader.id
UNKNOWN = 0.05
"""Share that is compared as long as nothing is known of the traffic."""


# --- how many ----------------------------------------------------------------------------------------


def samples_needed(threshold: float, quality: float, drop: float = DROP) -> float:
    """Graded samples until the e-value of a drop has grown to the threshold: ln A over its growth per sample.

    The growth of the best bet on grades 0 and 1 whose mean fell from `quality` by `drop`.
    """
    now = max(0.0, quality - drop)
    growth = max(now * math.log1p(bet * (quality - 1)) + (1 - now) * math.log1p(bet * quality) for bet in BETS)
    return math.log(threshold) / growth if growth > 0 else math.inf


class Traffic(NamedTuple):
    """Of one task type, per day; `cost`: nano-dollars of one comparison."""

    tasks: float
    cost: float


def rates(traffic: Mapping[str, Traffic], needed: float, days: float, daily: int) -> dict[str, float]:
    """The share of each task type that is compared: what the wanted delay needs, at least 50 a day, within the cap.

    Where the cap does not reach, all task types get the same part of what they need.
    """
    unknown = UNKNOWN if needed < math.inf else 1.0
    wanted = {
        name: min(1.0, max(needed / days, LEAST_PER_DAY) / one.tasks) if one.tasks > 0 else unknown
        for name, one in traffic.items()
    }
    price = sum(wanted[name] * one.tasks * one.cost for name, one in traffic.items())
    part = min(1.0, daily / price) if price > 0 else 1.0
    return {name: rate * part for name, rate in wanted.items()}


# --- one of them -------------------------------------------------------------------------------------


class Failed(Struct, frozen=True):
    """No comparison, and why; `cost` in nano-dollars was paid all the same."""

    why: str
    cost: int = 0


class NoRoom(Exception):
    """The cap of the day has no room for another comparison."""


class Purse:
    """What may still be spent today, in nano-dollars: set aside before a call, settled after it, never passed."""

    def __init__(self, daily: int, spent: int) -> None:
        self.spent = spent
        self._daily = daily
        self._aside = 0

    def take(self, amount: int) -> None:
        """Raises NoRoom."""
        if self.spent + self._aside + amount > self._daily:
            raise NoRoom
        self._aside += amount

    def settle(self, amount: int, cost: int) -> None:
        self._aside -= amount
        self.spent += cost


class Comparer:
    """`judge` grades where no program can; None: such requests are not compared."""

    def __init__(self, desk: Desk, purse: Purse, judge: Grader | None = None) -> None:
        self._desk = desk
        self._purse = purse
        self.judge = judge

    async def ask(self, probe: Probe) -> Reading:
        """Within the cap of the day. Raises NoRoom."""
        at_most = self._desk.at_most(probe)
        self._purse.take(at_most)
        cost = at_most
        try:
            reading = await self._desk.ask(probe)
            cost = reading.cost
        except BatonError:
            cost = 0
            raise
        finally:
            self._purse.settle(at_most, cost)
        return reading

    async def compare(self, row: DrawnRow, decision: Decision, reference: str) -> Compared | Failed:
        """Raises NoRoom."""
        prompt = prompt_of(row)
        if prompt is None:
            return Failed("its body cannot be asked again")
        checks = checks_of(row.request)
        if not checks and self.judge is None:
            return Failed("no program can grade it, and there is no judge")
        paid = 0
        answers: dict[str, Answer] = {}
        costs: dict[str, int] = {}
        try:
            answers[row.model] = said(answer_of(prompt.dialect, row.answer, stream=row.stream))
            costs[row.model] = row.cost
            for model in dict.fromkeys((reference, decision.shadow)):
                if model in answers:
                    continue
                reading = await self.ask(Probe(model, row.task_type, prompt.dialect, prompt.body, MAX_OUTPUT))
                paid += reading.cost
                if reading.fault:
                    return Failed(f"{model} did not answer: {reading.told}", paid)
                answers[model], costs[model] = reading.answer, reading.cost
            grades = await self._graded(prompt, checks, answers[decision.shadow], answers[reference])
        except BatonError as error:
            return Failed(error.message, paid)
        if grades is None:
            return Failed("it could not be graded", paid)
        grader, mine, theirs, judged = grades
        return Compared(
            row.request_id, row.at, row.task_type, decision.shadow, reference, row.model, mine, theirs,
            decision.shadow_rate, grader, paid + judged, costs[decision.shadow], costs[reference],
        )  # fmt: skip

    async def _graded(
        self, prompt: Prompt, checks: Sequence[Check], mine: Answer, theirs: Answer
    ) -> tuple[str, float, float, int] | None:
        """The grader, the grades of model and reference, what grading has cost; None where there are none."""
        if checks:
            found = [await asyncio.to_thread(score, checks, one) for one in (mine, theirs)]
            if found[0] is None or found[1] is None:
                return None
            return VERIFIED, found[0], found[1], 0
        assert self.judge is not None
        first = await self.judge.grade(prompt, mine, theirs)
        if self.judge.relative:
            return None if first.score is None else (self.judge.id, first.score, 0.5, first.cost)
        second = await self.judge.grade(prompt, theirs, None)
        if first.score is None or second.score is None:
            return None
        return self.judge.id, first.score, second.score, first.cost + second.cost


def score(checks: Sequence[Check], answer: Answer) -> float | None:
    """1 where all of them pass, 0 where one does not; None where one could not run."""
    verdicts = [verify(check, answer) for check in checks]
    if not all(one.ran for one in verdicts):
        return None
    return float(all(one.passed for one in verdicts))


def prompt_of(row: DrawnRow) -> Prompt | None:
    """What was asked, as it can be asked again."""
    body = body_of(row.request)
    if body is None:
        return None
    dialect: Dialect = msgspec.convert(row.dialect, Prompt.__annotations__["dialect"])
    return Prompt(id=row.request_id, task_type=row.task_type, body=body, dialect=dialect)


def checks_of(request: bytes) -> tuple[Check, ...]:
    """Those that came with the request (`baton.checks`), else the schema that it asks for."""
    try:
        body: dict[str, Any] = msgspec.json.decode(request, type=dict[str, Any])
        given = msgspec.convert((body.get("baton") or {}).get("checks") or (), type=tuple[Check, ...])
    except (msgspec.ValidationError, msgspec.DecodeError, RecursionError, AttributeError):
        return ()
    schema = check_of(body)
    return given or (() if schema is None else (schema,))
