"""Requests under way, written down where a kill cannot reach them, until their own record is safe in a ledger.

Every process has a lease over all of its open requests, and renews it while it lives: its streams live as long. What is
left when a lease ends was interrupted; the leader gets it to write it down, and it is forgotten once that is safe.
"""

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct

from baton.state.lease import Lease
from baton.state.redis_link import RedisAway, RedisLink, Script

LEASE_S = 15.0
BEATS_PER_LEASE = 5
SEEN_S = 60.0
LEFT_PER_BEAT = 500
BOOK_AGAIN_S = 30.0
"""After which a record that never became safe is written down anew."""

ALIVE, SEEN, HINTS = "baton:alive", "baton:seen", "baton:hints"

OPEN = Script(
    "open request",
    """
    if KEYS[3] and redis.call('EXISTS', KEYS[3]) == 0 then return 0 end
    redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
    local time = redis.call('TIME')
    redis.call('ZADD', KEYS[2], 'NX', time[1] + time[2] / 1e6 + ARGV[3], ARGV[4])
    return 1
    """,
)
SAFE = Script("safe requests", "redis.call('HDEL', KEYS[1], unpack(ARGV))")
BEAT = Script(
    "beat",
    """
    local time = redis.call('TIME')
    local now = time[1] + time[2] / 1e6
    redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])
    redis.call('ZADD', KEYS[2], now, ARGV[1])
    redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', '(' .. (now - ARGV[3]))
    for i = 4, #ARGV, 2 do redis.call('HSET', KEYS[3], ARGV[i], now + ARGV[i + 1]) end
    local hints = redis.call('HGETALL', KEYS[3])
    local known = {}
    for i = 1, #hints, 2 do
        local left = hints[i + 1] - now
        if left > 0 then
            known[#known + 1] = hints[i]
            known[#known + 1] = tostring(left)
        else
            redis.call('HDEL', KEYS[3], hints[i])
        end
    end
    return {redis.call('ZCARD', KEYS[2]), known}
    """,
)
LEFT = Script(
    "left requests",
    """
    local time = redis.call('TIME')
    local now = time[1] + time[2] / 1e6
    local found = {}
    for _, process in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', '(' .. now)) do
        local key = ARGV[1] .. process
        local rows = redis.call('HSCAN', key, 0, 'COUNT', ARGV[2])[2]
        if #rows == 0 then redis.call('ZREM', KEYS[1], process) end
        for i = 1, #rows, 2 do found[#found + 1] = {process, rows[i], rows[i + 1]} end
        if #found >= tonumber(ARGV[2]) then break end
    end
    return found
    """,
)
GONE = Script("process ends", "for i = 1, #KEYS do redis.call('ZREM', KEYS[i], ARGV[1]) end")


class Replicas(Struct, frozen=True):
    """`seen`: processes within the last minute, this one too. `hints`: by name, with the seconds that they hold on."""

    seen: int
    hints: dict[str, float]


