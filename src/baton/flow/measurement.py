"""How `measure/` asks models: through the same house as a caller's requests, on an account of its own.

What is measured is asked by name (or as `auto`, where a whole policy is), is never cached, and leaves no content in the
ledger. Before a call is
sent, what it may cost at most is set aside from the run's budget: a byte of input is at most one token, and the answer
has a limit. So the budget is never passed, however many calls are under way.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import replace

from baton.config.schema import Config
from baton.decide.estimate import BYTES_PER_TOKEN
from baton.decide.terms import AUTO
from baton.flow.arrival import Arrival
from baton.flow.house import House, Life, open_house
from baton.flow.request import answer
from baton.flow.run import Run
from baton.protocol.answer_text import answer_of
from baton.protocol.request import read_request
from baton.spend.estimate import cost_at_most
from baton.spend.memory import MemoryCounters
from baton.types.card import Dialect, ModelCard
from baton.types.errors import BatonError, LimitReached, UnknownModel
from baton.types.events import AnswerMessage
from baton.types.money import Usage
from baton.types.parts import TextPart, ToolCallPart
from baton.types.request import Caller
from baton.types.spend import MEASUREMENT, Account, Limits
from baton.types.task import Route
from baton.types.verdict import Answer, ToolCall

OUTPUT_LIMIT: dict[Dialect, str] = {
    "openai-chat": "max_completion_tokens",
    "openai-responses": "max_output_tokens",
    "anthropic": "max_tokens",
}
LIMITS_OF_OUTPUT = ("max_completion_tokens", "max_tokens", "max_output_tokens")
DECLINED = frozenset({"refusal", "content_filter", "recitation"})
CUT = frozenset({"length", "context_window"})


class Probe(Struct, frozen=True):
    """One prompt for one model, or for `auto`: whatever the policy serves.

    `body` in `dialect`, without `model` and `stream`; `max_output` where it sets none.
    """

    model: str
    task_type: str
    dialect: Dialect
    body: Mapping[str, Any]
    max_output: int


class Reading(Struct, frozen=True):
    """What came back. `fault` is the code of what went wrong, empty where there is an answer; cost in nano-dollars."""

    answer: Answer
    cost: int
    usage: Usage
    duration_s: float
    first_byte_s: float
    simulated: bool
    declined: bool = False
    """The model, or its provider's filter, did not want to."""
    cut: bool = False
    """It ended at the limit of its output."""
    fault: str = ""
    told: str = ""
    """The fault in words."""


Ask = Callable[[Probe], Awaitable[Reading]]
"""Raises BudgetExceeded or RateLimited where nothing can be set aside, UnknownModel for a name that is not there."""


class Desk(Struct, frozen=True):
    """`at_most` is what a probe can cost, in nano-dollars: what is set aside for it."""

    ask: Ask
    at_most: Callable[[Probe], int]


@asynccontextmanager
async def measurement(config: Config, run: str, budget: int) -> AsyncIterator[Desk]:
    """`budget` in nano-dollars is what this run may still spend; the house's own `spend.measurement` holds as well."""
    house = open_house(_measuring(config))
    limits = (
        Account(MEASUREMENT, config.spend.measurement.limits()),
        Account(f"{MEASUREMENT}:{run}", Limits(total=budget)),
    )
    caller = Caller(MEASUREMENT, path=limits, accounts=(MEASUREMENT,))
    try:
        yield Desk(lambda probe: reading_of(house, caller, probe), lambda probe: at_most(house, probe))
    finally:
        await house.close()


def desk_beside(house: House, name: str, daily: int) -> Desk:
    """For whoever measures while the house serves: its transport and ledger, an account of its own.

    `daily` in nano-dollars is what may be spent under that name in a day of UTC, whoever has asked before.
    """
    config, life = house.config, house.life
    own = Life(life.ledger, life.transport, life.keep, MemoryCounters(), life.upkeep)
    beside = House(_measuring(config), own)
    account = f"{MEASUREMENT}:{name}"
    limits = (
        Account(MEASUREMENT, config.spend.measurement.limits()),
        Account(account, Limits(day=daily)),
    )
    caller = Caller(MEASUREMENT, path=limits, accounts=(MEASUREMENT, account))
    return Desk(lambda probe: reading_of(beside, caller, probe), lambda probe: at_most(beside, probe))


