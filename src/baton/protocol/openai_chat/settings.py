"""Everything of a Chat Completions request but its messages: tools, choice, format, reasoning, sampling, limits."""

import msgspec

from baton.protocol.fields import Fields, SettingNotes, decode, fields_of, text_of
from baton.protocol.openai_chat.content import cache_marker
from baton.types.conversation import (
    EFFORTS,
    ChoiceMode,
    Conversation,
    OutputFormat,
    ReasoningControl,
    Sampling,
    ToolChoice,
    ToolDefinition,
)

CHOICE_WORDS: dict[str, ChoiceMode] = {"auto": "auto", "none": "none", "required": "required"}
LIMITS = ("max_completion_tokens", "max_tokens")
END_USERS = ("safety_identifier", "user")
"""Where the caller names for whom it asks; the last one that is given is it."""
NUMBERS = ("temperature", "top_p", "top_k", "frequency_penalty", "presence_penalty")
_BIAS = msgspec.json.Decoder(dict[str, float])


def read_settings(fields: Fields) -> Conversation:
    """A conversation without turns; every member that is left in `fields` is unmodelled."""
    notes = SettingNotes()
    tools = (*_read_tools(fields), *_read_functions(fields))
    choice = _read_choice(fields, notes)
    output = _read_output(fields, notes)
    reasoning = _read_effort(fields, notes)
    sampling = _read_sampling(fields, notes)
    max_tokens = _read_limit(fields, notes)
    model, stop, stream = fields.text("model"), fields.texts("stop"), fields.flag("stream")
    notes.given("model", "model", model or None)
    notes.given("stop", "stop", stop or None)
    notes.given("stream", "stream", stream)
    end_user = _read_end_user(fields, notes)
    return Conversation(
        dialect="openai-chat",
        model=model,
        turns=(),
        tools=tools,
        tool_choice=choice,
        output=output,
        reasoning=reasoning,
        sampling=sampling,
        max_tokens=max_tokens,
        stop=stop,
        stream=stream or False,
        end_user=end_user,
        paths=notes.paths,
        unmodelled=(*notes.unmodelled, *fields.rest()),
    )


# --- tools -------------------------------------------------------------------------------------


def _read_tools(fields: Fields) -> list[ToolDefinition]:
    return [_read_tool(raw, f"tools[{index}]") for index, raw in enumerate(fields.items("tools"))]


def _read_functions(fields: Fields) -> list[ToolDefinition]:
    """`functions` is what tools were before there were tools."""
    found = []
    for index, raw in enumerate(fields.items("functions")):
        function = fields_of(raw, f"functions[{index}]")
        found.append(_definition(function, function, raw))
    return found


def _read_tool(raw: bytes, path: str) -> ToolDefinition:
    fields = fields_of(raw, path)
    kind = fields.text("type")
    if kind == "custom":
        custom = fields.fields("custom") or Fields({}, fields.place("custom"))
        extra = {
            f"custom.{name}": value for name, value in custom.rest().items() if name not in {"name", "description"}
        }
        name, description = custom.text("name"), custom.text("description")
        return ToolDefinition(
            name, "custom", description, json=raw, path=path, cache=cache_marker(fields), extra=fields.rest() | extra
        )
    function = fields.fields("function")
    if function is None:
        return ToolDefinition(kind or fields.text("name"), "server", json=raw, path=path)
    return _definition(fields, function, raw)


def _definition(fields: Fields, function: Fields, raw: bytes) -> ToolDefinition:
    name, description = function.text("name"), function.text("description")
    schema, strict = function.raw("parameters"), function.flag("strict")
    extra = {} if function is fields else {f"function.{key}": value for key, value in function.rest().items()}
    return ToolDefinition(
        name,
        description=description,
        schema=schema,
        strict=strict,
        json=raw,
        path=fields.path,
        cache=cache_marker(fields),
        extra=fields.rest() | extra,
    )


