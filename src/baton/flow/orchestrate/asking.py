"""How a run asks models: through the house like any caller, on a branch of his budget, and written down.

Which model gets a sub-task is the router's decision. It is made before the call, so that the worst case of that very
model can be set aside, and so that what was measured of it can be looked up.
"""

import weakref
from collections.abc import Sequence
from typing import Any, Protocol

import msgspec
from msgspec.structs import replace

from baton.decide.terms import AUTO
from baton.flow.house import House
from baton.flow.measurement import Probe, at_most, by_name, reading_of
from baton.flow.spending import accounts_of
from baton.protocol.request import read_request
from baton.types.decision import Candidate, Decision
from baton.types.errors import NoEligibleModel
from baton.types.question import Question, Told, Way
from baton.types.request import Caller
from baton.types.spend import ORCHESTRATION, Account, Limits

ASSERTED = frozenset({"certified", "measured", "configured"})
"""Evidence by which a model's quality may be counted on; what is assumed from its tier may not."""


class Models(Protocol):
    """Whoever answers the questions of a run."""

    own: str
    """The orchestrator's own model: it plans, composes, and does what cannot be delegated."""

    def ways(self, question: Question) -> Sequence[Way]:
        """Whom the router would ask, then dearer ones that meet the floor, at last the own model.

        Raises NoEligibleModel where nobody can be asked.
        """
        ...

    def way(self, question: Question, model: str) -> Way:
        """Raises UnknownModel."""
        ...

    def checkers(self, task_type: str, apart: str) -> Sequence[str]:
        """Models that can check what `apart` said, cheapest first."""
        ...

    async def ask(self, question: Question) -> Told:
        """`question.model` is set. Faults of models come back; raises LimitReached where an account has no room."""
        ...


class HouseModels:
    """The models of one house, for one run. `caller` is who pays; `budget` in nano-dollars is all that the run may."""

    def __init__(self, house: House, caller: Caller, run_id: str, budget: int, own: str) -> None:
        self.own = own
        self._house = house
        self._asked = _house_by_name(house)
        branch = Account(f"{ORCHESTRATION}:{run_id}", Limits(total=budget))
        root = house.spending.branch(ORCHESTRATION)
        accounts = dict.fromkeys((*accounts_of(caller, None), ORCHESTRATION))
        self._caller = replace(caller, path=(*caller.path, *root.path, branch), accounts=tuple(accounts))
        self._asks = replace(self._caller, routes=())  # the route of a run is the house's own

    def ways(self, question: Question) -> Sequence[Way]:
        decision = self._decision(self._typed(question))
        first = next((one for one in decision.candidates if one.model == decision.model), None)
        rungs = [decision.model]
        dearer = [one for one in decision.candidates if one.meets_floor and first is not None and one.cost > first.cost]
        rungs += [one.model for one in sorted(dearer, key=lambda one: (one.cost, one.model))][:1]
        found = {one.model: one for one in reversed(decision.candidates)}
        models = dict.fromkeys(model for model in [*rungs, self.own] if model not in question.apart)
        if not models:
            raise NoEligibleModel("every model that could be asked is to be left out")
        return [self._way(question, model, found.get(model), decision.reason) for model in models]

    def way(self, question: Question, model: str) -> Way:
        return self._way(question, model, None, "asked by name")

    def checkers(self, task_type: str, apart: str) -> Sequence[str]:
        snapshot = self._house.config.snapshot
        kind = snapshot.task_types.get(task_type)
        allowed = [*kind.ladder, self.own] if kind is not None and kind.ladder else list(snapshot.cards)
        cards = [snapshot.cards[name] for name in dict.fromkeys(allowed) if name in snapshot.cards and name != apart]
        if self._caller.models:
            cards = [card for card in cards if card.id in self._caller.models]
        return [card.id for card in sorted(cards, key=lambda card: (card.price.output, card.id))]

    async def ask(self, question: Question) -> Told:
        probe = _probe(self._typed(question))
        reading = await reading_of(self._asked, self._asks, probe)
        usage = reading.usage
        own = self._house.config.snapshot.cards[self.own]
        fault = reading.fault or ("cut" if reading.cut else "") or ("declined" if reading.declined else "")
        return Told(
            reading.answer.text,
            question.model,
            reading.cost,
            usage.input,
            usage.output,
            own.price.cost(usage),
            reading.simulated,
            fault,
        )

    def _typed(self, question: Question) -> Question:
        """With a task type that this config knows."""
        known = self._house.config.snapshot.task_types
        if question.task_type in known:
            return question
        return replace(question, task_type="other" if "other" in known else next(iter(known)))

    def _decision(self, question: Question) -> Decision:
        asked = {
            "model": AUTO,
            "max_completion_tokens": question.max_output,
            "baton": {"task_type": question.task_type},
        }
        body = msgspec.json.encode(_body(question) | asked)
        request = read_request("openai-chat", body, {})
        return self._house.policy.decide(request, self._caller, ORCHESTRATION)

    def _way(self, question: Question, model: str, known: Candidate | None, why: str) -> Way:
        probe = _probe(replace(self._typed(question), model=model))
        most = at_most(self._asked, probe)
        right = None
        if known is not None and known.evidence in ASSERTED:
            right = known.quality if known.bound is None else known.bound
        cost = most if known is None else min(known.cost, most)
        return Way(model, cost, most, right, why)


_BY_NAME: "weakref.WeakKeyDictionary[House, House]" = weakref.WeakKeyDictionary()


def _house_by_name(house: House) -> House:
    """The same house, in which models are asked as themselves; one for all runs by one config."""
    found = _BY_NAME.get(house)
    if found is None:
        found = _BY_NAME[house] = House(by_name(house.config, ORCHESTRATION), house.life, house)
    return found


def own_model(house: House, named: str = "") -> str:
    """The named one, else that of the config, else the reference of planning: what `analysis` is held against."""
    snapshot = house.config.snapshot
    if named:
        name = snapshot.aliases.get(named, named)
        if name not in snapshot.cards:
            raise NoEligibleModel(f"the orchestrator's model {named!r} is not in the config")
        return name
    known = next(name for name in ("analysis", "other", *snapshot.task_types) if name in snapshot.task_types)
    return house.policy.reference_of(known).id


def _body(question: Question) -> dict[str, Any]:
    turns = [{"role": "user", "content": question.user}]
    if question.system:
        turns.insert(0, {"role": "system", "content": question.system})
    body: dict[str, Any] = {"messages": turns}
    if question.schema is not None:
        named = {"name": "answer", "strict": False, "schema": question.schema}
        body["response_format"] = {"type": "json_schema", "json_schema": named}
    return body


def _probe(question: Question) -> Probe:
    return Probe(question.model, question.task_type, "openai-chat", _body(question), question.max_output)
