"""How many tokens a request would take: asked of the model's own provider where it tells, else estimated from bytes."""

from math import ceil

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import replace

from baton.call.send import send
from baton.decide.estimate import BYTES_PER_TOKEN
from baton.flow.arrival import Arrival
from baton.flow.house import House
from baton.protocol.request import read_request
from baton.protocol.splice import splice
from baton.types.card import ModelCard
from baton.types.errors import UpstreamFault

MESSAGES_PATH = "/messages"
MAX_ANSWER_BYTES = 64 * 1024


class TokenCount(Struct, frozen=True):
    tokens: int
    estimated: bool


class _Counted(Struct):
    input_tokens: int


async def count_tokens(arrival: Arrival, house: House) -> TokenCount:
    """Nothing is recorded: a count costs nothing. Raises RequestError for a body that is not of its dialect."""
    request = read_request(arrival.dialect, arrival.body, arrival.headers, arrival.placed)
    decision = house.policy.decide(request, arrival.caller, "")
    if arrival.dialect == "anthropic":
        exact = await _asked(arrival, house, house.card(decision.model), dict(request.members))
        if exact is not None:
            return TokenCount(exact, estimated=False)
    return TokenCount(ceil(request.facts.text_bytes / BYTES_PER_TOKEN), estimated=True)


async def _asked(arrival: Arrival, house: House, card: ModelCard, members: dict[str, Raw]) -> int | None:
    """None where the provider has no such path, or does not answer: then the estimate has to do."""
    if "anthropic" not in house.config.snapshot.providers[card.provider].dialects:
        return None
    body = splice(members, {"model": msgspec.json.encode(card.upstream), "baton": None})
    endpoint = house.endpoints.of(card.provider, "anthropic")
    try:
        outgoing = await endpoint.outgoing(card, body, arrival.headers, stream=False)
        if not outgoing.url.endswith(MESSAGES_PATH):
            return None
        asked = replace(outgoing, url=f"{outgoing.url}/count_tokens")
        answer = await (await send(house.transport, asked, stream=False)).read(MAX_ANSWER_BYTES)
        return msgspec.json.decode(answer, type=_Counted).input_tokens
    except (UpstreamFault, ValueError, RecursionError):
        return None
