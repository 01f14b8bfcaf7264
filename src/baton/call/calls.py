"""The one face that the flow asks models through: picks a deployment, waits for its place, sends, learns from the end.

The life of a request:

1. `effort = calls.effort()`, once;
2. `asked = await calls.ask(call, effort)`: the head of a good answer in `asked.upstream`, or a fault;
3. `asked.spoke()` at the first bytes of a stream that are of use (what hedging goes by);
4. `asked.ended(fault)` exactly once, whatever happens: also with a fault that was found later, or `left=True`;
5. after a fault of 2 or 4, as long as the caller has seen nothing: `calls.after(fault, call, effort, rungs=...)` gives
   a step; wait `step.wait_s`, and go on as `step.move` says: 2 with the same call (`here`, `deployment`), 2 with a call
   for the next model (`rung`), or tell the caller (`give_up`).
"""

import random as random_module
import time
from collections.abc import Awaitable, Callable, Mapping
from math import inf

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from baton.call.deployments import Pool, Standing, samples_of
from baton.call.endpoint import Endpoint, Endpoints
from baton.call.retry import Effort, RetryBudget, Situation, Step, next_step
from baton.call.send import send
from baton.call.suspicion import Outcome, Suspicion
from baton.call.transport import Transport, Upstream
from baton.call.verdict import retry_after_s, verdict_on, whole_seconds
from baton.protocol.request import read_members
from baton.protocol.splice import splice
from baton.types.card import Deployment, Dialect, ModelCard
from baton.types.decision import PolicySnapshot
from baton.types.errors import BatonError, UpstreamAway, UpstreamFault, UpstreamStatus
from baton.types.reliability import Reliability
from baton.types.sample import Sample

NOBODY: Mapping[str, str] = {}
REFUSED = "Retries that were not made, because the retry budget was spent."


class Call(Struct, frozen=True, gc=False):
    """What is asked of a model. `body` is written for `card`; a deployment with another name for it gets its own."""

    card: ModelCard
    dialect: Dialect
    body: bytes
    headers: Mapping[str, str]
    """The caller's, with lower-case names."""
    stream: bool = False
    priority: int = 0
    """Higher ones leave a queue first."""
    deadline: float = inf
    """On the monotonic clock."""
    sticky: str = ""
    """What names the conversation, where it should stay at one deployment: for a prompt cache, for private state."""

    def __repr__(self) -> str:
        """Without its headers, which hold the caller's key."""
        return f"Call({self.card.id!r}, {self.dialect!r}, {len(self.body)} bytes)"


class Asked:
    """A call whose answer has begun. `card` is the one that was asked: with the provider and name of its deployment."""

    __slots__ = ("_begun", "_calls", "_over", "_probe", "_spoke", "_standing", "_stream", "card", "upstream")

    def __init__(self, calls: "Calls", standing: Standing, call: Call) -> None:
        self.card = _at(call.card, standing.deployment)
        self.upstream: Upstream
        self._calls = calls
        self._standing = standing
        self._stream = call.stream
        self._begun = calls.clock()
        self._probe = standing.breaker.begin()
        if standing.suspicion is not None:
            standing.suspicion.begin(self._begun)
        self._over = False
        self._spoke = False
        standing.outstanding += 1
        standing.calls += 1

    @property
    def deployment(self) -> Deployment:
        return self._standing.deployment

    def answering(self, upstream: Upstream) -> None:
        """The head of a good answer is there."""
        self.upstream = upstream
        self._standing.answered(self._calls.clock() - self._begun, stream=self._stream)
        if self._probe:
            self._standing.breaker.answering(probe=True)

    def spoke(self) -> None:
        """The first bytes of use are there."""
        if not self._spoke:
            self._spoke = True
            self._standing.first_byte[self._stream].add(self._calls.clock() - self._begun)

    def ended(self, fault: BatonError | None = None, *, left: bool = False) -> None:
        """The call is over: well, with a fault, or because the caller left. Later calls do nothing."""
        if self._over:
            return
        self._over = True
        if not left and fault is None:
            self.spoke()
        if (suspicion := self._standing.suspicion) is not None:
            suspicion.ended(self._begun, "none" if left else _outcome(fault))
        self._calls.ended(self._standing, fault, probe=self._probe, left=left)


