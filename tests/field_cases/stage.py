"""A whole gateway before upstreams that send a script: what goes over both wires is in the test."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
from msgspec import Struct

from baton.config.schema import Config, ContentConfig, LedgerConfig
from baton.server.run import bind, serving
from baton.testing.upstream import ScriptedUpstream, Step, event_stream, http_answer, scripted
from baton.types.card import Dialect, Provider
from baton.types.decision import PolicySnapshot
from baton.types.quirks import Quirks
from baton.types.secret import Secret
from baton.types.task import Route, TaskType
from tests.field_cases.rendered import encoded, frames
from tests.flow.vendors import card

PATHS: dict[Dialect, str] = {
    "openai-chat": "/v1/chat/completions",
    "openai-responses": "/v1/responses",
    "anthropic": "/v1/messages",
}


class Maker(Struct):
    """One provider: the dialect that it speaks, the name of its only model, what it answers in turn."""

    dialect: Dialect
    model: str
    scripts: Sequence[Sequence[Step]]
    key: str = "key"
    kind: str = "openai-compatible"
    options: Mapping[str, str] = {}
    quirks: Quirks | None = None


class Stage(Struct):
    url: str
    upstreams: dict[str, ScriptedUpstream]

    async def post(self, path: str, body: Any, **headers: str) -> httpx2.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        async with httpx2.AsyncClient(base_url=self.url) as http:
            return await http.post(path, json=body, headers=named)

    async def decision(self, answer: httpx2.Response) -> dict[str, dict[str, str]]:
        """The whole report of the handoff, by path."""
        async with httpx2.AsyncClient(base_url=self.url) as http:
            kept = await http.get(f"/v1/baton/decisions/{answer.headers['x-baton-request-id']}")
        return {entry["path"]: entry for entry in kept.json()["handoff"]["entries"]}


@asynccontextmanager
async def stage(folder: Path, makers: Mapping[str, Maker]) -> AsyncGenerator[Stage, None]:
    async with AsyncExitStack() as stack:
        upstreams = {name: await stack.enter_async_context(scripted(*one.scripts)) for name, one in makers.items()}
        cards = [card(f"{name}/{one.model}", name, one.model) for name, one in makers.items()]
        config = Config(
            snapshot=PolicySnapshot(
                cards={one.id: one for one in cards},
                providers={name: _provider(name, one, upstreams[name]) for name, one in makers.items()},
                task_types={"other": TaskType("other", rule="policy", floor=0.0)},
                routes=(Route("auto", model=("auto", "auto:*")), Route("direct", strategy="pass")),
            ),
            ledger=LedgerConfig(path=str(folder / "ledger.db"), flush_s=0.05),
            content=ContentConfig(mode="full"),
            quirks={f"{name}/{one.model}": one.quirks for name, one in makers.items() if one.quirks is not None},
        )
        sock = bind("127.0.0.1", 0)
        await stack.enter_async_context(serving(config, sock))
        yield Stage(f"http://127.0.0.1:{sock.getsockname()[1]}", upstreams)


def _provider(name: str, maker: Maker, upstream: ScriptedUpstream) -> Provider:
    bare = upstream.base_url.removesuffix("/v1")
    base = upstream.base_url if maker.dialect in {"openai-chat", "openai-responses"} else bare
    return Provider(
        name, base, (maker.dialect,), "bearer", Secret(maker.key), simulated=True, kind=maker.kind, options=maker.options  # type: ignore[arg-type]
    )  # fmt: skip


def whole(body: Any) -> list[Step]:
    return http_answer(200, encoded(body))


def stream(*events: Any) -> list[Step]:
    return event_stream(frames(*events))
