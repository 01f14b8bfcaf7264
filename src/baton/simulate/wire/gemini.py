"""Google's generateContent as its server speaks it: contents, answers, streams (events or one array), errors."""

from collections.abc import Sequence
from typing import Any, Literal

from msgspec import Struct, field

from baton.simulate.answer import Ask, Refused, SimAnswer, SimModel
from baton.simulate.conversation import Conversation, Sealed, ToolSpec, ToolUse, Turn
from baton.simulate.tokens import count_input, pieces
from baton.simulate.wire.grammar import Grammar, Headers, digest_of, encode, json_object, read_body
from baton.simulate.wire.proto_json import camel_members

PIECES_PER_CHUNK = 4

# --- requests --------------------------------------------------------------------------------------


class _Call(Struct, rename="camel"):
    name: str
    args: dict[str, Any] = field(default_factory=dict)
    id: str = ""


class _Result(Struct, rename="camel"):
    name: str
    response: dict[str, Any] = field(default_factory=dict)
    id: str = ""
    parts: Any = None


class _Part(Struct, rename="camel"):
    text: str | None = None
    thought: bool = False
    thought_signature: str | None = None
    inline_data: dict[str, Any] | None = None
    file_data: dict[str, Any] | None = None
    function_call: _Call | None = None
    function_response: _Result | None = None


class _Content(Struct, rename="camel"):
    parts: list[_Part] = field(default_factory=list)
    role: str = "user"


class _Declaration(Struct, rename="camel"):
    name: str
    description: str | None = None
    parameters: dict[str, Any] | None = None
    parameters_json_schema: dict[str, Any] | None = None


class _Tool(Struct, rename="camel"):
    function_declarations: list[_Declaration] | None = None


class _Calling(Struct, rename="camel"):
    mode: str = "AUTO"
    allowed_function_names: list[str] | None = None


class _ToolConfig(Struct, rename="camel"):
    function_calling_config: _Calling | None = None


class _Thinking(Struct, rename="camel"):
    include_thoughts: bool = False
    thinking_budget: int | None = None
    thinking_level: str | None = None


class _Generation(Struct, rename="camel"):
    max_output_tokens: int | None = None
    stop_sequences: list[str] | None = None
    seed: int | None = None
    temperature: float | None = None
    response_schema: dict[str, Any] | None = None
    response_json_schema: dict[str, Any] | None = None
    thinking_config: _Thinking | None = None


class _Body(Struct, rename="camel"):
    contents: list[_Content] = field(default_factory=list)
    system_instruction: _Content | None = None
    tools: list[_Tool] | None = None
    tool_config: _ToolConfig | None = None
    generation_config: _Generation | None = None


class _CountBody(Struct, rename="camel"):
    contents: list[_Content] = field(default_factory=list)
    generate_content_request: _Body | None = None


def read(raw: bytes) -> Ask:
    """Model and streaming stand in the address."""
    body = read_body(raw, _Body, camel_members)
    if not body.contents:
        raise Refused("invalid", "* GenerateContentRequest.contents: contents is not specified", param="contents")
    settings = body.generation_config or _Generation()
    limit = settings.max_output_tokens
    if limit is not None and limit < 1:
        raise Refused("invalid", f"maxOutputTokens is {limit}. Send at least 1.", param="max_output_tokens")
    calling = (body.tool_config and body.tool_config.function_calling_config) or _Calling()
    allowed = calling.allowed_function_names or []
    return Ask(
        model="",
        conversation=_conversation(body),
        max_output=limit,
        stop=tuple(settings.stop_sequences or ()),
        sample=0 if settings.temperature == 0 else settings.seed or 0,
        thinking=_thinks(settings.thinking_config),
        show_thoughts=bool(settings.thinking_config and settings.thinking_config.include_thoughts),
        tool_choice=_MODES.get(calling.mode.upper(), "auto"),
        tool_name=allowed[0] if len(allowed) == 1 else None,
    )


_MODES: dict[str, Literal["none", "required"]] = {"NONE": "none", "ANY": "required"}


