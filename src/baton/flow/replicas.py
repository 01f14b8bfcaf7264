"""What ties a process to the others behind the same Redis: state, limits, open requests, one leader among them.

Order at the end: requests first, then the ledger, then `Replicas.close`.
"""

import os
import secrets
import socket
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec
from msgspec.structs import replace
from prometheus_client import CollectorRegistry, Gauge, generate_latest

from baton.flow.run import Run
from baton.flow.shared_counters import SharedCounters
from baton.flow.spending import accounts_of
from baton.record.ledger import Ledger
from baton.state.lease import LEASE_S as LEADER_LEASE_S
from baton.state.lease import RedisLease
from baton.state.open_requests import LEASE_S, OpenRequests
from baton.state.redis_keep import RedisKeep
from baton.state.redis_link import RedisLink
from baton.state.redis_tallies import RedisTallies, hold_key
from baton.types.card import Deployment, ModelCard
from baton.types.money import Usage
from baton.types.outcome import Attempt, Finished
from baton.types.secret import Secret

INTERRUPTED = "interrupted"
BREAKER = "breaker:"
"""Begins the name of a hint; provider, a slash and the model's name there follow."""
_FINISHED = msgspec.msgpack.Decoder(Finished)
_encode = msgspec.msgpack.Encoder().encode


class Replicas:
    """Made inside the running loop. `keep_path` holds what must be the same at a start without Redis."""

    def __init__(
        self, url: Secret, ledger: Ledger, keep_path: Path, now: Callable[[], float], lease_s: float = LEASE_S
    ) -> None:
        """Raises ConfigError where the driver is missing, LedgerError where the file cannot be opened."""
        self.link = RedisLink(url)
        process = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
        self.leader = RedisLease(self.link, "leader", process, min(lease_s, LEADER_LEASE_S))
        self._now = now
        self._lease_s = lease_s
        self.open_requests = OpenRequests(
            self.link, process, self.leader, lambda record: ledger.put(_FINISHED.decode(record)), lease_s
        )
        self.open_requests.on_beat = self._renew_holds
        self.open_requests.on_hints = self._hear
        self.heed: Callable[[Mapping[tuple[str, str], float]], None] = lambda _hints: None
        """Called, again and again, with breakers that are open anywhere: as `Calls.heed` takes them."""
        ledger.on_written = self.open_requests.safe
        self.keep = RedisKeep(self.link, url, keep_path, now)
        self.counters = SharedCounters(
            RedisTallies(self.link), lambda: self.open_requests.replicas.seen, lambda: self.open_requests.steady
        )
        self._registry = CollectorRegistry()
        self._gauges = {
            name: Gauge(f"baton_{name}", text, registry=self._registry)
            for name, text in {
                "redis_up": "1 while Redis answers.",
                "redis_waiting": "Changes that Redis has not got yet.",
                "redis_dropped": "Changes that were too many to keep while Redis was away.",
                "limits_local": "1 while this replica enforces its own share of each limit.",
                "replicas_seen": "Processes that shared this Redis within the last minute.",
                "leader": "1 in the process that leads.",
            }.items()
        }

    def start(self) -> None:
        self.link.start()
        self.open_requests.start()

    def taking(self, run: Run, card: ModelCard, input_tokens: int) -> None:
        """What may be spent has just been asked for: the same write notes the request, where that is granted."""
        record = _encode(interrupted(run, card, input_tokens))
        run.noted = self.open_requests.open_with(hold_key(run.request_id), run.request_id, record)

    async def dispatching(self, run: Run, card: ModelCard, input_tokens: int) -> None:
        """Before a model is asked: what the ledger is to say if this process is killed meanwhile."""
        noted, run.noted = run.noted, None
        if noted is not None and await noted:
            return
        await self.open_requests.open(run.request_id, _encode(interrupted(run, card, input_tokens)))

    def breaker_opened(self, deployment: Deployment, seconds: float) -> None:
        """Tell the other replicas."""
        self.open_requests.hint(f"{BREAKER}{deployment.provider}/{deployment.upstream}", seconds)

    def _hear(self, hints: Mapping[str, float]) -> None:
        found = {}
        for name, seconds in hints.items():
            if name.startswith(BREAKER):
                provider, _, upstream = name.removeprefix(BREAKER).partition("/")
                found[provider, upstream] = seconds
        if found:
            self.heed(found)

    def _renew_holds(self) -> None:
        self.counters.renew_open(self._now() + self._lease_s)

    def metrics(self) -> bytes:
        """Prometheus text."""
        link = self.link.health()
        values = {
            "redis_up": link.up,
            "redis_waiting": link.waiting,
            "redis_dropped": link.dropped,
            "limits_local": not link.up,
            "replicas_seen": self.open_requests.replicas.seen,
            "leader": self.leader.held,
        }
        for name, value in values.items():
            self._gauges[name].set(value)
        return generate_latest(self._registry)

    async def close(self) -> None:
        await self.open_requests.close()
        await self.link.close()
        self.keep.close()


def interrupted(run: Run, card: ModelCard, input_tokens: int) -> Finished:
    """The record of a request that nobody finished: what was sent was paid."""
    request = run.request
    assert request is not None
    usage = Usage(input=input_tokens)
    cost = card.price.cost(usage)
    attempt = Attempt(
        model=card.id, provider=card.provider, status=0, fault=INTERRUPTED, duration_s=0.0, first_byte_s=0.0,
        usage=usage, usage_known=False, cost=cost,
    )  # fmt: skip
    decision = run.decision
    return Finished(
        request_id=run.request_id,
        task_id=request.wish.task_id or run.request_id,
        at=run.at,
        dialect=request.dialect,
        key=run.caller.name,
        status=0,
        ending="interrupted",
        error=INTERRUPTED,
        stream=request.stream,
        simulated=run.simulated,
        duration_s=0.0,
        overhead_s=0.0,
        usage=usage,
        cost=run.cost + cost,
        baseline_cost=run.reference.price.cost(usage) if run.reference is not None else 0,
        attempts=(*run.attempts, attempt),
        decision=None if decision is None else replace(decision, candidates=(), excluded=(), handoff=None),
        accounts=accounts_of(run.caller, request),
        upstream_dialect="" if run.passage is None else run.passage.dialect,
    )
