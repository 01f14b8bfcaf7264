"""Fleets of simulated models: the default one, how it answers, and the gateway config that reaches it."""

from collections.abc import Sequence
from typing import Any

from baton.simulate.answer import UNKNOWN, Answerer, Ask, Latency, SimAnswer, SimModel, Truth, finished
from baton.simulate.conversation import Conversation
from baton.simulate.draw import digest, uniform
from baton.simulate.skill import RECORDED_DISCORDANCE, chance, is_right, own_share
from baton.simulate.tokens import count_input
from baton.simulate.workload.item import MIX, WorkItem, recover
from baton.types.card import Capability, Dialect
from baton.types.money import Usage, price_from_usd, usd_text
from baton.types.verdict import Answer

DEFAULT_SEED = 7
COMMON_SLIP = 0.6
"""Share of a model's errors that are the slip most models share; the rest spreads over the other slips of the item."""

GAVE_UP = "I could not finish this: the tool gave no result that I can use."

_ALL: frozenset[Capability] = frozenset({"tools", "structured_output"})


def default_models() -> tuple[SimModel, ...]:
    """Five models whose prices span 100 x, each nearly as good as the next better one at what it is made for."""
    return DEFAULT_MODELS


def _skills(*, analysis: float, code: float, content: float, agent: float, easy: float = 1.40) -> dict[str, float]:
    """`easy` is the skill at the tasks that small models are nearly as good at as large ones."""
    small_tasks = {"classification": easy, "extraction": easy, "format_check": easy}
    return {**small_tasks, "analysis": analysis, "code": code, "content": content, "agent": agent}


DEFAULT_MODELS = (
    SimModel(
        id="sim-frontier",
        tier="frontier",
        price=price_from_usd("5", "25", "0.5", "6.25", source="simulated"),
        context_window=400_000,
        max_output=64_000,
        capabilities=_ALL | {"image", "pdf", "reasoning"},
        skill=_skills(analysis=1.20, code=1.20, content=1.30, agent=1.20),
        latency=Latency(first_s=0.80, per_token_s=0.016),
    ),
    SimModel(
        id="sim-mid",
        tier="mid",
        price=price_from_usd("1", "5", "0.1", "1.25", source="simulated"),
        context_window=200_000,
        max_output=32_000,
        capabilities=_ALL | {"image"},
        skill=_skills(easy=1.35, analysis=0.88, code=0.95, content=1.10, agent=1.00),
        latency=Latency(first_s=0.45, per_token_s=0.009),
    ),
    SimModel(
        id="sim-code",
        tier="mid",
        price=price_from_usd("0.8", "3.2", "0.08", source="simulated"),
        context_window=256_000,
        max_output=32_000,
        capabilities=_ALL,
        specialities=frozenset({"code"}),
        skill=_skills(easy=1.30, analysis=0.75, code=1.20, content=0.78, agent=0.85),
        latency=Latency(first_s=0.40, per_token_s=0.008),
    ),
    SimModel(
        id="sim-local-7b",
        tier="local",
        price=price_from_usd("0.05", "0.25", source="simulated"),
        context_window=32_000,
        max_output=8_000,
        capabilities=_ALL,
        skill=_skills(easy=1.27, analysis=0.50, code=0.55, content=0.78, agent=0.55),
        latency=Latency(first_s=0.12, per_token_s=0.022),
    ),
    SimModel(
        id="sim-nano",
        tier="small",
        price=price_from_usd("0.05", "0.4", "0.005", source="simulated"),
        context_window=128_000,
        max_output=16_000,
        capabilities=_ALL,
        skill=_skills(easy=1.22, analysis=0.40, code=0.42, content=0.72, agent=0.60),
        latency=Latency(first_s=0.25, per_token_s=0.005),
    ),
)