def count_tokens(raw: bytes) -> tuple[str, bytes]:
    body = read_body(raw, _CountBody, camel_members)
    whole_request = body.generate_content_request or _Body(contents=body.contents)
    return "", encode({"totalTokens": count_input(_conversation(whole_request))})


def _thinks(config: _Thinking | None) -> bool | None:
    if config is None:
        return None
    if config.thinking_budget is not None:
        return config.thinking_budget != 0
    return config.thinking_level is not None or config.include_thoughts or None


def _conversation(body: _Body) -> Conversation:
    turns: list[Turn] = []
    for place, content in enumerate(body.contents):
        if content.role == "model":
            turns.append(_model_turn(content.parts, place))
        elif content.role in ("user", "function"):
            turns += _user_turns(content.parts)
        else:
            raise Refused("invalid", "Please use a valid role: user, model.", param=f"contents[{place}].role")
    system = _plain(body.system_instruction.parts) if body.system_instruction else ""
    declared = [each for tool in body.tools or () for each in tool.function_declarations or ()]
    tools = tuple(
        ToolSpec(each.name, each.description or "", each.parameters_json_schema or each.parameters or {})
        for each in declared
    )
    settings = body.generation_config or _Generation()
    return Conversation(tuple(turns), system, tools, settings.response_json_schema or settings.response_schema)


def _model_turn(parts: list[_Part], place: int) -> Turn:
    made = [part.function_call for part in parts if part.function_call is not None]
    return Turn(
        "assistant",
        _plain(parts),
        tuple(ToolUse(call.id, call.name, encode(call.args).decode()) for call in made),
        sealed=tuple(
            Sealed(part.thought_signature, f"contents[{place}].parts[{index}]")
            for index, part in enumerate(parts)
            if part.thought_signature is not None
        ),
    )


def _user_turns(parts: list[_Part]) -> list[Turn]:
    """Results come as parts of a user content there; they are turns of their own here."""
    given = [part.function_response for part in parts if part.function_response is not None]
    turns = [
        Turn(
            "tool",
            encode(each.response).decode(),
            result_of=each.id or each.name,
            media=() if each.parts is None else (digest_of(each.parts),),
        )
        for each in given
    ]
    if len(given) < len(parts):
        media = [part.inline_data or part.file_data for part in parts]
        turns.append(Turn("user", _plain(parts), media=tuple(digest_of(one) for one in media if one is not None)))
    return turns


def _plain(parts: list[_Part]) -> str:
    return "".join(part.text or "" for part in parts if not part.thought)


# --- answers ---------------------------------------------------------------------------------------


def whole(answer: SimAnswer, identity: str) -> bytes:
    parts = _thoughts(answer, whole=True) + _texts(answer, whole=True) + _calls(answer)
    if not answer.uses and answer.thought is not None and answer.thought.seal:
        parts = parts or [{"text": ""}]
        parts[-1]["thoughtSignature"] = answer.thought.seal
    return encode(_response(answer, identity, parts, finished=True))


def _chunks(answer: SimAnswer, identity: str) -> list[bytes]:
    """Each is a whole answer with a part of the content; a text's signature comes last, beside an empty text."""
    split = _thoughts(answer, whole=False) + _texts(answer, whole=False)
    calls = _calls(answer)
    last: list[dict[str, Any]] = calls
    if not calls:
        sealed = {"thoughtSignature": answer.thought.seal} if answer.thought and answer.thought.seal else {}
        last = [{"text": "", **sealed}]
    found = [encode(_response(answer, identity, [part], finished=False)) for part in split]
    return [*found, encode(_response(answer, identity, last, finished=True))]


def _thoughts(answer: SimAnswer, *, whole: bool) -> list[dict[str, Any]]:
    shown = answer.thought.text if answer.thought is not None else ""
    return [{"text": text, "thought": True} for text in _split(shown, whole=whole)]


def _texts(answer: SimAnswer, *, whole: bool) -> list[dict[str, Any]]:
    return [{"text": text} for text in _split(answer.text, whole=whole)]


def _split(text: str, *, whole: bool) -> list[str]:
    if whole or not text:
        return [text] if text else []
    tokens = pieces(text)
    return ["".join(tokens[start : start + PIECES_PER_CHUNK]) for start in range(0, len(tokens), PIECES_PER_CHUNK)]


