"""GET /v1/models, in the dialect of the caller: what `model` may be."""

from typing import Any

from baton.flow.arrival import Reply
from baton.server.visit import Visit, json_reply
from baton.types.errors import UnknownModel
from baton.types.money import usd_from_nano


async def list_models(visit: Visit) -> Reply:
    entries = [_entry(visit, name) for name in visit.house.names()]
    if _speaks_anthropic(visit):
        first, last = (entries[0]["id"], entries[-1]["id"]) if entries else (None, None)
        return json_reply({"data": entries, "has_more": False, "first_id": first, "last_id": last})
    return json_reply({"object": "list", "data": entries})


async def show_model(visit: Visit) -> Reply:
    name = visit.params["model"]
    if name not in visit.house.names():
        raise UnknownModel(f"model {name!r} is not configured: GET /v1/models lists the names", "model")
    return json_reply(_entry(visit, name))


def _speaks_anthropic(visit: Visit) -> bool:
    return "anthropic-version" in visit.headers


def _entry(visit: Visit, name: str) -> dict[str, Any]:
    """The vendor's own members first; what Baton knows besides stands under `baton`."""
    snapshot = visit.house.config.snapshot
    card = snapshot.cards.get(snapshot.aliases.get(name, name))
    owner = card.provider if card is not None else "baton"
    entry: dict[str, Any]
    if _speaks_anthropic(visit):
        entry = {"type": "model", "id": name, "display_name": name, "created_at": "1970-01-01T00:00:00Z"}
    else:
        entry = {"id": name, "object": "model", "created": 0, "owned_by": owner}
    if card is not None:
        entry["baton"] = {
            "model": card.id,
            "tier": card.tier,
            "context_window": card.context_window,
            "max_output": card.max_output,
            "input_usd_per_million": usd_from_nano(card.price.input),
            "output_usd_per_million": usd_from_nano(card.price.output),
            "price_source": card.price.source,
            "capabilities": sorted(card.capabilities),
            "simulated": snapshot.providers[card.provider].simulated,
        }
    return entry
