"""Kept answers of the Responses API: shown, listed, deleted. Only the caller that they were made for sees them."""

import msgspec

from baton.flow.arrival import Reply
from baton.server.visit import JSON, Visit, json_reply
from baton.types.errors import NotFound


async def show(visit: Visit) -> Reply:
    return Reply(200, JSON, visit.house.answers.shown(visit.params["id"], visit.caller))


async def list_items(visit: Visit) -> Reply:
    """Items that the caller gave no id get one from their place."""
    kept = visit.house.answers.items(visit.params["id"], visit.caller)
    items = [{"id": f"item_{place}"} | msgspec.json.decode(item) for place, item in enumerate(kept)]
    first, last = (items[0]["id"], items[-1]["id"]) if items else (None, None)
    return json_reply({"object": "list", "data": items, "has_more": False, "first_id": first, "last_id": last})


async def delete(visit: Visit) -> Reply:
    visit.house.answers.drop(visit.params["id"], visit.caller)
    return json_reply({"id": visit.params["id"], "object": "response", "deleted": True})


async def compact(_visit: Visit) -> Reply:
    raise NotFound("Baton compacts no conversations: send the conversation whole, or compact it in the client")