def _calls(answer: SimAnswer) -> list[dict[str, Any]]:
    """The first call of a turn carries its signature; a model that signs its calls also names them."""
    seal = answer.thought.seal if answer.thought is not None else ""
    found: list[dict[str, Any]] = []
    for use in answer.uses:
        arguments = json_object(use.arguments)
        if arguments is not None:
            named = {"id": use.id} if seal else {}
            found.append({"functionCall": {**named, "name": use.name, "args": arguments}})
    if found and seal:
        found[0]["thoughtSignature"] = seal
    return found


def _response(answer: SimAnswer, identity: str, parts: list[dict[str, Any]], *, finished: bool) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"parts": parts, "role": "model"}, "index": 0}
    if finished:
        candidate["finishReason"] = "MAX_TOKENS" if answer.finish == "length" else "STOP"
    return {
        "candidates": [candidate],
        "usageMetadata": _usage(answer),
        "modelVersion": answer.model,
        "responseId": identity,
    }


def _usage(answer: SimAnswer) -> dict[str, Any]:
    """Input includes what came from the cache; the candidates' tokens come without their thoughts."""
    used = answer.usage
    found: dict[str, Any] = {
        "promptTokenCount": used.input,
        "candidatesTokenCount": used.output - used.reasoning,
        "totalTokenCount": used.input + used.output,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": used.input}],
    }
    if used.cache_read:
        found["cachedContentTokenCount"] = used.cache_read
    if used.reasoning:
        found["thoughtsTokenCount"] = used.reasoning
    return found


def events(answer: SimAnswer, identity: str, _include_usage: bool) -> list[bytes]:
    return [b"data: " + chunk + b"\r\n\r\n" for chunk in _chunks(answer, identity)]


def array_events(answer: SimAnswer, identity: str, _include_usage: bool) -> list[bytes]:
    """What streams where nobody asked for `alt=sse`: one JSON array, an element at a time."""
    chunks = _chunks(answer, identity)
    chunks[1:] = [b",\r\n" + chunk for chunk in chunks[1:]]
    chunks[0] = b"[" + chunks[0]
    chunks[-1] += b"]"
    return chunks


# --- errors, headers, models -----------------------------------------------------------------------

_STATUSES = {
    400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND",
    405: "UNIMPLEMENTED", 429: "RESOURCE_EXHAUSTED", 500: "INTERNAL", 503: "UNAVAILABLE", 504: "DEADLINE_EXCEEDED",
}  # fmt: skip


def error(status: int, message: str, _request_id: str, _refusal: Refused | None = None) -> bytes:
    kind = _STATUSES.get(status, "INVALID_ARGUMENT" if status < 500 else "UNKNOWN")
    return encode({"error": {"code": status, "message": message, "status": kind}})


def error_event() -> bytes:
    return b"data: " + error(503, "The model is overloaded. Please try again later.", "") + b"\r\n\r\n"


def array_error_event() -> bytes:
    return b",\r\n" + error(503, "The model is overloaded. Please try again later.", "") + b"]"


def headers(_request_id: str, _model: SimModel | None) -> Headers:
    return (("vary", "Origin"), ("server", "scaffolding on HTTPServer2"), ("server-timing", "gfet4t7; dur=1"))


def list_models(models: Sequence[SimModel]) -> bytes:
    return encode({"models": [_model(model) for model in models]})


def show_model(model: SimModel) -> bytes:
    return encode(_model(model))


def _model(model: SimModel) -> dict[str, Any]:
    return {
        "name": f"models/{model.id}",
        "version": "001",
        "displayName": f"{model.id} (simulated)",
        "inputTokenLimit": model.context_window,
        "outputTokenLimit": model.max_output,
        "supportedGenerationMethods": ["generateContent", "countTokens"],
        "thinking": model.thinking,
    }


GRAMMAR = Grammar(
    "gemini", read, whole, events, error, error_event, headers, list_models, show_model, count_body=count_tokens
)
ARRAY_GRAMMAR = GRAMMAR._replace(
    events=array_events, error_event=array_error_event, stream_type="application/json; charset=UTF-8"
)
