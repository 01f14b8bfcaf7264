"""The loop at work: reads the ledger, has requests compared, steps the machine, writes it down, and puts it in force.

Life of a turn: 1. the lease is renewed; who has it not follows what the leader wrote; 2. grades, comparisons and orders
become events; 3. the machine steps over them; 4. state, log and comparisons are written in one transaction, under the
fence of the lease; 5. only then they are in force, and told. A kill between any two of these is made good by the next.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
from msgspec.structs import replace

from baton.config.lock import read_lock
from baton.config.proof import WatchConfig
from baton.config.schema import Config
from baton.flow.house import House
from baton.flow.measurement import desk_beside
from baton.measure.drift.canary import Canaries
from baton.measure.drift.events import Began, Event, Observed, Ordered, Paired, Ticked
from baton.measure.drift.machine import step
from baton.measure.drift.state import LoopState, Subject, key_of
from baton.measure.drift.watches import DAY_S, VOLUME_S, configured, plans_of, rules_of
from baton.measure.files import bytes_of, hash_of
from baton.measure.graders.pairwise import PairwiseJudge
from baton.measure.lock import evidence_beside, write_lock
from baton.measure.shadow import Comparer, Failed, NoRoom, Purse
from baton.measure.shadowed import ShadowHeader, day_of, earned, rows_of
from baton.record.watching import DrawnRow, Fenced, Volume, WatchStore
from baton.state.lease import Lease
from baton.types.certificate import Certificate, identity
from baton.types.decision import Decision
from baton.types.errors import LedgerError, ProofError
from baton.types.money import nano_from_usd, usd_from_nano
from baton.types.sample import Sample
from baton.types.watch import Compared, Transition

log = logging.getLogger("baton.drift")

MOST = 500
"""Rows of a turn, of each replica."""
AT_ONCE, MOST_DRAWN = 8, 16
"""Comparisons under way at once, and of one turn: an alarm does not wait behind them."""
REFRESH_S = 60.0
"""How often the traffic is looked at again, for rates and thresholds."""
SAVE_S = 30.0
"""A state in which nothing but time has passed is written as often as this."""
AWAY_S = 5.0


class Watcher:
    """Of one process. `house` gives the one in force now; `now` is the clock in Unix seconds."""

    def __init__(
        self, house: Callable[[], House], lease: Lease, store: WatchStore, now: Callable[[], float] = time.time
    ) -> None:
        self._house = house
        self._lease = lease
        self._store = store
        self._now = now
        self._state = LoopState()
        self._version = -1
        self._leads = False
        self._config: Config | None = None
        self._comparer: Comparer | None = None
        self._purse = Purse(0, 0)
        self._canaries: Canaries | None = None
        self._volumes: list[Volume] = []
        self._refreshed_at = self._saved_at = -1e18
        self.failures: dict[str, int] = {}
        """Why drawn requests were not compared, and how often."""

    @property
    def state(self) -> LoopState:
        return self._state

    async def run(self) -> None:
        """Until it is cancelled."""
        life = self._house().life
        life.gauges = (*life.gauges, self.samples)
        try:
            while True:
                watch = self._house().config.proof.watching
                try:
                    if watch is not None:
                        await self.turn()
                except (LedgerError, OSError) as error:
                    log.warning("the watching waits: %s", error)
                    await asyncio.sleep(AWAY_S)
                except Exception:  # whatever it is, the next turn must come all the same
                    log.exception("a turn of the watching failed")
                    await asyncio.sleep(AWAY_S)
                await asyncio.sleep(1.0 if watch is None else watch.poll_s)
        finally:
            await self._lease.give_up()

    async def turn(self) -> None:
        """Raises LedgerError."""
        house = self._house()
        watch = house.config.proof.watching
        if watch is None:
            return
        if not await self._lease.renew():
            self._leads = False
            await self._follow(house, watch)
            return
        try:
            await self._lead(house, watch)
        except Fenced as error:
            log.warning("%s", error)
            self._leads = False
            await self._lease.give_up()

    # --- following -------------------------------------------------------------------------------

    async def _follow(self, house: House, watch: WatchConfig) -> None:
        kept = await asyncio.to_thread(self._store.load)
        if kept.version != self._version or house.config is not self._config:
            self._version, self._config = kept.version, house.config
            self._state = msgspec.json.decode(kept.body, type=LoopState) if kept.body else LoopState()
            await self._refresh()
            self._in_force(house, watch)

    # --- leading ---------------------------------------------------------------------------------

    async def _lead(self, house: House, watch: WatchConfig) -> None:
        now = self._now()
        events: list[Event] = []
        if not self._leads:
            await self._take_over()
            events.append(Began(now, str(self._lease.token)))
        day = int(now // DAY_S)
        if day > self._state.spent_day:
            self._state = replace(self._state, spent_day=day, spent=0)
            self._purse.spent = 0
        if house.config is not self._config or now - self._refreshed_at >= REFRESH_S or now < self._refreshed_at:
            events.append(await self._configure(house, watch, now))
        events.append(Ticked(now))
        cursors = dict(self._state.cursors)
        events += await asyncio.to_thread(self._orders, now)
        graded = await asyncio.to_thread(self._graded, watch, cursors, now)
        events += graded
        compared, cursors_after = await self._compared(house, cursors)
        events += [_paired(one, now) for one in compared]
        if self._canaries is not None and self._comparer is not None:
            events += await self._canaries.due(self._comparer, self._state, now)
        await self._step(house, watch, events, compared, cursors_after, now)

    async def _take_over(self) -> None:
        kept = await asyncio.to_thread(self._store.load)
        self._state = msgspec.json.decode(kept.body, type=LoopState) if kept.body else LoopState()
        if not kept.body:  # watching begins: what was before is not judged by it
            replicas = await asyncio.to_thread(self._store.replicas)
            self._state = replace(
                self._state,
                cursors={f"{what}:{name}": after - 1 for name, after in replicas.items() for what in ("g", "c")},
            )
        self._version = kept.version
        self._config = None
        self._leads = True
        log.warning("this process watches the models now (token %d)", self._lease.token)

    async def _configure(self, house: House, watch: WatchConfig, now: float) -> Event:
        await self._refresh()
        if house.config is not self._config:
            self._config = house.config
            daily = nano_from_usd(watch.daily_usd)
            self._purse = Purse(daily, self._state.spent)
            comparer = Comparer(desk_beside(house, "watch", daily), self._purse)
            if watch.judge is not None:
                comparer.judge = PairwiseJudge(comparer.ask, watch.judge)
            self._comparer = comparer
            self._canaries = Canaries.of(watch)
        return configured(house.config, watch, self._volumes, now)

    async def _refresh(self) -> None:
        now = self._now()
        self._volumes = await asyncio.to_thread(self._store.volumes, now - VOLUME_S)
        self._refreshed_at = now

    def _orders(self, now: float) -> list[Event]:
        found: list[Event] = []
        for row in self._store.orders(self._state.orders):
            self._state = replace(self._state, orders=row.number)
            order = next((one for one in ("ack", "retest", "demote", "promote") if one == row.action), None)
            if order is not None:
                found.append(Ordered(now, order, row.task_type, row.model, row.actor))
        return found

    def _graded(self, watch: WatchConfig, cursors: dict[str, int], now: float) -> list[Event]:
        for name in self._store.replicas():
            cursors.setdefault(f"g:{name}", 0)
            cursors.setdefault(f"c:{name}", 0)
        mine = {name.removeprefix("g:"): after for name, after in cursors.items() if name.startswith("g:")}
        found: list[Event] = []
        for row in self._store.graded(mine, MOST):
            cursors[f"g:{row.replica}"] = row.sequence
            if not watch.graders or row.grader in watch.graders:
                found.append(Observed(now, row.task_type, row.model, "residual", row.score, row.asked_at))
        return found

    async def _compared(self, house: House, cursors: dict[str, int]) -> tuple[list[Compared], dict[str, int]]:
        """What is drawn and can be compared today; what the cap has no room for is passed over, and counted."""
        mine = {name.removeprefix("c:"): after for name, after in cursors.items() if name.startswith("c:")}
        rows = await asyncio.to_thread(self._store.drawn, mine, MOST_DRAWN)
        wanted = []
        for row in rows:
            cursors[f"c:{row.replica}"] = row.sequence
            decision = msgspec.json.decode(row.decision, type=Decision)
            if decision.shadow and decision.shadow in house.config.snapshot.cards:
                wanted.append((row, decision))
        slots = asyncio.Semaphore(AT_ONCE)

        async def one(row: DrawnRow, decision: Decision) -> Compared | Failed:
            assert self._comparer is not None
            async with slots:
                try:
                    reference = house.policy.reference_of(row.task_type).id
                    return await self._comparer.compare(row, decision, reference)
                except (KeyError, NoRoom) as error:
                    return Failed("the cap of the day" if isinstance(error, NoRoom) else "its task type is gone")

        found = await asyncio.gather(*(one(row, decision) for row, decision in wanted))
        for failed in found:
            if isinstance(failed, Failed):
                self.failures[failed.why] = self.failures.get(failed.why, 0) + 1
        return [one for one in found if isinstance(one, Compared)], cursors

    async def _step(
        self,
        house: House,
        watch: WatchConfig,
        events: list[Event],
        compared: list[Compared],
        cursors: dict[str, int],
        now: float,
    ) -> None:
        before = self._state
        rules = rules_of(watch)
        transitions: list[Transition] = []
        passes: list[tuple[Transition, float, int]] = []
        pairs = 0
        for event in events:
            was = self._state
            pairs += isinstance(event, Paired)
            self._state, told = step(was, event, rules)
            transitions += told
            passes += [
                (one, was.subjects[key_of(one.task_type, one.model)].since, pairs)
                for one in told
                if one.detail.get("verdict") == "adequate" and one.after == "watched"
            ]
        proofs = [await asyncio.to_thread(self._proof, house, *one[:2], compared[: one[2]]) for one in passes]
        self._state = replace(self._state, cursors=cursors, spent=self._purse.spent)
        news = transitions or compared or self._state.cursors != before.cursors or self._state.orders != before.orders
        if news or not 0 <= now - self._saved_at < SAVE_S:
            body = msgspec.json.encode(self._state)
            saved = (self._lease.token, body, self._state.demotions(), transitions, compared, now)
            await asyncio.to_thread(self._store.save, *saved)
            self._saved_at = now
        for proof in proofs:
            await asyncio.to_thread(_certify, Path(house.config.proof.lock), *proof)
        self._in_force(house, watch)
        for one in transitions:
            self._tell(house, one)

    # --- in force --------------------------------------------------------------------------------

    def _in_force(self, house: House, watch: WatchConfig) -> None:
        demotions = self._state.demotions()
        if demotions != house.life.demotions:
            house.life.demotions = demotions
        house.life.shadows.use(plans_of(house.config, watch, self._state, self._volumes, self._now()))

    def _tell(self, house: House, one: Transition) -> None:
        log.warning("%s on %s: %s -> %s: %s", one.model, one.task_type, one.before or "new", one.after, one.reason)
        if one.before:
            house.webhooks.tell(
                "alarm", f"drift_{one.after}", task_type=one.task_type, model=one.model, before=one.before,
                reason=one.reason,
            )  # fmt: skip

    def _proof(
        self, house: House, passed: Transition, since: float, fresh: list[Compared]
    ) -> tuple[bytes, tuple[Certificate, ...]]:
        """The file of grades of a test, and what it proves; no certificate in a mode that serves by none."""
        cards, providers = house.config.snapshot.cards, house.config.snapshot.providers
        reference = house.policy.reference_of(passed.task_type).id
        mine = (passed.task_type, passed.model)
        known = (*self._store.compared(since), *fresh)
        counted = [one for one in known if (one.task_type, one.model) == mine and one.at >= since]
        both = (reference, passed.model)
        header = ShadowHeader(
            task_type=passed.task_type,
            reference=reference,
            rung=passed.model,
            models={model: identity(cards[model]) for model in both},
            rho=passed.detail["rho"],
            delta=passed.detail["alpha"],
            cap=passed.detail["cap"],
            attempt=passed.detail["attempt"],
            grader=counted[-1].grader if len({one.grader for one in counted}) == 1 else "pairwise:mixed",
            date=day_of(passed.at),
            simulated=any(providers[cards[model].provider].simulated for model in both),
        )
        file = bytes_of(header, rows_of(counted))
        rules = house.config.proof.mode == "rules"
        return file, () if rules else earned(header, rows_of(counted), hash_of(file))

    # --- figures ---------------------------------------------------------------------------------

    def samples(self) -> Iterator[Sample]:
        """Of all subjects, and of what the watching costs."""
        for _, one in sorted(self._state.subjects.items()):
            labels = (("task_type", one.task_type), ("model", one.model))
            yield Sample("baton_drift_demoted", "gauge", "1 while the model is demoted.", labels, float(one.demoted))
            yield Sample("baton_drift_e_value", "gauge", "The highest e-value of its monitors.", labels, _highest(one))
        yield Sample(
            "baton_watch_spent_usd", "gauge", "What watching has cost today.", (),
            float(usd_from_nano(self._state.spent)),
        )  # fmt: skip


def _certify(lock: Path, file: bytes, certificates: tuple[Certificate, ...]) -> None:
    try:
        put_beside(lock, file, certificates)
    except (ProofError, OSError) as error:
        log.warning("a certificate that was earned is not written: %s", error)


def put_beside(lock: Path, file: bytes, certificates: tuple[Certificate, ...]) -> None:
    """New certificates take the place of those for the same rung; the others stay. Raises ProofError."""
    if not certificates:
        return
    fresh = {(one.task_type, one.serves, one.rung) for one in certificates}
    before = read_lock(lock) if lock.exists() else ()
    kept = [one for one in before if (one.task_type, one.serves, one.rung) not in fresh]
    write_lock(lock, [*kept, *certificates], evidence_beside(lock, kept) | {hash_of(file): file})


def _paired(one: Compared, now: float) -> Paired:
    return Paired(now, one.task_type, one.model, one.reference_grade, one.model_grade, one.at)


def _highest(one: Subject) -> float:
    return max((monitor.e_value for monitor in one.monitors.values()), default=0.0)
