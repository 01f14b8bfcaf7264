"""Runs of one process: begun, followed by whoever may, resumed after a crash, and never begun twice by one key.

A run goes on as long as somebody waits for it. Whoever leaves last cancels it; its journal stays, to resume from.
"""

import asyncio
import contextlib
import time
import weakref
from collections import OrderedDict
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from baton.check.library import Named
from baton.check.rates import Rates, read_rates
from baton.flow.house import House
from baton.flow.orchestrate.asking import HouseModels, own_model
from baton.flow.orchestrate.journal import RunJournal, code_version, digest_of, refuse_other
from baton.flow.orchestrate.run import Order, carry_run, refuse_order
from baton.record.journal import Journal
from baton.record.ledger import Ledger
from baton.types.errors import BatonError, Conflict, NotFound
from baton.types.orchestration import Outcome, RunRecord, Step
from baton.types.plan import Constraint, Plan, RunLimits
from baton.types.request import Caller
from baton.types.trust import Assurance

DAY_S = 86_400.0
MOST_KEPT = 256
"""Outcomes that are given again without looking them up."""


class Stored(Struct, frozen=True):
    """An order as the journal keeps it: all of it is data, contracts of a program's own only by what they are."""

    request: str
    limits: RunLimits
    documents: dict[str, str]
    plan: Plan | None
    contracts: dict[str, Any]
    keep: tuple[Constraint, ...]
    require: Assurance
    own: str


class Live(Struct):
    """One run that is under way here, or was. `waiting`: who waits for it."""

    run_id: str
    journal: RunJournal
    task: "asyncio.Task[Outcome]"
    waiting: int = 0

    async def outcome(self) -> Outcome:
        """Raises what the run raised. Whoever is cancelled while he alone waits cancels the run."""
        self.waiting += 1
        try:
            return await asyncio.shield(self.task)
        except asyncio.CancelledError:
            if self.waiting == 1 and not self.task.done():
                self.task.cancel()
                with contextlib.suppress(asyncio.CancelledError, BatonError):
                    await self.task
            raise
        finally:
            self.waiting -= 1


class Runs:
    """Of one ledger."""

    def __init__(self, ledger: Ledger) -> None:
        self.store = Journal(ledger.place)
        weakref.finalize(self, self.store.close)
        self.live: OrderedDict[str, Live] = OrderedDict()
        self._rates: tuple[str, Rates] = ("", Rates())
        self._swept_at = 0.0

    async def begin(
        self, house: House, caller: Caller, order: Order, *, own: str = "", idempotency: str | None = None
    ) -> Live:
        """A run that has just begun, or the one that this idempotency key stands for.

        Raises PlanRefused, Conflict for a key that stands for something else, LedgerError.
        """
        refuse_order(order)
        stored = _stored(order, own_model(house, own or house.config.orchestrator.model or ""))
        digest = digest_of(stored)
        if idempotency is not None:
            known = await asyncio.to_thread(self.store.known_as, caller.name, idempotency)
            if known is not None:
                return await self._known(house, caller, known, order, digest)
        run_id = house.begin_id()
        record = RunRecord(
            run_id,
            caller.name,
            time.time(),
            digest,
            code_version(),
            msgspec.json.encode(stored).decode(),
            idempotency=idempotency,
        )
        await self._sweep(house)
        try:
            await asyncio.to_thread(self.store.begin, record)
        except Conflict:
            known = (
                None if idempotency is None else await asyncio.to_thread(self.store.known_as, caller.name, idempotency)
            )
            if known is None:
                raise
            return await self._known(house, caller, known, order, digest)  # another request came first
        return self._start(house, caller, order, record, stored.own, [])

    async def resume(
        self,
        house: House,
        caller: Caller,
        run_id: str,
        *,
        plan: Plan | None = None,
        contracts: Mapping[str, Named] | None = None,
    ) -> Live:
        """A run goes on where it stopped. `plan` and `contracts` are those of a program's own, given again.

        Raises NotFound, RunRefused where it would be another run.
        """
        record = await self.find(caller, run_id)
        live = self.live.get(run_id)
        if plan is None and live is not None and not live.task.cancelled():
            return live
        stored = _read(record)
        order = _order(stored, contracts or {})
        if plan is not None:
            order = replace(order, plan=plan)
        return await self._known(house, caller, record, order, digest_of(_stored(order, stored.own)))

    async def find(self, caller: Caller, run_id: str) -> RunRecord:
        """Raises NotFound, also for a run of somebody else; where nobody needs a key, everybody sees all."""
        record = await asyncio.to_thread(self.store.find, run_id)
        if caller.name not in {record.owner, Caller().name, "library"}:
            raise NotFound(f"there is no run {run_id!r} of yours", "id")
        return record

    async def steps(self, caller: Caller, run_id: str) -> AsyncIterator[Step]:
        """Those that were written and, while it runs here, those to come."""
        await self.find(caller, run_id)
        live = self.live.get(run_id)
        if live is not None:
            async for step in live.journal.follow():
                yield step
            return
        for step in await asyncio.to_thread(self.store.steps, run_id):
            yield step

    async def _known(self, house: House, caller: Caller, record: RunRecord, order: Order, digest: str) -> Live:
        live = self.live.get(record.run_id)
        if live is not None and not live.task.cancelled():
            refuse_other(record, digest, record.version)
            return live
        refuse_other(record, digest, code_version())
        steps = await asyncio.to_thread(self.store.steps, record.run_id)
        if record.status in {"complete", "partial"} and record.result:
            return self._over(record, steps)
        if record.status == "failed":
            raise Conflict(f"run {record.run_id!r} has failed: {record.result}. Begin it anew")
        return self._start(house, caller, order, record, _read(record).own, steps)

    def _start(
        self, house: House, caller: Caller, order: Order, record: RunRecord, own: str, steps: list[Step]
    ) -> Live:
        journal = RunJournal(record.run_id, self.store, time.time)
        journal.recall(steps)
        models = HouseModels(house, caller, record.run_id, order.limits.money, own)
        forget = house.config.content.mode == "off" or not caller.keeps_content
        work = self._carried(order, models, journal, self._measured(house), forget=forget)
        live = Live(record.run_id, journal, asyncio.create_task(work, name=f"run {record.run_id}"))
        self.live[record.run_id] = live
        while len(self.live) > MOST_KEPT and next(iter(self.live.values())).task.done():
            self.live.popitem(last=False)
        return live

    async def _carried(
        self, order: Order, models: HouseModels, journal: RunJournal, rates: Rates, *, forget: bool
    ) -> Outcome:
        try:
            outcome = await carry_run(order, models, journal, rates)
            result = replace(outcome, text="", claims=()) if forget else outcome
            told = msgspec.json.encode(result).decode()
            await asyncio.to_thread(self.store.end, journal.run_id, outcome.status, told, forget=forget)
            return outcome
        except BatonError as error:
            await asyncio.to_thread(self.store.end, journal.run_id, "failed", error.message, forget=forget)
            raise
        finally:
            journal.end()

    def _over(self, record: RunRecord, steps: list[Step]) -> Live:
        """A run that is over, as it ended."""
        outcome = msgspec.json.decode(record.result, type=Outcome)
        if not outcome.text:
            raise Conflict(f"run {record.run_id!r} is over, and its answer was not kept (`content.mode: off`)")
        journal = RunJournal(record.run_id, None, time.time)
        journal.recall(steps)
        journal.end()

        async def again() -> Outcome:
            return outcome

        return Live(record.run_id, journal, asyncio.create_task(again()))

    def _measured(self, house: House) -> Rates:
        path = house.config.orchestrator.calibration
        if path is None:
            return Rates()
        if self._rates[0] != path:
            self._rates = (path, read_rates(Path(path)))
        return self._rates[1]

    async def _sweep(self, house: House) -> None:
        """Once a day: runs older than content may be kept."""
        now = time.time()
        if now - self._swept_at > DAY_S:
            self._swept_at = now
            await asyncio.to_thread(self.store.drop_before, now - house.config.content.retention_days * DAY_S)


