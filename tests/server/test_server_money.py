"""Costs of what went wrong: an answer that is refused, a call that nobody waits for, a stream that another goes on with."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from baton.flow.hooks import BUILTIN, HookAnswer, HookCall, Refuse
from baton.testing.upstream import event_stream, http_answer
from tests.server.test_server_guards import CALL, CALLS, CONFIG, DONE, REFUSING, TOOLS, event, rows, stage, whole


@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_that_is_refused_for_its_calls_is_paid_as_it_told(tmp_path: Path, stream: bool) -> None:
    async def main() -> None:
        script = CALLS if stream else whole(content=None, tool_calls=[CALL])
        async with stage(tmp_path, REFUSING, script) as on:
            await on.ask(tools=TOOLS, stream=stream)
            on.house.ledger.flush()

    asyncio.run(main())
    costs = [cost for (cost,) in rows(tmp_path, "SELECT cost FROM attempts")]
    assert costs
    assert set(costs) == {1_200_000}
    assert rows(tmp_path, "SELECT cost FROM requests") == [(sum(costs),)]


def test_what_is_passed_through_to_a_caller_who_leaves_costs_its_input(tmp_path: Path) -> None:
    async def main() -> None:
        async with stage(tmp_path, "", [3.0, *http_answer(200, b'{"data":[]}')]) as on:
            asking = asyncio.create_task(on.ask(path="/v1/embeddings", input=["x" * 4000], messages=None))
            while not on.upstream.requests:  # noqa: ASYNC110 - as its receiver would
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.1)
            asking.cancel()
            await asyncio.wait_for(on.upstream.left_early.wait(), 5)
            await asyncio.sleep(0.1)
            on.house.ledger.flush()

    asyncio.run(main())
    [(ending, cost)] = rows(tmp_path, "SELECT ending, cost FROM requests")
    assert ending == "cancelled"
    assert cost > 1_000_000


class Guard:
    """A hook that is shown streams whole, and lets none go that says a word."""

    hold = True

    def __init__(self, _options: Any) -> None:
        pass

    async def after(self, _call: HookCall, _answer: HookAnswer) -> Refuse:
        return Refuse("not this answer")


def test_what_a_hook_holds_back_is_not_told_where_the_stream_breaks_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(BUILTIN, "guard", f"{__name__}:Guard")

    async def main() -> None:
        broken = event_stream(event({"content": "the secret"}), 0.05, event({"content": " word"}), 0.05, end=False)
        async with stage(tmp_path, "hooks: [{name: guard}]\n", broken) as on:
            told = await on.ask(stream=True)
            assert b"secret" not in told.body
            assert b'"upstream_cut"' in told.body
            assert b"[DONE]" not in told.body

    asyncio.run(main())


def test_a_stream_that_another_model_continues_is_paid_to_both(tmp_path: Path) -> None:
    two = (
        "  - {id: sim/n, tier: mid, context_window: 100000, price: {input_usd: 1, output_usd: 2}, capabilities: [tools]}\n"
        "ledger:"
    )
    config = CONFIG.replace("ledger:", two, 1)

    async def main() -> None:
        broken = event_stream(event({"content": "one two three " * 40}), 0.05, end=False)
        rest = event_stream(event({"content": "four"}), event({}, "stop"), DONE)
        async with stage(tmp_path, "", broken, rest, config=config) as on:
            asked = {"models": ["sim/m", "sim/n"], "resume": "continue"}
            told = await on.ask("x" * 4000, stream=True, model="auto", baton=asked)
            assert b"resumed_by" in told.body
            on.house.ledger.flush()

    asyncio.run(main())
    found = rows(tmp_path, "SELECT fault, cost FROM attempts ORDER BY sequence")
    assert [fault for fault, _ in found] == ["upstream_cut", ""]
    assert found[0][1] > 1_000_000 + 100 * 2_000, "its input, and the words that it said"
    assert found[1][1] == 1_200_000
    assert rows(tmp_path, "SELECT cost FROM requests") == [(found[0][1] + found[1][1],)]
