"""Which requests the response cache may answer, and how an answer from it goes back to the caller.

One cache per route that asks for one. What may not be shared is not looked up at all.
"""

import time
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence

import msgspec
from msgspec import Raw

from baton.call.cache import Flight, Kept, ResponseCache, key_of, policy_version
from baton.flow.passage import Passage
from baton.flow.run import Run
from baton.protocol.request import read_members
from baton.types.card import Dialect, ModelCard
from baton.types.decision import PolicySnapshot
from baton.types.request import Request

HEADER = "x-baton-cache"
REPLAY_BYTES = 64 * 1024
MAX_STREAM_BYTES = 8 * 1024 * 1024
"""A longer stream is not collected."""
VOLATILE: Mapping[Dialect, frozenset[str]] = {
    "openai-chat": frozenset({"user", "safety_identifier", "metadata", "prompt_cache_key", "prompt_cache_retention"}),
    "anthropic": frozenset({"metadata"}),
}
"""Members without weight for the answer. Answers of the Responses API repeat theirs, so there everything counts."""
NEVER = ("background", "previous_response_id", "conversation", "container")
"""Members of requests that have effects or a state of their own at the provider."""


class Caches:
    """Made anew with every snapshot: an answer outlives no change of policy."""

    def __init__(self, snapshot: PolicySnapshot, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._of_route = {
            route.name: ResponseCache(route.cache.ttl_s, route.cache.max_bytes, monotonic)
            for route in snapshot.routes
            if route.cache is not None
        }
        self._version = policy_version(snapshot) if self._of_route else ""

    def __bool__(self) -> bool:
        return bool(self._of_route)

    def flight(
        self, run: Run, request: Request, card: ModelCard, passage: Passage, sent: Mapping[str, str]
    ) -> Flight | None:
        """`sent`: the headers that would go to the model. None where no cache may be asked."""
        assert run.decision is not None
        cache = self._of_route.get(run.decision.route)
        if cache is None or not may_be_shared(request):
            return None
        told = [run.caller.name, self._version, card.id, passage.dialect, request.dialect, str(request.stream)]
        told += (run.decision.effort, msgspec.json.encode(run.decision.plan).decode())
        asked = _stable(request.members, request.dialect)
        if passage.handoff is None:  # the caller's own members go on, and nothing else
            return cache.flight(key_of(_flat(told, sent, asked, {})))
        rendered = _stable(read_members(passage.body), passage.dialect)
        return cache.flight(key_of(_flat(told, sent, asked, rendered)))


def may_be_shared(request: Request) -> bool:
    """Notes on costs name one request; what has effects at the provider must reach it."""
    if request.wish.show_cost:
        return False
    return not any(name in request.members and bytes(request.members[name]) not in NOTHING for name in NEVER)


NOTHING = (b"null", b"false")


class Recorder:
    """Collects the bytes of a stream while they go to the caller. `kept` is None when there were too many."""

    def __init__(self, model: str) -> None:
        self._model = model
        self._pieces: list[bytes] = []
        self._size = 0

    def add(self, piece: bytes) -> None:
        self._size += len(piece)
        if self._size <= MAX_STREAM_BYTES:
            self._pieces.append(piece)
        else:
            self._pieces.clear()

    def kept(self) -> Kept | None:
        return None if self._size > MAX_STREAM_BYTES else Kept(b"".join(self._pieces), True, self._model)


async def replayed(kept: Kept) -> AsyncGenerator[bytes, None]:
    """A kept stream, in pieces that a connection takes well."""
    for begin in range(0, len(kept.body), REPLAY_BYTES):
        yield kept.body[begin : begin + REPLAY_BYTES]


def _stable(members: Mapping[str, Raw], dialect: Dialect) -> dict[str, bytes]:
    volatile = VOLATILE.get(dialect, frozenset())
    return {name: bytes(raw) for name, raw in members.items() if name not in volatile}


def _flat(told: Sequence[str], *tables: Mapping[str, str | bytes]) -> Iterator[str | bytes]:
    yield from told
    for table in tables:
        yield str(len(table))
        for name, value in table.items():
            yield name
            yield value
