"""Remembers the model that a conversation is on: per key of a caller, for a time, shared by all who share the `Keep`.

Calls on the side and requests for a concrete model move nothing and are not remembered.
"""

from collections.abc import Callable
from hashlib import blake2b

import msgspec

from baton.decide.eligible import matches_any
from baton.decide.estimate import BYTES_PER_TOKEN
from baton.flow.run import Run
from baton.protocol.course import conversation_key
from baton.state.keep import Keep
from baton.state.redis_keep import recalled
from baton.types.card import ModelCard
from baton.types.decision import Decision, PolicySnapshot
from baton.types.request import Caller, Request
from baton.types.session import Session

SPACE = "session"
PASSED = "pass"
CACHE_S = 300.0
"""How long the common prompt caches keep a prefix that nobody asks for."""
LEAST_CACHED = 1_024
"""Tokens. The caches of the large providers keep no shorter prefix."""


class _Kept(msgspec.Struct, frozen=True, array_like=True):
    model: str
    effort: str
    steps: int
    upgrades: int
    at: float
    depth: int
    """Turns of the request before the last one."""
    said: bytes
    """Digest of what the caller said last."""


_encode = msgspec.msgpack.Encoder().encode
_KEPT = msgspec.msgpack.Decoder(_Kept)


class Sessions:
    """`ttl_s` 0: nothing is remembered, and every request is decided for itself. `now` is Unix time."""

    def __init__(self, snapshot: PolicySnapshot, keep: Keep, ttl_s: float, now: Callable[[], float]) -> None:
        self._cards = snapshot.cards
        self._named = _named(snapshot)
        self._keep = keep
        self._ttl_s = ttl_s if len(snapshot.cards) > 1 else 0.0
        self._now = now

    def may_know(self, request: Request) -> bool:
        """False for a conversation that begins, and for who names his model himself."""
        goes_on = request.facts.depth > 0 or request.wish.session_id is not None
        return goes_on and self._ttl_s > 0 and request.model not in self._named

    async def of(self, caller: Caller, request: Request) -> Session | None:
        """None where nothing is known of it, or nothing may be."""
        if not self.may_know(request):
            return None
        name = name_of(request)
        found = await recalled(self._keep, lambda: self._keep.get(SPACE, _key(caller, name), in_file=False))
        if found is None:
            return None
        try:
            kept = _KEPT.decode(found)
        except (ValueError, RecursionError):  # written by another version
            return None
        if request.wish.session_id is None and not _goes_on(kept, request):
            return None
        age_s = max(0.0, self._now() - kept.at)
        card = self._cards.get(kept.model)
        cached = 0 if card is None else _cached(request, card, age_s)
        return Session(name, kept.model, kept.effort, kept.steps, kept.upgrades, cached, age_s)

    def answered(self, run: Run) -> None:
        """Call once a good answer is there."""
        request, decision = run.request, run.decision
        if not self._ttl_s or request is None or decision is None or decision.rule == PASSED:
            return
        if decision.side or len(decision.candidates) < 2:
            return
        earlier = decision.session
        name = name_of(request) if earlier is None else earlier.id
        kept = _encode(_next(request, decision, earlier, self._now()))
        self._keep.put(SPACE, _key(run.caller, name), kept, self._ttl_s, durable=self._keep.shared)


def _named(snapshot: PolicySnapshot) -> frozenset[str]:
    """Every name under which a model is asked that nothing is chosen for."""
    chosen = [route.model for route in snapshot.routes if route.strategy == "auto"]
    passed = {
        name
        for name, model in snapshot.aliases.items()
        if model in snapshot.cards
        and not any(matches_any(name, asked) or matches_any(model, asked) for asked in chosen)
    }
    return frozenset(passed.union(snapshot.cards))


def name_of(request: Request) -> str:
    """What the caller calls the conversation, else what tells it from others."""
    return request.wish.session_id or conversation_key(request.facts)


def _goes_on(kept: _Kept, request: Request) -> bool:
    """It has grown, or the same is asked once more. What begins alike and is as long as before is a template."""
    depth = request.facts.depth
    return depth > kept.depth or (depth == kept.depth and _digest(request) == kept.said)


def _digest(request: Request) -> bytes:
    return blake2b(request.facts.user_text.encode("utf-8", "surrogatepass"), digest_size=8).digest()


def _next(request: Request, decision: Decision, earlier: Session | None, now: float) -> _Kept:
    same = earlier is not None and (earlier.model, earlier.effort) == (decision.model, decision.effort)
    upgrades = 0 if earlier is None else earlier.upgrades
    if decision.upgraded == "session" and not same:
        upgrades += 1
    steps = earlier.steps + 1 if same and earlier is not None else 0 if decision.upgraded == "session" else 1
    return _Kept(decision.model, decision.effort, steps, upgrades, now, request.facts.depth, _digest(request))


def _cached(request: Request, card: ModelCard, age_s: float) -> int:
    if card.price.cache_read is None or age_s > CACHE_S:
        return 0
    tokens = int(request.facts.cached_bytes / BYTES_PER_TOKEN)
    return tokens if tokens >= LEAST_CACHED else 0


def _key(caller: Caller, name: str) -> str:
    return f"{caller.name}\x00{name}"
