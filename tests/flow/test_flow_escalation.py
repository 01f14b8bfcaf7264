"""A key that goes up too often is stopped, sent to the reference, or kept below; somebody is told."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import pytest

from baton.decide.escalation import BURST
from baton.types.decision import PolicySnapshot
from baton.types.task import EscalationLimit, OnCap
from tests.flow.cascading import FRONTIER, MID, NANO, REFUSAL, body, known, plan
from tests.flow.voices import Voices, voices

REQUESTS = 12


def limited(on_cap: OnCap) -> PolicySnapshot:
    found = known(plan())
    limit = EscalationLimit(0.0, 100, on_cap)
    changed = msgspec.structs.replace(found.task_types["classification"], escalation=limit)
    return msgspec.structs.replace(found, task_types=found.task_types | {"classification": changed})


def attack(tmp_path: Path, on_cap: OnCap, work: Callable[[Voices], Awaitable[None]]) -> None:
    async def run() -> None:
        said = {"nano": REFUSAL, "frontier": "delivery"}
        async with voices(tmp_path, lambda model, _: said[model], limited(on_cap)) as gateway:
            await work(gateway)

    asyncio.run(run())


@pytest.mark.parametrize("on_cap", ["cheap", "reference", "refuse"])
def test_answers_that_never_convince_go_up_only_as_often_as_they_may(tmp_path: Path, on_cap: OnCap) -> None:
    async def work(gateway: Voices) -> None:
        answers = [await gateway.ask(body()) for _ in range(REQUESTS)]
        ups = gateway.asked().count("frontier")
        metrics = gateway.house.metrics().decode()
        if on_cap == "reference":
            assert ups == REQUESTS
        else:
            assert ups == BURST
        last = answers[-1]
        if on_cap == "cheap":
            assert last.headers["x-baton-model"] == NANO
            assert last.headers["x-baton-unchecked"].startswith("refusal")
        elif on_cap == "reference":
            assert last.headers["x-baton-model"] == FRONTIER
        else:
            assert last.status_code == 429
            assert last.json()["error"]["code"] == "escalation_limit"
        scope = 'scope="task_type:classification"'
        assert f"baton_escalations_capped_total{{{scope}}} {REQUESTS - BURST}.0" in metrics

    attack(tmp_path, on_cap, work)


def test_many_at_once_go_up_no_more_often(tmp_path: Path) -> None:
    async def work(gateway: Voices) -> None:
        await asyncio.gather(*(gateway.ask(body()) for _ in range(REQUESTS)))
        assert gateway.asked().count("frontier") == BURST

    attack(tmp_path, "cheap", work)


def test_at_the_limit_the_reference_is_asked_and_not_who_the_cascade_escalates_to(tmp_path: Path) -> None:
    found = limited("reference")
    kind = found.task_types["classification"]
    changed = msgspec.structs.replace(kind, cascade=msgspec.structs.replace(plan(), escalate_to=MID))
    said = {"nano": REFUSAL, "mid": "delivery", "frontier": "delivery"}

    async def run() -> None:
        snapshot = msgspec.structs.replace(found, task_types=found.task_types | {"classification": changed})
        async with voices(tmp_path, lambda model, _: said[model], snapshot) as gateway:
            answers = [await gateway.ask(body()) for _ in range(BURST + 1)]
            models = [answer.headers["x-baton-model"] for answer in answers]
            assert models == [MID] * BURST + [FRONTIER]

    asyncio.run(run())
