"""Task type, plan and gateway that tests of cascades share."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import text

from baton.record.database import reading
from baton.testing.upstream import http_answer
from baton.types.cascade import CascadePlan, CascadeStep
from baton.types.decision import PolicySnapshot
from baton.types.money import Usage
from baton.types.task import Match, Route, TaskType
from tests.decide.fleet import snapshot
from tests.flow.voices import USAGE, Says, Voices, voices

NANO, MID, FRONTIER = "sim/nano", "sim/mid", "sim/frontier"
REFUSAL = "I'm sorry, but I can't help with that."
PATHS = {"openai-chat": "/v1/chat/completions", "anthropic": "/v1/messages", "openai-responses": "/v1/responses"}
SCHEMA = {"type": "object", "properties": {"label": {"enum": ["a", "b"]}}, "required": ["label"]}


def plan(*arms: str, quorum: int = 1, checks: tuple[str, ...] = (), **more: Any) -> CascadePlan:
    steps = tuple(CascadeStep(arm, checks, quorum) for arm in arms or (NANO,))
    return CascadePlan("classification", steps, FRONTIER, **({"share_kept": 0.9} | more))


def known(used: CascadePlan, *routes: Route) -> PolicySnapshot:
    first = TaskType(
        "classification", rule=NANO, cascade=used, match=(Match(patterns=(r"\bclassify\b",)),), reference=FRONTIER
    )
    found = snapshot(*routes)
    cards = {
        id_: msgspec.structs.replace(card, capabilities=found.cards[FRONTIER].capabilities)
        for id_, card in found.cards.items()
    }
    return msgspec.structs.replace(found, cards=cards, task_types=found.task_types | {"classification": first})


def body(dialect: str = "openai-chat", *, stream: bool = False, **more: Any) -> dict[str, Any]:
    text = "classify: my parcel is late"
    if dialect == "openai-responses":
        return {"model": "auto", "input": text, "stream": stream, **more}
    return {
        "model": "auto",
        "messages": [{"role": "user", "content": text}],
        "stream": stream,
        "max_tokens": 99,
        **more,
    }


def cost(*models: str) -> float:
    cards = snapshot().cards
    return sum(cards[model].price.cost(Usage(*USAGE)) for model in models) / 1e9


def attempts(gateway: Voices) -> list[str]:
    """What the ledger knows of calls, in their order."""
    gateway.house.ledger.flush()
    with reading(gateway.house.ledger.path) as connection:
        return [model for (model,) in connection.execute(text("SELECT model FROM attempts ORDER BY number")).all()]


def cascade(
    tmp_path: Path,
    said: dict[str, Says],
    work: Callable[[Voices], Awaitable[None]],
    used: CascadePlan | None = None,
    *routes: Route,
    **more: Any,
) -> None:
    async def run() -> None:
        async with voices(tmp_path, lambda model, _: said[model], known(used or plan(), *routes), **more) as gateway:
            await work(gateway)

    asyncio.run(run())


BROKEN = http_answer(500, b'{"error": {"message": "down"}}')
