"""The one composition root: library, server and CLI all live in a House that is built here."""

import os
import random
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from msgspec import Struct, field
from msgspec.structs import replace

from baton.call.calls import Calls
from baton.call.either import EitherTransport
from baton.call.providers.quirks import target_for
from baton.call.transport import Timeouts, Transport
from baton.call.webhooks import Webhooks, WebhookTarget
from baton.config.schema import Config
from baton.decide.demotion import under
from baton.decide.policy import Policy
from baton.decide.terms import PRESETS
from baton.flow.answer_checks import Judge
from baton.flow.arrival import Arrival
from baton.flow.cached import Caches
from baton.flow.escalation import Escalations
from baton.flow.handoff import Carrier
from baton.flow.hooks import Hooks
from baton.flow.kept_answers import KeptAnswers
from baton.flow.media import Media
from baton.flow.private_state import SEAL_BYTES, PrivateState, house_seal
from baton.flow.replicas import Replicas
from baton.flow.run import Run, Sink
from baton.flow.sessions import Sessions
from baton.flow.shadows import Shadows
from baton.flow.spending import Spending
from baton.flow.tool_policy import ToolRules
from baton.record.ledger import Ledger
from baton.record.redacted import ContentRedactor
from baton.record.upkeep import Upkeep
from baton.spend.counters import Counters
from baton.spend.memory import MemoryCounters
from baton.state.keep import Keep
from baton.types.card import Deployment, ModelCard
from baton.types.decision import Decision
from baton.types.demotion import Demotion
from baton.types.errors import LimitReached
from baton.types.outcome import Finished
from baton.types.request import Caller, Request
from baton.types.sample import Sample

DAY_S = 86_400.0
RANDOM_BYTES = 512


class Life(Struct):
    """What holds for a process whatever its config."""

    ledger: Ledger
    transport: Transport
    keep: Keep
    counters: Counters
    upkeep: Upkeep
    replicas: Replicas | None = None
    stopping: bool = False
    """Streams that are cancelled from now on end with a typed error."""
    demotions: tuple[Demotion, ...] = ()
    """In force, from the next decision on, in every house of the process."""
    shadows: Shadows = field(default_factory=Shadows)
    """What is compared off the callers' path."""
    sinks: tuple[Sink, ...] = ()
    """Who hears of finished requests besides the ledger."""
    gauges: tuple[Callable[[], Iterable[Sample]], ...] = ()
    """What else there is to measure."""
    config_problems: tuple[str, ...] = ()
    """What is wrong with a config that was offered, and is not in force."""


