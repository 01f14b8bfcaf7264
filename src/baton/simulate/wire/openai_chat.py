"""OpenAI's chat completions as its server speaks them: requests, answers, chunks, errors, headers, the model list."""

from collections.abc import Sequence
from typing import Any, Literal

from msgspec import Struct, field

from baton.simulate.answer import Ask, Refused, SimAnswer, SimModel
from baton.simulate.conversation import Conversation, ToolSpec, ToolUse, Turn
from baton.simulate.tokens import pieces
from baton.simulate.wire.grammar import EPOCH_S, Grammar, Headers, digest_of, encode, read_body, with_notices

FINGERPRINT = "fp_simulated"
DONE = b"data: [DONE]\n\n"
REQUESTS_PER_MINUTE, TOKENS_PER_MINUTE = 10_000, 30_000_000

# --- requests --------------------------------------------------------------------------------------


class _Part(Struct):
    type: str
    text: str | None = None
    image_url: Any = None
    input_audio: Any = None
    file: Any = None


class _Called(Struct):
    name: str
    arguments: str = ""


class _Call(Struct):
    id: str
    function: _Called | None = None


class _Message(Struct):
    role: str
    content: str | list[_Part] | None = None
    tool_calls: list[_Call] | None = None
    tool_call_id: str | None = None


class _Function(Struct):
    name: str
    description: str | None = None
    parameters: dict[str, Any] | None = None


class _Tool(Struct):
    type: str = "function"
    function: _Function | None = None


class _JsonSchema(Struct):
    schema: dict[str, Any] = field(default_factory=dict)


class _ResponseFormat(Struct):
    type: str
    json_schema: _JsonSchema | None = None


class _StreamOptions(Struct):
    include_usage: bool | None = None


class _Body(Struct):
    model: str
    messages: list[_Message]
    stream: bool | None = None
    stream_options: _StreamOptions | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    stop: str | list[str] | None = None
    tools: list[_Tool] | None = None
    response_format: _ResponseFormat | None = None
    n: int | None = None
    temperature: float | None = None
    seed: int | None = None
    reasoning_effort: str | None = None
    tool_choice: str | dict[str, Any] | None = None


def read(raw: bytes) -> Ask:
    body = read_body(raw, _Body)
    if not body.messages:
        raise Refused("invalid", "messages is empty. Send at least one message.", param="messages")
    if body.n not in (None, 1):
        raise Refused("invalid", f"n is {body.n}: the simulation answers with one choice. Leave n out.", param="n")
    limit = body.max_tokens if body.max_completion_tokens is None else body.max_completion_tokens
    if limit is not None and limit < 1:
        raise Refused("invalid", f"The output limit is {limit}. Send at least 1.", param="max_completion_tokens")
    stop = (body.stop,) if isinstance(body.stop, str) else tuple(body.stop or ())
    return Ask(
        model=body.model,
        conversation=_conversation(body),
        max_output=limit,
        stop=stop,
        stream=bool(body.stream),
        include_usage=bool(body.stream_options and body.stream_options.include_usage),
        sample=0 if body.temperature == 0 else body.seed or 0,
        thinking=None if body.reasoning_effort is None else body.reasoning_effort != "none",
        tool_choice=_choice(body.tool_choice),
        tool_name=_chosen(body.tool_choice),
    )


def _choice(choice: str | dict[str, Any] | None) -> Literal["auto", "none", "required"]:
    if isinstance(choice, dict):
        return "required" if choice.get("type") == "function" else "auto"
    return "none" if choice == "none" else "required" if choice == "required" else "auto"


def _chosen(choice: str | dict[str, Any] | None) -> str | None:
    function = choice.get("function") if isinstance(choice, dict) else None
    return function.get("name") if isinstance(function, dict) else None


def _conversation(body: _Body) -> Conversation:
    system: list[str] = []
    turns: list[Turn] = []
    notices: dict[int, list[str]] = {}
    for place, message in enumerate(body.messages):
        text = _text(message)
        if message.role in ("system", "developer"):
            system.append(text)
            notices.setdefault(len(turns), []).append(text)
        elif message.role == "user":
            turns.append(Turn("user", text, media=_media(message)))
        elif message.role == "assistant":
            calls = [(call.id, call.function) for call in message.tool_calls or ()]
            uses = tuple(ToolUse(name, made.name, made.arguments) for name, made in calls if made is not None)
            turns.append(Turn("assistant", text, uses))
        elif message.role in ("tool", "function"):
            turns.append(Turn("tool", text, result_of=message.tool_call_id or ""))
        else:
            roles = "system, developer, user, assistant or tool"
            wrong = f"messages[{place}].role is {message.role!r}. Use one of {roles}."
            raise Refused("invalid", wrong, param=f"messages[{place}].role")
    functions = [tool.function for tool in body.tools or () if tool.function is not None]
    tools = tuple(ToolSpec(each.name, each.description or "", each.parameters or {}) for each in functions)
    wanted = body.response_format.json_schema if body.response_format else None
    return Conversation(with_notices(turns, notices), "\n".join(system), tools, wanted.schema if wanted else None)


def _text(message: _Message) -> str:
    if isinstance(message.content, str):
        return message.content
    return "".join(part.text or "" for part in message.content or ())


def _media(message: _Message) -> tuple[str, ...]:
    parts = message.content if isinstance(message.content, list) else []
    found = [part.image_url or part.input_audio or part.file for part in parts]
    return tuple(digest_of(media) for media in found if media is not None)


