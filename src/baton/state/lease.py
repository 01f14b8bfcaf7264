"""Who leads among replicas: one at a time, as long as it says so again in time. Alone, a process always leads."""

import fcntl
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from baton.state.redis_link import RedisAway, RedisLink, Script

LEASE_S = 10.0

RENEW = Script(
    "lease",
    """
    local owner = redis.call('GET', KEYS[1])
    if owner == ARGV[1] then
        redis.call('PEXPIRE', KEYS[1], ARGV[2])
        return redis.call('GET', KEYS[2])
    end
    if owner then return false end
    redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
    local now = redis.call('TIME')
    local token = string.format('%d%06d', now[1], now[2])
    redis.call('SET', KEYS[2], token, 'PX', ARGV[2] * 10)
    return token
    """,
)
"""Tokens are times, so that they grow also over a Redis that forgot everything."""

GIVE_UP = Script("give up lease", "if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end")


class Lease(Protocol):
    """`token` is greater for every later leader: who writes what only a leader may write sends it along."""

    @property
    def held(self) -> bool: ...

    @property
    def token(self) -> int: ...

    async def renew(self) -> bool:
        """Take it, or keep it; False while another one has it. Ask again within a third of its time."""
        ...

    async def give_up(self) -> None: ...


class AlwaysLeader:
    """For a process that shares nothing."""

    held = True
    token = 1

    async def renew(self) -> bool:
        return True

    async def give_up(self) -> None:
        return


class FileLease:
    """Among the processes of one machine: whoever has the lock of a file, until it gives it up or dies."""

    def __init__(self, path: Path, now: Callable[[], float] = time.time) -> None:
        self.token = 0
        self._path = path
        self._now = now
        self._file: int | None = None

    @property
    def held(self) -> bool:
        return self._file is not None

    async def renew(self) -> bool:
        """Raises OSError where the file cannot be made."""
        if self._file is not None:
            return True
        file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(file)
            return False
        last = int(os.pread(file, 32, 0) or b"0")
        self.token = max(last + 1, int(self._now() * 1_000_000))
        os.pwrite(file, b"%032d" % self.token, 0)
        self._file = file
        return True

    async def give_up(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None


class RedisLease:
    """`owner` is unique among all processes."""

    def __init__(
        self,
        link: RedisLink,
        name: str,
        owner: str,
        lease_s: float = LEASE_S,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.token = 0
        self._link = link
        self._keys = (f"baton:lease:{name}", f"baton:lease:{name}:token")
        self._owner = owner
        self._lease_s = lease_s
        self._monotonic = monotonic
        self._until = 0.0

    @property
    def held(self) -> bool:
        """By this process's own clock, counted from before Redis was asked: never longer than Redis thinks."""
        return self._monotonic() < self._until

    async def renew(self) -> bool:
        asked = self._monotonic()
        try:
            token = await self._link.call(RENEW, self._keys, (self._owner, int(self._lease_s * 1_000)))
        except RedisAway:
            return self.held
        if token is None:
            self._until = 0.0
            return False
        self.token = int(token)
        self._until = asked + self._lease_s
        return True

    async def give_up(self) -> None:
        if self.held:
            self._until = 0.0
            self._link.post(GIVE_UP, self._keys[:1], (self._owner,))
