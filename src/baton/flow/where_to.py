"""Which provider a request that is passed through goes to, and what its tokens cost there."""

from datetime import UTC, datetime
from functools import lru_cache

from msgspec import Struct
from msgspec.structs import replace

from baton.config.catalogue import catalogue
from baton.config.checks import model_problem
from baton.config.prices import listed_for_any
from baton.decide.eligible import matches_any
from baton.decide.terms import PRESETS
from baton.flow.arrival import Arrival
from baton.types.card import ModelCard, Provider
from baton.types.decision import PolicySnapshot
from baton.types.errors import NotAllowed, RequestError, UnknownModel
from baton.types.money import Price

ROUTE = "pass-through"
PROVIDER_HEADER = "x-baton-provider"
COMPATIBLE = frozenset({"openai-chat", "openai-responses"})
NOT_LISTED = Price(0, 0, source="not listed")
REMEMBERED_PRICES = 512
MAX_MODEL_CHARS = 200
MAX_SHOWN_CHARS = 60


class Destination(Struct, frozen=True):
    """`card` is that of the config, or made up for a model that has none; without a model its `upstream` is empty."""

    provider: Provider
    card: ModelCard
    reason: str

    @property
    def priced(self) -> bool:
        return self.card.price is not NOT_LISTED


def destination(snapshot: PolicySnapshot, arrival: Arrival, model: str) -> Destination:
    """Raises RequestError when no provider can be told, NotAllowed when the caller's key may not ask it."""
    named = arrival.headers.get(PROVIDER_HEADER, "")
    if named and named not in snapshot.providers:
        raise RequestError(
            f"provider {named!r} is not configured: known are {', '.join(sorted(snapshot.providers))}", PROVIDER_HEADER
        )
    if model and (len(model) > MAX_MODEL_CHARS or model_problem(model)):
        raise RequestError(f"`model` {model[:MAX_SHOWN_CHARS]!r} is no name of a model", "model")
    found = _of_card(snapshot, named, model) or _of_prefix(snapshot, named, model) or _usual(snapshot, named, model)
    allowed = arrival.caller.models
    if allowed and not (model and matches_any(found.card.id, allowed)):
        what = f"model {found.card.id!r}" if model else "what names no model"
        raise NotAllowed(
            f"{what} is not allowed for key {arrival.caller.name!r}: it may ask {', '.join(allowed)}", "model"
        )
    return found


def with_price(to: Destination) -> Destination:
    """Of a model without a card, the list price. Blocks: the table is read at first use."""
    if to.card.price is not NOT_LISTED or not to.card.upstream:
        return to
    price = _listed(to.provider.name, to.card.upstream)
    return to if price is None else replace(to, card=replace(to.card, price=price))


def _of_card(snapshot: PolicySnapshot, named: str, model: str) -> Destination | None:
    target = snapshot.aliases.get(model, model)
    if target in PRESETS:
        raise UnknownModel(
            f"model {model!r} chooses among chat models: name the model here, as provider/model", "model"
        )
    card = snapshot.cards.get(target)
    if card is None or (named and card.provider != named):
        return None
    return Destination(snapshot.providers[card.provider], card, f"model {model!r} has a card")


def _of_prefix(snapshot: PolicySnapshot, named: str, model: str) -> Destination | None:
    provider, _, upstream = model.partition("/")
    if not upstream or provider not in snapshot.providers or named not in {"", provider}:
        return None
    return _made_up(snapshot.providers[provider], upstream, f"model {model!r} names it")


def _usual(snapshot: PolicySnapshot, named: str, model: str) -> Destination:
    """The provider of the header, else OpenAI itself, else the only one that speaks its language."""
    if named:
        return _made_up(snapshot.providers[named], model, f"header {PROVIDER_HEADER} names it")
    compatible = [one for one in snapshot.providers.values() if COMPATIBLE.intersection(one.dialects)]
    for candidates, reason in (
        ([one for one in compatible if one.kind == "openai"], "it is OpenAI"),
        (compatible, "it is the only provider that speaks OpenAI's language"),
    ):
        if len(candidates) == 1:
            return _made_up(candidates[0], model, reason)
    names = ", ".join(sorted(one.name for one in compatible)) or "none that speaks OpenAI's language"
    raise RequestError(
        f"it cannot be told which provider is meant ({names}): name one with the header {PROVIDER_HEADER}"
        + (", or ask for the model as provider/model" if model else ""),
        "model" if model else PROVIDER_HEADER,
    )


def _made_up(provider: Provider, upstream: str, reason: str) -> Destination:
    id_ = f"{provider.name}/{upstream}" if upstream else ""
    return Destination(provider, ModelCard(id_, provider.name, upstream, "small", 0, 0, NOT_LISTED), reason)


@lru_cache(maxsize=REMEMBERED_PRICES)
def _listed(provider: str, model: str) -> Price | None:
    known = catalogue().providers.get(provider)
    if known is None or known.prices is None:
        return None
    return listed_for_any(known.prices, model, datetime.now(UTC).date())
