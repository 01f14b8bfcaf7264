"""Counters in Redis answer as those of one process do, whoever asks; without Redis each replica keeps to its share."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baton.flow.shared_counters import SharedCounters
from baton.spend.counters import Refusal, Taken, Taking
from baton.spend.memory import MemoryCounters
from baton.state.redis_link import RedisAway, RedisLink, Script
from baton.state.redis_tallies import RedisTallies
from baton.types.secret import Secret
from baton.types.spend import Account, Limits, Spent
from tests.services import RedisServer

NOON = 1_700_000_040.0
DAY_S = 86_400.0
EMPTY = Script("empty", "redis.call('FLUSHDB')")

HOUSE = Account("house", Limits(day=1_000, requests=120, tokens=6_000))
TEAM = Account("team:search", Limits(month=700, parallel=3))
KEY = Account("key:alice", Limits(total=900, requests=60))
PATHS = ((HOUSE, TEAM, KEY), (HOUSE, TEAM), (HOUSE,), (HOUSE, Account("key:bob", Limits(tokens=600))))


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with RedisServer() as running:
        yield running


@asynccontextmanager
async def shared(server: RedisServer, count: int = 1, replicas: int = 2) -> AsyncIterator[list[SharedCounters]]:
    links = [RedisLink(Secret(server.url), 1.0) for _ in range(count)]
    for link in links:
        link.start()
    await links[0].call(EMPTY, (), ())
    try:
        yield [SharedCounters(RedisTallies(link), lambda: replicas, lambda: True) for link in links]
    finally:
        for link in links:
            await link.close()


async def answered(given_answer: Any) -> Any:
    return await given_answer if isinstance(given_answer, Awaitable) else given_answer


def taking(hold: str, path: tuple[Account, ...], amount: int = 0, tokens: int = 0, now: float = NOON) -> Taking:
    return Taking(hold, path, amount, tokens, now, now + 60.0)


def alone(counters: SharedCounters) -> bool:
    return counters.degraded


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("take"), st.sampled_from(PATHS), st.integers(0, 300), st.integers(0, 2_000)),
        st.tuples(st.just("extend"), st.integers(0, 9), st.integers(0, 200), st.integers(0, 500)),
        st.tuples(st.just("give"), st.integers(0, 9), st.integers(0, 300), st.integers(0, 2_000)),
        st.tuples(st.just("renew"), st.integers(0, 9), st.just(0), st.just(0)),
        st.tuples(st.just("expire"), st.just(0), st.just(0), st.just(0)),
        st.tuples(st.just("seed"), st.sampled_from((HOUSE, TEAM, KEY)), st.integers(0, 500), st.just(0)),
        st.tuples(st.just("used"), st.sampled_from((HOUSE, TEAM, KEY)), st.just(0), st.just(0)),
        st.tuples(st.just("later"), st.sampled_from((1.0, 7.0, 60.0, DAY_S, 31 * DAY_S)), st.just(0), st.just(0)),
    ),
    max_size=25,
)


def drawn(draw: random.Random) -> tuple[Any, ...]:
    kind = draw.choice(
        ["take"] * 6 + ["give"] * 4 + ["extend", "extend", "renew", "expire", "seed", "used", "used", "later"]
    )
    account = draw.choice((HOUSE, TEAM, KEY))
    return {
        "take": ("take", draw.choice(PATHS), draw.randint(0, 120), draw.randint(0, 900)),
        "extend": ("extend", draw.randrange(200), draw.randint(0, 80), draw.randint(0, 300)),
        "give": ("give", draw.randrange(200), draw.randint(0, 120), draw.randint(0, 900)),
        "renew": ("renew", draw.randrange(200), 0, 0),
        "expire": ("expire", 0, 0, 0),
        "seed": ("seed", account, draw.randint(0, 500), 0),
        "used": ("used", account, 0, 0),
        "later": ("later", draw.choice((1.0, 7.0, 30.0, 60.0, DAY_S, 31 * DAY_S)), 0, 0),
    }[kind]


@pytest.mark.parametrize("seed", range(12))
def test_replicas_together_count_as_one_process_does_on_long_walks(server: RedisServer, seed: int) -> None:
    draw = random.Random(seed)
    walk(server, [drawn(draw) for _ in range(250)])


@settings(max_examples=40)
@given(steps=STEPS)
def test_replicas_together_count_as_one_process_does(server: RedisServer, steps: list[tuple[Any, ...]]) -> None:
    walk(server, steps)


def walk(server: RedisServer, steps: list[tuple[Any, ...]]) -> None:
    async def main() -> None:
        async with shared(server, 2) as (one, two):
            memory = MemoryCounters()
            now = NOON
            open_: list[tuple[SharedCounters, Taking]] = []
            for number, (step, what, amount, tokens) in enumerate(steps):
                mine = (one, two)[number % 2]
                if step == "later":
                    now += what
                elif step == "take":
                    wanted = taking(f"h{number}", what, amount, tokens, now)
                    expected = memory.take(wanted)
                    assert await mine.take(wanted) == expected
                    if isinstance(expected, Taken):
                        open_.append((mine, wanted))
                elif step in {"extend", "give", "renew"} and open_:
                    owner, wanted = open_[what % len(open_)]
                    if step == "extend":
                        expected = memory.extend(wanted, amount, tokens, now)
                        got = await answered(owner.extend(wanted, amount, tokens, now))
                        assert type(got) is type(expected)
                        if isinstance(got, Refusal):
                            assert got == expected
                    elif step == "give":
                        memory.give(wanted, amount, tokens, now)
                        owner.give(wanted, amount, tokens, now)
                    else:
                        memory.renew([wanted.hold], now + 120.0)
                        owner.renew([wanted.hold], now + 120.0)
                    await owner.used("house", now)  # whatever was sent later has arrived
                elif step == "expire":
                    expired = await mine.expire(now)
                    assert sorted(expired, key=str) == sorted(memory.expire(now), key=str)
                elif step == "seed":
                    memory.seed(what.name, Spent(amount, amount, amount), now)
                    await mine.seed(what.name, Spent(amount, amount, amount), now)
                elif step == "used":
                    assert await mine.used(what.name, now) == memory.used(what.name, now)

    asyncio.run(main())


def test_a_hundred_at_once_on_the_last_money_overspend_by_nothing(server: RedisServer) -> None:
    async def main() -> None:
        async with shared(server, 3) as replicas:
            path = (Account("key:alice", Limits(total=10)),)
            answers = await asyncio.gather(
                *(replicas[number % 3].take(taking(f"h{number}", path, 1)) for number in range(100))
            )
            assert sum(isinstance(answer, Taken) for answer in answers) == 10

    asyncio.run(main())


def test_a_hold_is_closed_once_whoever_says_so_twice(server: RedisServer) -> None:
    async def main() -> None:
        async with shared(server, 2) as (one, two):
            path = (Account("key:alice", Limits(total=1_000)),)
            wanted = taking("h", path, 100)
            await one.take(wanted)
            await one.take(wanted)  # as after an answer that came too late
            assert await one.used("key:alice", NOON) == Spent(100, 100, 100)
            (expired,) = await two.expire(NOON + 61.0)
            assert (expired.taking, expired.amount) == (wanted, 100)
            assert one.give(wanted, 30, 0, NOON + 62.0)
            assert not one.give(wanted, 30, 0, NOON + 62.0)
            assert await one.used("key:alice", NOON) == Spent(100, 100, 100)

    asyncio.run(main())


def test_without_redis_each_replica_keeps_to_its_share_and_tells_later(server: RedisServer) -> None:
    async def main() -> None:
        async with shared(server, 1, replicas=4) as (one,):
            key = Account("key:alice", Limits(total=1_000, requests=8))
            broke = Account("key:bob", Limits(total=100))
            assert isinstance(await one.take(taking("before", (key,), 200)), Taken)
            assert isinstance(await one.take(taking("all of it", (broke,), 100)), Taken)
            server.kill()
            assert one.give(taking("before", (key,), 200), 200, 0, NOON)
            answers = [await one.take(taking(f"h{number}", (key,), 150, now=NOON)) for number in range(4)]
            assert alone(one)
            # 800 are left, a fourth of them are 200: one request of 150. Two requests a minute are its share.
            assert [isinstance(answer, Taken) for answer in answers] == [True, False, False, False]
            assert isinstance(answers[1], Refusal)
            assert (answers[1].limit, answers[1].allowed) == ("total", 200)
            assert isinstance(await one.take(taking("none left", (broke,), 1)), Refusal)
            free = [await one.take(taking(f"f{number}", (key,), 0)) for number in range(3)]
            assert [isinstance(answer, Taken) for answer in free] == [True, False, False]
            assert isinstance(free[1], Refusal)
            assert free[1].limit == "requests"
            assert one.give(taking("h0", (key,), 150), 120, 0, NOON)
            server.start()
            for _ in range(100):
                if isinstance(await one.take(taking("after", (key,), 0)), Taken) and not alone(one):
                    break
                await asyncio.sleep(0.05)
            assert not alone(one)
            # The server forgot everything: it was told what was heard last, and what was spent since.
            used = await one.used("key:alice", NOON)
            assert 200 + 120 <= used.total <= 200 + 200 + 150
            assert isinstance(await one.take(taking("bob again", (broke,), 1)), Refusal)

    asyncio.run(main())


def test_a_limit_smaller_than_the_number_of_replicas_lets_one_request_through(server: RedisServer) -> None:
    async def main() -> None:
        async with shared(server, 1, replicas=50) as (one,):
            server.kill()
            try:
                key = Account("key:alice", Limits(requests=3, parallel=2))
                for _ in range(3):
                    answer = await one.take(taking("h", (key,)))
                    assert one.degraded
                assert isinstance(answer, Refusal)
            finally:
                server.start()

    asyncio.run(main())


def test_leases_are_not_ended_while_somebody_may_not_have_been_heard(server: RedisServer) -> None:
    async def main() -> None:
        async with shared(server) as (one,):
            path = (Account("key:alice", Limits(total=1_000)),)
            await one.take(taking("h", path, 100))
            link = RedisLink(Secret(server.url), 1.0)
            link.start()
            early = SharedCounters(RedisTallies(link), lambda: 1, lambda: False)
            assert await early.expire(NOON + 1_000.0) == ()
            one.renew_open(NOON + 2_000.0)
            await one.used("house", NOON)
            assert await one.expire(NOON + 1_000.0) == []
            await link.close()

    asyncio.run(main())


def test_a_link_that_was_never_up_is_no_reason_to_wait() -> None:
    async def main() -> None:
        link = RedisLink(Secret("redis://127.0.0.1:1/0"), 0.2)
        link.start()
        one = SharedCounters(RedisTallies(link), lambda: 1, lambda: True)
        assert isinstance(await one.take(taking("h", (HOUSE,), 1)), Taken)
        assert one.degraded
        with pytest.raises(RedisAway):
            await link.call(EMPTY, (), ())
        await link.close()

    asyncio.run(main())
