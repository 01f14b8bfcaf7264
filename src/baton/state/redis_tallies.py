"""What accounts have used, in Redis: a step is one script, so that no replica gets between its check and its taking.

The rules are those of `spend/memory.py`, told again in Lua; a test holds the two together. An account is a hash; a hold
is a hash with a place in the queue of leases; a closed hold leaves a mark for a time, so that it is closed once.
"""

from collections.abc import Awaitable, Sequence

from msgspec import Struct

from baton.state.redis_link import RedisLink, Script
from baton.state.redis_wire import Ready, ready
from baton.types.spend import Account, Spent

HOLDS = "baton:holds"
EXPIRED_AT_ONCE = 200
REMEMBERED_PATHS = 4_096

_LIBRARY = """
local function int(x) return string.format('%.0f', x) end
local function real(x) return string.format('%.17g', x) end
local function turn(a, day, month)
    if day > a.day then
        a.du = 0
        if month > a.month then a.mu = 0 end
        a.day, a.month = day, month
    end
end
local names = {'day', 'month', 'du', 'mu', 'total', 'open', 'rs', 'rl', 'ra', 'ts', 'tl', 'ta'}
local function load(key)
    local row = redis.call('HMGET', key, unpack(names))
    if not row[1] then return nil end
    local a = {key = key}
    for i, name in ipairs(names) do a[name] = tonumber(row[i] or '') end
    a.buckets = a.rs or a.ts
    return a
end
local function save(a)
    local row = {}
    for _, name in ipairs(names) do
        if a[name] then
            row[#row + 1] = name
            local exact = name == 'rl' or name == 'ra' or name == 'tl' or name == 'ta'
            row[#row + 1] = exact and real(a[name]) or int(a[name])
        end
    end
    redis.call('HSET', a.key, unpack(row))
    if a.buckets and not a.rs then redis.call('HDEL', a.key, 'rs', 'rl', 'ra') end
    if a.buckets and not a.ts then redis.call('HDEL', a.key, 'ts', 'tl', 'ta') end
end
local function fill(a, size, left, at, now)
    if a[size] and now > a[at] then
        a[left] = math.min(a[left] + (now - a[at]) * a[size] / 60, a[size])
        a[at] = now
    end
end
local function resize(a, size, left, at, wanted, now)
    if not wanted then
        a[size], a[left], a[at] = nil, nil, nil
    elseif not a[size] then
        a[size], a[left], a[at] = wanted, wanted, now
    elseif wanted ~= a[size] then
        fill(a, size, left, at, now)
        a[left], a[size] = a[left] + wanted - a[size], wanted
    end
end
local function full(a, l, tokens, now)
    fill(a, 'rs', 'rl', 'ra', now)
    if a.rs and a.rl < 1 then return 'requests' end
    fill(a, 'ts', 'tl', 'ta', now)
    if a.ts and a.tl < math.min(tokens, a.ts) then return 'tokens' end
    if l.parallel and a.open >= l.parallel then return 'parallel' end
end
local function shown(a)
    return table.concat({int(a.du), int(a.mu), int(a.total), int(a.open),
        a.rs and int(a.rs) or '', a.rl and real(a.rl) or '', a.ts and int(a.ts) or '', a.tl and real(a.tl) or ''}, ',')
end
local function outcome(kind, account, limit, all)  -- one word, which is read faster than many
    return table.concat({kind, account, limit, unpack(all)}, ';')
end
local function over(a, l, amount)
    if l.day and a.du + amount > l.day then return 'day' end
    if l.month and a.mu + amount > l.month then return 'month' end
    if l.total and a.total + amount > l.total then return 'total' end
end
local function book(a, amount, tokens, day, month)
    if a.day == day then a.du = a.du + amount end
    if a.month == month then a.mu = a.mu + amount end
    a.total = a.total + amount
    if a.ts then a.tl = math.min(a.tl - tokens, a.ts) end
end
local function limits(from)
    local l = {}
    for i, name in ipairs({'day', 'month', 'total', 'requests', 'tokens', 'parallel'}) do
        l[name] = tonumber(ARGV[from + i])
    end
    return l
end
"""

