"""The counters of one process: dictionaries, no lock, no wait. For the event loop's thread alone."""

from collections.abc import Sequence

from baton.spend.counters import Answer, Expired, Refusal, Taken, Taking
from baton.spend.periods import DAY_S, day_of, month_of, until_next_day, until_next_month
from baton.types.spend import NO_STANDING, Account, Limit, Limits, Room, Spent, Standing

MINUTE_S = 60.0
PARALLEL_RETRY_S = 1.0
"""Nobody knows when a slot gets free; this is soon enough to try again."""
TAKEN = Taken()


class _Bucket:
    """So many per minute, filled evenly."""

    __slots__ = ("at", "left", "size")

    def __init__(self, size: int, now: float) -> None:
        self.size = size
        self.left = float(size)
        self.at = now

    def fill(self, now: float) -> float:
        """A clock that went backwards fills nothing."""
        if now > self.at:
            left = self.left + (now - self.at) * self.size / MINUTE_S
            self.left = left if left < self.size else float(self.size)
            self.at = now
        return self.left

    def resize(self, size: int) -> None:
        """What is missing stays missing."""
        self.left += size - self.size
        self.size = size

    def room(self) -> Room:
        missing = self.size - self.left
        return Room(self.size, max(0, int(self.left)), missing * MINUTE_S / self.size)

    def seconds_until(self, wanted: float) -> float:
        return (wanted - self.left) * MINUTE_S / self.size


class _Tally:
    """The figures of one account. `used` is spent and taken."""

    __slots__ = ("day_used", "limits", "month_used", "open", "requests", "tokens", "total_used")

    def __init__(self) -> None:
        self.limits: Limits | None = None
        self.day_used = 0
        self.month_used = 0
        self.total_used = 0
        self.open = 0
        self.requests: _Bucket | None = None
        self.tokens: _Bucket | None = None

    def limit(self, limits: Limits, now: float) -> None:
        """Limits that are new, or have changed; buckets keep what was taken from them."""
        self.limits = limits
        self.requests = _resized(self.requests, limits.requests, now)
        self.tokens = _resized(self.tokens, limits.tokens, now)

    def refuses(self, limits: Limits, amount: int, tokens: int, now: float) -> Limit | None:
        """The first limit that has no room for one more request."""
        if amount and (limit := self.over(limits, amount)) is not None:
            return limit
        if (bucket := self.requests) is not None and bucket.fill(now) < 1.0:
            return "requests"
        if (bucket := self.tokens) is not None and (left := bucket.fill(now)) < tokens and left < bucket.size:
            return "tokens"
        if limits.parallel is not None and self.open >= limits.parallel:
            return "parallel"
        return None

    def over(self, limits: Limits, amount: int) -> Limit | None:
        """The first budget that has no room for it."""
        if limits.day is not None and self.day_used + amount > limits.day:
            return "day"
        if limits.month is not None and self.month_used + amount > limits.month:
            return "month"
        if limits.total is not None and self.total_used + amount > limits.total:
            return "total"
        return None

    def used(self) -> Spent:
        return Spent(self.day_used, self.month_used, self.total_used)


class _Hold:
    __slots__ = ("amount", "day", "month", "taking", "tallies", "tokens", "until")

    def __init__(self, taking: Taking, tallies: list[_Tally], day: int, month: int) -> None:
        self.taking = taking
        self.tallies = tallies
        self.day = day
        self.month = month
        self.amount = taking.amount
        self.tokens = taking.tokens
        self.until = taking.until


