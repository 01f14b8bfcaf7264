"""Put a body together again from the caller's own bytes: values are never re-encoded, only named members change."""

from collections.abc import Mapping
from functools import lru_cache

import msgspec
from msgspec import Raw


def splice(members: Mapping[str, Raw | bytes], replace: Mapping[str, bytes | None]) -> bytes:
    """A JSON object of `members` in their order; `replace` sets a member's bytes, removes it (None), or appends it."""
    pieces: list[bytes] = []
    for name, value in members.items():
        if name in replace:
            new = replace[name]
            if new is not None:
                pieces.append(_key(name) + new)
        else:
            pieces.append(_key(name) + bytes(value))
    pieces.extend(_key(name) + new for name, new in replace.items() if new is not None and name not in members)
    return b"{" + b",".join(pieces) + b"}"


@lru_cache(maxsize=512)
def _key(name: str) -> bytes:
    return msgspec.json.encode(name) + b":"
