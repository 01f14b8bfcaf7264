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

    def __repr__(self) -> str:
        """Without its headers, which hold the caller's key."""
        return f"Visit(caller={self.caller.name!r}, {len(self.body)} bytes)"


JSON = {"content-type": "application/json"}


def json_reply(value: object, status: int = 200, headers: Mapping[str, str] = JSON) -> Reply:
    return Reply(status, {**JSON, **headers}, msgspec.json.encode(value))
