"""How each deployment stands - breaker, load, latency - and which of several is asked. Pure but for its gate."""

from collections.abc import Callable, Sequence
from hashlib import blake2b

from baton.call.breaker import Breaker
from baton.call.hedge import Quantile
from baton.call.limits import Gate
from baton.call.suspicion import Suspicion
from baton.types.card import Deployment, ModelCard
from baton.types.reliability import Reliability
from baton.types.sample import Sample

SMOOTHING = 0.2
"""Weight of the newest latency in the average."""
EXPLORE = 0.05
"""Share of choices among the idle that ignore latency, so that one that was slow once is measured again."""


class Standing:
    """What is known of one deployment. `now` is a monotonic clock in seconds."""

    __slots__ = (
        "breaker", "busy_until", "calls", "deployment", "failures", "first_byte", "gate", "latency", "outstanding",
        "suspicion",
    )  # fmt: skip

    def __init__(self, deployment: Deployment, policy: Reliability) -> None:
        self.deployment = deployment
        self.breaker = Breaker(policy.breaker)
        name = f"deployment {deployment.upstream!r} at provider {deployment.provider!r}"
        self.gate = Gate(deployment.max_concurrency, policy.queue, name) if deployment.max_concurrency else None
        self.busy_until = 0.0
        """It said when to come back."""
        self.suspicion: Suspicion | None = None
        """None until another replica has said anything of it."""
        self.outstanding = 0
        self.calls = 0
        self.failures = 0
        self.latency = [0.0, 0.0]
        """Smoothed seconds to the head of an answer: of whole ones, of streams. 0 before the first."""
        self.first_byte = (Quantile(policy.hedge.quantile), Quantile(policy.hedge.quantile))

    @property
    def load(self) -> float:
        """Calls under way or waiting, with one more, for its weight."""
        waiting = 0 if self.gate is None else self.gate.waiting
        return (self.outstanding + waiting + 1) / self.deployment.weight

    def lets(self, now: float) -> bool:
        return self.breaker.lets(now) and now >= self.busy_until

    def shunned(self, now: float) -> bool:
        """Others are to be preferred, where there are any."""
        return self.suspicion is not None and self.suspicion.shuns(now)

    def away_s(self, now: float) -> float:
        """Seconds until it may be asked."""
        return max(self.breaker.opens_in(now), self.busy_until - now, 0.0)

    def away_because(self, now: float) -> str:
        """Empty when it may be asked."""
        if now < self.busy_until:
            return f"asked to be left alone for {self.busy_until - now:.0f} s more"
        return "" if self.breaker.lets(now) else "has failed too often: its circuit breaker is open"

    def answered(self, seconds: float, *, stream: bool) -> None:
        before = self.latency[stream]
        self.latency[stream] = before + SMOOTHING * (seconds - before) if before else seconds


class Pool:
    """The deployments of one card."""

    def __init__(self, card: ModelCard, standings: Sequence[Standing]) -> None:
        self.card = card
        self.standings = tuple(standings)
        self.only = self.standings[0] if len(self.standings) == 1 else None

    def choose(
        self,
        now: float,
        tried: Sequence[Standing],
        may: Callable[[Standing], bool],
        random: Callable[[], float],
        *,
        stream: bool,
        sticky: str = "",
    ) -> Standing | None:
        """One that lets a call through, rather one that was not tried yet; None when there is none.

        Calls with the same `sticky` go to the same one, as long as it lets them through and has a place.
        """
        open_ = [one for one in self.standings if one.lets(now) and may(one)]
        if len(open_) > 1 and tried:
            open_ = [one for one in open_ if one not in tried] or open_
        if len(open_) > 1:
            open_ = [one for one in open_ if not one.shunned(now)] or open_
        if len(open_) <= 1:
            return open_[0] if open_ else None
        if sticky:
            own = max(open_, key=lambda one: _rank(sticky, one.deployment))
            if own.gate is None or not own.gate.full:
                return own
        one, other = open_ if len(open_) == 2 else _two_of(open_, random)
        return _better(one, other, random, stream=stream)

    def away_because(self, now: float) -> str:
        """Empty when one of them may be asked."""
        reasons = []
        for one in self.standings:
            reason = one.away_because(now)
            if not reason:
                return ""
            reasons.append(f"{one.deployment.upstream!r} at {one.deployment.provider!r} {reason}")
        return "; ".join(reasons)


def _rank(sticky: str, place: Deployment) -> bytes:
    """The highest one is the own deployment: where one goes away, only its own calls move."""
    name = f"{place.provider}\0{place.upstream}\0{sticky}"
    return blake2b(name.encode("utf-8", "replace"), digest_size=8).digest()


def _two_of(standings: list[Standing], random: Callable[[], float]) -> tuple[Standing, Standing]:
    """Two different ones, drawn by weight."""
    one = _drawn(standings, random)
    return one, _drawn([standing for standing in standings if standing is not one], random)


def _drawn(standings: list[Standing], random: Callable[[], float]) -> Standing:
    left = random() * sum(one.deployment.weight for one in standings)
    for one in standings:
        left -= one.deployment.weight
        if left < 0:
            return one
    return standings[-1]


def _better(one: Standing, other: Standing, random: Callable[[], float], *, stream: bool) -> Standing:
    """The one with less to do for its weight; of equals the faster one, most of the time."""
    mine, its = one.load, other.load
    if mine != its and (one.outstanding or other.outstanding):
        return one if mine < its else other
    if random() < EXPLORE:
        return _drawn([one, other], random)
    mine, its = one.latency[stream] / one.deployment.weight, other.latency[stream] / other.deployment.weight
    if mine == its:
        return _drawn([one, other], random)
    return one if mine < its else other


STATES = {"closed": 0.0, "half_open": 1.0, "open": 2.0}


def samples_of(one: Standing, now: float) -> list[Sample]:
    labels = (("provider", one.deployment.provider), ("upstream", one.deployment.upstream))
    gate = one.gate
    return [
        Sample(
            "baton_breaker_state", "gauge", "0 closed, 1 half open, 2 open.", labels, STATES[one.breaker.state(now)]
        ),
        Sample("baton_breaker_openings", "counter", "Times a breaker opened.", labels, one.breaker.openings),
        Sample("baton_deployment_away_seconds", "gauge", "Until it may be asked.", labels, one.away_s(now)),
        Sample(
            "baton_deployment_suspect",
            "gauge",
            "1 while another replica says that it fails.",
            labels,
            one.suspicion is not None and one.suspicion.holds(now),
        ),
        Sample("baton_deployment_outstanding", "gauge", "Calls under way.", labels, one.outstanding),
        Sample("baton_deployment_calls", "counter", "Calls sent.", labels, one.calls),
        Sample("baton_deployment_failures", "counter", "Calls it is to blame for.", labels, one.failures),
        Sample("baton_queue_length", "gauge", "Calls that wait for a place.", labels, gate.waiting if gate else 0),
        Sample("baton_queue_shed", "counter", "Calls turned away from a queue.", labels, gate.shed if gate else 0),
    ]
