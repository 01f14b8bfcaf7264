"""What comes through a door, and what goes back through it."""

from collections.abc import AsyncGenerator, Mapping

from msgspec import Raw, Struct

from baton.types.card import Dialect
from baton.types.request import Caller


class Arrival(Struct, frozen=True, gc=False):
    """One request at the door. `headers` holds lower-case names; the caller's key is not among what goes on."""

    dialect: Dialect
    body: bytes
    headers: Mapping[str, str]
    caller: Caller
    placed: Mapping[str, Raw] = {}
    """Members that this dialect has in the path of the request instead of its body: `model` and `stream`."""
    continues: bytes = b""
    """JSON: the id of the answer that the body was found to go on from, and holds written out."""

    def __repr__(self) -> str:
        """Without its headers, which hold the caller's key."""
        return f"Arrival({self.dialect!r}, {len(self.body)} bytes, caller={self.caller.name!r})"


class Reply(Struct, frozen=True):
    """One answer. Exactly one of `body` and `stream` is set; a stream must be iterated or closed by the door."""

    status: int
    headers: Mapping[str, str]
    body: bytes = b""
    stream: AsyncGenerator[bytes, None] | None = None
