"""`Keep` for many replicas: memory first, the Redis that they share behind it.

`get` answers from memory at once, and notes what is not there; whoever asked awaits `fetch_missed` and asks again
(`recalled` does that). A value from Redis is believed for a while, so that what was dropped elsewhere is gone soon.
While Redis is away memory goes on, and what was put follows when it is back.
"""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from baton.state.keep import MEMORY_BYTES, Keep, KeepHealth, Place
from baton.state.redis_link import RedisAway, RedisLink, Script
from baton.types.errors import BatonError
from baton.types.secret import Secret

BELIEVED_S = 30.0
START_TIMEOUT_S = 2.0

PUT = Script("keep", "redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])")
DROP = Script("drop", "redis.call('DEL', KEYS[1])")
FETCH = Script(
    "fetch",
    """
    local found = {}
    for i, key in ipairs(KEYS) do
        local value = redis.call('GET', key)
        found[i] = value and {value, redis.call('PTTL', key)} or false
    end
    return found
    """,
)

log = logging.getLogger("baton.state")
Result = TypeVar("Result")


class RedisKeep(Keep):
    """`path` keeps only what `once` made, for a start without Redis. For the event loop's thread alone."""

    shared = True

    def __init__(
        self,
        link: RedisLink,
        url: Secret,
        path: Path | None,
        now: Callable[[], float],
        memory_bytes: int = MEMORY_BYTES,
    ) -> None:
        """Raises LedgerError when the file cannot be opened or made."""
        super().__init__(path, now, memory_bytes)
        self._link = link
        self._url = url
        self._missed: set[Place] = set()

    def get(self, space: str, key: str, *, in_file: bool = True) -> bytes | None:
        found = super().get(space, key, in_file=in_file)
        if found is None:
            self._missed.add((space, key))
        return found

    def put(self, space: str, key: str, value: bytes, ttl_s: float, *, durable: bool = True) -> None:
        """`durable` False keeps it in the memory of this process."""
        super().put(space, key, value, min(ttl_s, BELIEVED_S) if durable else ttl_s, durable=False)
        if durable:
            self._link.post(PUT, (_key((space, key)),), (value, int(ttl_s * 1_000)))

    def drop(self, space: str, key: str) -> None:
        super().drop(space, key)
        self._link.post(DROP, (_key((space, key)),), ())

    async def fetch_missed(self) -> bool:
        """What was asked for in vain, from Redis into memory, in one question. True where something was there."""
        missed, self._missed = list(self._missed), set()
        if not missed:
            return False
        try:
            found = await self._link.call(FETCH, [_key(place) for place in missed], ())
        except RedisAway:
            return False
        for (space, key), entry in zip(missed, found, strict=True):
            if entry is not None:
                super().put(space, key, entry[0], min(max(entry[1], 1) / 1_000, BELIEVED_S), durable=False)
        return any(entry is not None for entry in found)

    def forget_missed(self) -> None:
        self._missed.clear()

    def once(self, space: str, key: str, make: Callable[[], bytes], ttl_s: float) -> bytes:
        """The value, made by whoever comes first among all replicas. For the start: it waits for Redis.

        Without Redis it is what this machine had, which the others may not know.
        """
        import redis

        mine = super().once(space, key, make, ttl_s)
        try:
            with redis.Redis.from_url(
                self._url.reveal(), socket_timeout=START_TIMEOUT_S, socket_connect_timeout=START_TIMEOUT_S, retry=None
            ) as shared:
                shared.set(_key((space, key)), mine, nx=True)
                found = shared.get(_key((space, key)))
        except (redis.RedisError, OSError) as error:
            log.warning(
                "%s does not answer (%s): %s is that of this machine until the next start", self._link.named, error, key
            )
            return mine
        assert isinstance(found, bytes)
        if found != mine:
            super().put(space, key, found, ttl_s, durable=True)
        return found

    def health(self) -> KeepHealth:
        health, link = super().health(), self._link.health()
        return KeepHealth(health.entries, health.size_bytes, health.last_error or link.last_error)


async def recalled(keep: Keep, work: Callable[[], Result]) -> Result:
    """What `work` makes once everything that it asked of `keep` has been looked for. It must bear to run again."""
    if not isinstance(keep, RedisKeep):
        return work()
    keep.forget_missed()
    while True:
        try:
            made = work()
        except BatonError:
            if not await keep.fetch_missed():
                raise
        else:
            if not await keep.fetch_missed():
                return made


def _key(place: Place) -> str:
    return f"baton:kept:{place[0]}:{place[1]}"
