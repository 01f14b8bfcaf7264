"""`Counters` of all replicas: the figures lie in Redis. While it is away a replica keeps to its share of every limit.

A share is the limit divided by the replicas that were seen in the last minute; of a budget, what was left of it when
Redis was last heard. What is spent meanwhile is told to Redis when it is back.
"""

from collections.abc import Awaitable, Callable, Sequence

import msgspec

from baton.spend.counters import Answer, Expired, Refusal, Taken, Taking
from baton.spend.memory import PARALLEL_RETRY_S, MemoryCounters
from baton.spend.periods import day_of, month_of, until_next_day, until_next_month
from baton.state.redis_link import RedisAway
from baton.state.redis_tallies import Calendar, Figures, Outcome, RedisTallies
from baton.types.spend import Account, Limit, Limits, Room, Spent, Standing

MINUTE_S = 60.0
LEASE_S = 60.0
"""At most: what is open is renewed while its process lives."""
_encode = msgspec.msgpack.Encoder().encode
_TAKING = msgspec.msgpack.Decoder(Taking)


class SharedCounters:
    """`replicas` is how many share the limits; `steady` is False while leases may look ended that are not."""

    def __init__(self, tallies: RedisTallies, replicas: Callable[[], int], steady: Callable[[], bool]) -> None:
        self._tallies = tallies
        self._replicas = replicas
        self._steady = steady
        self._alone: MemoryCounters | None = None
        self._shares: dict[str, tuple[Limits, Account]] = {}
        self._own: dict[str, tuple[MemoryCounters, Taking]] = {}
        self._open: dict[str, Calendar] = {}
        self._heard: dict[str, tuple[Calendar, Spent]] = {}

    @property
    def degraded(self) -> bool:
        """Local shares are what is enforced."""
        return self._alone is not None

    def take(self, taking: Taking) -> Awaitable[Answer]:
        """Asked at once, so that what is asked of Redis next comes after it."""
        at = calendar(taking.now)
        note = _encode(taking)
        until = min(taking.until, taking.now + LEASE_S)
        try:
            first = self._tallies.take(taking.hold, taking.path, taking.amount, taking.tokens, until, at, note)
        except RedisAway as away:
            return _at_once(self._take_alone(taking, sent=away.sent))
        return self._taken(first, taking, at)

    async def _taken(self, first: Awaitable[Outcome], taking: Taking, at: Calendar) -> Answer:
        try:
            outcome = await self._known_by_all(first, taking, at)
        except RedisAway as away:
            return self._take_alone(taking, sent=away.sent)
        self._alone = None
        answer = self._answer(outcome, taking.path, taking, at)
        if isinstance(answer, Taken):
            self._open[taking.hold] = at
        return answer

    def extend(self, taking: Taking, amount: int, tokens: int, now: float) -> Answer | Awaitable[Answer]:
        own = self._own.get(taking.hold)
        return self._extend(taking, amount, tokens, now) if own is None else own[0].extend(own[1], amount, tokens, now)

    def give(self, taking: Taking, cost: int, tokens: int, now: float) -> bool:
        own = self._own.pop(taking.hold, None)
        if own is not None:
            own[0].give(own[1], cost, tokens, now)
        began = self._open.pop(taking.hold, None)
        if began is None and own is None:
            return False
        self._tallies.give(taking.hold, taking.path, cost, tokens, began or calendar(taking.now), calendar(now))
        return True

    def renew(self, holds: Sequence[str], until: float) -> None:
        self._tallies.renew([hold for hold in holds if hold in self._open], until)
        for hold in holds:
            if (own := self._own.get(hold)) is not None:
                own[0].renew((hold,), until)

    def renew_open(self, until: float) -> None:
        """Of everything that this process has open: it lives."""
        self._tallies.renew(list(self._open), until)

    async def expire(self, now: float) -> Sequence[Expired]:
        """Holds of killed replicas; who asks first gets them. Own ones of an outage are closed by whoever made them."""
        if not self._steady():
            return ()
        try:
            ended = await self._tallies.expire(calendar(now))
        except RedisAway:
            return ()
        return [Expired(_TAKING.decode(note), amount) for note, amount in ended]

    async def seed(self, account: str, spent: Spent, now: float) -> None:
        at = calendar(now)
        self._heard.setdefault(account, (at, spent))
        try:
            await self._tallies.seed(account, spent, at)
        except RedisAway:
            return

    async def used(self, account: str, now: float) -> Spent:
        at = calendar(now)
        try:
            return await self._tallies.used(account, at)
        except RedisAway:
            before = self._known(account, at)
            own = Spent() if self._alone is None else self._alone.used(account, now)
            return Spent(before.day + own.day, before.month + own.month, before.total + own.total)

    async def _known_by_all(self, first: Awaitable[Outcome], taking: Taking, at: Calendar) -> Outcome:
        """An account that Redis does not know, or not any more, is told what was heard of it last."""
        outcome = await first
        for _ in taking.path:
            if outcome.kind != "unknown":
                break
            name = taking.path[outcome.account].name
            await self._tallies.seed(name, self._known(name, at), at, raise_known=True)
            note, until = _encode(taking), min(taking.until, taking.now + LEASE_S)
            outcome = await self._tallies.take(taking.hold, taking.path, taking.amount, taking.tokens, until, at, note)
        if outcome.kind == "unknown":
            raise RedisAway("Redis forgets accounts as soon as it is told of them")
        return outcome

    async def _extend(self, taking: Taking, amount: int, tokens: int, now: float) -> Answer:
        at = calendar(now)
        try:
            outcome = await self._tallies.extend(taking.hold, taking.path, amount, tokens, at)
        except RedisAway:
            outcome = None
        if outcome is None or outcome.kind == "unknown":
            extra = Taking(f"{taking.hold}+", taking.path, amount, tokens, now, taking.until)
            return self._extend_alone(extra)
        return self._answer(outcome, taking.path, Taking(taking.hold, (), amount, tokens, now, taking.until), at)

    def _take_alone(self, taking: Taking, *, sent: bool) -> Answer:
        """Where Redis may have taken the hold all the same, it is given back there."""
        alone, mine = self._localized(taking)
        answer = alone.take(mine)
        if isinstance(answer, Taken):
            self._own[taking.hold] = (alone, mine)
        elif sent:
            self._tallies.give(taking.hold, (), 0, 0, calendar(taking.now), calendar(taking.now))
        return answer

    def _extend_alone(self, extra: Taking) -> Answer:
        """Checked against the local share, and closed with it: `give` tells Redis the whole cost."""
        alone, mine = self._localized(extra)
        answer = alone.take(mine)
        if isinstance(answer, Taken):
            alone.give(mine, mine.amount, mine.tokens, mine.now)
        return answer

    def _localized(self, taking: Taking) -> tuple[MemoryCounters, Taking]:
        if self._alone is None:
            self._alone = MemoryCounters()
            self._shares.clear()
        at = calendar(taking.now)
        path = tuple(self._share(account, at) for account in taking.path)
        return self._alone, Taking(taking.hold, path, taking.amount, taking.tokens, taking.now, taking.until)

    def _share(self, account: Account, at: Calendar) -> Account:
        known = self._shares.get(account.name)
        if known is not None and known[0] == account.limits:
            return known[1]
        limits, spent, replicas = account.limits, self._known(account.name, at), max(1, self._replicas())
        share = Account(
            account.name,
            Limits(
                day=_money(limits.day, spent.day, replicas),
                month=_money(limits.month, spent.month, replicas),
                total=_money(limits.total, spent.total, replicas),
                requests=_count(limits.requests, replicas),
                tokens=_count(limits.tokens, replicas),
                parallel=_count(limits.parallel, replicas),
            ),
        )
        self._shares[account.name] = (limits, share)
        return share

    def _known(self, account: str, at: Calendar) -> Spent:
        """As heard last; a new day or month begins at nothing."""
        then, spent = self._heard.get(account, (at, Spent()))
        return Spent(spent.day if then.day == at.day else 0, spent.month if then.month == at.month else 0, spent.total)

    def _answer(self, outcome: Outcome, path: Sequence[Account], asked: Taking, at: Calendar) -> Answer:
        if outcome.kind == "taken":
            for account, figures in zip(path, outcome.figures, strict=False):
                self._heard[account.name] = (at, figures.spent)
            return Taken(_standing(outcome.figures))
        account = path[outcome.account]
        self._heard[account.name] = (at, outcome.figures[0].spent)
        return _refusal(account, outcome, asked)


