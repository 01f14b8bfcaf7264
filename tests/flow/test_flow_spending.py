"""What a request may spend: opened before a model is asked, watched while it answers, settled once."""

import asyncio
from collections.abc import Coroutine
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import Raw

from baton.config.schema import Config, LedgerConfig, LimitFields, SpendConfig
from baton.decide.policy import Policy
from baton.flow.library import Baton
from baton.flow.spending import Hold, Spending, accounts_of, end_user, refuse_route
from baton.protocol.request import read_request
from baton.record.ledger import Ledger
from baton.spend.estimate import Asked
from baton.spend.memory import MemoryCounters
from baton.types.card import Dialect
from baton.types.errors import BudgetExceeded, NotAllowed, RateLimited, StoppedByBudget
from baton.types.money import Price, Usage
from baton.types.outcome import Finished
from baton.types.request import Caller
from baton.types.spend import Account, Limits, Spent
from tests.decide.fleet import snapshot

NOW = datetime(2026, 5, 20, 12, tzinfo=UTC).timestamp()
PRICE = Price(input=1_000_000, output=5_000_000)
HI = {"role": "user", "content": "hi"}
CONFIG = Config(snapshot(), spend=SpendConfig(input_margin=1.0, output_factor=2.0))


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(work)


def spending(config: Config = CONFIG, path: Path | None = None) -> Spending:
    return Spending(config, MemoryCounters(), path, lambda: NOW)


def caller(**limits: int) -> Caller:
    return Caller("a", path=(Account("key:a", Limits(**limits)),), accounts=("house", "key:a"))


def asked(most: int | None = None, price: Price = PRICE) -> Asked:
    return Asked(price, input_tokens=100, max_output=most, expected_output=50)


async def opened(spending: Spending, who: Caller, wanted: Asked, hold_id: str = "h") -> Hold:
    hold = await spending.open(hold_id, who, wanted)
    assert hold is not None
    return hold


def test_who_is_not_limited_has_nothing_set_aside() -> None:
    async def work() -> None:
        assert await spending().open("h", Caller(), asked()) is None

    run(work())


def test_a_hundred_at_once_on_the_last_dollar_spend_at_most_one_request_more() -> None:
    """A request costs 100 in and up to 20 out: 200 nano-dollars; the budget has room for ten and a half."""

    async def work() -> None:
        book, who = spending(), caller(day=2_100)
        spent = refused = 0

        async def one(number: int) -> None:
            nonlocal spent, refused
            try:
                hold = await opened(book, who, asked(20), str(number))
            except BudgetExceeded:
                refused += 1
                return
            await asyncio.sleep(0)
            spent += 200
            hold.settle(200, 120)
            hold.settle(200, 120)

        await asyncio.gather(*(one(number) for number in range(100)))
        assert (spent, refused) == (2_000, 90)
        assert book.counters.used("key:a", NOW) == Spent(2_000, 2_000, 2_000)

    run(work())


def test_what_a_request_cost_less_is_there_for_the_next_one() -> None:
    async def work() -> None:
        book, who = spending(), caller(total=1_000)
        for number in range(9):  # each sets 600 aside and costs 50
            hold = await opened(book, who, asked(100), str(number))
            hold.settle(50, 10)
        with pytest.raises(BudgetExceeded, match="Ask for a larger budget") as refusal:
            await opened(book, who, asked(100))
        assert (refusal.value.status, refusal.value.retry_after_s) == (402, None)

    run(work())


def test_a_stream_without_a_limit_gets_more_until_the_budget_has_no_more() -> None:
    piece = b'data: {"choices":[{"delta":{"content":"' + b"x" * 300 + b'"}}]}\n\n'  # 100 tokens

    async def work() -> None:
        # 100 in, 100 out are set aside: 600. Twice as much again fits, a third time does not.
        hold = await opened(spending(), caller(day=1_700), asked())
        assert hold.limit == 100
        for over in (False, True, True):
            assert hold.passed(piece) is over
            if over:
                await hold.extend()
        assert hold.passed(piece)
        with pytest.raises(StoppedByBudget, match="not whole") as stop:
            await hold.extend()
        assert stop.value.account == "key:a"
        hold.settle(100 + 400 * 5, 500)

    run(work())


def test_a_stream_is_not_watched_where_its_length_is_limited_or_money_is_not() -> None:
    async def work() -> None:
        for who, wanted in ((caller(day=10_000), asked(10)), (caller(requests=5), asked())):
            hold = await opened(spending(), who, wanted)
            assert not hold.passed(b'{"content":"' + b"x" * 10_000 + b'"}')

    run(work())


