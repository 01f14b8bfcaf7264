"""What both judges share: one question to a model, as `check.verifiers.judges` words it, and what it costs."""

import hashlib
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from baton.check.verifiers.judges import MAX_OUTPUT, NoVerdict, Sealed, read_verdict, rules_of, sealed_question
from baton.flow.measurement import Probe, Reading
from baton.measure.datasets.prompt import Prompt
from baton.types.verdict import Answer

T = TypeVar("T", bound=Sealed)
Asked = Callable[[Probe], Awaitable[Reading]]


class Judgement(Struct, frozen=True):
    """`verdict` None: it was no verdict. `cost` in nano-dollars."""

    verdict: Any
    told: str
    cost: int


class Judge:
    """One model that is asked for verdicts. `kind` names them; `rules` is the system text."""

    def __init__(self, ask: Asked, model: str, kind: str, rules: str, schema: dict[str, Any], *criteria: str) -> None:
        self.model = model
        self._ask = ask
        self._rules = rules_of(rules)
        self._schema = schema
        said = "\n".join((self._rules, msgspec.json.encode(schema, order="deterministic").decode(), *criteria))
        self.id = f"{kind}:{hashlib.sha256(said.encode()).hexdigest()[:12]}:{model}"

    async def verdict(self, kind: type[T], task_type: str, shown: dict[str, str]) -> Judgement:
        """Raises what the callable raises. Prose, a missing seal and a fault are no verdicts."""
        seal, question = sealed_question(self.id, shown)
        reading = await self._ask(Probe(self.model, task_type, "openai-chat", self._body(question), MAX_OUTPUT))
        if reading.fault:
            return Judgement(None, f"the judge could not be asked: {reading.told}", reading.cost)
        try:
            found = read_verdict(reading.answer.text, kind, seal)
        except NoVerdict as error:
            return Judgement(None, str(error), reading.cost)
        return Judgement(found, found.because, reading.cost)

    def _body(self, question: str) -> dict[str, Any]:
        named = {"name": "verdict", "strict": True, "schema": self._schema}
        return {
            "messages": [{"role": "system", "content": self._rules}, {"role": "user", "content": question}],
            "response_format": {"type": "json_schema", "json_schema": named},
        }


def shown_task(prompt: Prompt) -> str:
    """The question as a judge reads it."""
    return msgspec.json.encode(prompt.body).decode()


def shown_answer(answer: Answer) -> str:
    calls = [f"calls {call.name} with {call.arguments}" for call in answer.tool_calls]
    return "\n".join((answer.text, *calls)) if calls else answer.text
