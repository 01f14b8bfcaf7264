"""The one composition root: library, server and CLI all live in a House that is built here."""

import os
import random
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from msgspec import Struct

from baton.call.calls import Calls
from baton.call.either import EitherTransport
from baton.call.providers.quirks import target_for
from baton.call.transport import Timeouts, Transport
from baton.config.schema import Config
from baton.decide.policy import PRESETS, Policy
from baton.flow.arrival import Arrival
from baton.flow.handoff import Carrier
from baton.flow.kept_answers import KeptAnswers
from baton.flow.private_state import SEAL_BYTES, PrivateState, house_seal
from baton.flow.run import Run, Sink
from baton.record.ledger import Ledger
from baton.state.keep import Keep
from baton.types.card import ModelCard
from baton.types.decision import Decision
from baton.types.request import Caller, Request

DAY_S = 86_400.0
RANDOM_BYTES = 512


class Life(Struct):
    """What holds for a process whatever its config."""

    stopping: bool = False
    """Streams that are cancelled from now on end with a typed error."""
    config_problems: tuple[str, ...] = ()
    """What is wrong with a config that was offered, and is not in force."""


class House:
    """Everything that one process needs to serve requests. Made by `open_house`; its owner closes it."""

    def __init__(
        self, config: Config, ledger: Ledger, transport: Transport, keep: Keep, earlier: "House | None" = None
    ) -> None:
        content, handoff = config.content, config.handoff
        given = handoff.seal_key.reveal().encode() if handoff.seal_key is not None else None
        private = PrivateState(
            keep,
            given or house_seal(keep, os.urandom(SEAL_BYTES)),
            handoff.retention_days * DAY_S,
            durable=content.mode != "off",
        )
        self.keep = keep
        self.answers = KeptAnswers(keep, content.responses_retention_days * DAY_S, on=content.mode != "off")
        self.carrier = Carrier(
            config.snapshot.providers,
            lambda card, provider, dialect: target_for(card, provider, dialect, config.quirks.get(card.id)),
            private,
            self.answers,
            strict=handoff.strict,
            in_band=handoff.in_band,
        )
        self.config = config
        self.ledger = ledger
        self.sink: Sink = ledger
        self.transport = transport
        self.policy = Policy(config.snapshot)
        earlier_calls: Calls | None = None if earlier is None else earlier.calls
        self.calls: Calls = Calls(config.snapshot, config.reliability, transport, earlier=earlier_calls)
        self.endpoints = self.calls.endpoints
        self.max_answer_bytes = config.server.max_answer_bytes
        self.life: Life = Life() if earlier is None else earlier.life
        self._ids = _Ids()
        self._now: Callable[[], float] = time.time
        self._sample = random.Random().random  # noqa: S311 - a sampling rate, not a secret

    def begin(self, arrival: Arrival) -> Run:
        now = self._now()
        run = Run(self._ids.new(now), arrival, now, time.perf_counter)
        content = self.config.content
        run.keep_content = content.mode == "full" or (
            content.mode == "sampled" and self._sample() < content.sample_rate
        )
        return run

    def decide(self, run: Run, request: Request, caller: Caller, barred: Mapping[str, str]) -> Decision:
        decision = run.decision = self.policy.decide(request, caller, run.request_id, barred)
        run.reference = self.policy.reference_of(decision.task_type)
        return decision

    def card(self, model: str) -> ModelCard:
        return self.config.snapshot.cards[model]

    def names(self) -> list[str]:
        """Everything that `model` may be, but for what wildcards of routes let through."""
        snapshot = self.config.snapshot
        return [*PRESETS, *snapshot.aliases, *snapshot.cards]

    def renewed(self, config: Config) -> "House":
        """The same house by another config. Requests under way keep to the one that they began with."""
        return House(config, self.ledger, self.transport, self.keep, self)

    async def close(self) -> None:
        """Calls under way are dropped; the ledger writes what it holds."""
        await self.transport.close()
        self.ledger.close()
        self.keep.close()


def open_house(config: Config) -> House:
    """Call inside a running event loop. Raises LedgerError when the ledger cannot be opened."""
    server = config.server
    ledger = Ledger.open(config.ledger.path, flush_s=config.ledger.flush_s, capacity=config.ledger.capacity)
    timeouts = Timeouts(server.connect_s, server.first_byte_s, server.between_bytes_s, server.total_s)
    keep = Keep(state_path(config), time.time)
    return House(config, ledger, EitherTransport(timeouts), keep)


def state_path(config: Config) -> Path:
    """Beside the ledger, unless the config names another place."""
    ledger = Path(config.ledger.path)
    return Path(config.state.path) if config.state.path else ledger.with_name(f"{ledger.stem}-state.db")


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
