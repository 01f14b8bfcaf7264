"""The link to Redis, what is kept there, leases and open requests: with a real server that is killed, frozen and emptied."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from baton.state.keep import Keep
from baton.state.lease import AlwaysLeader, RedisLease
from baton.state.open_requests import OpenRequests
from baton.state.redis_keep import RedisKeep, recalled
from baton.state.redis_link import RedisAway, RedisLink, Script
from baton.state.redis_tallies import Calendar, RedisTallies, hold_key
from baton.types.errors import NotKept
from baton.types.secret import Secret
from baton.types.spend import Account, Limits, Spent
from tests.services import RedisServer

ADD = Script("add", "return redis.call('INCRBY', KEYS[1], ARGV[1])")
BROKEN = Script("broken", "return redis.call('NO SUCH COMMAND')")
LEASE_S = 0.5


@asynccontextmanager
async def linked(server: RedisServer, count: int = 1) -> AsyncIterator[list[RedisLink]]:
    links = [RedisLink(Secret(server.url)) for _ in range(count)]
    for link in links:
        link.start()
    try:
        yield links
    finally:
        for link in links:
            await link.close()


async def until(holds: Callable[[], bool], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "waited in vain"
        await asyncio.sleep(0.01)


def run(main: Callable[[RedisServer], Awaitable[None]], *, durable: bool = False) -> None:
    async def live(server: RedisServer) -> None:
        await main(server)

    with RedisServer(durable=durable) as server:
        asyncio.run(live(server))


def test_what_is_asked_at_once_is_answered_each() -> None:
    async def main(server: RedisServer) -> None:
        async with linked(server) as (link,):
            answers = await asyncio.gather(*(link.call(ADD, ("n",), (1,)) for _ in range(500)))
            assert sorted(answers) == list(range(1, 501))

    run(main)


def test_a_script_that_fails_is_told_to_its_own_caller_alone() -> None:
    async def main(server: RedisServer) -> None:
        async with linked(server) as (link,):
            answers = await asyncio.gather(
                link.call(ADD, ("n",), (1,)), link.call(BROKEN, ("n",), ()), link.call(ADD, ("n",), (1,)),
                return_exceptions=True,
            )  # fmt: skip
            assert (answers[0], answers[2]) == (1, 2)
            assert isinstance(answers[1], RedisAway)
            assert link.up

    run(main)


def test_a_killed_server_is_told_at_once_and_found_again(caplog: pytest.LogCaptureFixture) -> None:
    async def main(server: RedisServer) -> None:
        async with linked(server) as (link,):
            await link.call(ADD, ("n",), (1,))
            server.kill()
            for _ in range(3):
                with pytest.raises(RedisAway):
                    await link.call(ADD, ("n",), (1,))
            asked = time.monotonic()
            with pytest.raises(RedisAway):
                await link.call(ADD, ("n",), (1,))
            assert time.monotonic() - asked < 0.05
            for _ in range(10):
                link.post(ADD, ("m",), (1,))
            assert link.health().waiting == 10
            await asyncio.sleep(0.6)
            server.start()
            await until(lambda: link.health().waiting == 0 and link.up)
            assert await link.call(ADD, ("m",), (1,)) == 11
            assert link.health().last_error == ""

    run(main)
    assert sum("goes on by itself" in record.message for record in caplog.records) == 1
    assert sum("answers again" in record.message for record in caplog.records) == 1


def test_a_frozen_server_costs_one_wait() -> None:
    async def main(server: RedisServer) -> None:
        async with linked(server) as (link,):
            await link.call(ADD, ("n",), (1,))
            server.freeze()
            try:
                asked = time.monotonic()
                answers = await asyncio.gather(
                    *(link.call(ADD, ("n",), (1,)) for _ in range(20)), return_exceptions=True
                )
                assert all(isinstance(answer, RedisAway) for answer in answers)
                assert time.monotonic() - asked < 2.0
                asked = time.monotonic()
                with pytest.raises(RedisAway):
                    await link.call(ADD, ("n",), (1,))
                assert time.monotonic() - asked < 0.05
            finally:
                server.thaw()
            await until(lambda: link.up)

    run(main)


def test_a_server_that_never_was_there_keeps_nobody_waiting() -> None:
    async def main(server: RedisServer) -> None:
        server.kill()
        async with linked(server) as (link,):
            asked = time.monotonic()
            with pytest.raises(RedisAway):
                await link.call(ADD, ("n",), (1,))
            assert time.monotonic() - asked < 2.0

    run(main)


def test_a_server_without_its_scripts_gets_them_again() -> None:
    async def restarted(server: RedisServer) -> None:
        async with linked(server) as (link,):
            await link.call(ADD, ("n",), (1,))
            server.kill()
            server.start()
            answered = 0
            deadline = time.monotonic() + 5.0
            while not answered and time.monotonic() < deadline:
                try:
                    answered = await link.call(ADD, ("n",), (1,))
                except RedisAway:
                    await asyncio.sleep(0.05)
            assert answered == 1

    run(restarted)


def keeps(links: list[RedisLink], server: RedisServer, folder: Path) -> list[RedisKeep]:
    return [
        RedisKeep(link, Secret(server.url), folder / f"{number}.db", time.time) for number, link in enumerate(links)
    ]


def test_what_one_replica_keeps_another_finds_and_asks_for_once(tmp_path: Path) -> None:
    async def main(server: RedisServer) -> None:
        async with linked(server, 2) as links:
            one, two = keeps(links, server, tmp_path)
            one.put("turn", "k", b"value\x00\xff", 60.0)
            one.put("turn", "private", b"words", 60.0, durable=False)
            await until(lambda: links[0].health().waiting == 0)
            await links[0].call(ADD, ("n",), (1,))
            assert two.get("turn", "k") is None
            runs = []

            def work() -> tuple[bytes | None, ...]:
                runs.append(1)
                return two.get("turn", "k"), two.get("turn", "private"), two.get("turn", "none")

            assert await recalled(two, work) == (b"value\x00\xff", None, None)
            assert len(runs) == 2
            assert two.get("turn", "k") == b"value\x00\xff"
            one.close()
            two.close()

    run(main)


def test_work_that_fails_for_want_of_a_value_runs_again_with_it(tmp_path: Path) -> None:
    async def main(server: RedisServer) -> None:
        async with linked(server, 2) as links:
            one, two = keeps(links, server, tmp_path)
            one.put("response", "k", b"kept", 60.0)
            await links[0].call(ADD, ("n",), (1,))

            def work() -> bytes:
                found = two.get("response", "k")
                if found is None:
                    raise NotKept("not here")
                return found

            assert await recalled(two, work) == b"kept"
            one.drop("response", "k")
            await links[0].call(ADD, ("n",), (1,))
            two.drop("response", "k")
            with pytest.raises(NotKept):
                await recalled(two, work)
            one.close()
            two.close()

    run(main)


def test_what_expires_is_gone_for_everybody_and_soon_looked_for_again(tmp_path: Path) -> None:
    async def main(server: RedisServer) -> None:
        async with linked(server, 2) as links:
            clock = [1_000.0]
            one, two = (
                RedisKeep(link, Secret(server.url), tmp_path / f"{number}.db", lambda: clock[0])
                for number, link in enumerate(links)
            )
            one.put("response", "k", b"kept", 3_600.0)
            await links[0].call(ADD, ("n",), (1,))
            assert await recalled(two, lambda: two.get("response", "k")) == b"kept"
            one.drop("response", "k")
            await links[0].call(ADD, ("n",), (1,))
            clock[0] += 31.0
            assert await recalled(two, lambda: two.get("response", "k")) is None
            one.put("short", "k", b"kept", 0.05)
            await asyncio.sleep(0.1)
            assert await recalled(two, lambda: two.get("short", "k")) is None
            one.close()
            two.close()

    run(main)


def test_memory_goes_on_while_redis_is_away_and_redis_gets_it_later(tmp_path: Path) -> None:
    async def main(server: RedisServer) -> None:
        async with linked(server, 2) as links:
            one, two = keeps(links, server, tmp_path)
            await asyncio.gather(*(link.call(ADD, ("n",), (1,)) for link in links))
            server.kill()
            one.put("turn", "k", b"value", 60.0)
            assert await recalled(one, lambda: one.get("turn", "k")) == b"value"
            assert await recalled(two, lambda: two.get("turn", "k")) is None
            await until(lambda: one.health().last_error != "")
            server.start()
            await until(lambda: all(link.up and link.health().waiting == 0 for link in links))
            assert await recalled(two, lambda: two.get("turn", "k")) == b"value"
            one.close()
            two.close()

    run(main)


def test_the_first_secret_is_everybodys_and_outlives_a_start_without_redis(tmp_path: Path) -> None:
    async def main(server: RedisServer) -> None:
        async with linked(server, 2) as links:
            one, two = keeps(links, server, tmp_path)
            made = one.once("secret", "seal", lambda: b"one's", 60.0)
            assert two.once("secret", "seal", lambda: b"two's", 60.0) == made == b"one's"
            two.close()
            server.kill()
            again = RedisKeep(links[1], Secret(server.url), tmp_path / "1.db", time.time)
            again.flush()
            assert again.once("secret", "seal", lambda: b"third", 60.0) == b"one's"
            again.close()
            one.close()

    run(main)


def test_one_process_needs_no_redis_to_be_asked_again(tmp_path: Path) -> None:
    keep = Keep(tmp_path / "k.db", time.time)
    assert asyncio.run(recalled(keep, lambda: keep.get("a", "b"))) is None
    keep.close()


def test_one_leads_until_it_says_no_more_that_it_does() -> None:
    async def main(server: RedisServer) -> None:
        async with linked(server, 2) as links:
            one, two = (RedisLease(link, "leader", f"p{number}", LEASE_S) for number, link in enumerate(links))
            assert await one.renew()
            assert not await two.renew()
            first = one.token
            assert await one.renew()
            assert (one.held, two.held, one.token) == (True, False, first)
            await asyncio.sleep(LEASE_S + 0.1)
            assert not one.held
            assert await two.renew()
            assert two.token > first
            assert not await one.renew()
            await two.give_up()
            await links[1].call(ADD, ("n",), (1,))
            assert await one.renew()
            assert one.token > two.token
            server.kill()
            assert await one.renew()
            await asyncio.sleep(LEASE_S + 0.1)
            assert not await one.renew()

    run(main)


def test_alone_a_process_leads() -> None:
    lease = AlwaysLeader()
    assert lease.held
    assert asyncio.run(lease.renew())


@asynccontextmanager
async def opened(link: RedisLink, name: str, booked: list[bytes]) -> AsyncIterator[OpenRequests]:
    requests = OpenRequests(link, name, RedisLease(link, "leader", name, LEASE_S), booked.append, LEASE_S)
    requests.start()
    try:
        yield requests
    finally:
        await requests.close()


def test_what_a_killed_process_left_open_is_booked_once_by_the_leader() -> None:
    async def main(server: RedisServer) -> None:
        async with linked(server, 3) as links:
            booked: list[bytes] = []
            async with opened(links[0], "a", booked) as a, opened(links[1], "b", booked) as b:
                killed = OpenRequests(
                    links[2], "c", RedisLease(links[2], "leader", "c", LEASE_S), booked.append, LEASE_S
                )
                await until(lambda: links[2].up)
                for number in range(30):
                    assert await killed.open(f"r{number}", f"record {number}".encode())
                killed.safe(["r0", "r1"])
                assert await a.open("r100", b"record 100")
                await asyncio.sleep(4 * LEASE_S)
                assert sorted(booked) == sorted(f"record {number}".encode() for number in range(2, 30))
                for requests in (a, b):
                    requests.safe([f"r{number}" for number in range(2, 30)])
                    requests.safe(["r100"])
                await asyncio.sleep(2 * LEASE_S)
                assert len(booked) == 28
                left = Script("left", "return redis.call('KEYS', 'baton:open:*')")
                assert await links[0].call(left, (), ()) == []

    run(main)


def test_a_request_is_written_down_in_one_write_with_what_it_may_spend_and_only_where_that_is_granted() -> None:
    async def main(server: RedisServer) -> None:
        async with linked(server) as (link,):
            booked: list[bytes] = []
            requests = OpenRequests(link, "a", RedisLease(link, "leader", "a", LEASE_S), booked.append, LEASE_S)
            tallies = RedisTallies(link)
            path = (Account("key:alice", Limits(total=10)),)
            at = Calendar(1.7e9, 19_675, 24_286)
            await tallies.seed("key:alice", Spent(), at)
            kinds = []
            for number in range(4):
                granted = tallies.take(f"h{number}", path, 4, 0, 1.7e9 + 60, at, b"note")
                noted = requests.open_with(hold_key(f"h{number}"), f"r{number}", b"record")
                kinds.append(((await granted).kind, noted.done(), await noted))
            assert kinds == [("taken", True, 1)] * 2 + [("refused", True, 0)] * 2
            names = Script("names", "return redis.call('HKEYS', KEYS[1])")
            assert sorted(await link.call(names, ("baton:open:a",), ())) == [b"r0", b"r1"]
            server.kill()
            with pytest.raises(RedisAway):
                await link.call(ADD, ("n",), (1,))
            assert await requests.open_with(hold_key("h9"), "r9", b"record") is None

    run(main)


def test_processes_see_each_other_and_what_one_of_them_hints_at() -> None:
    async def main(server: RedisServer) -> None:
        async with linked(server, 2) as links, opened(links[0], "a", []) as a, opened(links[1], "b", []) as b:
            a.hint("openai/main", 1.0)
            await until(lambda: a.replicas.seen == b.replicas.seen == 2)
            await until(lambda: "openai/main" in b.replicas.hints)
            assert 0 < b.replicas.hints["openai/main"] <= 1.0
            await until(lambda: "openai/main" not in b.replicas.hints)

    run(main)


@pytest.mark.parametrize("durable", [True, False])
def test_an_outage_interrupts_nobody_who_lives(durable: bool) -> None:
    async def main(server: RedisServer) -> None:
        async with linked(server, 2) as links:
            booked: list[bytes] = []
            async with opened(links[0], "a", booked) as a, opened(links[1], "b", booked) as b:
                assert await a.open("r1", b"record 1")
                assert await b.open("r2", b"record 2")
                server.kill()
                await asyncio.sleep(0.05)
                assert not await a.open("r3", b"record 3")
                await asyncio.sleep(2 * LEASE_S)
                server.start()
                await asyncio.sleep(4 * LEASE_S)
                assert booked == []
                sizes = Script("open", "return redis.call('HLEN', KEYS[1])")
                assert await links[0].call(sizes, ("baton:open:a",), ()) == 2
                assert await links[0].call(sizes, ("baton:open:b",), ()) == 1
                a.safe(["r1", "r3"])
                b.safe(["r2"])

    run(main, durable=durable)
