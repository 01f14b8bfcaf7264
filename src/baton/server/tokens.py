"""How many tokens a request would take, in the words of Messages and of Gemini."""

import msgspec
from msgspec import Raw

from baton.flow.arrival import Arrival, Reply
from baton.flow.token_count import TokenCount, count_tokens
from baton.server.visit import Visit, json_reply
from baton.types.errors import MalformedBody

_OBJECT = msgspec.json.Decoder(dict[str, Raw])


async def count_messages(visit: Visit) -> Reply:
    """`POST /v1/messages/count_tokens`."""
    count = await count_tokens(Arrival("anthropic", visit.body, visit.headers, visit.caller), visit.house)
    return json_reply({"input_tokens": count.tokens}, headers=_how(count))


async def count_contents(visit: Visit) -> Reply:
    """`:countTokens` of Gemini, with `contents` or with a whole `generateContentRequest`."""
    placed = {"model": Raw(msgspec.json.encode(visit.params["model"]))}
    arrival = Arrival("gemini", _contents(visit.body), visit.headers, visit.caller, placed)
    count = await count_tokens(arrival, visit.house)
    return json_reply({"totalTokens": count.tokens}, headers=_how(count))


def _contents(body: bytes) -> bytes:
    try:
        members = _OBJECT.decode(body)
    except (ValueError, RecursionError) as error:
        raise MalformedBody(f"the body must be a JSON object: {error}") from error
    return bytes(members.get("generateContentRequest", Raw(body)))


def _how(count: TokenCount) -> dict[str, str]:
    return {"x-baton-estimated": "true"} if count.estimated else {}