TAKE = Script(
    "take",
    _LIBRARY
    + """
    local id, amount, tokens = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
    local now, lease, day, month = tonumber(ARGV[4]), ARGV[5], tonumber(ARGV[6]), tonumber(ARGV[7])
    local again = redis.call('EXISTS', KEYS[1]) == 1
    local found, all = {}, {}
    for i = 3, #KEYS do
        local a = load(KEYS[i])
        if not a then return outcome('unknown', i - 3, '', {}) end
        local l = limits(8 + (i - 3) * 6 - 1)
        turn(a, day, month)
        resize(a, 'rs', 'rl', 'ra', l.requests, now)
        resize(a, 'ts', 'tl', 'ta', l.tokens, now)
        local limit = not again and ((amount > 0 and over(a, l, amount)) or full(a, l, tokens, now))
        found[#found + 1] = a
        if limit then
            for _, looked_at in ipairs(found) do save(looked_at) end
            return outcome('refused', i - 3, limit, {shown(a)})
        end
    end
    for i, a in ipairs(found) do
        if not again then
            a.du, a.mu, a.total, a.open = a.du + amount, a.mu + amount, a.total + amount, a.open + 1
            if a.rs then a.rl = a.rl - 1 end
            if a.ts then a.tl = a.tl - tokens end
        end
        save(a)
        all[i] = shown(a)
    end
    if not again then
        local keys = {}
        for i = 3, #KEYS do keys[#keys + 1] = KEYS[i] end
        local first = found[1]
        redis.call('HSET', KEYS[1], 'accounts', cjson.encode(keys), 'amount', int(amount), 'tokens', int(tokens),
            'day', int(first and first.day or day), 'month', int(first and first.month or month), 'taking', ARGV[#ARGV])
        redis.call('ZADD', KEYS[2], lease, id)
    end
    return outcome('taken', 0, '', all)
    """,
)

EXTEND = Script(
    "extend",
    _LIBRARY
    + """
    local amount, tokens, day, month = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
    local hold = redis.call('HMGET', KEYS[1], 'amount', 'tokens', 'day', 'month')
    if not hold[1] then return outcome('taken', 0, '', {}) end
    local found, all = {}, {}
    for i = 2, #KEYS do
        local a = load(KEYS[i])
        if not a then return outcome('unknown', i - 2, '', {}) end
        local l = limits(5 + (i - 2) * 6 - 1)
        turn(a, day, month)
        local full = amount > 0 and over(a, l, amount)
        if full then return outcome('refused', i - 2, full, {shown(a)}) end
        found[#found + 1] = a
    end
    for i, a in ipairs(found) do
        book(a, amount, tokens, tonumber(hold[3]), tonumber(hold[4]))
        save(a)
        all[i] = shown(a)
    end
    redis.call('HSET', KEYS[1], 'amount', int(hold[1] + amount), 'tokens', int(hold[2] + tokens))
    return outcome('taken', 0, '', all)
    """,
)

_CLOSE = """
local function close(hold_key, id, holds, cost, tokens, day, month, marked_s)
    local hold = redis.call('HMGET', hold_key, 'accounts', 'amount', 'tokens', 'day', 'month')
    if not hold[1] then return nil end
    cost, tokens = cost or tonumber(hold[2]), tokens or tonumber(hold[3])
    for _, key in ipairs(cjson.decode(hold[1])) do
        local a = load(key)
        if a then
            turn(a, day, month)
            book(a, cost - hold[2], tokens - hold[3], tonumber(hold[4]), tonumber(hold[5]))
            a.open = math.max(0, a.open - 1)
            save(a)
        end
    end
    redis.call('DEL', hold_key)
    redis.call('ZREM', holds, id)
    redis.call('SET', hold_key .. ':closed', 1, 'EX', marked_s)
    return cost
end
"""

GIVE = Script(
    "give",
    _LIBRARY
    + _CLOSE
    + """
    local id, cost, tokens = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
    local day, month, began, began_month = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
    if close(KEYS[1], id, KEYS[2], cost, tokens, day, month, 3600) then return 1 end
    if redis.call('EXISTS', KEYS[1] .. ':closed') == 1 then return 0 end
    -- Taken while Redis was away, or before it forgot everything: what it cost was spent all the same.
    for i = 3, #KEYS do
        local a = load(KEYS[i]) or {key = KEYS[i], day = day, month = month, du = 0, mu = 0, total = 0, open = 0}
        turn(a, day, month)
        book(a, cost, 0, began, began_month)
        save(a)
    end
    redis.call('SET', KEYS[1] .. ':closed', 1, 'EX', 3600)
    return 1
    """,
)

RENEW = Script(
    "renew",
    """
    for i = 2, #ARGV do redis.call('ZADD', KEYS[1], 'XX', 'GT', ARGV[1], ARGV[i]) end
    """,
)

EXPIRE = Script(
    "expire",
    _LIBRARY
    + _CLOSE
    + """
    local day, month = tonumber(ARGV[2]), tonumber(ARGV[3])
    local ended = {}
    for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'LIMIT', 0, ARGV[4])) do
        local key = ARGV[5] .. id
        local taking = redis.call('HGET', key, 'taking')
        local amount = close(key, id, KEYS[1], nil, nil, day, month, 86400)
        if amount then
            ended[#ended + 1] = {taking, int(amount)}
        else
            redis.call('ZREM', KEYS[1], id)
        end
    end
    return ended
    """,
)

SEED = Script(
    "seed",
    _LIBRARY
    + """
    local day, month = tonumber(ARGV[1]), tonumber(ARGV[2])
    local a = load(KEYS[1])
    if a and ARGV[6] == '' then return 0 end
    a = a or {key = KEYS[1], day = day, month = month, du = 0, mu = 0, total = 0, open = 0}
    turn(a, day, month)
    if a.day == day then a.du = math.max(a.du, tonumber(ARGV[3])) end
    if a.month == month then a.mu = math.max(a.mu, tonumber(ARGV[4])) end
    a.total = math.max(a.total, tonumber(ARGV[5]))
    save(a)
    return 1
    """,
)