class OpenRequests:
    """`process` is unique among all, restarts included. `book` takes the record of an interrupted request."""

    def __init__(
        self, link: RedisLink, process: str, leader: Lease, book: Callable[[bytes], None], lease_s: float = LEASE_S
    ) -> None:
        self.replicas = Replicas(1, {})
        self._link = link
        self._process = process
        self._key = _key(process)
        self._leader = leader
        self._book = book
        self._open: dict[str, bytes] = {}
        self._booking: dict[str, tuple[str, float]] = {}
        self._told: dict[str, float] = {}
        self._lease_s = lease_s
        self._up_since = 0.0
        self.on_beat: Callable[[], None] = lambda: None
        """What else has to be said again and again."""
        self.on_hints: Callable[[Mapping[str, float]], None] = lambda _hints: None
        """Called after each beat with what holds, as in `Replicas.hints`."""
        self._early = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._now = self._loop.time
        self._task: asyncio.Task[None] | None = None
        link.on_up.append(self._tell_again)

    def start(self) -> None:
        self._task = self._loop.create_task(self._work(), name="beat")

    async def open(self, request_id: str, record: bytes) -> bool:
        """Before a model is asked. False while Redis is away: it is told when it is back."""
        self._open[request_id] = record
        try:
            await self._link.call(OPEN, (self._key, ALIVE), (request_id, record, self._lease_s, self._process))
        except RedisAway:
            return False
        return True

    def open_with(self, hold: str, request_id: str, record: bytes) -> "asyncio.Future[int | None]":
        """Where the hold, which was asked for just before, is taken: in one write with it. 1 where that was done."""
        self._open[request_id] = record
        args = (request_id, record, self._lease_s, self._process)
        return self._link.ask(OPEN, (self._key, ALIVE, hold), args, calm=True)

    def safe(self, request_ids: Sequence[str]) -> None:
        """Their records cannot get lost any more. May be called from any thread."""
        with contextlib.suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(self._forget, list(request_ids))

    @property
    def steady(self) -> bool:
        """Redis was there long enough for everybody to say that he lives: leases that look ended are."""
        return self._link.up and self._now() > self._up_since + self._lease_s

    def hint(self, name: str, seconds: float) -> None:
        """Tell all replicas that something holds for a time, such as that a deployment is away."""
        self._told[name] = seconds
        self._early.set()

    async def close(self) -> None:
        """After the ledger is closed: what is still open here was never finished."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await asyncio.sleep(0)  # what the ledger's thread said last
        await self._leader.give_up()
        if not self._open:
            self._link.post(GONE, (ALIVE, SEEN), (self._process,))

    async def beat(self) -> None:
        """Once every few seconds: say that this process lives, hear of the others, lead if nobody does."""
        self.on_beat()
        told, self._told = self._told, {}
        words = [word for name, seconds in told.items() for word in (name, seconds)]
        try:
            seen, known = await self._link.call(
                BEAT, (ALIVE, SEEN, HINTS), (self._process, self._lease_s, SEEN_S, *words)
            )
        except RedisAway:
            self._told = told | self._told
            return
        pairs = zip(known[::2], known[1::2], strict=True)
        hints = {name.decode("utf-8", "replace"): float(left) for name, left in pairs}
        self.replicas = Replicas(max(1, seen), hints)
        self.on_hints(hints)
        if await self._leader.renew() and self.steady:
            await self._take_over()

    async def _work(self) -> None:
        while True:
            self._early.clear()
            await self.beat()
            with contextlib.suppress(TimeoutError):  # a hint is told at once
                await asyncio.wait_for(self._early.wait(), self._lease_s / BEATS_PER_LEASE)

    async def _take_over(self) -> None:
        try:
            left: list[tuple[bytes, bytes, bytes]] = await self._link.call(LEFT, (ALIVE,), (_key(""), LEFT_PER_BEAT))
        except RedisAway:
            return
        now = self._now()
        for process, raw_id, record in left:
            request_id = raw_id.decode()
            since = self._booking.get(request_id)
            if process.decode() != self._process and (since is None or now - since[1] > BOOK_AGAIN_S):
                self._booking[request_id] = (process.decode(), now)
                self._book(record)

    def _forget(self, request_ids: Sequence[str]) -> None:
        gone: dict[str, list[str]] = {}
        for request_id in request_ids:
            if self._open.pop(request_id, None) is not None:
                gone.setdefault(self._key, []).append(request_id)
            if (booked := self._booking.pop(request_id, None)) is not None:
                gone.setdefault(_key(booked[0]), []).append(request_id)
        for key, ids in gone.items():
            self._link.post(SAFE, (key,), ids)

    def _tell_again(self) -> None:
        """Redis may have forgotten what is open."""
        self._up_since = self._now()
        for request_id, record in self._open.items():
            self._link.post(OPEN, (self._key, ALIVE), (request_id, record, self._lease_s, self._process))


def _key(process: str) -> str:
    return f"baton:open:{process}"