class House:
    """Everything that one process needs to serve requests by one config. Made by `open_house`; its owner closes it."""

    def __init__(self, config: Config, life: Life, earlier: "House | None" = None) -> None:
        """Raises ConfigError for a hook that cannot be had."""
        content, snapshot = config.content, config.snapshot
        self.life = life
        self.config = config
        self.ledger = life.ledger
        self.sink: Sink = _Everybody(life)
        self.transport = life.transport
        self._policy = Policy(under(snapshot, life.demotions))
        self._demotions = life.demotions
        self.answers = KeptAnswers(life.keep, content.responses_retention_days * DAY_S, on=content.mode != "off")
        self.carrier = Carrier(
            snapshot.providers,
            lambda card, provider, dialect: target_for(card, provider, dialect, config.quirks.get(card.id)),
            _private_state(config, life.keep),
            self.answers,
            strict=config.handoff.strict,
            in_band=config.handoff.in_band,
        )
        earlier_calls: Calls | None = None if earlier is None else earlier.calls
        self.calls: Calls = Calls(snapshot, config.reliability, life.transport, earlier=earlier_calls)
        self.endpoints = self.calls.endpoints
        self.spending: Spending = _spending(config, life, earlier)
        if life.replicas is not None:
            self.spending.taking = life.replicas.taking
        self.tools = ToolRules(snapshot)
        self.caches = Caches(snapshot)
        self.hooks = Hooks(config.hooks)
        self.media = Media(config.media)
        self.sessions = Sessions(snapshot, life.keep, config.state.sessions_ttl_s, time.time)
        self.judges: dict[str, Judge] = {} if earlier is None else earlier.judges
        """Judges of answers, by the name that steps of cascades call them by."""
        self.webhooks: Webhooks = _webhooks(config, earlier)
        self.calls.opened = self._tell_breaker
        if life.replicas is not None:
            life.replicas.heed = self.calls.heed
        self.escalations: Escalations = Escalations(
            snapshot, self.webhooks.tell, None if earlier is None else earlier.escalations
        )
        self.max_answer_bytes = config.server.max_answer_bytes
        life.ledger.redact = ContentRedactor(content.redact) if content.redact else None
        life.upkeep.content_days = content.retention_days
        self._ids = _Ids()
        self._now: Callable[[], float] = time.time
        self._sample = random.Random().random  # noqa: S311 - a sampling rate, not a secret

    @property
    def policy(self) -> Policy:
        """By the demotions that are in force now."""
        if self._demotions is not self.life.demotions:
            self._demotions = self.life.demotions
            self._policy = Policy(under(self.config.snapshot, self._demotions))
        return self._policy

    def begin(self, arrival: Arrival) -> Run:
        now = self._now()
        run = Run(self._ids.new(now), arrival, now, time.perf_counter)
        content = self.config.content
        run.keep_content = arrival.caller.keeps_content and (
            content.mode == "full" or (content.mode == "sampled" and self._sample() < content.sample_rate)
        )
        return run

    def begin_id(self) -> str:
        """An id like that of a request."""
        return self._ids.new(self._now())

    def decide(self, run: Run, request: Request, caller: Caller, barred: Mapping[str, str]) -> Decision:
        decision = self.policy.decide(request, caller, run.request_id, barred, session=run.session)
        if decision.upgraded or self.escalations.watches(decision):
            decision = self._bounded(run, request, caller, barred, decision)
        run.reference = self.policy.reference_of(decision.task_type)
        run.decision = decision = self._shadowed(run, decision)
        return decision

    def _shadowed(self, run: Run, decision: Decision) -> Decision:
        """Whether the same is asked of a second model is drawn once for a request, whatever it says."""
        assert run.reference is not None
        plan = self.life.shadows.plan(decision.task_type)
        if plan is None or decision.rule == "pass":
            return decision
        if run.drawn is None:
            run.drawn = self._sample()
        model, rate = plan.drawn(run.drawn, decision.model, run.reference.id)
        if not model and not rate:
            return decision
        if model and self.config.content.mode != "off" and run.caller.keeps_content:
            run.keep_content = True
        return replace(decision, shadow=model, shadow_rate=rate)

    def _bounded(
        self, run: Run, request: Request, caller: Caller, barred: Mapping[str, str], decision: Decision
    ) -> Decision:
        """A request that would go up stays where its key has gone up too often. Raises EscalationLimited."""
        going_up = self.escalations.decided(run, decision)
        if going_up == "allowed":
            return decision
        again = self.policy.decide(request, caller, run.request_id, barred, session=run.session, going_up=going_up)
        stays = going_up == "none" and again.model != decision.model
        return replace(again, upgraded="") if stays else again

    def ended_well(self, run: Run) -> None:
        """The caller has his answer."""
        self.sessions.answered(run)
        run.finish(self.sink, "ok", 200)

    def card(self, model: str) -> ModelCard:
        return self.config.snapshot.cards[model]

    def names(self) -> list[str]:
        """Everything that `model` may be, but for what wildcards of routes let through."""
        snapshot = self.config.snapshot
        return [*PRESETS, *snapshot.aliases, *snapshot.cards]

    def tell_limit(self, run: Run, limit: LimitReached) -> None:
        """An account has no room left."""
        self.webhooks.tell("budget", limit.code, account=limit.account, limit=limit.limit, key=run.caller.name)

    def _tell_breaker(self, deployment: Deployment) -> None:
        if self.life.replicas is not None:
            standing = self.calls.standings[deployment.provider, deployment.upstream]
            self.life.replicas.breaker_opened(deployment, standing.breaker.opens_in(self.calls.clock()))
        self.webhooks.tell("breaker", "breaker_opened", provider=deployment.provider, model=deployment.upstream)

    def metrics(self) -> bytes:
        """Prometheus text."""
        shared = b"" if self.life.replicas is None else self.life.replicas.metrics()
        return (
            self.ledger.metrics(
                [
                    *self.calls.metrics_samples(),
                    *self.life.upkeep.samples(),
                    *self.escalations.samples(),
                    *(sample for gauge in self.life.gauges for sample in gauge()),
                ]
            )
            + shared
        )

    def renewed(self, config: Config) -> "House":
        """The same house by another config. Requests under way keep to the one that they began with."""
        self.ledger.flush()  # accounts may be limited that were not: what was spent is read from the ledger
        return House(config, self.life, self)

    async def close(self) -> None:
        """Calls under way are dropped; the ledger writes what it holds."""
        life = self.life
        await life.transport.close()
        await self.webhooks.close()
        life.upkeep.close()
        life.ledger.close()
        if life.replicas is None:
            life.keep.close()
        else:
            await life.replicas.close()


