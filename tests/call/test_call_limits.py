"""The gate before a deployment: never more than its limit, never a place that is lost, the important first."""

import asyncio
from collections.abc import Coroutine
from random import Random
from typing import Any

import pytest

from baton.call.limits import Gate
from baton.types.errors import Overloaded
from baton.types.reliability import QueuePolicy


def gate(limit: int = 1, length: int = 100, wait_s: float = 5.0) -> Gate:
    return Gate(limit, QueuePolicy(length=length, wait_s=wait_s), "deployment 'm' at provider 'p'")


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def started(work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
    return asyncio.create_task(work)


def test_higher_priorities_go_first_and_within_one_who_came_first() -> None:
    async def run() -> list[str]:
        one, order = gate(), []
        await one.enter()

        async def call(name: str, priority: int) -> None:
            await one.enter(priority)
            order.append(name)
            one.leave()

        tasks = []
        for name, priority in (("a", 0), ("b", 5), ("c", 0), ("d", 5), ("e", -1)):
            tasks.append(started(call(name, priority)))
            await settle()
        one.leave()
        await asyncio.gather(*tasks)
        assert (one.running, one.waiting) == (0, 0)
        return order

    assert asyncio.run(run()) == ["b", "d", "a", "c", "e"]


def test_a_full_queue_sheds_the_lowest_priority() -> None:
    async def run() -> None:
        one = gate(length=2)
        await one.enter()
        low, high = started(one.enter(0)), started(one.enter(3))
        await settle()
        with pytest.raises(Overloaded, match="1 calls under way and 2 waiting"):
            await one.enter(0)
        higher = started(one.enter(2))
        await settle()
        with pytest.raises(Overloaded, match="higher priority") as raised:
            await low
        assert raised.value.retry_after == "1"
        assert one.shed == 2
        for task in (high, higher):
            one.leave()
            await task
        one.leave()
        assert (one.running, one.waiting) == (0, 0)

    asyncio.run(run())


def test_a_place_that_is_not_there_in_time_is_an_overload() -> None:
    async def run() -> None:
        one = gate(wait_s=0.02)
        await one.enter()
        with pytest.raises(Overloaded, match="no place in time"):
            await one.enter()
        with pytest.raises(Overloaded, match="no place in time"):
            await one.enter(wait_s=-1.0)
        assert (one.running, one.waiting, one.shed) == (1, 0, 2)

    asyncio.run(run())


def test_whoever_leaves_the_queue_leaves_no_hole() -> None:
    async def run() -> None:
        one = gate()
        await one.enter()
        left, stays = started(one.enter()), started(one.enter())
        await settle()
        left.cancel()
        await settle()
        assert one.waiting == 1
        one.leave()
        await stays
        assert one.running == 1

    asyncio.run(run())


def test_a_place_given_to_a_caller_who_is_just_leaving_goes_on() -> None:
    async def run() -> None:
        one = gate()
        await one.enter()
        leaving, next_ = started(one.enter()), started(one.enter())
        await settle()
        one.leave()
        leaving.cancel()  # the place is its own already
        await settle()
        assert leaving.cancelled()
        await asyncio.wait_for(next_, 1)
        one.leave()
        assert (one.running, one.waiting) == (0, 0)

    asyncio.run(run())


@pytest.mark.parametrize("seed", range(20))
def test_under_a_storm_of_callers_who_come_and_go_the_limit_holds_and_nothing_is_lost(seed: int) -> None:
    async def run() -> None:
        random, one, inside, most = Random(seed), gate(limit=3, length=8, wait_s=0.01), 0, 0

        async def call() -> None:
            nonlocal inside, most
            try:
                await one.enter(random.randrange(3))
            except Overloaded:
                return
            inside += 1
            most = max(most, inside)
            try:
                await asyncio.sleep(random.random() * 0.003)
            finally:
                inside -= 1
                one.leave()

        tasks = []
        for _ in range(150):
            tasks.append(started(call()))
            if random.random() < 0.3:
                random.choice(tasks).cancel()
            if random.random() < 0.5:
                await asyncio.sleep(random.random() * 0.001)
        await asyncio.gather(*tasks, return_exceptions=True)
        assert most <= 3
        assert (one.running, one.waiting) == (0, 0)

    asyncio.run(run())


def test_dead_waiters_do_not_pile_up() -> None:
    async def run() -> int:
        one = gate(length=10)
        await one.enter()
        for _ in range(1_000):
            task = started(one.enter())
            await asyncio.sleep(0)
            task.cancel()
            await settle()
        return len(one._best) + len(one._worst)

    assert asyncio.run(run()) < 200
