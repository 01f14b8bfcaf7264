"""OpenAI's responses as its server speaks them: items in, items out, and the chat API's errors and models."""

from typing import Any, Literal

import msgspec
from msgspec import Struct

from baton.simulate.answer import Ask, Refused
from baton.simulate.conversation import Conversation, Sealed, ToolSpec, ToolUse, Turn
from baton.simulate.wire import openai_chat
from baton.simulate.wire.grammar import Grammar, digest_of, read_body, with_notices
from baton.simulate.wire.openai_responses_answers import error_event, events, whole

ECHOED = frozenset({
    "instructions", "max_output_tokens", "max_tool_calls", "metadata", "parallel_tool_calls", "prompt_cache_key",
    "reasoning", "safety_identifier", "store", "temperature", "text", "tool_choice", "tools", "top_p", "truncation",
    "user",
})  # fmt: skip

_DEFAULTS: dict[str, dict[str, Any]] = {
    "reasoning": {"effort": None, "summary": None},
    "text": {"format": {"type": "text"}, "verbosity": "medium"},
}
_FUNCTION: dict[str, Any] = {"type": "function", "description": None, "parameters": None, "strict": True}

# --- requests --------------------------------------------------------------------------------------


class _Item(Struct):
    """Any input item; what it holds depends on `type`, which a message may leave out."""

    type: str = "message"
    role: str = "user"
    content: str | list[dict[str, Any]] | None = None
    call_id: str = ""
    name: str = ""
    arguments: str = ""
    input: str = ""
    output: str | list[dict[str, Any]] | None = None
    encrypted_content: str | None = None


class _Tool(Struct):
    """Hosted tools have a type and no name."""

    type: str = "function"
    name: str = ""
    description: str | None = None
    parameters: dict[str, Any] | None = None


class _Format(Struct):
    type: str = "text"
    schema: dict[str, Any] | None = None


class _Text(Struct):
    format: _Format | None = None


class _Reasoning(Struct):
    effort: str | None = None
    summary: str | None = None


class _Body(Struct):
    model: str
    input: str | list[_Item]
    instructions: str | None = None
    stream: bool | None = None
    max_output_tokens: int | None = None
    tools: list[_Tool] | None = None
    tool_choice: str | dict[str, Any] | None = None
    text: _Text | None = None
    reasoning: _Reasoning | None = None
    previous_response_id: str | None = None


def read(raw: bytes) -> Ask:
    body = read_body(raw, _Body)
    if not body.input:
        raise Refused("invalid", "input is empty. Send a text or at least one item.", param="input")
    if body.previous_response_id is not None:
        told = f"Previous response with id '{body.previous_response_id}' not found."
        raise Refused("invalid", told, param="previous_response_id", code="previous_response_not_found")
    limit = body.max_output_tokens
    if limit is not None and limit < 1:
        raise Refused("invalid", f"The output limit is {limit}. Send at least 1.", param="max_output_tokens")
    reasoning = body.reasoning
    choice = body.tool_choice
    return Ask(
        model=body.model,
        conversation=_conversation(body),
        max_output=limit,
        stream=bool(body.stream),
        thinking=None if reasoning is None else reasoning.effort != "none",
        show_thoughts=bool(reasoning and reasoning.summary),
        tool_choice=_choice(choice),
        tool_name=choice.get("name") if isinstance(choice, dict) else None,
        echoed=_echoed(raw),
    )


def _echoed(raw: bytes) -> dict[str, Any]:
    """Settings of the request, their defaults filled in as the vendor does."""
    given = msgspec.json.decode(raw)
    found = {name: given[name] for name in ECHOED if given.get(name) is not None}
    for name, defaults in _DEFAULTS.items():
        if name in found:
            found[name] = {**defaults, **found[name]}
    if "tools" in found:
        found["tools"] = [
            {**_FUNCTION, **tool} if tool.get("type", "function") == "function" else tool for tool in found["tools"]
        ]
    return found


def _choice(choice: str | dict[str, Any] | None) -> Literal["auto", "none", "required"]:
    if isinstance(choice, dict):
        return "required" if choice.get("type") in ("function", "custom") else "auto"
    return "none" if choice == "none" else "required" if choice == "required" else "auto"


def _conversation(body: _Body) -> Conversation:
    system = [body.instructions] if body.instructions else []
    items = [_Item(content=body.input)] if isinstance(body.input, str) else body.input
    turns: list[Turn] = []
    notices: dict[int, list[str]] = {}
    speaking: list[tuple[int, _Item]] = []
    for place, item in enumerate(items):
        if item.type in _SPOKEN or (item.type == "message" and item.role == "assistant"):
            speaking.append((place, item))
            continue
        if speaking:
            turns.append(_assistant_turn(speaking))
            speaking = []
        if item.type == "message" and item.role in ("system", "developer"):
            system.append(_plain(item.content))
            notices.setdefault(len(turns), []).append(system[-1])
        elif item.type == "message":
            turns.append(Turn("user", _plain(item.content), media=_media(item.content)))
        elif item.type in ("function_call_output", "custom_tool_call_output"):
            turns.append(Turn("tool", _plain(item.output), result_of=item.call_id, media=_media(item.output)))
    if speaking:
        turns.append(_assistant_turn(speaking))
    tools = tuple(ToolSpec(tool.name, tool.description or "", tool.parameters or {}) for tool in body.tools or ())
    named = tuple(tool for tool in tools if tool.name)
    wanted = body.text.format.schema if body.text and body.text.format else None
    return Conversation(with_notices(turns, notices), "\n".join(system), named, wanted)


_SPOKEN = frozenset({"reasoning", "function_call", "custom_tool_call"})
"""Items beside its messages that a model has made: together they are one turn."""


def _assistant_turn(items: list[tuple[int, _Item]]) -> Turn:
    made = [item for _, item in items if item.type in ("function_call", "custom_tool_call")]
    return Turn(
        "assistant",
        "".join(_plain(item.content) for _, item in items if item.type == "message"),
        tuple(ToolUse(item.call_id, item.name, item.arguments or item.input) for item in made),
        sealed=tuple(
            Sealed(item.encrypted_content, f"input[{place}]")
            for place, item in items
            if item.type == "reasoning" and item.encrypted_content is not None
        ),
    )


def _plain(content: str | list[dict[str, Any]] | None) -> str:
    if isinstance(content, str):
        return content
    return "".join(text for part in content or () if isinstance(text := part.get("text"), str))


def _media(content: str | list[dict[str, Any]] | None) -> tuple[str, ...]:
    if not isinstance(content, list):
        return ()
    return tuple(digest_of(part) for part in content if part.get("type") in ("input_image", "input_file"))


GRAMMAR = Grammar(
    "openai-responses",
    read,
    whole,
    events,
    openai_chat.error,
    error_event,
    openai_chat.headers,
    openai_chat.list_models,
    openai_chat.show_model,
)