def said(message: AnswerMessage) -> Answer:
    """What there is to grade of it."""
    text = "".join(part.text for part in message.parts if isinstance(part, TextPart))
    return Answer(
        text, tuple(ToolCall(one.name, one.arguments) for one in message.parts if isinstance(one, ToolCallPart))
    )


def at_most(house: House, probe: Probe) -> int:
    """What a probe can cost, in nano-dollars: a byte of input is at most one token."""
    facts = read_request(probe.dialect, _body(house, probe), {}, _placed(probe)).facts
    costs = [
        cost_at_most(card.price, facts.text_bytes, min(facts.max_output or card.max_output, card.max_output))
        for card in _cards(house, probe)
    ]
    return sum(costs)  # a cascade may ask all of them


def _measuring(config: Config) -> Config:
    """As `by_name`, by rules alone, and nothing is kept or told of it."""
    config = replace(config, snapshot=replace(config.snapshot, mode="rules", certificates=()))
    return replace(by_name(config, MEASUREMENT), content=replace(config.content, mode="off"), webhooks=())


def by_name(config: Config, root: str) -> Config:
    """Models are asked as themselves, whatever the routes say; `auto` takes the routes as they are.

    What is set aside for a call is its worst case. `root` names the route.
    """
    own = config.snapshot
    routes = tuple(replace(one, name=f"{root}:{one.name}", cache=None, key=()) for one in own.routes if not one.key)
    direct = Route(root, model=tuple(own.cards), strategy="pass")
    snapshot = replace(own, routes=(direct, *routes), aliases={})
    return replace(config, snapshot=snapshot, spend=replace(config.spend, input_margin=BYTES_PER_TOKEN))


async def reading_of(house: House, caller: Caller, probe: Probe) -> Reading:
    """What came back; see `Ask` for what it raises."""
    arrival = Arrival(probe.dialect, _body(house, probe), {}, caller, _placed(probe))
    run = house.begin(arrival)
    try:
        reply = await answer(arrival, house, run)
        return _reading(run, answer_of(probe.dialect, reply.body, stream=False))
    except LimitReached as refused:
        if run.cost == 0:
            raise
        return _failed(run, refused)  # a retry had no room: what came before it is paid
    except BatonError as fault:
        return _failed(run, fault)


def _cards(house: House, probe: Probe) -> list[ModelCard]:
    """The model, or everything that `auto` may be."""
    cards = house.config.snapshot.cards
    if probe.model == AUTO:
        return list(cards.values())
    if probe.model not in cards:
        raise UnknownModel(f"model {probe.model!r} is not in the config any more: it cannot be measured", "model")
    return [cards[probe.model]]


def _placed(probe: Probe) -> Mapping[str, Raw]:
    if probe.dialect != "gemini":
        return {}
    return {"model": Raw(msgspec.json.encode(probe.model)), "stream": Raw(b"false")}


def _body(house: House, probe: Probe) -> bytes:
    members: dict[str, Any] = {**probe.body, "baton": {"task_type": probe.task_type}}
    limit = min(probe.max_output, max(card.max_output for card in _cards(house, probe)))
    if probe.dialect == "gemini":
        given = members.get("generationConfig")
        members["generationConfig"] = {"maxOutputTokens": limit, **(given if isinstance(given, dict) else {})}
        return msgspec.json.encode(members)
    members["model"] = probe.model
    if probe.dialect == "ollama":
        given = members.get("options")
        members["options"] = {"num_predict": limit, **(given if isinstance(given, dict) else {})}
    elif not any(members.get(name) for name in LIMITS_OF_OUTPUT):
        members[OUTPUT_LIMIT[probe.dialect]] = limit
    return msgspec.json.encode(members)


def _reading(run: Run, message: AnswerMessage) -> Reading:
    reason = message.stop.reason if message.stop is not None else ""
    refused = any(isinstance(part, TextPart) and part.refusal for part in message.parts)
    last = run.attempts[-1]
    return Reading(
        answer=said(message),
        cost=run.cost,
        usage=run.usage,
        duration_s=last.duration_s,
        first_byte_s=last.first_byte_s,
        simulated=run.simulated,
        declined=reason in DECLINED or refused,
        cut=reason in CUT,
    )


def _failed(run: Run, fault: BatonError) -> Reading:
    last = run.attempts[-1] if run.attempts else None
    return Reading(
        answer=Answer(""),
        cost=run.cost,
        usage=run.usage,
        duration_s=0.0 if last is None else last.duration_s,
        first_byte_s=0.0,
        simulated=run.simulated,
        fault=fault.code,
        told=fault.message,
    )