class Fleet(Answerer):
    """Answers the generated workload. Whether an answer is right is a pure function of (seed, item, model, sample)."""

    def __init__(
        self,
        models: Sequence[SimModel] | None = None,
        *,
        seed: int = DEFAULT_SEED,
        discordance: float = RECORDED_DISCORDANCE,
    ) -> None:
        """`discordance`: share of prompts on which the weaker of two neighbours in quality alone is right."""
        self._models = default_models() if models is None else tuple(models)
        self._seed = seed
        self.own_share = own_share([model.skill for model in self._models], MIX, discordance)
        self._worse: dict[str, float] = {}

    @property
    def seed(self) -> int:
        return self._seed

    @property
    def models(self) -> tuple[SimModel, ...]:
        return self._models

    def degrade(self, model: str, share: float) -> None:
        """From now on the model is wrong on this share of what it would be right on, and says nothing; 0 mends it."""
        self._worse[model] = share

    def is_right(self, item: WorkItem, model: SimModel, sample: int = 0) -> bool:
        worse = self._worse.get(model.id, 0.0)
        if worse and uniform("worse", self._seed, item.reference, model.id) < worse:
            return False
        return is_right(
            chance=chance(model.skill[item.task_type], item.difficulty),
            own=self.own_share,
            seed=self._seed,
            item=item.reference,
            model=model.id,
            sample=sample,
        )

    def name_of(self, conversation: Conversation) -> str | None:
        found = recover(conversation)
        if found is None:
            return None
        return f"{found.item.reference}+{found.results}" if found.results else found.item.reference

    def answer(self, ask: Ask, model: SimModel) -> SimAnswer:
        usage = Usage(input=count_input(ask.conversation))
        found = recover(ask.conversation)
        if found is None:
            return finished(ask, _stranger(model), (), UNKNOWN, usage)
        item, closing = found.item, bool(found.item.closing) and found.results > 0
        right = self.is_right(item, model, ask.sample)
        if closing:  # the loop has gone beyond the step that the item asks about: its call has its result
            given = Answer(item.closing if right else GAVE_UP)
        else:
            given = item.right if right else self._slip(item, ask, model)
        if given.tool_calls and not ask.conversation.tools:
            right, given = False, Answer("This needs a tool, and the request offers none.")
        truth = Truth("right" if right else "wrong", float(right), item.task_type)
        calls = tuple((call.name, call.arguments) for call in given.tool_calls)
        return finished(ask, given.text, calls, truth, usage)

    def _slip(self, item: WorkItem, ask: Ask, model: SimModel) -> Answer:
        """Mostly the slip that the item tempts everybody to, so that wrong models agree about as often as real ones."""
        names = (self._seed, item.reference, model.id, ask.sample)
        if len(item.wrong) == 1 or uniform("common slip", *names) < COMMON_SLIP:
            return item.wrong[0].answer
        return item.wrong[1 + digest("slip", *names) % (len(item.wrong) - 1)].answer


def _stranger(model: SimModel) -> str:
    return (
        f"This is a simulated answer of {model.id}: no real model was asked. The simulation knows the answers of its "
        "own workload only, and this prompt is not part of it."
    )


# --- the gateway's config --------------------------------------------------------------------------


def card_id(model_id: str) -> str:
    """The name of a simulated model in the gateway: `sim/frontier` for `sim-frontier`."""
    return f"sim/{model_id.removeprefix('sim-')}"


def gateway_config(
    fleet: Answerer, base_url: str, dialects: Sequence[Dialect] = ("openai-chat", "anthropic")
) -> dict[str, Any]:
    """A `baton.yaml` mapping that reaches the fleet at that `/v1`. Prices in dollars per million tokens."""
    provider = {"base_url": base_url, "dialects": [*dialects], "auth": "none", "simulated": True}
    return {"providers": {"sim": provider}, "models": [_card(model) for model in fleet.models]}


def _card(model: SimModel) -> dict[str, Any]:
    price = model.price
    rates = {
        "input_usd": price.input,
        "output_usd": price.output,
        "cache_read_usd": price.cache_read,
        "cache_write_usd": price.cache_write,
    }
    card: dict[str, Any] = {
        "id": card_id(model.id),
        "provider": "sim",
        "upstream": model.id,
        "tier": model.tier,
        "context_window": model.context_window,
        "max_output": model.max_output,
        "price": {name: float(usd_text(nano)) for name, nano in rates.items() if nano is not None},
    }
    if model.capabilities:
        card["capabilities"] = sorted(model.capabilities)
    if model.specialities:
        card["specialities"] = sorted(model.specialities)
    return card