# --- answers ---------------------------------------------------------------------------------------


def whole(answer: SimAnswer, identity: str) -> bytes:
    message: dict[str, Any] = {"role": "assistant", "content": answer.text or None, "refusal": None, "annotations": []}
    if answer.thought is not None and answer.thought.text:
        message["reasoning_content"] = answer.thought.text
    if answer.uses:
        message["tool_calls"] = [
            {"id": _call_id(use), "type": "function", "function": {"name": use.name, "arguments": use.arguments}}
            for use in answer.uses
        ]
    elif not answer.text:
        message["content"] = ""
    return encode({
        "id": f"chatcmpl-{identity}",
        "object": "chat.completion",
        "created": EPOCH_S,
        "model": answer.model,
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": _finish(answer)}],
        "usage": _usage(answer),
        "service_tier": "default",
        "system_fingerprint": FINGERPRINT,
    })  # fmt: skip


def events(answer: SimAnswer, identity: str, include_usage: bool) -> list[bytes]:
    """Role first, then deltas, the finish reason, the usage where it was asked for, and the end mark."""
    shared: dict[str, Any] = {
        "id": f"chatcmpl-{identity}",
        "object": "chat.completion.chunk",
        "created": EPOCH_S,
        "model": answer.model,
        "service_tier": "default",
        "system_fingerprint": FINGERPRINT,
    }
    if include_usage:
        shared["usage"] = None

    def chunk(delta: dict[str, Any], finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return _frame({**shared, "choices": [choice]})

    frames = [chunk({"role": "assistant", "content": None if answer.uses and not answer.text else "", "refusal": None})]
    if answer.thought is not None:
        frames += [chunk({"reasoning_content": piece}) for piece in pieces(answer.thought.text) if piece]
    frames += [chunk({"content": piece}) for piece in pieces(answer.text)]
    for index, use in enumerate(answer.uses):
        opened = {"index": index, "id": _call_id(use), "type": "function"}
        frames.append(chunk({"tool_calls": [{**opened, "function": {"name": use.name, "arguments": ""}}]}))
        frames += [
            chunk({"tool_calls": [{"index": index, "function": {"arguments": piece}}]})
            for piece in pieces(use.arguments)
        ]
    frames.append(chunk({}, _finish(answer)))
    if include_usage:
        frames.append(_frame({**shared, "choices": [], "usage": _usage(answer)}))
    return [*frames, DONE]


def _frame(value: dict[str, Any]) -> bytes:
    return b"data: " + encode(value) + b"\n\n"


def _call_id(use: ToolUse) -> str:
    return f"call_{use.id}"


def _finish(answer: SimAnswer) -> str:
    return "stop" if answer.finish == "stop_sequence" else answer.finish


def _usage(answer: SimAnswer) -> dict[str, Any]:
    """Input includes what came from the cache, output includes reasoning."""
    used = answer.usage
    return {
        "prompt_tokens": used.input,
        "completion_tokens": used.output,
        "total_tokens": used.input + used.output,
        "prompt_tokens_details": {"cached_tokens": used.cache_read, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": used.reasoning,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


# --- errors, headers, models -----------------------------------------------------------------------

_ERROR_TYPES = {429: ("requests", "rate_limit_exceeded"), 401: ("invalid_request_error", "invalid_api_key")}


def error(status: int, message: str, _request_id: str, refusal: Refused | None = None) -> bytes:
    default = ("invalid_request_error", None) if status < 500 else ("server_error", None)
    kind, code = _ERROR_TYPES.get(status, default)
    param = refusal.param if refusal else None
    named = (refusal.code if refusal else None) or code
    return encode({"error": {"message": message, "type": kind, "param": param, "code": named}})


def error_event() -> bytes:
    told = {
        "message": "The server broke down while it was answering.",
        "type": "server_error",
        "param": None,
        "code": None,
    }
    return _frame({"error": told})


def headers(request_id: str, model: SimModel | None) -> Headers:
    """No limit is enforced: the rate-limit headers show their form, as a client reads it."""
    found: Headers = (
        ("x-request-id", request_id),
        ("openai-version", "2020-10-01"),
        ("openai-organization", "org-simulated"),
        ("openai-processing-ms", "1"),
    )
    if model is None:
        return found
    return (
        *found,
        ("x-ratelimit-limit-requests", str(REQUESTS_PER_MINUTE)),
        ("x-ratelimit-remaining-requests", str(REQUESTS_PER_MINUTE - 1)),
        ("x-ratelimit-reset-requests", "6ms"),
        ("x-ratelimit-limit-tokens", str(TOKENS_PER_MINUTE)),
        ("x-ratelimit-remaining-tokens", str(TOKENS_PER_MINUTE - 1)),
        ("x-ratelimit-reset-tokens", "0s"),
    )


def list_models(models: Sequence[SimModel]) -> bytes:
    return encode({"object": "list", "data": [_model(model) for model in models]})


def show_model(model: SimModel) -> bytes:
    return encode(_model(model))


def _model(model: SimModel) -> dict[str, Any]:
    return {"id": model.id, "object": "model", "created": EPOCH_S, "owned_by": "simulated"}


GRAMMAR = Grammar("openai-chat", read, whole, events, error, error_event, headers, list_models, show_model)
