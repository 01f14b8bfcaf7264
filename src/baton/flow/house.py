"""The one composition root: library, server and CLI all live in a House that is built here."""

import os
import random
import time
from collections.abc import Callable

from baton.call.either import EitherTransport
from baton.call.endpoint import Endpoints
from baton.call.transport import Timeouts, Transport
from baton.config.schema import Config
from baton.decide.policy import PRESETS, Policy
from baton.flow.arrival import Arrival
from baton.flow.run import Run, Sink
from baton.record.ledger import Ledger
from baton.types.card import ModelCard
from baton.types.decision import Decision
from baton.types.request import Caller, Request


class House:
    """Everything that one process needs to serve requests. Made by `open_house`; its owner closes it."""

    def __init__(self, config: Config, ledger: Ledger, transport: Transport) -> None:
        self.config = config
        self.ledger = ledger
        self.sink: Sink = ledger
        self.transport = transport
        self.policy = Policy(config.snapshot)
        self.endpoints = Endpoints(config.snapshot.providers)
        self.max_answer_bytes = config.server.max_answer_bytes
        self._now: Callable[[], float] = time.time
        self._sample = random.Random().random  # noqa: S311 - a sampling rate, not a secret

    def begin(self, arrival: Arrival) -> Run:
        now = self._now()
        run = Run(_new_id(now), arrival, now, time.perf_counter)
        content = self.config.content
        run.keep_content = content.mode == "full" or (
            content.mode == "sampled" and self._sample() < content.sample_rate
        )
        return run

    def decide(self, run: Run, request: Request, caller: Caller) -> Decision:
        decision = run.decision = self.policy.decide(request, caller, run.request_id)
        run.reference = self.policy.reference_of(decision.task_type)
        return decision

    def card(self, model: str) -> ModelCard:
        return self.config.snapshot.cards[model]

    def names(self) -> list[str]:
        """Everything that `model` may be, but for what wildcards of routes let through."""
        snapshot = self.config.snapshot
        return [*PRESETS, *snapshot.aliases, *snapshot.cards]

    async def close(self) -> None:
        """Calls under way are dropped; the ledger writes what it holds."""
        await self.transport.close()
        self.ledger.close()


def open_house(config: Config) -> House:
    """Call inside a running event loop. Raises LedgerError when the ledger cannot be opened."""
    server = config.server
    ledger = Ledger.open(config.ledger.path, flush_s=config.ledger.flush_s, capacity=config.ledger.capacity)
    timeouts = Timeouts(server.connect_s, server.first_byte_s, server.between_bytes_s, server.total_s)
    return House(config, ledger, EitherTransport(timeouts))


def _new_id(now: float) -> str:
    """Sortable by time and not guessable: 48 bits of milliseconds, 64 random bits."""
    return f"{int(now * 1000):012x}{os.urandom(8).hex()}"
