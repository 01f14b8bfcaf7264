"""A Messages request -> the canonical conversation."""

from collections.abc import Mapping

from msgspec import Raw
from msgspec.structs import replace

from baton.protocol.anthropic.blocks import cache_marker, read_content
from baton.protocol.fields import Fields, body_members, fields_of, given
from baton.protocol.private import stamp
from baton.types.conversation import (
    EFFORTS,
    ChoiceMode,
    Conversation,
    Effort,
    OutputFormat,
    RawTurn,
    ReasoningControl,
    Role,
    Sampling,
    ThinkingMode,
    ToolChoice,
    ToolDefinition,
    Turn,
)
from baton.types.errors import MalformedBody
from baton.types.parts import OpaquePart, Origin

UNKNOWN_ORIGIN = Origin()
ROLES: dict[str, Role] = {"user": "user", "assistant": "assistant", "system": "system"}
THINKING_MODES: dict[str, ThinkingMode] = {
    "enabled": "on",
    "adaptive": "adaptive",
    "between_tools": "between_tools",
    "disabled": "off",
}
CHOICE_MODES: dict[str, ChoiceMode] = {"auto": "auto", "any": "required", "tool": "named", "none": "none"}


def read(body: bytes | Mapping[str, Raw], origin: Origin = UNKNOWN_ORIGIN) -> Conversation:
    """`origin` is presumed of thinking blocks whose signature bears no envelope. Raises MalformedBody."""
    members = body_members(body)
    fields = Fields(dict(members))
    paths: dict[str, str] = {}
    unmodelled: list[str] = []
    turns = _read_turns(fields, origin)
    tools = tuple(_read_tool(raw, f"tools[{index}]") for index, raw in enumerate(fields.items("tools")))
    model, max_tokens, stop, stream = _read_plain(fields, paths)
    sampling = _read_sampling(fields, paths)
    reasoning = _read_thinking(fields, paths, unmodelled)
    effort, output = _read_output(fields, paths, unmodelled)
    if effort is not None:
        reasoning = replace(reasoning or ReasoningControl(), effort=effort)
    choice = _read_choice(fields, paths, unmodelled)
    end_user = _read_metadata(fields, paths, unmodelled)
    unmodelled.extend(fields.rest())
    return Conversation(
        dialect="anthropic",
        model=model,
        turns=stamp(turns),
        tools=tools,
        tool_choice=choice,
        output=output,
        reasoning=reasoning,
        sampling=sampling,
        max_tokens=max_tokens,
        stop=stop,
        stream=stream or False,
        end_user=end_user,
        members={name: bytes(value) for name, value in members.items()},
        paths=paths,
        unmodelled=tuple(unmodelled),
    )


# --- turns -------------------------------------------------------------------------------------


def _read_turns(fields: Fields, origin: Origin) -> list[Turn]:
    turns = []
    system = fields.raw("system")
    if system:
        content = read_content(system, "system", origin)
        raw = RawTurn("anthropic", system, origin)
        turns.append(Turn("system", tuple(content.parts), raw=raw, path="system", label="top"))
    if not fields.has("messages"):
        raise MalformedBody("`messages` is missing: send the conversation as a list of messages", "messages")
    turns.extend(_read_message(raw, f"messages[{index}]", origin) for index, raw in enumerate(fields.items("messages")))
    return turns


def _read_message(raw: bytes, path: str, origin: Origin) -> Turn:
    fields = fields_of(raw, path)
    label = fields.text("role")
    role = ROLES.get(label, "unknown")
    kept = RawTurn("anthropic", raw, origin)
    if role == "unknown":
        return Turn(role, (OpaquePart(raw, "anthropic", label, path=path),), raw=kept, path=path, label=label)
    content = read_content(fields.raw("content"), fields.place("content"), origin)
    return Turn(role, tuple(content.parts), tuple(content.private), kept, path, label, extra=fields.rest())