_RUNS: "weakref.WeakKeyDictionary[Ledger, Runs]" = weakref.WeakKeyDictionary()


def runs_of(house: House) -> Runs:
    """One for every ledger, whatever config is in force."""
    found = _RUNS.get(house.ledger)
    if found is None:
        found = _RUNS[house.ledger] = Runs(house.ledger)
    return found


def trace_of(record: RunRecord, steps: list[Step]) -> dict[str, Any]:
    """A run for people and programs; what models said is not in it, for it was not let through as such."""
    return {
        "run_id": record.run_id,
        "status": record.status,
        "at": record.at,
        "key": record.owner,
        "result": msgspec.json.decode(record.result) if record.status in {"complete", "partial"} else None,
        "error": record.result if record.status == "failed" else None,
        "steps": [shown_step(step) for step in steps],
    }


def shown_step(step: Step) -> dict[str, Any]:
    body = {name: value for name, value in step.body.items() if name not in {"text", "reason"} or step.kind != "call"}
    if step.kind == "refused":
        body.pop("reason", None)
    return {
        "number": step.number,
        "kind": step.kind,
        "key": step.key,
        "at": step.at,
        "seconds": round(step.seconds, 6),
        "cost_usd": step.cost / 1e9,
        **({} if step.kind == "answer" else body),
    }


def _stored(order: Order, own: str) -> Stored:
    contracts = {
        name: {
            "schema": one.schema,
            "checks": [check.name for check in one.contract.checks],
            "require": one.contract.require.word,
            "max_escaped_error": one.contract.max_escaped_error,
            "orders": one.orders,
        }
        for name, one in order.contracts.items()
    }
    stored = Stored(
        order.request, order.limits, dict(order.documents), order.plan, contracts, order.keep, order.require, own
    )
    return msgspec.json.decode(msgspec.json.encode(stored), type=Stored)  # as it will be read: 60 seconds are 60.0


def _read(record: RunRecord) -> Stored:
    """Raises Conflict where it was not kept."""
    try:
        return msgspec.json.decode(record.request, type=Stored)
    except msgspec.DecodeError as error:
        raise Conflict(f"what run {record.run_id!r} was asked was not kept: it cannot be resumed") from error


def _order(stored: Stored, contracts: Mapping[str, Named]) -> Order:
    return Order(
        stored.request, stored.limits, stored.documents, stored.plan, dict(contracts), stored.keep, stored.require
    )