def _read_choice(fields: Fields, notes: SettingNotes) -> ToolChoice | None:
    parallel = fields.flag("parallel_tool_calls")
    notes.given("tool_choice.parallel", "parallel_tool_calls", parallel)
    member = "tool_choice" if fields.has("tool_choice") else "function_call"
    raw = fields.raw(member)
    choice = _choice_of(raw, member) if raw else None
    if raw and choice is None:
        notes.unmodelled.append(member)
    notes.given("tool_choice", member, choice)
    if choice is None:
        return None if parallel is None else ToolChoice(parallel=parallel)
    return msgspec.structs.replace(choice, parallel=parallel)


def _choice_of(raw: bytes, path: str) -> ToolChoice | None:
    if raw[:1] == b'"':
        mode = CHOICE_WORDS.get(text_of(raw, path))
        return None if mode is None else ToolChoice(mode)
    fields = fields_of(raw, path)
    kind = fields.text("type")
    if kind == "allowed_tools":
        allowed = fields.fields("allowed_tools") or fields
        tools = [_tool_name(fields_of(tool, f"{path}.tools[{n}]")) for n, tool in enumerate(allowed.items("tools"))]
        return ToolChoice(CHOICE_WORDS.get(allowed.text("mode"), "auto"), allowed=tuple(tools))
    name = _tool_name(fields)
    return ToolChoice("named", name) if name else None


def _tool_name(fields: Fields) -> str:
    inner = fields.fields("function") or fields.fields("custom") or fields
    return inner.text("name")


# --- the other settings ------------------------------------------------------------------------


def _read_output(fields: Fields, notes: SettingNotes) -> OutputFormat | None:
    format_ = fields.fields("response_format")
    if format_ is None:
        return None
    kind = format_.text("type")
    if kind == "json_schema":
        schema = format_.fields("json_schema") or Fields({}, format_.place("json_schema"))
        output = OutputFormat(
            "json_schema", schema.raw("schema"), schema.text("name"), schema.text("description"), schema.flag("strict")
        )
        notes.unmodelled.extend(schema.place(name) for name in schema.rest())
    elif kind == "json_object":
        output = OutputFormat("json_object")
    else:
        output = None
    if output is None and kind != "text":
        notes.unmodelled.append("response_format")
    else:
        notes.paths["output"] = "response_format"
    notes.unmodelled.extend(format_.place(name) for name in format_.rest())
    return output


def _read_effort(fields: Fields, notes: SettingNotes) -> ReasoningControl | None:
    word = fields.text("reasoning_effort")
    effort = next((step for step in EFFORTS if step == word), None)
    if word and effort is None:
        notes.unmodelled.append("reasoning_effort")
    notes.given("reasoning.effort", "reasoning_effort", effort)
    return None if effort is None else ReasoningControl(effort=effort)


def _read_sampling(fields: Fields, notes: SettingNotes) -> Sampling:
    numbers = {name: fields.number(name) for name in NUMBERS}
    bias = fields.raw("logit_bias")
    sampling = Sampling(
        **numbers,
        seed=fields.whole("seed"),
        candidates=fields.whole("n"),
        logprobs=fields.flag("logprobs"),
        top_logprobs=fields.whole("top_logprobs"),
        logit_bias=decode(bias, _BIAS, "logit_bias", "an object of numbers") if bias else None,
    )
    for name in Sampling.__struct_fields__:
        notes.given(f"sampling.{name}", "n" if name == "candidates" else name, getattr(sampling, name))
    return sampling


def _read_limit(fields: Fields, notes: SettingNotes) -> int | None:
    for name in LIMITS:
        limit = fields.whole(name)
        if limit is not None:
            notes.given("max_tokens", name, limit)
            return limit
    return None


def _read_end_user(fields: Fields, notes: SettingNotes) -> str:
    found = ""
    for name in END_USERS:
        text = fields.text(name)
        if text:
            if found:
                notes.unmodelled.append(notes.paths["end_user"])
            found = text
            notes.given("end_user", name, text)
    return found