def _read_tool(raw: bytes, path: str) -> ToolDefinition:
    fields = fields_of(raw, path)
    kind = fields.text("type")
    name = fields.text("name")
    if kind not in {"", "custom"}:
        return ToolDefinition(name or kind, "server", json=raw, path=path)
    return ToolDefinition(
        name,
        description=fields.text("description"),
        schema=fields.raw("input_schema"),
        strict=fields.flag("strict"),
        json=raw,
        path=path,
        cache=cache_marker(fields),
        extra=fields.rest(),
    )


# --- settings ----------------------------------------------------------------------------------


def _read_plain(fields: Fields, paths: dict[str, str]) -> tuple[str, int | None, tuple[str, ...], bool | None]:
    model = fields.text("model")
    max_tokens = fields.whole("max_tokens")
    stop = fields.texts("stop_sequences")
    stream = fields.flag("stream")
    given(paths, "model", "model", model or None)
    given(paths, "max_tokens", "max_tokens", max_tokens)
    given(paths, "stop", "stop_sequences", stop or None)
    given(paths, "stream", "stream", stream)
    return model, max_tokens, stop, stream


def _read_sampling(fields: Fields, paths: dict[str, str]) -> Sampling:
    sampling = Sampling(fields.number("temperature"), fields.number("top_p"), fields.number("top_k"))
    given(paths, "sampling.temperature", "temperature", sampling.temperature)
    given(paths, "sampling.top_p", "top_p", sampling.top_p)
    given(paths, "sampling.top_k", "top_k", sampling.top_k)
    return sampling


def _read_thinking(fields: Fields, paths: dict[str, str], unmodelled: list[str]) -> ReasoningControl | None:
    thinking = fields.fields("thinking") or Fields({}, "thinking")
    word = thinking.text("type")
    mode = THINKING_MODES.get(word)
    if word and mode is None:
        unmodelled.append(thinking.place("type"))
    budget = thinking.whole("budget_tokens")
    visible = thinking.text("display")
    given(paths, "reasoning.mode", thinking.place("type"), mode)
    given(paths, "reasoning.budget", thinking.place("budget_tokens"), budget)
    given(paths, "reasoning.visible", thinking.place("display"), visible or None)
    unmodelled.extend(thinking.place(name) for name in thinking.rest())
    return ReasoningControl(mode, None, budget, visible) if mode or budget or visible else None


def _read_output(
    fields: Fields, paths: dict[str, str], unmodelled: list[str]
) -> tuple[Effort | None, OutputFormat | None]:
    config = fields.fields("output_config") or Fields({}, "output_config")
    word = config.text("effort")
    effort = next((step for step in EFFORTS if step == word), None)
    if word and effort is None:
        unmodelled.append(config.place("effort"))
    given(paths, "reasoning.effort", config.place("effort"), effort)
    output = None
    format_ = config.fields("format")
    if format_ is not None:
        if format_.text("type") == "json_schema":
            output = OutputFormat("json_schema", format_.raw("schema"))
            paths["output"] = format_.path
            unmodelled.extend(format_.place(name) for name in format_.rest())
        else:
            unmodelled.append(format_.path)
    unmodelled.extend(config.place(name) for name in config.rest())
    return effort, output


def _read_choice(fields: Fields, paths: dict[str, str], unmodelled: list[str]) -> ToolChoice | None:
    choice = fields.fields("tool_choice")
    if choice is None:
        return None
    mode = CHOICE_MODES.get(choice.text("type"))
    name = choice.text("name")
    alone = choice.flag("disable_parallel_tool_use")
    given(paths, "tool_choice", "tool_choice", mode)
    given(paths, "tool_choice.parallel", choice.place("disable_parallel_tool_use"), alone)
    unmodelled.extend(choice.place(name) for name in choice.rest())
    if mode is None:
        unmodelled.append("tool_choice")
        return None
    return ToolChoice(mode, name, parallel=None if alone is None else not alone)


def _read_metadata(fields: Fields, paths: dict[str, str], unmodelled: list[str]) -> str:
    metadata = fields.fields("metadata")
    if metadata is None:
        return ""
    end_user = metadata.text("user_id")
    given(paths, "end_user", metadata.place("user_id"), end_user or None)
    unmodelled.extend(metadata.place(name) for name in metadata.rest())
    return end_user
