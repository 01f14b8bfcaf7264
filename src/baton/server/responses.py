"""Kept answers of the Responses API: shown, listed, deleted. Only the caller that they were made for sees them."""

import msgspec

from baton.flow.arrival import Reply
from baton.server.visit import JSON, Visit, json_reply


async def show(visit: Visit) -> Reply:
    return Reply(200, JSON, visit.house.answers.shown(visit.params["id"], visit.caller))


async def list_items(visit: Visit) -> Reply:
    items = [msgspec.Raw(item) for item in visit.house.answers.items(visit.params["id"], visit.caller)]
    return json_reply({"object": "list", "data": items, "has_more": False, "first_id": None, "last_id": None})


async def delete(visit: Visit) -> Reply:
    visit.house.answers.drop(visit.params["id"], visit.caller)
    return json_reply({"id": visit.params["id"], "object": "response", "deleted": True})
