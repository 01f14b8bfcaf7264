"""Many calls on one budget: whoever has no room waits for others, and nobody waits for ever."""

import asyncio
import random
from pathlib import Path

import pytest

from baton.flow.measurement import Desk, Probe, Reading
from baton.measure import examiner as module
from baton.measure.datasets.prompt import Prompt
from baton.measure.examiner import Examiner, Outcome, Settings
from baton.measure.graders.grader import OutOfBudget
from baton.measure.graders.verified import VerifiedGrader
from baton.measure.journal import Journal
from baton.types.errors import BudgetExceeded, RateLimited
from baton.types.money import Usage
from baton.types.verdict import Answer, Exact

SET_ASIDE = 10


class Purse:
    """A desk with so much money: sets aside ten, takes what `cost` says, and refuses as the house does."""

    def __init__(self, budget: int, seed: int) -> None:
        self.budget = budget
        self.spent = self.held = self.most = self.under_way = 0
        self._rng = random.Random(seed)

    async def ask(self, _probe: Probe) -> Reading:
        if self._rng.random() < 0.1:
            raise RateLimited("wait", account="house", limit="requests", retry_after_s=0.001)
        if self.spent + self.held + SET_ASIDE > self.budget:
            raise BudgetExceeded("no room", account="measurement", limit="total", retry_after_s=None)
        self.held += SET_ASIDE
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        await asyncio.sleep(self._rng.random() * 0.003)
        cost = self._rng.randint(1, SET_ASIDE)
        self.held -= SET_ASIDE
        self.under_way -= 1
        self.spent += cost
        return Reading(Answer("a"), cost, Usage(), 0.1, 0.1, simulated=True)


def prompts(count: int) -> list[Prompt]:
    return [Prompt(id=str(n), task_type="t", body={"n": n}, check=Exact(("a",))) for n in range(count)]


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("budget", [5, 10, 37, 120, 5_000])
def test_no_budget_is_passed_and_every_call_ends(tmp_path: Path, seed: int, budget: int) -> None:
    purse = Purse(budget, seed)

    async def main() -> list[Outcome | BaseException]:
        with Journal(tmp_path / "r.jsonl") as journal:
            settings = Settings("run", {"m": "m"}, {"t": "m"}, concurrency=1 + seed)
            examiner = Examiner(Desk(purse.ask, lambda _: SET_ASIDE), journal, settings)
            examiner.grader = VerifiedGrader()
            work = (examiner.examine("m", prompt) for prompt in prompts(60))
            found = await asyncio.wait_for(asyncio.gather(*work, return_exceptions=True), 10)
            assert examiner.spent == purse.spent <= budget
            return found

    found = asyncio.run(main())
    answered = [one for one in found if isinstance(one, Outcome)]
    assert all(isinstance(one, Outcome | OutOfBudget) for one in found)
    assert (len(answered) == 60) is (budget == 5_000)
    if budget != 5_000:
        assert purse.spent > budget - SET_ASIDE or budget < SET_ASIDE
    assert purse.most <= 1 + seed


def test_whoever_wants_the_same_answer_at_the_same_time_waits_for_it(tmp_path: Path) -> None:
    purse = Purse(1_000, 1)

    async def main() -> None:
        with Journal(tmp_path / "r.jsonl") as journal:
            examiner = Examiner(Desk(purse.ask, lambda _: SET_ASIDE), journal, Settings("run", {"m": "m"}, {"t": "m"}))
            examiner.grader = VerifiedGrader()
            (prompt,) = prompts(1)
            found = await asyncio.gather(*(examiner.examine("m", prompt) for _ in range(9)))
            assert len({one.cost for one in found}) == 1
            assert purse.spent == found[0].cost

    asyncio.run(main())


@pytest.mark.parametrize(("times", "answered"), [(3, True), (40, False)])
def test_a_full_queue_is_waited_for_and_not_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, times: int, answered: bool
) -> None:
    monkeypatch.setattr(module, "PAUSE_S", 0.001)
    left = [times]

    async def ask(_probe: Probe) -> Reading:
        if left[0]:
            left[0] -= 1
            return Reading(Answer(""), 0, Usage(), 0.0, 0.0, simulated=True, fault="overloaded", told="full")
        return Reading(Answer("a"), 1, Usage(), 0.1, 0.1, simulated=True)

    async def main() -> Outcome:
        with Journal(tmp_path / "r.jsonl") as journal:
            examiner = Examiner(Desk(ask, lambda _: SET_ASIDE), journal, Settings("run", {"m": "m"}, {"t": "m"}))
            examiner.grader = VerifiedGrader()
            return await examiner.examine("m", prompts(1)[0])

    found = asyncio.run(main())
    assert (found.grade == 1.0, found.fault == "") == (answered, answered)
