"""Hedging: the faster of two calls, and a loser that is over before anybody goes on."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baton.call.hedge import REMEMBERED, Quantile, hedged
from baton.types.errors import UpstreamCut, UpstreamFault


class Track:
    """Calls that note what became of them."""

    def __init__(self) -> None:
        self.ended: list[str] = []
        self.discarded: list[str] = []

    def call(
        self, name: str, seconds: float, fault: UpstreamFault | None = None
    ) -> Callable[[], Coroutine[Any, Any, str]]:
        async def run() -> str:
            try:
                await asyncio.sleep(seconds)
            except asyncio.CancelledError:
                self.ended.append(f"{name} cancelled")
                raise
            if fault is not None:
                raise fault
            self.ended.append(name)
            return name

        return run

    def race(self, first: Any, second: Any, after_s: float = 0.02) -> str:
        winner: str = asyncio.run(hedged(first, second, after_s, self.discarded.append))
        return winner


def test_a_fast_answer_needs_no_second_call() -> None:
    track = Track()
    assert track.race(track.call("a", 0.0), track.call("b", 0.0)) == "a"
    assert track.ended == ["a"]


def test_without_leave_for_a_second_call_the_first_is_waited_for() -> None:
    track = Track()
    assert track.race(track.call("a", 0.05), lambda: None) == "a"
    with pytest.raises(UpstreamCut):
        track.race(track.call("a", 0.05, UpstreamCut("x")), lambda: None)


def test_the_faster_one_wins_and_the_other_is_cancelled() -> None:
    track = Track()
    assert track.race(track.call("a", 5.0), track.call("b", 0.0)) == "b"
    assert track.ended == ["b", "a cancelled"]
    track = Track()
    assert track.race(track.call("a", 0.04), track.call("b", 5.0)) == "a"
    assert track.ended == ["a", "b cancelled"]


def test_a_fault_before_the_second_call_is_raised_at_once() -> None:
    track = Track()
    with pytest.raises(UpstreamCut):
        track.race(track.call("a", 0.0, UpstreamCut("x")), track.call("b", 0.0))
    assert track.ended == []


def test_when_one_fails_the_other_decides_and_when_both_do_the_first_is_told() -> None:
    track = Track()
    assert track.race(track.call("a", 0.04, UpstreamCut("a")), track.call("b", 0.06)) == "b"
    assert track.race(track.call("a", 0.06), track.call("b", 0.0, UpstreamCut("b"))) == "a"
    with pytest.raises(UpstreamCut, match="first"):
        track.race(track.call("a", 0.04, UpstreamCut("first")), track.call("b", 0.0, UpstreamFault("second")))


def test_a_caller_who_leaves_takes_both_calls_with_him() -> None:
    track = Track()

    async def leave() -> None:
        both = asyncio.create_task(hedged(track.call("a", 5.0), track.call("b", 5.0), 0.0, track.discarded.append))
        await asyncio.sleep(0.02)
        both.cancel()
        with pytest.raises(asyncio.CancelledError):
            await both

    asyncio.run(leave())
    assert sorted(track.ended) == ["a cancelled", "b cancelled"]


def test_an_answer_that_came_too_late_to_be_cancelled_is_given_back() -> None:
    discarded: list[str] = []
    gate = asyncio.Event()

    async def stubborn(name: str) -> str:
        await gate.wait()
        return name

    async def run() -> str:
        asyncio.get_running_loop().call_later(0.03, gate.set)
        return await hedged(lambda: stubborn("a"), lambda: stubborn("b"), 0.0, discarded.append)

    winner = asyncio.run(run())
    assert [winner, *discarded] == ["a", "b"]


@given(st.lists(st.floats(0, 100), min_size=1, max_size=500), st.sampled_from([0.5, 0.9, 0.95]))
def test_the_quantile_is_that_of_the_last_numbers(values: list[float], share: float) -> None:
    quantile = Quantile(share)
    for value in values:
        quantile.add(value)
    last = values[-REMEMBERED:]
    found = quantile.value()
    assert found in last
    assert sum(value <= found for value in last) >= share * len(last)
    assert sum(value < found for value in last) <= share * len(last)


def test_before_the_first_number_it_is_nothing() -> None:
    assert (Quantile(0.95).value(), Quantile(0.95).count) == (0.0, 0)
