"""Everything of a chat request but its messages: tools, format, thinking, options."""

from baton.protocol.fields import Fields, fields_of, given, text_of
from baton.types.conversation import (
    EFFORTS,
    Conversation,
    OutputFormat,
    ReasoningControl,
    Sampling,
    ToolDefinition,
)

OPTIONS = ("temperature", "top_p", "top_k", "seed", "frequency_penalty", "presence_penalty")
BESIDE_OPTIONS = ("logprobs", "top_logprobs")


def read_settings(fields: Fields) -> Conversation:
    """A conversation without turns; every member that is left in `fields` is unmodelled."""
    paths: dict[str, str] = {}
    unmodelled: list[str] = []
    tools = tuple(_read_tool(raw, f"tools[{index}]") for index, raw in enumerate(fields.items("tools")))
    output = _read_format(fields, paths, unmodelled)
    reasoning = _read_think(fields, paths, unmodelled)
    options = fields.fields("options") or Fields({}, "options")
    max_tokens = _read_limit(options, paths)
    sampling = _read_sampling(fields, options, paths)
    stop = options.texts("stop")
    model, stream = fields.text("model"), fields.flag("stream")
    given(paths, "model", "model", model or None)
    given(paths, "stop", "options.stop", stop or None)
    given(paths, "stream", "stream", stream)
    return Conversation(
        dialect="ollama",
        model=model,
        turns=(),
        tools=tools,
        output=output,
        reasoning=reasoning,
        sampling=sampling,
        max_tokens=max_tokens,
        stop=stop,
        stream=stream is not False,  # a stream is what this dialect does where nothing is said
        paths=paths,
        unmodelled=(*unmodelled, *map(options.place, options.rest()), *fields.rest()),
    )


def _read_tool(raw: bytes, path: str) -> ToolDefinition:
    fields = fields_of(raw, path)
    kind = fields.text("type")
    function = fields.fields("function")
    if function is None:
        return ToolDefinition(kind or fields.text("name"), "server", json=raw, path=path)
    name, description, schema = function.text("name"), function.text("description"), function.raw("parameters")
    extra = {f"function.{key}": value for key, value in function.rest().items()}
    return ToolDefinition(
        name, description=description, schema=schema, json=raw, path=path, extra=fields.rest() | extra
    )


def _read_format(fields: Fields, paths: dict[str, str], unmodelled: list[str]) -> OutputFormat | None:
    """`json`, or a schema; an empty text is no format."""
    raw = fields.raw("format")
    if not raw or raw == b'""':
        return None
    if raw[:1] == b"{":
        output = OutputFormat("json_schema", raw)
    elif raw[:1] == b'"' and text_of(raw, "format") == "json":
        output = OutputFormat("json_object")
    else:
        unmodelled.append("format")
        return None
    paths["output"] = "format"
    return output


def _read_think(fields: Fields, paths: dict[str, str], unmodelled: list[str]) -> ReasoningControl | None:
    """Yes, no, or a level."""
    raw = fields.raw("think")
    if not raw:
        return None
    if raw in {b"true", b"false"}:
        paths["reasoning.mode"] = "think"
        return ReasoningControl("on" if raw == b"true" else "off")
    word = text_of(raw, "think")
    effort = next((step for step in EFFORTS if step == word), None)
    if effort is None:
        unmodelled.append("think")
        return None
    paths["reasoning.effort"] = "think"
    return ReasoningControl(effort=effort)


def _read_limit(options: Fields, paths: dict[str, str]) -> int | None:
    """Zero and negative numbers say that there is no limit: they stay with the options that only this dialect has."""
    raw = options.raw("num_predict")
    if not raw:
        return None
    options.put_back("num_predict", raw)
    limit = options.whole("num_predict")
    if limit is None or limit < 1:
        options.put_back("num_predict", raw)
        return None
    paths["max_tokens"] = "options.num_predict"
    return limit


def _read_sampling(fields: Fields, options: Fields, paths: dict[str, str]) -> Sampling:
    sampling = Sampling(
        options.number("temperature"),
        options.number("top_p"),
        options.number("top_k"),
        options.whole("seed"),
        options.number("frequency_penalty"),
        options.number("presence_penalty"),
        logprobs=fields.flag("logprobs"),
        top_logprobs=fields.whole("top_logprobs"),
    )
    for name in OPTIONS:
        given(paths, f"sampling.{name}", f"options.{name}", getattr(sampling, name))
    for name in BESIDE_OPTIONS:
        given(paths, f"sampling.{name}", name, getattr(sampling, name))
    return sampling
