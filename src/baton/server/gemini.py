"""Gemini's paths, which name the model and what is wanted of it."""

from collections.abc import AsyncGenerator
from typing import Any
from urllib.parse import parse_qs

import msgspec
from msgspec import Raw
from msgspec.structs import replace

from baton.flow.arrival import Arrival, Reply
from baton.flow.request import serve
from baton.protocol.gemini.stream import ArrayForm
from baton.server.tokens import count_contents
from baton.server.visit import JSON, Visit, json_reply
from baton.types.errors import NotFound, UnknownModel

WAYS = {"generateContent": b"false", "streamGenerateContent": b"true"}
PREFIX = "models/"


async def answer(visit: Visit) -> Reply:
    """Without `alt=sse` a stream is one JSON array, whose elements come as they are made."""
    way = visit.params["way"]
    if way == "countTokens":
        return await count_contents(visit)
    if way not in WAYS:
        known = ", ".join((*WAYS, "countTokens"))
        raise NotFound(f"there is no {way!r} of a model here: there are {known}", "way")
    placed = {"model": Raw(msgspec.json.encode(visit.params["model"])), "stream": Raw(WAYS[way])}
    reply = await serve(Arrival("gemini", visit.body, visit.headers, visit.caller, placed), visit.house)
    if reply.stream is None or parse_qs(visit.query).get(b"alt") == [b"sse"]:
        return reply
    return replace(reply, headers={**reply.headers, **JSON}, stream=_as_array(reply.stream))


async def _as_array(stream: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    form = ArrayForm()
    try:
        async for piece in stream:
            if ready := form.turn(piece):
                yield ready
        yield form.finish()
    finally:
        await stream.aclose()


async def list_models(visit: Visit) -> Reply:
    return json_reply({"models": [_entry(visit, name) for name in visit.house.names()]})


async def show_model(visit: Visit) -> Reply:
    name = visit.params["model"]
    if name not in visit.house.names():
        raise UnknownModel(f"model {name!r} is not configured: GET /v1beta/models lists the names", "model")
    return json_reply(_entry(visit, name))


def _entry(visit: Visit, name: str) -> dict[str, Any]:
    snapshot = visit.house.config.snapshot
    card = snapshot.cards.get(snapshot.aliases.get(name, name))
    entry: dict[str, Any] = {
        "name": PREFIX + name,
        "displayName": name,
        "supportedGenerationMethods": [*WAYS, "countTokens"],
    }
    if card is not None:
        entry |= {"inputTokenLimit": card.context_window, "outputTokenLimit": card.max_output}
    return entry