def test_another_model_after_a_fault_needs_what_it_costs_on_top_of_what_was_spent() -> None:
    dear = Price(input=10_000_000, output=50_000_000)

    async def work() -> None:
        book, who = spending(), caller(day=2_050)
        hold = await opened(book, who, asked(10))  # 150
        await hold.go_on(asked(10, dear), spent=50)  # 1,500 and the 50
        assert book.counters.used("key:a", NOW) == Spent(1_550, 1_550, 1_550)
        with pytest.raises(BudgetExceeded):
            await hold.go_on(asked(10, dear), spent=600)
        hold.settle(600, 300)
        assert book.counters.used("key:a", NOW) == Spent(600, 600, 600)

    run(work())


def test_a_call_beside_another_one_needs_what_both_may_cost() -> None:
    async def work() -> None:
        book, who = spending(), caller(day=290)
        hold = await opened(book, who, asked(10))  # 150
        with pytest.raises(BudgetExceeded):
            await hold.go_on(asked(10), spent=0, beside=True)
        book, who = spending(), caller(day=300)
        hold = await opened(book, who, asked(10))
        await hold.go_on(asked(10), spent=0, beside=True)
        assert book.counters.used("key:a", NOW) == Spent(300, 300, 300)

    run(work())


def test_limits_per_minute_are_told_to_each_dialect_in_its_own_headers() -> None:
    async def work() -> None:
        book, who = spending(), caller(requests=2, tokens=1_000)
        hold = await opened(book, who, asked(100))
        assert hold.headers("openai-chat") == {
            "x-ratelimit-limit-requests": "2",
            "x-ratelimit-remaining-requests": "1",
            "x-ratelimit-reset-requests": "30s",
            "x-ratelimit-limit-tokens": "1000",
            "x-ratelimit-remaining-tokens": "800",
            "x-ratelimit-reset-tokens": "12s",
        }
        assert hold.headers("anthropic")["anthropic-ratelimit-requests-reset"] == "2026-05-20T12:00:30Z"
        assert hold.headers("gemini") == {}
        await opened(book, who, asked(100), "second")
        with pytest.raises(RateLimited, match=r"key 'a' may ask 2 requests per minute: wait 30\.0 s") as refusal:
            await opened(book, who, asked(100), "third")
        assert refusal.value.status == 429

    run(work())


def test_what_was_spent_before_a_restart_counts(tmp_path: Path) -> None:
    ledger = Ledger.open(tmp_path / "ledger.db", flush_s=0.02)
    for number, (days_ago, cost) in enumerate(((0, 100), (3, 1_000), (40, 10_000))):
        ledger.put(finished(number, NOW - days_ago * 86_400, cost))
    ledger.close()

    async def work() -> None:
        book = spending(path=tmp_path / "ledger.db")
        with pytest.raises(BudgetExceeded, match="of the month of key 'a' is"):
            await opened(book, caller(day=1_000, month=1_200), asked(10))
        assert book.counters.used("key:a", NOW) == Spent(100, 1_100, 11_100)
        hold = await opened(book, caller(day=1_000, month=1_250), asked(10))
        hold.settle(150, 110)
        again = book.renewed(CONFIG)
        with pytest.raises(BudgetExceeded):
            await opened(again, caller(month=1_300), asked(10))
        assert again.counters.used("key:a", NOW) == Spent(250, 1_250, 11_250)

    run(work())


def test_what_was_spent_today_is_not_taken_for_tomorrows(tmp_path: Path) -> None:
    ledger = Ledger.open(tmp_path / "ledger.db", flush_s=0.02)
    ledger.put(finished(1, NOW, 100))
    ledger.close()
    clock = [NOW]

    async def work() -> None:
        book = Spending(CONFIG, MemoryCounters(), tmp_path / "ledger.db", lambda: clock[0])
        clock[0] += 86_400.0
        await opened(book, caller(day=150), asked(10))
        assert book.counters.used("key:a", clock[0]) == Spent(150, 250, 250)

    run(work())


def finished(number: int, at: float, cost: int) -> Finished:
    return Finished(
        request_id=f"r{number}", task_id=f"t{number}", at=at, dialect="openai-chat", key="a", status=200, ending="ok",
        error="", stream=False, simulated=True, duration_s=0.1, overhead_s=0.01, usage=Usage(10, 5), cost=cost,
        baseline_cost=0, accounts=("house", "key:a", "user:u"),
    )  # fmt: skip


