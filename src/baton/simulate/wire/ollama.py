"""Ollama's chat as its server speaks it: messages, answers, lines of JSON as a stream (its default), errors, models."""

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Struct, field

from baton.simulate.answer import Ask, Refused, SimAnswer, SimModel
from baton.simulate.conversation import Conversation, ToolSpec, ToolUse, Turn
from baton.simulate.draw import label
from baton.simulate.tokens import pieces
from baton.simulate.wire.grammar import Grammar, Headers, digest_of, encode, json_object, read_body, with_notices

CREATED = "2026-01-01T00:00:00Z"
NANOSECONDS = 1_000_000

# --- requests --------------------------------------------------------------------------------------


class _Called(Struct):
    name: str
    arguments: dict[str, Any] = field(default_factory=dict)


class _Call(Struct):
    function: _Called


class _Message(Struct):
    role: str
    content: str = ""
    thinking: str = ""
    images: list[str] | None = None
    tool_calls: list[_Call] | None = None
    tool_name: str = ""


class _Function(Struct):
    name: str
    description: str = ""
    parameters: dict[str, Any] = field(default_factory=dict)


class _Tool(Struct):
    function: _Function
    type: str = "function"


class _Options(Struct):
    num_predict: int | None = None
    stop: list[str] | None = None
    seed: int | None = None
    temperature: float | None = None


class _Body(Struct):
    model: str
    messages: list[_Message] = field(default_factory=list)
    stream: bool | None = None
    think: bool | str | None = None
    format: Any = None
    options: _Options | None = None
    tools: list[_Tool] | None = None


def read(raw: bytes) -> Ask:
    """There is no choice of tools in this dialect, and no limit where `num_predict` is negative."""
    body = read_body(raw, _Body)
    if not body.messages:
        raise Refused("invalid", "messages is empty. Send at least one message.", param="messages")
    options = body.options or _Options()
    limit = options.num_predict
    return Ask(
        model=body.model,
        conversation=_conversation(body),
        max_output=limit if limit is not None and limit > 0 else None,
        stop=tuple(options.stop or ()),
        stream=body.stream is not False,
        include_usage=True,
        sample=0 if options.temperature == 0 else options.seed or 0,
        thinking=None if body.think is None else bool(body.think),
    )


def shown_model(raw: bytes) -> str:
    """The model that a body of `/api/show` names; empty where it names none."""
    try:
        return str(msgspec.json.decode(raw, type=dict[str, Any]).get("model", ""))
    except msgspec.DecodeError:
        return ""


def _conversation(body: _Body) -> Conversation:
    system: list[str] = []
    turns: list[Turn] = []
    notices: dict[int, list[str]] = {}
    for message in body.messages:
        media = tuple(map(digest_of, message.images or ()))
        if message.role == "system":
            system.append(message.content)
            notices.setdefault(len(turns), []).append(message.content)
        elif message.role == "user":
            turns.append(Turn("user", message.content, media=media))
        elif message.role == "assistant":
            calls = [call.function for call in message.tool_calls or ()]
            uses = tuple(ToolUse("", call.name, encode(call.arguments).decode()) for call in calls)
            turns.append(Turn("assistant", message.content, uses))
        elif message.role == "tool":
            turns.append(Turn("tool", message.content, result_of=message.tool_name, media=media))
        else:
            told = f"invalid role: {message.role!r}. Use one of system, user, assistant or tool."
            raise Refused("invalid", told, param="messages")
    functions = [tool.function for tool in body.tools or ()]
    tools = tuple(ToolSpec(each.name, each.description, each.parameters) for each in functions)
    wanted = body.format if isinstance(body.format, dict) else None
    return Conversation(with_notices(turns, notices), "\n".join(system), tools, wanted)


# --- answers ---------------------------------------------------------------------------------------


def whole(answer: SimAnswer, _identity: str) -> bytes:
    message: dict[str, Any] = {"role": "assistant", "content": answer.text}
    if answer.thought is not None and answer.thought.text:
        message["thinking"] = answer.thought.text
    if answer.uses:
        message["tool_calls"] = _calls(answer)
    return encode({"model": answer.model, "created_at": CREATED, "message": message, **_done(answer)})


def events(answer: SimAnswer, _identity: str, _include_usage: bool) -> list[bytes]:
    """Thinking, then text, then each call whole; the last line has the reason, the counts and an empty message."""

    def line(message: dict[str, Any], **members: Any) -> bytes:
        spoken = {"role": "assistant", "content": "", **message}
        done = members or {"done": False}
        return encode({"model": answer.model, "created_at": CREATED, "message": spoken, **done}) + b"\n"

    frames: list[bytes] = []
    if answer.thought is not None:
        frames += [line({"thinking": piece}) for piece in pieces(answer.thought.text) if piece]
    frames += [line({"content": piece}) for piece in pieces(answer.text) if piece]
    frames += [line({"tool_calls": [call]}) for call in _calls(answer)]
    return [*frames, line({}, **_done(answer))]


def _calls(answer: SimAnswer) -> list[dict[str, Any]]:
    read_arguments = ((use.name, json_object(use.arguments)) for use in answer.uses)
    return [{"function": {"name": name, "arguments": found}} for name, found in read_arguments if found is not None]


def _done(answer: SimAnswer) -> dict[str, Any]:
    used = answer.usage
    return {
        "done": True,
        "done_reason": "length" if answer.finish == "length" else "stop",
        "total_duration": (used.input + used.output) * NANOSECONDS,
        "load_duration": NANOSECONDS,
        "prompt_eval_count": used.input,
        "prompt_eval_duration": used.input * NANOSECONDS,
        "eval_count": used.output,
        "eval_duration": used.output * NANOSECONDS,
    }


# --- errors, headers, models -----------------------------------------------------------------------


def error(_status: int, message: str, _request_id: str, _refusal: Refused | None = None) -> bytes:
    return encode({"error": message})


def error_event() -> bytes:
    return encode({"error": "an error was encountered while running the model: unexpected EOF"}) + b"\n"


def headers(_request_id: str, _model: SimModel | None) -> Headers:
    return ()


def list_models(models: Sequence[SimModel]) -> bytes:
    return encode({"models": [_model(model) for model in models]})


def show_model(model: SimModel) -> bytes:
    known = {"tools": "tools", "image": "vision", "reasoning": "thinking"}
    able = ["completion", *sorted(known[each] for each in model.capabilities if each in known)]
    details = _model(model)["details"]
    info = {"general.architecture": "simulated", "simulated.context_length": model.context_window}
    return encode({"details": details, "model_info": info, "capabilities": able, "modified_at": CREATED})


def _model(model: SimModel) -> dict[str, Any]:
    details = {"format": "gguf", "family": model.bound_to, "parameter_size": "0B", "quantization_level": "simulated"}
    names = {"name": model.id, "model": model.id, "digest": label(32, "model", model.id)}
    return {**names, "modified_at": CREATED, "size": 0, "details": details}


GRAMMAR = Grammar(
    "ollama",
    read,
    whole,
    events,
    error,
    error_event,
    headers,
    list_models,
    show_model,
    stream_type="application/x-ndjson",
)
