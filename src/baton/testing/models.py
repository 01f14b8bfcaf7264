"""Models that answer what a test says, for programs that orchestrate: no server, no key, prices that add up.

models = ScriptedModels(lambda question: '{"label": "spam"}')
outcome = await carry_run(Order("...", limits), models, RunJournal("r1", None, time.time))
models.asked  # every question, in order
"""

import asyncio
from collections.abc import Callable, Sequence

from msgspec.structs import replace

from baton.types.errors import NoEligibleModel, UnknownModel
from baton.types.question import Question, Told, Way

AROUND = 512
"""Bytes of a request besides its texts."""
INPUT_SHARE = 4
"""Bytes of a token of input, as these models count."""

Script = Callable[[Question], Told | str]
"""Raises what a model's call raises."""


class ScriptedModels:
    """`prices`: nano-dollars per token, by model, cheapest first; the last one is the orchestrator's own."""

    def __init__(
        self,
        script: Script,
        prices: dict[str, int] | None = None,
        *,
        right: float | None = 0.9,
        seconds: float = 0.0,
    ) -> None:
        self.prices = {"sim/small": 1, "sim/mid": 5, "sim/large": 50} if prices is None else prices
        self.own = list(self.prices)[-1]
        self.asked: list[Question] = []
        self.spent = 0
        self._script = script
        self._right = right
        self._seconds = seconds

    def ways(self, question: Question) -> Sequence[Way]:
        models = [model for model in self.prices if model not in question.apart]
        if not models:
            raise NoEligibleModel("every model that could be asked is to be left out")
        return [self.way(question, model) for model in models]

    def way(self, question: Question, model: str) -> Way:
        if model not in self.prices:
            raise UnknownModel(f"there is no model {model!r} in the script", "model")
        size = len(question.user.encode()) + len(question.system.encode()) + AROUND
        price = self.prices[model]
        cost = price * (size // INPUT_SHARE + question.max_output // 4)
        return Way(model, cost, price * (size + question.max_output), self._right)

    def checkers(self, _task_type: str, apart: str) -> Sequence[str]:
        return [model for model in self.prices if model != apart]

    async def ask(self, question: Question) -> Told:
        self.asked.append(question)
        await asyncio.sleep(self._seconds)
        said = self._script(question)
        price = self.prices[question.model]
        if isinstance(said, str):
            read = (len(question.user.encode()) + len(question.system.encode()) + AROUND) // INPUT_SHARE
            written = min(question.max_output, len(said) // INPUT_SHARE + 1)
            cost = price * (read + written)
            said = Told(said, question.model, cost, read, written, self.prices[self.own] * (read + written), True)
        self.spent += said.cost
        return replace(said, model=question.model)