def test_holds_that_nobody_closed_are_swept(tmp_path: Path) -> None:
    clock = [NOW]

    async def work() -> None:
        config = msgspec.structs.replace(CONFIG, spend=SpendConfig(lease_s=10.0))
        book = Spending(config, MemoryCounters(), None, lambda: clock[0])
        who = caller(parallel=1)
        await opened(book, who, asked(1), "lost")
        with pytest.raises(RateLimited, match="at once"):
            await opened(book, who, asked(1), "second")
        clock[0] += 60.0
        await opened(book, who, asked(1), "third")

    run(work())


def test_baton_itself_asks_from_a_branch_of_its_own() -> None:
    async def work() -> None:
        config = msgspec.structs.replace(CONFIG, spend=SpendConfig(measurement=LimitFields(day_usd=0.0000001)))
        book = spending(config)
        with pytest.raises(BudgetExceeded, match="the budget of the day of the measurement is"):
            await book.open("h", book.branch("measurement"), asked(10))
        assert await book.open("h", book.branch("orchestration"), asked(10)) is None
        assert book.branch("measurement").accounts == ("measurement",)

    run(work())


def test_who_asks_without_a_gateway_is_held_by_the_budget_of_the_house(tmp_path: Path) -> None:
    async def work() -> None:
        config = Config(
            snapshot(),
            ledger=LedgerConfig(path=str(tmp_path / "ledger.db")),
            spend=SpendConfig(house=LimitFields(day_usd=0.0)),
        )
        async with Baton(config) as baton:
            with pytest.raises(BudgetExceeded, match="the budget of the day of the house is"):
                await baton.complete([HI], model="sim/frontier")

    run(work())


# --- who pays --------------------------------------------------------------------------------------


def body(**members: Any) -> bytes:
    base = {"model": "auto", "max_tokens": 10, "messages": [HI]}
    return msgspec.json.encode(base | members)


USERS: list[tuple[Dialect, dict[str, Any], str]] = [
    ("openai-chat", {"user": "u-1"}, "u-1"),
    ("openai-chat", {"safety_identifier": "s-1"}, "s-1"),
    ("anthropic", {"metadata": {"user_id": "m-1"}}, "m-1"),
    ("anthropic", {"metadata": {"user_id": 5}}, ""),
    ("openai-chat", {"user": {"not": "a text"}}, ""),
    ("openai-chat", {"user": None}, ""),
    ("openai-chat", {"user": "x" * 500}, "x" * 128),
    ("openai-chat", {}, ""),
]


@pytest.mark.parametrize(("dialect", "members", "user"), USERS)
def test_the_end_user_is_read_in_the_words_of_the_dialect(dialect: Dialect, members: dict[str, Any], user: str) -> None:
    assert end_user(read_request(dialect, body(**members), {})) == user


def test_a_request_is_booked_to_house_team_key_user_and_tags_once_each() -> None:
    request = read_request("openai-chat", body(user="u", baton={"tags": ["x", "y", "x"]}), {})
    assert accounts_of(caller(), request) == ("house", "key:a", "user:u", "tag:x", "tag:y")
    by_header = read_request("openai-chat", body(), {"x-baton-tags": "x, y"})
    assert accounts_of(caller(), by_header) == ("house", "key:a", "tag:x", "tag:y")
    assert accounts_of(caller(), None) == ("house", "key:a")
    assert accounts_of(Caller("library"), None) == ("house", "key:library")


def test_a_key_may_use_the_routes_that_it_names() -> None:
    decision = Policy(CONFIG.snapshot).decide(read_request("openai-chat", body(), {}), Caller(), "d")
    refuse_route(Caller("a", routes=("auto",)), decision)
    refuse_route(Caller("a"), decision)
    with pytest.raises(NotAllowed, match="key 'a' may not use route 'auto': it may use direct"):
        refuse_route(Caller("a", routes=("direct",)), decision)


def test_a_request_without_a_limit_of_its_own_is_expected_to_be_as_long_as_its_task_type() -> None:
    request = read_request("openai-chat", msgspec.json.encode({"model": "auto", "messages": [HI]}), {})
    decision = Policy(CONFIG.snapshot).decide(request, Caller(), "d")
    card = CONFIG.snapshot.cards["sim/frontier"]
    wanted = spending().asked(request, decision, card)
    assert wanted == Asked(card.price, 15, None, CONFIG.snapshot.task_types["other"].output_tokens, card.max_output)


def test_members_that_are_no_json_name_nobody() -> None:
    request = read_request("anthropic", body(metadata={}), {})
    assert end_user(msgspec.structs.replace(request, members={"metadata": Raw(b"[1]")})) == ""