USED = Script(
    "used",
    _LIBRARY
    + """
    local a = load(KEYS[1])
    if not a then return {'0', '0', '0'} end
    turn(a, tonumber(ARGV[1]), tonumber(ARGV[2]))
    return {int(a.du), int(a.mu), int(a.total)}
    """,
)


class Calendar(Struct, frozen=True):
    """A moment: Unix seconds, days since 1970, months since year 0 (UTC)."""

    now: float
    day: int
    month: int


class Figures(Struct, frozen=True):
    """Of one account. Buckets have a size and what is left of it, or are None."""

    spent: Spent
    open: int
    requests: tuple[int, float] | None
    tokens: tuple[int, float] | None


class Outcome(Struct, frozen=True):
    """`kind`: taken, refused or unknown; the last two with the number of the account in the path.

    `figures` of all accounts when taken, else of the one that refused.
    """

    kind: str
    account: int
    limit: str
    figures: tuple[Figures, ...]


class RedisTallies:
    """Every method raises RedisAway, but for `give` and `renew`, which are sent when they can be."""

    def __init__(self, link: RedisLink) -> None:
        self._link = link
        self._said: dict[int, tuple[Sequence[Account], Ready, Ready]] = {}

    def take(
        self, hold: str, path: Sequence[Account], amount: int, tokens: int, until: float, at: Calendar, note: bytes
    ) -> Awaitable[Outcome]:
        """Asked at once, answered when it is awaited. `note` comes back from `expire`.

        Taking twice under one name takes once.
        """
        accounts, limits = self._words(path)
        args = (hold, amount, tokens, at.now, until, at.day, at.month, limits, note)
        return _told(self._link.ask(TAKE, (hold_key(hold), HOLDS, accounts), args))

    async def extend(self, hold: str, path: Sequence[Account], amount: int, tokens: int, at: Calendar) -> Outcome:
        accounts, limits = self._words(path)
        args = (amount, tokens, at.day, at.month, limits)
        return _outcome(await self._link.call(EXTEND, (hold_key(hold), accounts), args))

    def give(self, hold: str, path: Sequence[Account], cost: int, tokens: int, began: Calendar, at: Calendar) -> None:
        keys = (hold_key(hold), HOLDS, self._words(path)[0])
        self._link.post(GIVE, keys, (hold, cost, tokens, at.day, at.month, began.day, began.month))

    def renew(self, holds: Sequence[str], until: float) -> None:
        if holds:
            self._link.post(RENEW, (HOLDS,), (repr(until), *holds))

    async def expire(self, at: Calendar) -> list[tuple[bytes, int]]:
        """Notes of holds past their lease, closed at the whole amount that was taken."""
        args = (at.now, at.day, at.month, EXPIRED_AT_ONCE, hold_key(""))
        return [(note, int(amount)) for note, amount in await self._link.call(EXPIRE, (HOLDS,), args)]

    async def seed(self, account: str, spent: Spent, at: Calendar, *, raise_known: bool = False) -> None:
        """An account that is not known yet; `raise_known` lifts one that is to at least these figures."""
        args = (at.day, at.month, spent.day, spent.month, spent.total, "known" if raise_known else "")
        await self._link.call(SEED, (_account(account),), args)

    async def used(self, account: str, at: Calendar) -> Spent:
        return Spent(*map(int, await self._link.call(USED, (_account(account),), (at.day, at.month))))

    def _words(self, path: Sequence[Account]) -> tuple[Ready, Ready]:
        """Names and limits of accounts, packed once for each path: callers keep theirs."""
        found = self._said.get(id(path))
        if found is None or found[0] is not path:
            if len(self._said) >= REMEMBERED_PATHS:
                self._said.clear()
            names = ready([_account(account.name) for account in path])
            found = self._said[id(path)] = (path, names, ready(_limits(path)))
        return found[1], found[2]


async def _told(answer: "Awaitable[bytes]") -> Outcome:
    return _outcome(await answer)


def _account(name: str) -> str:
    return f"baton:account:{name}"


def hold_key(name: str) -> str:
    return f"baton:hold:{name}"


def _limits(path: Sequence[Account]) -> list[int | str]:
    return [
        "" if limit is None else limit
        for account in path
        for limit in (
            account.limits.day, account.limits.month, account.limits.total,
            account.limits.requests, account.limits.tokens, account.limits.parallel,
        )
    ]  # fmt: skip


def _outcome(answer: bytes) -> Outcome:
    kind, account, limit, *rows = answer.decode().split(";")
    return Outcome(kind, int(account), limit, tuple(map(_figures, rows)))


def _figures(row: str) -> Figures:
    day, month, total, open_, requests, requests_left, tokens, tokens_left = row.split(",")
    return Figures(
        Spent(int(day), int(month), int(total)),
        int(open_),
        (int(requests), float(requests_left)) if requests else None,
        (int(tokens), float(tokens_left)) if tokens else None,
    )
