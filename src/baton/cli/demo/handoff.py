"""The last act: one conversation leaves Claude for GPT and returns, before vendors that refuse what is not their own.

The client speaks Chat Completions, which has no field for Claude's signed thinking: Baton keeps it, withholds it from
GPT, and puts it back for Claude.
"""

from typing import TYPE_CHECKING, Any, Literal

from msgspec import Struct

from baton.types.handoff import Action

if TYPE_CHECKING:
    from rich.console import Console

CLAUDE, GPT = "sim-anthropic/sim-claude", "sim-openai/sim-gpt"
HOPS = (
    (CLAUDE, "Please use get_weather: what is it like in Paris?"),
    (GPT, "Thank you. And what should I pack?"),
    (GPT, "In one sentence, please."),
    (CLAUDE, "Now you again: please use get_weather once more."),
)
TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
RESULT = "21 degrees and sunny"
PRIVATE = "#private["
"""Part of the path of private state that was put back."""


class Hop(Struct, frozen=True):
    """One turn of the caller's. `signed`: what became of Claude's signed blocks on the way to this model."""

    model: str
    handoff: dict[Action, int]
    signed: dict[Literal["returned", "withheld"], int]


class HandoffShown(Struct, frozen=True):
    """`refused`: requests that the vendors did not accept."""

    simulated: bool
    client: str
    hops: tuple[Hop, ...]
    refused: int


def gateway_config(base_url: str) -> dict[str, Any]:
    """Two vendors, each of which is asked in its own dialect alone."""

    def provider(base_url: str, dialect: str, kind: str) -> dict[str, Any]:
        shared = {"dialects": [dialect], "kind": kind, "simulated": True}
        return {"base_url": base_url, "auth": "bearer", "api_key": f"{kind}-demo", **shared}

    model = {
        "tier": "mid",
        "context_window": 200_000,
        "max_output": 32_000,
        "price": {"input_usd": 1, "output_usd": 5},
        "capabilities": ["reasoning", "structured_output", "tools"],
    }
    return {
        "providers": {
            "sim-anthropic": provider(base_url, "anthropic", "anthropic"),
            "sim-openai": provider(f"{base_url}/v1", "openai-responses", "openai"),
        },
        "models": [{"id": name, **model} for name in (CLAUDE, GPT)],
    }


async def converse(url: str) -> list[Hop]:
    """The conversation through the OpenAI SDK, and what Baton reports of every hop."""
    import aiohttp
    from openai import AsyncOpenAI

    hops = []
    messages: list[Any] = []
    async with (
        AsyncOpenAI(base_url=f"{url}/v1", api_key="demo", max_retries=0) as client,
        aiohttp.ClientSession() as http,
    ):
        for model, words in HOPS:
            messages.append({"role": "user", "content": words})
            request_id = await _turn(client, model, messages)
            async with http.get(f"{url}/v1/baton/decisions/{request_id}") as reply:
                hops.append(_hop(model, await reply.json()))
    return hops


async def _turn(client: Any, model: str, messages: list[Any]) -> str:
    """Ask until no tool is called any more; the id of the last request."""
    while True:
        raw = await client.chat.completions.with_raw_response.create(
            model=model, messages=messages, tools=[TOOL], reasoning_effort="low"
        )
        message = raw.parse().choices[0].message
        echo = message.model_dump(include={"role", "content", "tool_calls"}, exclude_none=True)
        messages.append(echo)
        calls = message.tool_calls or ()
        messages.extend({"role": "tool", "tool_call_id": call.id, "content": RESULT} for call in calls)
        if not calls:
            return str(raw.headers["x-baton-request-id"])


def _hop(model: str, decision: dict[str, Any]) -> Hop:
    entries = decision["handoff"]["entries"]
    actions: list[Action] = [entry["action"] for entry in entries]
    signed = [entry["action"] for entry in entries if PRIVATE in entry["path"] and _is_claudes(entry, model)]
    return Hop(
        model,
        {action: actions.count(action) for action in dict.fromkeys(actions)},
        {"returned": signed.count("kept"), "withheld": signed.count("withheld")},
    )


def _is_claudes(entry: dict[str, Any], model: str) -> bool:
    """On the way to GPT what is Claude's is withheld, and what is GPT's own is kept; the other way round for Claude."""
    kept = entry["action"] == "kept"
    return kept if model == CLAUDE else not kept


def print_handoff(shown: HandoffShown, console: "Console") -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, title="When Claude hands off to GPT (simulated)", title_justify="left")
    for column in ("turn", "answered by", "elements of the conversation", "Claude's signed blocks"):
        table.add_column(column)
    for number, hop in enumerate(shown.hops, 1):
        counts = ", ".join(f"{count} {action}" for action, count in hop.handoff.items())
        signed = ", ".join(f"{count} {what}" for what, count in hop.signed.items() if count) or "-"
        table.add_row(str(number), hop.model, counts, signed)
    console.print()
    console.print(table)
    console.print(
        f"The client speaks {shown.client}; both vendors check ids, order and signatures, and refused {shown.refused} "
        "requests. Nothing is dropped in silence: every element of each request has an entry in its report."
    )