async def _at_once(answer: Answer) -> Answer:
    return answer


def calendar(now: float) -> Calendar:
    day = day_of(now)
    return Calendar(now, day, month_of(day))


def _money(limit: int | None, spent: int, replicas: int) -> int | None:
    return None if limit is None else max(0, limit - spent) // replicas


def _count(limit: int | None, replicas: int) -> int | None:
    return None if limit is None else max(1, limit // replicas)


def _refusal(account: Account, outcome: Outcome, asked: Taking) -> Refusal:
    figures = outcome.figures[0]
    limit: Limit = outcome.limit  # type: ignore[assignment]
    allowed: int = getattr(account.limits, limit)
    used, wanted, retry = figures.open, 1, PARALLEL_RETRY_S
    bucket = figures.requests if limit == "requests" else figures.tokens
    if limit in {"day", "month", "total"}:
        after = {"day": until_next_day, "month": until_next_month}.get(limit)
        waits = after(asked.now) if after is not None and asked.amount <= allowed else None
        spent: int = getattr(figures.spent, limit)
        return Refusal(account.name, limit, allowed, spent, asked.amount, waits, _standing(outcome.figures))
    if limit in {"requests", "tokens"} and bucket is not None:
        size, left = bucket
        wanted = 1 if limit == "requests" else asked.tokens
        used, retry = int(size - left), (min(wanted, size) - left) * MINUTE_S / size
    return Refusal(account.name, limit, allowed, used, wanted, retry, _standing(outcome.figures))


def _standing(all_figures: Sequence[Figures]) -> Standing:
    return Standing(
        _tightest([one.requests for one in all_figures if one.requests is not None]),
        _tightest([one.tokens for one in all_figures if one.tokens is not None]),
    )


def _tightest(buckets: list[tuple[int, float]]) -> Room | None:
    if not buckets:
        return None
    size, left = min(buckets, key=lambda bucket: bucket[1])
    return Room(size, max(0, int(left)), (size - left) * MINUTE_S / size)
