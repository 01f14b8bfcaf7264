"""What a door is given: one request with its key checked and its body read."""

from collections.abc import Mapping

import msgspec
from msgspec import Struct

from baton.flow.arrival import Reply
from baton.flow.house import House
from baton.types.request import Caller


class Visit(Struct, frozen=True):
    house: House
    caller: Caller
    headers: Mapping[str, str]
    params: Mapping[str, str]
    query: bytes
    body: bytes


def json_reply(value: object, status: int = 200) -> Reply:
    return Reply(status, {"content-type": "application/json"}, msgspec.json.encode(value))
