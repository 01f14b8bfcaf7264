"""The face that the flow asks models through, over real sockets: who is asked, what is learnt, what comes next."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from random import Random
from typing import Any

import msgspec
import pytest

from baton.call.calls import Call, Calls
from baton.call.deployments import Pool, Standing
from baton.call.direct import DirectTransport
from baton.call.transport import Timeouts
from baton.record.metrics import rendered
from baton.testing.upstream import ScriptedUpstream, Step, http_answer, scripted
from baton.types.card import Deployment, ModelCard, Provider
from baton.types.decision import PolicySnapshot
from baton.types.errors import Overloaded, UpstreamAway, UpstreamCut, UpstreamFault, UpstreamStatus
from baton.types.money import Price
from baton.types.reliability import BreakerPolicy, QueuePolicy, Reliability

GOOD = http_answer(200, b'{"choices": []}')
BROKEN = http_answer(500, b'{"error": {}}')
BODY = b'{"model": "m", "messages": []}'
POLICY = Reliability(attempts=3, backoff_s=0.0, breaker=BreakerPolicy(failures=3, open_s=0.1, max_open_s=0.4))


def card_at(*deployments: Deployment) -> ModelCard:
    return ModelCard("sim/m", "a", "m", "small", 1_000, 100, Price(1, 1), deployments=deployments)


class Desk:
    """A `Calls` on real upstreams named a, b, ...; one upstream answers each call with its next script."""

    def __init__(self, calls: Calls, card: ModelCard, upstreams: dict[str, ScriptedUpstream]) -> None:
        self.calls = calls
        self.card = card
        self.upstreams = upstreams

    def call(self, **changes: Any) -> Call:
        return Call(self.card, "openai-chat", BODY, {}, **changes)

    async def ask(self, **changes: Any) -> str:
        """Where it went; the answer is read and the call ended. Raises the fault."""
        effort = self.calls.effort()
        asked = await self.calls.ask(self.call(**changes), effort)
        await asked.upstream.read(1_000)
        asked.ended()
        return asked.deployment.provider

    def seen(self, name: str) -> int:
        return len(self.upstreams[name].requests)


@asynccontextmanager
async def desk(
    scripts: dict[str, Sequence[Sequence[Step]]],
    *deployments: Deployment,
    policy: Reliability = POLICY,
    seed: int = 1,
) -> Any:
    async with AsyncExitStack() as stack:
        upstreams = {name: await stack.enter_async_context(scripted(*some)) for name, some in scripts.items()}
        transport = DirectTransport(Timeouts())
        stack.push_async_callback(transport.close)
        providers = {name: Provider(name, one.base_url) for name, one in upstreams.items()}
        card = card_at(*deployments)
        snapshot = PolicySnapshot({card.id: card}, providers, {}, ())
        yield Desk(Calls(snapshot, policy, transport, random=Random(seed).random), card, upstreams)


A, B = Deployment("a", "m"), Deployment("b", "other-m")


def test_a_deployment_is_asked_by_its_own_name_and_the_card_says_where() -> None:
    async def run() -> None:
        async with desk({"a": [BROKEN], "b": [GOOD]}, A, B) as one:
            one.calls.standings["b", "other-m"].answered(9.0, stream=False)
            one.calls.standings["a", "m"].answered(0.1, stream=False)
            effort, call = one.calls.effort(), one.call()
            with pytest.raises(UpstreamStatus) as raised:
                await one.calls.ask(call, effort)
            assert raised.value.provider == "a"
            assert one.calls.after(raised.value, call, effort, rungs=True).move == "deployment"
            asked = await one.calls.ask(call, effort)
            assert (asked.card.id, asked.card.provider, asked.card.upstream) == ("sim/m", "b", "other-m")
            assert msgspec.json.decode(one.upstreams["b"].requests[0].body)["model"] == "other-m"
            asked.ended()

    asyncio.run(run())


def test_a_broken_deployment_is_left_alone_after_its_failures_while_its_peer_is_asked() -> None:
    async def run() -> None:
        async with desk({"a": [BROKEN], "b": [GOOD]}, A, B) as one:
            good = 0
            for _ in range(40):
                try:
                    await one.ask()
                    good += 1
                except UpstreamStatus:
                    pass
            assert one.seen("a") == POLICY.breaker.failures
            assert good == 40 - one.seen("a")

    asyncio.run(run())


def test_an_open_breaker_bars_the_model_probes_it_and_closes_again() -> None:
    async def run() -> None:
        async with desk({"a": [BROKEN, BROKEN, BROKEN, GOOD]}) as one:
            assert one.calls.barred() == {}
            for _ in range(3):
                with pytest.raises(UpstreamStatus):
                    await one.ask()
            assert "breaker is open" in one.calls.barred()["sim/m"]
            with pytest.raises(UpstreamAway) as raised:
                await one.ask()
            assert (raised.value.status, raised.value.retry_after) == (503, "1")
            assert one.seen("a") == 3
            await asyncio.sleep(POLICY.breaker.open_s)
            assert await one.ask() == "a"
            assert one.calls.barred() == {}

    asyncio.run(run())


def test_each_opening_of_a_breaker_is_told_once() -> None:
    async def run() -> None:
        async with desk({"a": [BROKEN]}, A) as one:
            opened: list[Deployment] = []
            one.calls.opened = opened.append
            for _ in range(3):
                assert opened == []
                with pytest.raises(UpstreamStatus):
                    await one.ask()
            assert opened == [A]
            with pytest.raises(UpstreamAway):
                await one.ask()
            await asyncio.sleep(0.12)
            with pytest.raises(UpstreamStatus):  # the probe fails
                await one.ask()
            assert opened == [A, A]

    asyncio.run(run())


def test_who_asks_to_be_left_alone_is_left_alone_for_a_time_that_can_be_meant() -> None:
    busy = http_answer(429, b"{}", "application/json", "retry-after: 86400")

    async def run() -> None:
        async with desk({"a": [busy, GOOD]}) as one:
            call, effort = one.call(), one.calls.effort()
            with pytest.raises(UpstreamStatus) as raised:
                await one.calls.ask(call, effort)
            assert one.calls.after(raised.value, call, effort, rungs=True).move == "rung"
            step = one.calls.after(raised.value, call, effort, rungs=False)
            assert step.move == "here"
            assert 0.2 < step.wait_s <= POLICY.breaker.max_open_s
            assert "left alone" in one.calls.barred()["sim/m"]
            await asyncio.sleep(step.wait_s)
            assert await one.ask() == "a"

    asyncio.run(run())


def test_a_request_that_is_wrong_opens_no_breaker() -> None:
    async def run() -> None:
        async with desk({"a": [http_answer(400, b"{}")]}) as one:
            for _ in range(10):
                with pytest.raises(UpstreamStatus):
                    await one.ask()
            assert one.seen("a") == 10
            assert one.calls.barred() == {}

    asyncio.run(run())


def test_streams_that_break_later_count_as_well() -> None:
    async def run() -> None:
        async with desk({"a": [GOOD]}) as one:
            for _ in range(3):
                asked = await one.calls.ask(one.call(), one.calls.effort())
                asked.ended(UpstreamCut("x"))
                asked.ended()
            assert "sim/m" in one.calls.barred()

    asyncio.run(run())


def test_a_caller_who_leaves_gives_back_what_he_held() -> None:
    async def run() -> None:
        limited = Deployment("a", "m", max_concurrency=1)
        async with desk({"a": [[5.0], GOOD]}, limited) as one:
            first = asyncio.create_task(one.ask())
            second = asyncio.create_task(one.ask())
            await asyncio.sleep(0.05)
            assert one.seen("a") == 1, "one at a time"
            first.cancel()
            assert await asyncio.wait_for(second, 2) == "a"
            standing = one.calls.standings["a", "m"]
            assert (standing.outstanding, standing.gate.running, standing.gate.waiting) == (0, 0, 0)
            assert standing.failures == 0

    asyncio.run(run())


def test_above_its_limit_the_important_calls_wait_and_the_others_are_shed() -> None:
    async def run() -> None:
        limited = Deployment("a", "m", max_concurrency=1)
        policy = Reliability(queue=QueuePolicy(length=1, wait_s=2.0))
        async with desk({"a": [[0.1, *GOOD], GOOD]}, limited, policy=policy) as one:
            first = asyncio.create_task(one.ask())
            await asyncio.sleep(0.02)
            low = asyncio.create_task(one.ask())
            await asyncio.sleep(0.02)
            high = asyncio.create_task(one.ask(priority=1))
            with pytest.raises(Overloaded):
                await low
            assert [await first, await high] == ["a", "a"]
            samples = {sample.name: sample.value for sample in one.calls.metrics_samples()}
            assert (samples["baton_queue_shed"], samples["baton_deployment_calls"]) == (1, 2)

    asyncio.run(run())


def test_how_deployments_stand_is_told_in_the_words_of_prometheus() -> None:
    async def run() -> None:
        async with desk({"a": [BROKEN]}, Deployment("a", 'od"d')) as one:
            for _ in range(3):
                with pytest.raises(UpstreamStatus):
                    await one.ask()
            text = rendered(one.calls.metrics_samples()).decode()
            labels = '{provider="a",upstream="od\\"d"}'
            assert f"baton_breaker_state{labels} 2.0" in text
            assert f"baton_breaker_openings_total{labels} 1.0" in text
            assert f"baton_deployment_failures_total{labels} 3.0" in text
            assert "baton_retries_refused_total 0.0" in text

    asyncio.run(run())


def test_a_call_does_not_wait_in_a_queue_beyond_its_deadline() -> None:
    async def run() -> None:
        async with desk({"a": [[0.5, *GOOD], GOOD]}, Deployment("a", "m", max_concurrency=1)) as one:
            first = asyncio.create_task(one.ask())
            await asyncio.sleep(0.02)
            with pytest.raises(Overloaded, match="in time"):
                await one.ask(deadline=time.monotonic() + 0.02)
            await first

    asyncio.run(run())


def test_the_least_busy_deployment_is_asked() -> None:
    async def run() -> None:
        slow: Sequence[Step] = [0.2, *GOOD]
        async with desk({"a": [slow], "b": [slow]}, A, B) as one:
            tasks = []
            for _ in range(10):
                tasks.append(asyncio.create_task(one.ask()))
                await asyncio.sleep(0)
            places = await asyncio.gather(*tasks)
            assert sorted(places) == ["a"] * 5 + ["b"] * 5

    asyncio.run(run())


def test_a_slow_deployment_gets_less_but_is_not_forgotten() -> None:
    standings = [Standing(Deployment(name, "m"), POLICY) for name in "abc"]
    for place, one in enumerate(standings):
        one.answered(1.0 + place, stream=False)
    pool, random = Pool(card_at(), standings), Random(7)
    taken = [pool.choose(0.0, (), lambda _: True, random.random, stream=False) for _ in range(2_000)]
    counts = [taken.count(one) for one in standings]
    assert counts[0] > 1_100
    assert counts[0] > counts[1] > counts[2] > 10


def test_a_conversation_stays_at_its_deployment_until_that_goes_away() -> None:
    standings = [Standing(Deployment(name, "m", max_concurrency=1), POLICY) for name in "abc"]
    pool, random = Pool(card_at(), standings), Random(7)

    def place(sticky: str) -> Standing:
        found = pool.choose(0.0, (), lambda _: True, random.random, stream=False, sticky=sticky)
        assert found is not None
        return found

    own = {f"talk-{number}": place(f"talk-{number}") for number in range(300)}
    assert min(list(own.values()).count(one) for one in standings) > 60, "spread over all"
    assert all(place(name) is one for name, one in own.items())
    standings[0].busy_until = 1.0
    assert all(place(name) is one for name, one in own.items() if one is not standings[0])
    assert standings[1].gate is not None
    assert standings[1].gate.try_enter()
    assert standings[2] in {place(name) for name, one in own.items() if one is standings[1]}, "rather than to wait"


def test_weights_share_the_load_and_the_tried_ones_come_last() -> None:
    heavy, light = Standing(Deployment("a", "m", weight=3.0), POLICY), Standing(Deployment("b", "m"), POLICY)
    pool, random = Pool(card_at(), [heavy, light]), Random(7)
    for _ in range(40):
        chosen = pool.choose(0.0, (), lambda _: True, random.random, stream=False)
        assert chosen is not None
        chosen.outstanding += 1
    assert (heavy.outstanding, light.outstanding) == (30, 10)
    assert pool.choose(0.0, [light], lambda _: True, random.random, stream=False) is heavy
    assert pool.choose(0.0, [light, heavy], lambda _: True, random.random, stream=False) is not None


def test_an_outage_of_everything_does_not_multiply_the_load() -> None:
    async def run() -> None:
        policy = Reliability(attempts=2, backoff_s=0.0, retry_burst=5, breaker=BreakerPolicy(failures=1_000, window=60))
        async with desk({"a": [BROKEN]}, policy=policy) as one:
            for _ in range(60):
                effort, call = one.calls.effort(), one.call()
                while True:
                    try:
                        await one.calls.ask(call, effort)
                    except UpstreamFault as fault:
                        if one.calls.after(fault, call, effort, rungs=False).move == "give_up":
                            break
            assert one.seen("a") <= 60 * 1.2 + 6

    asyncio.run(run())


def test_a_new_config_takes_over_how_unchanged_deployments_stand() -> None:
    async def run() -> None:
        async with desk({"a": [BROKEN]}) as one:
            for _ in range(3):
                with pytest.raises(UpstreamStatus):
                    await one.ask()
            snapshot = PolicySnapshot({one.card.id: one.card}, dict(one.calls.providers), {}, ())
            same = Calls(snapshot, POLICY, DirectTransport(Timeouts()), earlier=one.calls)
            assert "sim/m" in same.barred()
            assert same.budget is one.calls.budget
            moved = {"a": Provider("a", "http://127.0.0.1:9/v1")}
            elsewhere = PolicySnapshot({one.card.id: one.card}, moved, {}, ())
            assert Calls(elsewhere, POLICY, DirectTransport(Timeouts()), earlier=one.calls).barred() == {}

    asyncio.run(run())


def test_a_deployment_that_does_not_speak_the_dialect_is_not_asked_in_it() -> None:
    async def run() -> None:
        async with desk({"a": [GOOD]}) as one:
            call = Call(one.card, "anthropic", BODY, {})
            one.calls.troubled.update(one.calls.standings.values())
            with pytest.raises(UpstreamAway, match="speaks anthropic"):
                await one.calls.ask(call, one.calls.effort())

    asyncio.run(run())


def test_hedging_waits_for_evidence_and_for_the_quantile_of_first_bytes() -> None:
    async def run() -> None:
        async with desk({"a": [GOOD]}) as one:
            effort, call = one.calls.effort(), one.call()
            assert one.calls.hedge_after_s(call, effort) is None
            for _ in range(POLICY.hedge.min_calls):
                await one.ask()
            wait = one.calls.hedge_after_s(call, effort)
            assert wait is not None
            assert 0 < wait < 1
            assert one.calls.hedge_after_s(one.call(stream=True), effort) is None, "streams are measured apart"
            effort.attempts = 2
            assert one.calls.hedge_after_s(call, effort) is None, "two more would be one too many"

    asyncio.run(run())


@pytest.mark.slow
def test_the_face_costs_less_than_ten_microseconds() -> None:
    class Nothing:
        status, headers = 200, {"content-type": "application/json"}

        def abort(self) -> None:
            """Nothing to drop."""

    class Instant:
        async def open(self, _outgoing: object) -> Any:
            return Nothing()

        async def close(self) -> None:
            """Nothing to close."""

    async def run() -> float:
        card = card_at()
        transport: Any = Instant()
        calls = Calls(PolicySnapshot({card.id: card}, {"a": Provider("a", "http://x/v1")}, {}, ()), POLICY, transport)
        rounds, best = 2_000, 1.0
        for _ in range(10):
            begun = time.process_time()
            for _ in range(rounds):
                asked = await calls.ask(Call(card, "openai-chat", BODY, {}), calls.effort())
                asked.ended()
            asking = time.process_time() - begun
            begun = time.process_time()
            for _ in range(rounds):
                endpoint = calls.endpoints.of("a", "openai-chat")
                await transport.open(await endpoint.outgoing(card, BODY, {}, stream=False))
            best = min(best, (asking - (time.process_time() - begun)) / rounds)
        return best

    assert asyncio.run(run()) < 20e-6, "twice the aim, since the machine may be busy"