class Calls:
    """`clock` is monotonic, `now` Unix time, `random` gives 0..1; `earlier` is what a new config takes over from."""

    def __init__(
        self,
        snapshot: PolicySnapshot,
        policy: Reliability,
        transport: Transport,
        *,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
        random: Callable[[], float] = random_module.random,
        earlier: "Calls | None" = None,
    ) -> None:
        self.endpoints = Endpoints(snapshot.providers)
        self.clock = clock
        self.policy = policy
        self.providers = snapshot.providers
        self.standings: dict[tuple[str, str], Standing] = {}
        self.troubled: set[Standing] = set()
        """Those that may be away; all others let every call through."""
        self.opened: Callable[[Deployment], None] = _nobody_listens
        """Called whenever a breaker opens."""
        self.budget = RetryBudget(policy.retry_share, policy.retry_burst)
        self._now = now
        self._random = random
        self._transport = transport
        if earlier is not None and earlier.policy == policy:
            self.budget = earlier.budget
        self._pools = {card.id: self._pool(card, earlier) for card in snapshot.cards.values()}

    def effort(self) -> Effort:
        self.budget.earn()
        return Effort()

    async def ask(self, call: Call, effort: Effort) -> Asked:
        """The head of a good answer.

        Raises UpstreamFault, UpstreamAway where nobody may be asked, Overloaded where the call was shed from a queue.
        """
        standing = self._choose(call, effort)
        while standing.gate is not None and not standing.gate.try_enter():
            await standing.gate.enter(call.priority, call.deadline - self.clock())
            if standing.lets(self.clock()):
                break
            standing.gate.leave()  # it broke down meanwhile
            standing = self._choose(call, effort)
        asked = Asked(self, standing, call)
        effort.attempts += 1
        effort.tried.append(standing)
        try:
            asked.answering(await self._send(call, asked.card))
        except UpstreamFault as fault:
            asked.ended(fault)
            raise
        except BaseException:
            asked.ended(left=True)
            raise
        return asked

    def after(self, fault: BatonError, call: Call, effort: Effort, *, rungs: bool) -> Step:
        """What follows a fault, while the caller has seen nothing. `rungs`: another model may be asked."""
        now = self.clock()
        tried = effort.tried
        standings = self._pool_of(call.card).standings
        at = Situation(
            verdict=verdict_on(fault),
            sent=not isinstance(fault, UpstreamAway),
            attempts=effort.attempts,
            peers=any(one not in tried and one.lets(now) and self._speaks(one, call.dialect) for one in standings),
            rungs=rungs,
            away_s=tried[-1].away_s(now) if tried else 0.0,
            left_s=call.deadline - now,
        )
        return next_step(at, self.policy, self.budget, self._random)

    def barred(self) -> Mapping[str, str]:
        """Models of which no deployment may be asked now, with the reason."""
        if not self.troubled:
            return NOBODY
        now = self.clock()
        self.troubled = {one for one in self.troubled if not one.breaker.closed or now < one.busy_until}
        if not self.troubled:
            return NOBODY
        found = ((id_, pool.away_because(now)) for id_, pool in self._pools.items())
        return {id_: reason for id_, reason in found if reason}

    def heed(self, hints: Mapping[tuple[str, str], float]) -> None:
        """Breakers that opened at other replicas: by provider and upstream, with the seconds that it holds on."""
        now = self.clock()
        for key, seconds in hints.items():
            if (standing := self.standings.get(key)) is not None:
                standing.suspicion = standing.suspicion or Suspicion()
                standing.suspicion.hinted(now, min(seconds, self.policy.breaker.max_open_s))

    def hedge_after_s(self, call: Call, effort: Effort) -> float | None:
        """When a second call is worth it; None where it is not: too little is known, or no further call may be made."""
        if effort.attempts + 2 > self.policy.attempts:
            return None
        standings = [one for one in self._pool_of(call.card).standings if self._speaks(one, call.dialect)]
        known = [one.first_byte[call.stream] for one in standings]
        fit = [one.value() for one in known if one.count >= self.policy.hedge.min_calls]
        return min(fit) if fit else None

    def may_hedge(self) -> bool:
        """A second call is taken from the retry budget; ask when it is due."""
        return self.budget.take()

    def metrics_samples(self) -> list[Sample]:
        """How every deployment stands, and what the retry budget refused."""
        refused = Sample("baton_retries_refused", "counter", REFUSED, (), self.budget.refused)
        now = self.clock()
        return [sample for one in self.standings.values() for sample in samples_of(one, now)] + [refused]

    def ended(self, standing: Standing, fault: BatonError | None, *, probe: bool, left: bool) -> None:
        """For `Asked`."""
        standing.outstanding -= 1
        if standing.gate is not None:
            standing.gate.leave()
        breaker = standing.breaker
        if left:
            breaker.dropped(probe=probe)
        elif fault is None:
            breaker.good(probe=probe)
            if self.troubled and breaker.closed and standing.busy_until <= self.clock():
                self.troubled.discard(standing)
        else:
            self._learn(standing, fault, probe=probe)

    # --- inside --------------------------------------------------------------------------------

    def _learn(self, standing: Standing, fault: BatonError, *, probe: bool) -> None:
        blame = verdict_on(fault).blame
        if blame == "none":
            standing.breaker.dropped(probe=probe)
            return
        now = self.clock()
        standing.failures += 1
        rest = retry_after_s(fault.retry_after, self._now()) if isinstance(fault, UpstreamStatus) else None
        if blame == "busy":
            standing.breaker.dropped(probe=probe)
            rest = self.policy.breaker.open_s if rest is None else rest
        else:
            openings = standing.breaker.openings
            standing.breaker.bad(now, probe=probe)
            if standing.breaker.openings > openings:
                self.opened(standing.deployment)
        if rest:
            standing.busy_until = max(standing.busy_until, now + min(rest, self.policy.breaker.max_open_s))
        self.troubled.add(standing)

    def _send(self, call: Call, card: ModelCard) -> Awaitable[Upstream]:
        body = call.body
        if card.upstream != call.card.upstream and call.dialect != "gemini":  # there the name stands in the path
            body = splice(read_members(body), {"model": msgspec.json.encode(card.upstream)})
        endpoint = self.endpoints.of(card.provider, call.dialect)
        if endpoint.signs:
            return self._send_signed(endpoint, call, card, body)
        outgoing = endpoint.unsigned(card, body, call.headers, stream=call.stream)
        return send(self._transport, outgoing, stream=call.stream)

    async def _send_signed(self, endpoint: Endpoint, call: Call, card: ModelCard, body: bytes) -> Upstream:
        outgoing = await endpoint.outgoing(card, body, call.headers, stream=call.stream)
        return await send(self._transport, outgoing, stream=call.stream)

    def _choose(self, call: Call, effort: Effort) -> Standing:
        pool = self._pool_of(call.card)
        if pool.only is not None and pool.only not in self.troubled:
            return pool.only
        now = self.clock()
        chosen = pool.choose(
            now,
            effort.tried,
            lambda one: self._speaks(one, call.dialect),
            self._random,
            stream=call.stream,
            sticky=call.sticky,
        )
        if chosen is not None:
            return chosen
        why = pool.away_because(now) or f"no deployment speaks {call.dialect}"
        raise UpstreamAway(
            f"model {call.card.id!r} is not asked now: {why}",
            model=call.card.id,
            provider=call.card.provider,
            retry_after=whole_seconds(max(1.0, min(one.away_s(now) for one in pool.standings))),
        )

    def _speaks(self, standing: Standing, dialect: Dialect) -> bool:
        return dialect in self.providers[standing.deployment.provider].dialects

    def _pool_of(self, card: ModelCard) -> Pool:
        pool = self._pools.get(card.id)
        if pool is None or pool.card is not card:
            pool = self._pools[card.id] = self._pool(card, None)
        return pool

    def _pool(self, card: ModelCard, earlier: "Calls | None") -> Pool:
        places = card.deployments or (Deployment(card.provider, card.upstream),)
        return Pool(card, [self._standing(place, earlier) for place in places])

    def _standing(self, place: Deployment, earlier: "Calls | None") -> Standing:
        key = (place.provider, place.upstream)
        found = self.standings.get(key)
        if found is None and earlier is not None:
            found = self._unchanged(place, earlier)
        if found is None:
            found = Standing(place, self.policy)
        self.standings[key] = found
        return found

    def _unchanged(self, place: Deployment, earlier: "Calls") -> Standing | None:
        """How it stood before, where nothing about it is new."""
        found = earlier.standings.get((place.provider, place.upstream))
        same = earlier.policy == self.policy and earlier.providers.get(place.provider) == self.providers[place.provider]
        if found is None or not same or found.deployment != place:
            return None
        if found in earlier.troubled:
            self.troubled.add(found)
        return found


def _at(card: ModelCard, place: Deployment) -> ModelCard:
    if place.provider == card.provider and place.upstream == card.upstream:
        return card
    return replace(card, provider=place.provider, upstream=place.upstream)


def _outcome(fault: BatonError | None) -> Outcome:
    if fault is None:
        return "good"
    return "bad" if verdict_on(fault).blame == "broken" else "none"


def _nobody_listens(_deployment: Deployment) -> None:
    """The default."""
