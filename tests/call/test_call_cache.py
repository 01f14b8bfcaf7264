"""One answer for identical requests of one key: one call in flight, nothing beyond the limits, nobody left waiting."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from baton.call.cache import OVERHEAD_BYTES, Flight, Kept, ResponseCache, key_of, policy_version
from baton.types.errors import UpstreamCut, UpstreamFault
from baton.types.task import Route, RouteCache
from tests.decide.fleet import snapshot


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def cache(ttl_s: float = 10.0, max_bytes: int = 10_000, clock: Clock | None = None) -> ResponseCache:
    return ResponseCache(ttl_s, max_bytes, clock or Clock())


def kept(body: bytes = b"{}") -> Kept:
    return Kept(body, False, "m")


def run(main: Coroutine[Any, Any, None]) -> None:
    asyncio.run(main)


async def turns(count: int = 5) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


def put(one: ResponseCache, key: bytes, answer: Kept) -> None:
    async def main() -> None:
        async with one.flight(key) as flight:
            flight.keep(answer)

    run(main())


@given(st.lists(st.binary(max_size=3), max_size=4), st.lists(st.binary(max_size=3), max_size=4))
def test_only_equal_parts_in_equal_order_have_one_key(one: list[bytes], other: list[bytes]) -> None:
    assert (key_of(one) == key_of(other)) == (one == other)


def test_an_answer_is_found_until_its_time_is_over() -> None:
    clock = Clock()
    one = cache(ttl_s=10, clock=clock)
    put(one, b"k", kept())
    clock.now = 9.9
    assert one.lookup(b"k") == kept()
    clock.now = 10.0
    assert one.lookup(b"k") is None
    assert (len(one), one.size_bytes) == (0, 0)


def test_the_one_that_was_not_asked_for_longest_goes_first() -> None:
    one = cache(max_bytes=3 * (OVERHEAD_BYTES + 11))
    for name in (b"a", b"b", b"c"):
        put(one, name, kept(b"0123456789"))
    assert one.lookup(b"a") is not None
    put(one, b"d", kept(b"0123456789"))
    assert [one.lookup(name) is not None for name in (b"a", b"b", b"c", b"d")] == [True, False, True, True]


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 900)), max_size=30))
def test_the_size_is_the_sum_of_what_is_kept_and_never_over_the_limit(puts: list[tuple[int, int]]) -> None:
    one = cache(max_bytes=2_000)

    async def main() -> None:
        for name, size in puts:
            flight = one.flight(bytes([name]))
            await flight.join()
            flight.keep(kept(b"x" * size))
            assert one.size_bytes <= 2_000
            assert one.size_bytes == sum(len(entry.body) + 1 + OVERHEAD_BYTES for entry, _ in one._entries.values())

    run(main())


def test_an_answer_larger_than_the_cache_is_shared_but_not_kept() -> None:
    async def main() -> None:
        one = cache(max_bytes=1_000)
        leader, follower = one.flight(b"k"), one.flight(b"k")
        await leader.join()
        waiting = asyncio.create_task(follower.join())
        await turns()
        leader.keep(kept(b"x" * 2_000))
        await waiting
        assert follower.hit is not None
        assert one.lookup(b"k") is None

    run(main())


def test_a_hundred_identical_requests_make_one_call() -> None:
    calls = 0

    async def one_request(one: ResponseCache) -> bytes:
        nonlocal calls
        async with one.flight(b"k") as flight:
            if flight.hit is None:
                calls += 1
                await asyncio.sleep(0.01)
                flight.keep(kept(b"answer"))
                return b"answer"
            return flight.hit.body

    async def main() -> None:
        one = cache()
        answers = await asyncio.gather(*(one_request(one) for _ in range(100)))
        assert answers == [b"answer"] * 100
        assert (calls, one.hits, one.misses) == (1, 99, 1)
        assert one._flights == {}

    run(main())


def test_when_the_leader_leaves_the_next_one_leads() -> None:
    async def main() -> None:
        one = cache()
        flights = [one.flight(b"k") for _ in range(3)]
        await flights[0].join()
        waiting = [asyncio.create_task(flight.join()) for flight in flights[1:]]
        await turns()
        flights[0].leave()
        await turns()
        assert [task.done() for task in waiting] == [True, False]
        assert flights[1].hit is None
        flights[1].keep(kept(b"second"))
        await waiting[1]
        assert flights[2].hit == kept(b"second")
        assert one._flights == {}

    run(main())


def test_a_cancelled_leader_hands_the_lead_on() -> None:
    async def lead(one: ResponseCache) -> None:
        async with one.flight(b"k"):
            await asyncio.sleep(3600)

    async def main() -> None:
        one = cache()
        leader = asyncio.create_task(lead(one))
        await turns()
        follower = one.flight(b"k")
        waiting = asyncio.create_task(follower.join())
        await turns()
        leader.cancel()
        await asyncio.wait({leader})
        await waiting
        assert follower.hit is None
        follower.leave()
        assert one._flights == {}

    run(main())


@pytest.mark.parametrize("behind", [0, 1])
def test_a_follower_who_is_cancelled_while_the_lead_comes_hands_it_on(behind: int) -> None:
    async def main() -> None:
        one = cache()
        leader, first = one.flight(b"k"), one.flight(b"k")
        await leader.join()
        waiting = asyncio.create_task(first.join())
        others = [one.flight(b"k") for _ in range(behind)]
        tasks = [asyncio.create_task(other.join()) for other in others]
        await turns()
        leader.leave()
        waiting.cancel()  # both in one turn of the loop
        await asyncio.wait({waiting})
        assert waiting.cancelled()
        for other, task in zip(others, tasks, strict=True):
            await task
            assert other.hit is None
            other.leave()
        assert one._flights == {}

    run(main())


def test_followers_who_leave_are_passed_over() -> None:
    async def main() -> None:
        one = cache()
        leader = one.flight(b"k")
        await leader.join()
        flights = [one.flight(b"k") for _ in range(3)]
        tasks = [asyncio.create_task(flight.join()) for flight in flights]
        await turns()
        tasks[0].cancel()
        await turns()
        leader.leave()
        await tasks[1]
        flights[1].keep(kept())
        await tasks[2]
        assert flights[2].hit == kept()

    run(main())


def test_a_fault_reaches_everybody_who_waited_and_is_not_kept() -> None:
    async def main() -> None:
        one = cache()
        leader = one.flight(b"k")
        await leader.join()
        tasks = [asyncio.create_task(one.flight(b"k").join()) for _ in range(3)]
        await turns()
        leader.fail(UpstreamCut("cut", model="m"))
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(isinstance(result, UpstreamCut) for result in results)
        later = one.flight(b"k")
        await later.join()
        assert later.hit is None

    run(main())


def test_a_fault_inside_the_block_ends_the_flight() -> None:
    async def main() -> None:
        one = cache()
        with pytest.raises(UpstreamFault):
            async with one.flight(b"k"):
                raise UpstreamFault("no")
        assert one._flights == {}

    run(main())


def test_keys_do_not_wait_for_each_other() -> None:
    async def main() -> None:
        one = cache()
        flights = [one.flight(bytes([index])) for index in range(3)]
        async with asyncio.timeout(1):
            for flight in flights:
                await flight.join()
        assert [flight.hit for flight in flights] == [None] * 3

    run(main())


@given(st.lists(st.sampled_from(["keep", "leave", "fail", "cancel"]), min_size=1, max_size=6), st.randoms())
def test_whatever_becomes_of_each_nobody_waits_for_ever(endings: list[str], random: Any) -> None:
    async def one_request(one: ResponseCache, ending: str) -> None:
        flight = Flight(one, b"k")
        async with flight:
            if flight.hit is None:
                await turns(random.randrange(4))
                if ending == "keep":
                    flight.keep(kept())
                elif ending == "fail":
                    raise UpstreamFault("no")

    async def main() -> None:
        one = cache()
        tasks = [asyncio.create_task(one_request(one, ending)) for ending in endings]
        for task, ending in zip(tasks, endings, strict=True):
            await turns(random.randrange(3))
            if ending == "cancel":
                task.cancel()
        _, pending = await asyncio.wait(tasks, timeout=2)
        assert not pending
        assert one._flights == {}

    run(main())


def test_the_version_of_a_policy_changes_with_it_and_holds_no_key() -> None:
    one = snapshot()
    assert policy_version(one) == policy_version(snapshot())
    assert policy_version(one) != policy_version(snapshot(Route("more", cache=RouteCache(1.0, 1))))
    moved = {"sim": msgspec.structs.replace(one.providers["sim"], base_url="http://127.0.0.1:2/v1")}
    assert policy_version(one) != policy_version(msgspec.structs.replace(one, providers=moved))