class MemoryCounters:
    """See `Counters`. A clock that goes backwards leads back to no earlier day."""

    def __init__(self) -> None:
        self._tallies: dict[str, _Tally] = {}
        self._holds: dict[str, _Hold] = {}
        self._day = 0
        self._month = 0
        self._day_ends = 0.0

    def take(self, taking: Taking) -> Answer:
        now, amount, tokens = taking.now, taking.amount, taking.tokens
        if now >= self._day_ends:
            self._turn(now)
        found = []
        known = self._tallies
        for account in taking.path:
            limits = account.limits
            tally = known.get(account.name)
            if tally is None:
                tally = known[account.name] = _Tally()
            if tally.limits is not limits:
                tally.limit(limits, now)
            limit = tally.refuses(limits, amount, tokens, now)
            if limit is not None:
                return self._refusal(account, tally, limit, taking)
            found.append(tally)
        for tally in found:
            tally.day_used += amount
            tally.month_used += amount
            tally.total_used += amount
            tally.open += 1
            if tally.requests is not None:
                tally.requests.left -= 1.0
            if tally.tokens is not None:
                tally.tokens.left -= tokens
        self._holds[taking.hold] = _Hold(taking, found, self._day, self._month)
        return Taken(_standing(found))

    def extend(self, taking: Taking, amount: int, tokens: int, now: float) -> Answer:
        self._turn(now)
        hold = self._holds.get(taking.hold)
        if hold is None:
            return TAKEN
        for account, tally in zip(taking.path, hold.tallies, strict=True):
            limit = tally.over(account.limits, amount) if amount else None
            if limit is not None:
                return self._refusal(account, tally, limit, Taking(taking.hold, (), amount, tokens, now, hold.until))
        self._book(hold, amount, tokens)
        hold.amount += amount
        hold.tokens += tokens
        return Taken(_standing(hold.tallies))

    def give(self, taking: Taking, cost: int, tokens: int, now: float) -> bool:
        hold = self._holds.pop(taking.hold, None)
        if hold is None:
            return False
        if now >= self._day_ends:
            self._turn(now)
        self._book(hold, cost - hold.amount, tokens - hold.tokens)
        for tally in hold.tallies:
            tally.open -= 1
        return True

    def renew(self, holds: Sequence[str], until: float) -> None:
        for name in holds:
            if (hold := self._holds.get(name)) is not None:
                hold.until = max(hold.until, until)

    def expire(self, now: float) -> Sequence[Expired]:
        ended = [hold for hold in self._holds.values() if hold.until <= now]
        for hold in ended:
            self.give(hold.taking, hold.amount, hold.tokens, now)
        return [Expired(hold.taking, hold.amount) for hold in ended]

    def seed(self, account: str, spent: Spent, now: float) -> None:
        self._turn(now)
        if account not in self._tallies:
            tally = self._tallies[account] = _Tally()
            tally.day_used, tally.month_used, tally.total_used = spent.day, spent.month, spent.total

    def used(self, account: str, now: float) -> Spent:
        self._turn(now)
        tally = self._tallies.get(account)
        return Spent() if tally is None else tally.used()

    def _turn(self, now: float) -> None:
        """A new day, or a new month, begins at nothing for everybody."""
        if now < self._day_ends:
            return
        day = day_of(now)
        self._day_ends = (day + 1) * DAY_S
        if day <= self._day:
            return
        month = month_of(day)
        for tally in self._tallies.values():
            tally.day_used = 0
            if month > self._month:
                tally.month_used = 0
        self._day, self._month = day, month

    def _book(self, hold: _Hold, amount: int, tokens: int) -> None:
        """More or less for an open hold, in the day and the month that it began in."""
        today, this_month = hold.day == self._day, hold.month == self._month
        for tally in hold.tallies:
            if today:
                tally.day_used += amount
            if this_month:
                tally.month_used += amount
            tally.total_used += amount
            if (bucket := tally.tokens) is not None:
                bucket.left = min(bucket.left - tokens, float(bucket.size))

    def _refusal(self, account: Account, tally: _Tally, limit: Limit, taking: Taking) -> Refusal:
        limits, now = account.limits, taking.now
        allowed = getattr(limits, limit)
        used, wanted, retry = tally.open, 1, PARALLEL_RETRY_S
        if limit in {"day", "month", "total"}:
            used, wanted = getattr(tally, f"{limit}_used"), taking.amount
            after = {"day": until_next_day, "month": until_next_month}.get(limit)
            retry_after = after(now) if after is not None and taking.amount <= allowed else None
            return Refusal(account.name, limit, allowed, used, wanted, retry_after, _standing((tally,)))
        if limit == "requests" and (bucket := tally.requests) is not None:
            used, retry = int(bucket.size - bucket.left), bucket.seconds_until(1.0)
        if limit == "tokens" and (bucket := tally.tokens) is not None:
            used, wanted = int(bucket.size - bucket.left), taking.tokens
            retry = bucket.seconds_until(min(wanted, bucket.size))
        return Refusal(account.name, limit, allowed, used, wanted, retry, _standing((tally,)))


def _resized(bucket: _Bucket | None, size: int | None, now: float) -> _Bucket | None:
    if size is None:
        return None
    if bucket is None:
        return _Bucket(size, now)
    bucket.fill(now)
    bucket.resize(size)
    return bucket


def _standing(tallies: Sequence[_Tally]) -> Standing:
    requests: _Bucket | None = None
    tokens: _Bucket | None = None
    for tally in tallies:
        if (mine := tally.requests) is not None and (requests is None or mine.left < requests.left):
            requests = mine
        if (mine := tally.tokens) is not None and (tokens is None or mine.left < tokens.left):
            tokens = mine
    if requests is None and tokens is None:
        return NO_STANDING
    return Standing(None if requests is None else requests.room(), None if tokens is None else tokens.room())