class _Everybody:
    """The ledger first."""

    def __init__(self, life: Life) -> None:
        self._life = life

    def put(self, finished: Finished) -> None:
        self._life.ledger.put(finished)
        for one in self._life.sinks:
            one.put(finished)


def open_house(config: Config) -> House:
    """Call inside a running event loop. Raises LedgerError where no ledger can be opened, ConfigError for a driver."""
    server, kept = config.server, config.ledger
    ledger = Ledger.open(
        kept.path, flush_s=kept.flush_s, capacity=kept.capacity, replica=kept.replica, database_url=kept.database_url
    )
    timeouts = Timeouts(server.connect_s, server.first_byte_s, server.between_bytes_s, server.total_s)
    transport = EitherTransport(timeouts)
    if config.state.redis_url is None:
        keep = Keep(state_path(config), time.time)
        life = Life(ledger, transport, keep, MemoryCounters(), _upkeep(config, ledger, keep))
    else:
        replicas = Replicas(config.state.redis_url, ledger, state_path(config), time.time)
        replicas.start()
        upkeep = _upkeep(config, ledger, replicas.keep)
        life = Life(ledger, transport, replicas.keep, replicas.counters, upkeep, replicas)
    house = House(config, life)
    life.upkeep.start()
    return house


def _upkeep(config: Config, ledger: Ledger, keep: Keep) -> Upkeep:
    kept = config.ledger
    return Upkeep(ledger.path, kept.database_url, kept.retention_days, ledger.shipped_below, time.time, [keep.sweep])


def state_path(config: Config) -> Path:
    """Beside the ledger, unless the config names another place."""
    ledger = Path(config.ledger.path)
    return Path(config.state.path) if config.state.path else ledger.with_name(f"{ledger.stem}-state.db")


def _private_state(config: Config, keep: Keep) -> PrivateState:
    handoff = config.handoff
    given = handoff.seal_key.reveal().encode() if handoff.seal_key is not None else None
    return PrivateState(
        keep,
        given or house_seal(keep, os.urandom(SEAL_BYTES)),
        handoff.retention_days * DAY_S,
        durable=config.content.mode != "off",
    )


def _webhooks(config: Config, earlier: House | None) -> Webhooks:
    """What waits to be told survives a new config; webhooks that it no longer names are told the rest."""
    if earlier is not None and earlier.config.webhooks == config.webhooks:
        return earlier.webhooks
    if earlier is not None:
        earlier.webhooks.retire()
    targets = [WebhookTarget(one.url, one.secret, one.events, one.allow_private) for one in config.webhooks]
    return Webhooks(targets, time.time)


def _spending(config: Config, life: Life, earlier: House | None) -> Spending:
    if earlier is not None:
        return earlier.spending.renewed(config)
    ledger = life.ledger  # Redis is told what all replicas spent, where all of them can be read
    return Spending(config, life.counters, ledger.path if life.replicas is None else ledger.place)


class _Ids:
    """Sortable by time and not guessable: 48 bits of milliseconds, 64 random bits from a store of them."""

    def __init__(self) -> None:
        self._random = b""
        self._owner = 0

    def new(self, now: float) -> str:
        if not self._random or self._owner != os.getpid():  # a forked worker must not give out its parent's
            self._random = os.urandom(RANDOM_BYTES)
            self._owner = os.getpid()
        mine, self._random = self._random[:8], self._random[8:]
        return f"{int(now * 1000):012x}{mine.hex()}"
