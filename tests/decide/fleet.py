"""A small fleet of cards and the built-in style of routing table, as values."""

from baton.types.card import ModelCard, Provider
from baton.types.decision import PolicySnapshot
from baton.types.money import price_from_usd
from baton.types.task import Match, Route, TaskType

TOOLS = frozenset({"tools", "structured_output"})


def card(name: str, tier: str, usd_in: float, usd_out: float, **more: object) -> ModelCard:
    fields = {
        "id": f"sim/{name}",
        "provider": "sim",
        "upstream": name,
        "tier": tier,
        "context_window": 100_000,
        "max_output": 8_000,
        "price": price_from_usd(usd_in, usd_out),
        "capabilities": TOOLS,
        **more,
    }
    return ModelCard(**fields)  # type: ignore[arg-type]


CARDS = (
    card("frontier", "frontier", 5, 25),
    card("mid", "mid", 1, 5),
    card("code", "mid", 0.5, 2, specialities=frozenset({"code"})),
    card("nano", "small", 0.1, 0.4, capabilities=frozenset()),
    card("local", "local", 0, 0, context_window=8_000, capabilities=frozenset()),
)

TASK_TYPES = (
    TaskType("classification", rule="cheapest", match=(Match(patterns=(r"\bclassify\b",)),)),
    TaskType("code", rule="code", match=(Match(code_fence=True),)),
    TaskType("analysis", rule="frontier", match=(Match(patterns=(r"\banaly[sz]e\b",)),)),
    TaskType("content", rule="frontier", rule_internal="mid"),
    TaskType("agent", rule="reference", match=(Match(tool_results=True),)),
    TaskType("other", rule="reference"),
)


def snapshot(*routes: Route) -> PolicySnapshot:
    return PolicySnapshot(
        cards={one.id: one for one in CARDS},
        providers={"sim": Provider("sim", "http://127.0.0.1:1/v1", ("openai-chat", "anthropic"), "none")},
        task_types={one.name: one for one in TASK_TYPES},
        routes=(*routes, Route("auto", model=("auto", "auto:*")), Route("direct", strategy="pass")),
        aliases={"gpt-4o": "sim/frontier", "quick": "auto:cost"},
    )
