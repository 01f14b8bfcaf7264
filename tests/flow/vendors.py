"""A real gateway before strict vendors: one provider for each dialect, each with models that only speak it."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from msgspec import Struct

from baton.config.schema import Config, ContentConfig, HandoffConfig, LedgerConfig
from baton.flow.house import House
from baton.server.run import bind, serving
from baton.simulate.engine import Engine
from baton.simulate.http import Exchange, HttpRequest, HttpServer
from baton.simulate.journal import Entry
from baton.simulate.obedient import Obedient
from baton.types.card import Capability, Dialect, ModelCard, Provider
from baton.types.decision import PolicySnapshot
from baton.types.money import price_from_usd
from baton.types.quirks import Quirks
from baton.types.secret import Secret
from baton.types.task import Route, TaskType

ALL: frozenset[Capability] = frozenset({"tools", "structured_output", "image", "pdf", "reasoning"})
VENDORS: dict[str, tuple[Dialect, str, str]] = {
    "anthropic": ("anthropic", "sim-claude", "anthropic"),
    "openai": ("openai-responses", "sim-gpt", "openai"),
    "chat": ("openai-chat", "sim-gpt-plain", "openai"),
    "gemini": ("gemini", "sim-gemini", "gemini"),
    "deepseek": ("openai-chat", "sim-deepseek", "openai-compatible"),
    "ollama": ("ollama", "sim-llama", "ollama"),
}
"""Provider -> the one dialect that it speaks, its model, its kind."""
PLAIN = {"sim-gpt-plain"}
"""Models that do not reason."""


class Sent(Struct, frozen=True):
    """One request as it reached the vendors."""

    path: str
    body: bytes


class Vendors(Struct):
    url: str
    house: House
    engine: Engine
    sent: list[Sent]

    def entries(self) -> Sequence[Entry]:
        return self.engine.journal.since().entries

    def refusals(self) -> list[str]:
        return [entry.refusal for entry in self.entries() if entry.refusal is not None]


@asynccontextmanager
async def vendors(
    folder: Path,
    *,
    content: str = "full",
    handoff: HandoffConfig | None = None,
    models: Sequence[ModelCard] = (),
    time_scale: float = 0.0,
) -> AsyncGenerator[Vendors, None]:
    engine = Engine(Obedient(), strict=True, time_scale=time_scale)
    sent: list[Sent] = []

    def respond(request: HttpRequest) -> Exchange:
        sent.append(Sent(request.path, request.body))
        return engine.respond(request)

    upstream = HttpServer(respond)
    port = await upstream.start("127.0.0.1", 0)
    config = Config(
        snapshot=snapshot(f"http://127.0.0.1:{port}", models),
        ledger=LedgerConfig(path=str(folder / "ledger.db"), flush_s=0.05),
        content=ContentConfig(mode=content),  # type: ignore[arg-type]
        handoff=handoff or HandoffConfig(),
        quirks={"deepseek/sim-deepseek": Quirks(reasoning_member="reasoning_content", system_role="system")},
    )
    sock = bind("127.0.0.1", 0)
    try:
        async with serving(config, sock) as house:
            yield Vendors(f"http://127.0.0.1:{sock.getsockname()[1]}", house, engine, sent)
    finally:
        await upstream.close()


def snapshot(upstream: str, models: Sequence[ModelCard] = ()) -> PolicySnapshot:
    cards = [
        card(f"{name}/{model}", name, model, capabilities=ALL - {"reasoning"} if model in PLAIN else ALL)
        for name, (_, model, _) in VENDORS.items()
    ]
    return PolicySnapshot(
        cards={one.id: one for one in (*cards, *models)},
        providers={name: _provider(name, upstream, dialect, kind) for name, (dialect, _, kind) in VENDORS.items()},
        task_types={"other": TaskType("other", rule="policy", floor=0.0)},
        routes=(Route("auto", model=("auto", "auto:*")), Route("direct", strategy="pass")),
    )


def card(id_: str, provider: str, upstream: str, **more: object) -> ModelCard:
    fields: dict[str, object] = {
        "id": id_,
        "provider": provider,
        "upstream": upstream,
        "tier": "mid",
        "context_window": 200_000,
        "max_output": 64_000,
        "price": price_from_usd("1", "5"),
        "capabilities": ALL,
    }
    return ModelCard(**(fields | more))  # type: ignore[arg-type]


def _provider(name: str, upstream: str, dialect: Dialect, kind: str) -> Provider:
    base = upstream if dialect in {"anthropic", "gemini", "ollama"} else f"{upstream}/v1"
    auth = "x-api-key" if dialect == "anthropic" else "x-goog-api-key" if dialect == "gemini" else "bearer"
    return Provider(name, base, (dialect,), auth, Secret(f"key-of-{name}"), simulated=True, kind=kind)  # type: ignore[arg-type]
