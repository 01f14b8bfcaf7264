"""Everything of a Responses request but its items: tools, choice, format, reasoning, sampling, limits."""

from msgspec.structs import replace

from baton.protocol.fields import Fields, SettingNotes, fields_of, text_of
from baton.protocol.openai_responses.items import DIALECT, qualified
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
END_USERS = ("safety_identifier", "user")
"""Where the caller names for whom it asks; the last one that is given is it."""
SUMMARIES = ("summary", "generate_summary")
"""How much of the thinking is to be shown; the second is the older name."""


def read_settings(fields: Fields) -> Conversation:
    """A conversation without turns; every member that is left in `fields` is unmodelled."""
    notes = SettingNotes()
    tools = _read_tools(fields, notes)
    choice = _read_choice(fields, notes)
    output = _read_output(fields, notes)
    reasoning = _read_reasoning(fields, notes)
    sampling = _read_sampling(fields, notes)
    model, max_tokens, stream = fields.text("model"), fields.whole("max_output_tokens"), fields.flag("stream")
    notes.given("model", "model", model or None)
    notes.given("max_tokens", "max_output_tokens", max_tokens)
    notes.given("stream", "stream", stream)
    end_user = _read_end_user(fields, notes)
    return Conversation(
        dialect=DIALECT,
        model=model,
        turns=(),
        tools=tools,
        tool_choice=choice,
        output=output,
        reasoning=reasoning,
        sampling=sampling,
        max_tokens=max_tokens,
        stream=stream or False,
        end_user=end_user,
        paths=notes.paths,
        unmodelled=(*notes.unmodelled, *fields.rest()),
    )


# --- tools -------------------------------------------------------------------------------------


def _read_tools(fields: Fields, notes: SettingNotes) -> tuple[ToolDefinition, ...]:
    found: list[ToolDefinition] = []
    for index, raw in enumerate(fields.items("tools")):
        tool = fields_of(raw, f"tools[{index}]")
        kind = tool.text("type")
        if kind == "namespace":
            found.extend(_read_namespace(tool, notes))
        else:
            found.append(_read_tool(kind, tool, raw))
    return tuple(found)


def _read_namespace(fields: Fields, notes: SettingNotes) -> list[ToolDefinition]:
    """Its functions, each under its full name and with what is said of all of them."""
    namespace, shared = fields.text("name"), fields.text("description")
    found = []
    for index, raw in enumerate(fields.items("tools")):
        inner = fields_of(raw, f"{fields.path}.tools[{index}]")
        tool = _read_tool(inner.text("type"), inner, raw)
        description = "\n\n".join(text for text in (shared, tool.description) if text)
        found.append(replace(tool, name=qualified(namespace, tool.name), description=description))
    notes.rest(fields)
    return found


def _read_tool(kind: str, fields: Fields, raw: bytes) -> ToolDefinition:
    name = fields.text("name")
    if kind not in {"function", "custom"}:
        return ToolDefinition(name or kind, "server", json=raw, path=fields.path, extra=fields.rest())
    description = fields.text("description")
    if kind == "custom":
        return ToolDefinition(name, "custom", description, json=raw, path=fields.path, extra=fields.rest())
    schema, strict = fields.raw("parameters"), fields.flag("strict")
    return ToolDefinition(
        name,
        description=description,
        schema=schema,
        strict=strict,
        json=raw,
        path=fields.path,
        extra=fields.rest(),
    )


def _read_choice(fields: Fields, notes: SettingNotes) -> ToolChoice | None:
    parallel = fields.flag("parallel_tool_calls")
    notes.given("tool_choice.parallel", "parallel_tool_calls", parallel)
    raw = fields.raw("tool_choice")
    choice = _choice_of(raw) if raw else None
    if raw and choice is None:
        notes.unmodelled.append("tool_choice")
    notes.given("tool_choice", "tool_choice", choice)
    if choice is None:
        return None if parallel is None else ToolChoice(parallel=parallel)
    return replace(choice, parallel=parallel)


def _choice_of(raw: bytes) -> ToolChoice | None:
    if raw[:1] == b'"':
        mode = CHOICE_WORDS.get(text_of(raw, "tool_choice"))
        return None if mode is None else ToolChoice(mode)
    fields = fields_of(raw, "tool_choice")
    kind = fields.text("type")
    if kind == "allowed_tools":
        tools = [fields_of(tool, f"tool_choice.tools[{index}]") for index, tool in enumerate(fields.items("tools"))]
        names = tuple(tool.text("name") or tool.text("type") for tool in tools)
        return ToolChoice(CHOICE_WORDS.get(fields.text("mode"), "auto"), allowed=names)
    name = fields.text("name") or kind
    return ToolChoice("named", name) if name else None


# --- the other settings ------------------------------------------------------------------------


def _read_output(fields: Fields, notes: SettingNotes) -> OutputFormat | None:
    text = fields.fields("text")
    if text is None:
        return None
    output = None
    format_ = text.fields("format")
    if format_ is not None:
        output = _format_of(format_, notes)
    notes.rest(text)
    return output


def _format_of(format_: Fields, notes: SettingNotes) -> OutputFormat | None:
    kind = format_.text("type")
    if kind not in {"json_schema", "json_object", "text"}:
        notes.unmodelled.append(format_.path)
        return None
    notes.paths["output"] = format_.path
    output = OutputFormat("json_object") if kind == "json_object" else None
    if kind == "json_schema":
        output = OutputFormat(
            "json_schema",
            format_.raw("schema"),
            format_.text("name"),
            format_.text("description"),
            format_.flag("strict"),
        )
    notes.rest(format_)
    return output


def _read_reasoning(fields: Fields, notes: SettingNotes) -> ReasoningControl | None:
    reasoning = fields.fields("reasoning")
    if reasoning is None:
        return None
    word = reasoning.text("effort")
    effort = next((step for step in EFFORTS if step == word), None)
    if word and effort is None:
        notes.unmodelled.append(reasoning.place("effort"))
    notes.given("reasoning.effort", reasoning.place("effort"), effort)
    visible = ""
    for name in SUMMARIES:
        text = reasoning.text(name)
        if text and visible:
            notes.unmodelled.append(reasoning.place(name))
        elif text:
            visible = text
            notes.given("reasoning.visible", reasoning.place(name), text)
    notes.rest(reasoning)
    return ReasoningControl(effort=effort, visible=visible) if effort or visible else None


def _read_sampling(fields: Fields, notes: SettingNotes) -> Sampling:
    sampling = Sampling(fields.number("temperature"), fields.number("top_p"), top_logprobs=fields.whole("top_logprobs"))
    for name in ("temperature", "top_p", "top_logprobs"):
        notes.given(f"sampling.{name}", name, getattr(sampling, name))
    return sampling


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
