"""Anthropic's messages as its server speaks them: requests, answers, events, errors, headers, the model list."""

import datetime as dt
from collections.abc import Sequence
from typing import Any, Literal

import msgspec
from msgspec import Struct, field

from baton.simulate.answer import Ask, Refused, SimModel
from baton.simulate.conversation import Conversation, Sealed, ToolSpec, ToolUse, Turn
from baton.simulate.tokens import count_input
from baton.simulate.wire.anthropic_answers import events, frame, whole
from baton.simulate.wire.grammar import (
    EPOCH_S,
    Grammar,
    Headers,
    digest_of,
    encode,
    read_body,
    with_notices,
)

CREATED = dt.datetime.fromtimestamp(EPOCH_S, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
REQUESTS_PER_MINUTE, TOKENS_PER_MINUTE = 4_000, 2_000_000

# --- requests --------------------------------------------------------------------------------------


class _Block(Struct):
    """Any content block; what it holds depends on `type`."""

    type: str
    text: str | None = None
    id: str | None = None
    name: str | None = None
    input: msgspec.Raw = msgspec.Raw(b"{}")
    tool_use_id: str | None = None
    content: Any = None
    source: Any = None
    thinking: str | None = None
    signature: str | None = None
    data: str | None = None


class _Message(Struct):
    role: Literal["user", "assistant", "system"]
    content: str | list[_Block]


class _Tool(Struct):
    """Tools that run at the vendor have a type and no schema."""

    name: str = ""
    description: str | None = None
    input_schema: dict[str, Any] = field(default_factory=dict)


class _Thinking(Struct):
    type: str = ""
    display: str | None = None


class _ToolChoice(Struct):
    type: str = "auto"
    name: str | None = None


class _Format(Struct):
    type: str = ""
    schema: dict[str, Any] | None = None


class _OutputConfig(Struct):
    format: _Format | None = None


class _Body(Struct):
    model: str
    max_tokens: int
    messages: list[_Message]
    system: str | list[_Block] | None = None
    stream: bool | None = None
    stop_sequences: list[str] | None = None
    tools: list[_Tool] | None = None
    thinking: _Thinking | None = None
    tool_choice: _ToolChoice | None = None
    output_config: _OutputConfig | None = None


class _CountBody(Struct):
    model: str
    messages: list[_Message]
    system: str | list[_Block] | None = None
    tools: list[_Tool] | None = None
    output_config: _OutputConfig | None = None


_CHOICES: dict[str, Literal["none", "required"]] = {"none": "none", "any": "required", "tool": "required"}


def read(raw: bytes) -> Ask:
    body = read_body(raw, _Body)
    if body.max_tokens < 1:
        raise Refused("invalid", f"max_tokens: {body.max_tokens} is less than 1. Send at least 1.", param="max_tokens")
    chosen = body.tool_choice or _ToolChoice()
    return Ask(
        model=body.model,
        conversation=_conversation(body),
        max_output=body.max_tokens,
        stop=tuple(body.stop_sequences or ()),
        stream=bool(body.stream),
        thinking=None if body.thinking is None else body.thinking.type != "disabled",
        show_thoughts=body.thinking is None or body.thinking.display != "omitted",
        tool_choice=_CHOICES.get(chosen.type, "auto"),
        tool_name=chosen.name,
    )


def count_tokens(raw: bytes) -> tuple[str, bytes]:
    """(model, body of the answer) for `/v1/messages/count_tokens`."""
    body = read_body(raw, _CountBody)
    return body.model, encode({"input_tokens": count_input(_conversation(body))})


def _conversation(body: _Body | _CountBody) -> Conversation:
    if not body.messages:
        raise Refused("invalid", "messages: at least one message is required.", param="messages")
    system = [_plain(body.system)] if body.system else []
    turns: list[Turn] = []
    notices: dict[int, list[str]] = {}
    for place, message in enumerate(body.messages):
        if message.role == "system":
            system.append(_plain(message.content))
            notices.setdefault(len(turns), []).append(system[-1])
        elif isinstance(message.content, str):
            turns.append(Turn(message.role, message.content))
        elif message.role == "assistant":
            turns.append(_assistant_turn(message.content, place))
        else:
            turns += _user_turns(message.content)
    tools = tuple(ToolSpec(tool.name, tool.description or "", tool.input_schema) for tool in body.tools or ())
    wanted = body.output_config.format if body.output_config else None
    return Conversation(with_notices(turns, notices), "\n".join(system), tools, wanted.schema if wanted else None)


def _assistant_turn(blocks: list[_Block], place: int) -> Turn:
    sealed = [
        Sealed(block.signature or "", f"messages.{place}.content.{index}", block.thinking)
        if block.type == "thinking"
        else Sealed(block.data or "", f"messages.{place}.content.{index}")
        for index, block in enumerate(blocks)
        if block.type in ("thinking", "redacted_thinking")
    ]
    return Turn("assistant", _plain(blocks), _uses(blocks), sealed=tuple(sealed))


def _user_turns(blocks: list[_Block]) -> list[Turn]:
    """Tool results come inside a user message there; they are turns of their own here."""
    turns = [
        Turn("tool", _plain(block.content), result_of=block.tool_use_id or "", media=_media(block.content))
        for block in blocks
        if block.type == "tool_result"
    ]
    if any(block.type != "tool_result" for block in blocks):
        media = tuple(digest_of([block.type, block.source]) for block in blocks if block.source is not None)
        turns.append(Turn("user", _plain(blocks), media=media))
    return turns


def _media(content: Any) -> tuple[str, ...]:
    found = content if isinstance(content, list) else []
    shown = [block for block in found if isinstance(block, dict) and block.get("source") is not None]
    return tuple(digest_of([block.get("type"), block["source"]]) for block in shown)


def _uses(blocks: list[_Block]) -> tuple[ToolUse, ...]:
    made = [block for block in blocks if block.type == "tool_use"]
    return tuple(ToolUse(block.id or "", block.name or "", bytes(block.input).decode()) for block in made)


def _plain(content: Any) -> str:
    """The text of a string or of text blocks, which inside a tool result have not been read into structs."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    texts = (block.get("text") if isinstance(block, dict) else getattr(block, "text", None) for block in content)
    return "".join(text for text in texts if isinstance(text, str))


# --- errors, headers, models -----------------------------------------------------------------------

_ERROR_TYPES = {
    400: "invalid_request_error", 401: "authentication_error", 403: "permission_error", 404: "not_found_error",
    413: "request_too_large", 429: "rate_limit_error", 500: "api_error", 504: "timeout_error", 529: "overloaded_error",
}  # fmt: skip


def error(status: int, message: str, request_id: str, refusal: Refused | None = None) -> bytes:
    kind = _ERROR_TYPES.get(status, "invalid_request_error" if status < 500 else "api_error")
    if refusal is not None and refusal.param and refusal.param not in message:
        message = f"{refusal.param}: {message}"
    return encode({"type": "error", "error": {"type": kind, "message": message}, "request_id": request_id})


def error_event() -> bytes:
    return frame("error", error={"type": "overloaded_error", "message": "Overloaded"})


def headers(request_id: str, model: SimModel | None) -> Headers:
    """No limit is enforced: the rate-limit headers show their form, as a client reads it."""
    found: Headers = (("request-id", request_id), ("anthropic-organization-id", "00000000-0000-4000-8000-000000000000"))
    if model is None:
        return found
    return (
        *found,
        ("anthropic-ratelimit-requests-limit", str(REQUESTS_PER_MINUTE)),
        ("anthropic-ratelimit-requests-remaining", str(REQUESTS_PER_MINUTE - 1)),
        ("anthropic-ratelimit-requests-reset", CREATED),
        ("anthropic-ratelimit-tokens-limit", str(TOKENS_PER_MINUTE)),
        ("anthropic-ratelimit-tokens-remaining", str(TOKENS_PER_MINUTE - 1)),
        ("anthropic-ratelimit-tokens-reset", CREATED),
    )


def list_models(models: Sequence[SimModel]) -> bytes:
    data = [_model(model) for model in models]
    ends = {"first_id": data[0]["id"], "last_id": data[-1]["id"]} if data else {"first_id": None, "last_id": None}
    return encode({"data": data, "has_more": False, **ends})


def show_model(model: SimModel) -> bytes:
    return encode(_model(model))


def _model(model: SimModel) -> dict[str, Any]:
    return {
        "type": "model",
        "id": model.id,
        "display_name": f"{model.id} (simulated)",
        "created_at": CREATED,
        "lifecycle": "active",
        "max_input_tokens": model.context_window,
        "max_tokens": model.max_output,
    }


GRAMMAR = Grammar(
    "anthropic", read, whole, events, error, error_event, headers, list_models, show_model, count_body=count_tokens
)
