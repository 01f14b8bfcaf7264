"""The exact response cache: identical requests of one key get one answer, made by one call.

Life of a request here: 1. `key_of` names it; 2. `lookup` finds an answer that is kept; 3. else `flight` joins those who
want the same: the first leads and asks the model, the others wait; 4. the leader ends its flight with `keep` (all get
the answer), `fail` (all get the fault) or not at all (it left, or the answer may not be kept): then the next leads.
Nothing is shared between keys of callers, and nothing that is not byte for byte the same request.
"""

import asyncio
import hashlib
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Self

import msgspec
from msgspec import Struct

from baton.types.decision import PolicySnapshot
from baton.types.errors import UpstreamFault

OVERHEAD_BYTES = 300
"""What an entry takes besides its bytes."""
DIGEST_BYTES = 32

Key = bytes


class Kept(Struct, frozen=True):
    """A whole answer as the caller got it: the bytes of a body, or of a whole stream."""

    body: bytes
    stream: bool
    model: str
    """The card that made it."""


def key_of(parts: Iterable[str | bytes]) -> Key:
    """Each part with its length, so that no two lists of parts run together into the same bytes."""
    digest = hashlib.blake2b(digest_size=DIGEST_BYTES)
    for part in parts:
        raw = part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part
        digest.update(len(raw).to_bytes(8))
        digest.update(raw)
    return digest.digest()


def policy_version(snapshot: PolicySnapshot) -> str:
    """Changes with everything that could make another answer out of the same request; keys of providers stay out."""
    providers = [
        (one.name, one.base_url, one.kind, one.dialects, one.headers, one.options)
        for one in snapshot.providers.values()
    ]
    told = (snapshot.cards, snapshot.task_types, snapshot.routes, snapshot.aliases, providers)
    return hashlib.blake2b(msgspec.msgpack.encode(told, order="deterministic"), digest_size=16).hexdigest()


class ResponseCache:
    """`monotonic` is a clock in seconds. To be used inside one event loop."""

    def __init__(self, ttl_s: float, max_bytes: int, monotonic: Callable[[], float]) -> None:
        self._ttl_s = ttl_s
        self._max_bytes = max_bytes
        self._monotonic = monotonic
        self._entries: OrderedDict[Key, tuple[Kept, float]] = OrderedDict()
        self._flights: dict[Key, _Group] = {}
        self.size_bytes = 0
        self.hits = 0
        self.misses = 0

    def __len__(self) -> int:
        return len(self._entries)

    def lookup(self, key: Key) -> Kept | None:
        found = self._entries.get(key)
        if found is None:
            return None
        kept, expires_at = found
        if expires_at <= self._monotonic():
            self._drop(key)
            return None
        self._entries.move_to_end(key)
        return kept

    def flight(self, key: Key) -> "Flight":
        """`async with cache.flight(key) as flight`: where `flight.hit` is None, whoever is inside must ask the model.

        Entering raises UpstreamFault where the leader's call failed while this one waited for it.
        """
        return Flight(self, key)

    def _put(self, key: Key, kept: Kept) -> None:
        size = _size(kept)
        if size > self._max_bytes:
            return
        self._drop(key)
        self._entries[key] = (kept, self._monotonic() + self._ttl_s)
        self.size_bytes += size
        while self.size_bytes > self._max_bytes:
            self._drop(next(iter(self._entries)))

    def _drop(self, key: Key) -> None:
        found = self._entries.pop(key, None)
        if found is not None:
            self.size_bytes -= _size(found[0])


class Flight:
    """One request's part in a flight. It may be entered in one task and ended in another, as a stream is."""

    def __init__(self, cache: ResponseCache, key: Key) -> None:
        self._cache = cache
        self._key = key
        self._group: _Group | None = None
        self.hit: Kept | None = None

    async def join(self) -> None:
        """Returns with a hit, or as the leader. A leader must `end` its flight, whatever happens."""
        cache, key = self._cache, self._key
        self.hit = cache.lookup(key)
        if self.hit is None:
            await self._board(cache._flights.setdefault(key, _Group()))  # noqa: SLF001 - two halves of one thing
        if self.hit is None:
            cache.misses += 1
        else:
            cache.hits += 1

    def keep(self, kept: Kept) -> None:
        """A whole answer without a fault: for those who wait, and for later where it fits."""
        self._cache._put(self._key, kept)  # noqa: SLF001
        self._end(kept)

    def fail(self, fault: UpstreamFault) -> None:
        """The call failed: those who wait would only wait for the same."""
        self._end(fault)

    def leave(self) -> None:
        """Nothing to share: the next who waits leads. Without effect after `keep` and `fail`."""
        self._end(None)

    async def __aenter__(self) -> Self:
        await self.join()
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if isinstance(error, UpstreamFault):
            self.fail(error)
        self.leave()

    async def _board(self, group: "_Group") -> None:
        if not group.led:
            group.led = True
            self._group = group
            return
        future = group.queue()
        try:
            outcome = await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled() and future.result() is None:
                self._group = group  # the lead came in the same moment: on to the next
                self.leave()
            raise
        if isinstance(outcome, UpstreamFault):
            raise outcome.with_traceback(None)
        if outcome is None:
            self._group = group  # the lead was handed over
        else:
            self.hit = outcome

    def _end(self, outcome: "Kept | UpstreamFault | None") -> None:
        group, self._group = self._group, None
        if group is None:
            return
        flights = self._cache._flights  # noqa: SLF001
        if outcome is None and group.hand_over():
            return
        del flights[self._key]
        if outcome is not None:
            group.tell(outcome)


Outcome = Kept | UpstreamFault | None


class _Group:
    """Those who want the same answer: one leads, the others wait in their order."""

    def __init__(self) -> None:
        self.led = False
        self._waiting: deque[asyncio.Future[Outcome]] = deque()

    def queue(self) -> asyncio.Future[Outcome]:
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        return future

    def hand_over(self) -> bool:
        """False when nobody waits."""
        while self._waiting:
            future = self._waiting.popleft()
            if not future.done():
                future.set_result(None)
                return True
        return False

    def tell(self, outcome: Kept | UpstreamFault) -> None:
        for future in self._waiting:
            if not future.done():
                future.set_result(outcome)
        self._waiting.clear()


def _size(kept: Kept) -> int:
    return len(kept.body) + len(kept.model) + OVERHEAD_BYTES
