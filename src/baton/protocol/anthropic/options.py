"""Everything of a Messages request but its messages, for a conversation of another dialect."""

from typing import Any

import msgspec
from msgspec import Raw, Struct

from baton.protocol import foreign
from baton.protocol.account import Account
from baton.protocol.anthropic.render import Blocks
from baton.protocol.arguments import FREE_TEXT, free_text_schema
from baton.protocol.stop_cut import CUT_HERE
from baton.protocol.tool_ids import fit_name
from baton.types.conversation import Conversation, Sampling, ToolChoice, ToolDefinition
from baton.types.handoff import Target
from baton.types.parts import ToolCallPart

Members = dict[str, Any]

MAX_TEMPERATURE = 1
CHOICE_WORDS = {"auto": "auto", "required": "any", "named": "tool", "none": "none"}
ABSENT = Raw(b"")
COMBINATORS = ("oneOf", "anyOf", "allOf")
NO_LIMIT = "max_tokens is required, and the card of the target does not say its maximum: set `max_output`"
FILLED = "filled from the target's card"
CAPPED = "capped at the target's maximum"
NOT_OFFERED = "not among the tools that the choice allows"
FOR_HISTORY = "defined because the history calls it"
COMBINED = "alternatives at the top of a schema are not taken: left out"


def limits(account: Account, conversation: Conversation, target: Target) -> Members:
    """`max_tokens`, which is required; stop sequences; whom the caller asks for; streaming."""
    members: Members = {"max_tokens": max_tokens(account, conversation, target)}
    stop = [sequence for sequence in conversation.stop if sequence.strip()]
    dropped = len(stop) < len(conversation.stop)
    account.setting(
        "stop", "moved" if dropped else "kept", CUT_HERE.format("sequences of nothing but space") if dropped else ""
    )
    if stop:
        members["stop_sequences"] = stop
    if conversation.end_user:
        account.setting("end_user", "kept")
        members["metadata"] = {"user_id": conversation.end_user}
    stream = conversation.stream if target.stream is None else target.stream
    account.setting("stream", "kept")
    return members | ({"stream": True} if stream else {})


def max_tokens(account: Account, conversation: Conversation, target: Target) -> int:
    asked = conversation.max_tokens
    if asked is None:
        account.note(
            "max_tokens", "moved" if target.max_output else "rejected", FILLED if target.max_output else NO_LIMIT
        )
        return target.max_output or 1
    if target.max_output is not None and asked > target.max_output:
        account.setting("max_tokens", "degraded", CAPPED)
        return target.max_output
    account.setting("max_tokens", "kept")
    return asked


def sampling(account: Account, conversation: Conversation, target: Target) -> Members:
    taken = target.sampling or frozenset()
    members: Members = {}
    for name in Sampling.__struct_fields__:
        value = getattr(conversation.sampling, name)
        setting = f"sampling.{name}"
        if value is None:
            continue
        if name == "candidates":
            several = value != 1
            account.setting(
                setting, "rejected" if several else "kept", "the target gives one answer" if several else ""
            )
        elif value is False:
            account.setting(setting, "withheld", "off, as it is without it")
        elif name in taken and name in {"temperature", "top_p", "top_k"}:
            capped = name == "temperature" and value > MAX_TEMPERATURE
            account.setting(setting, "degraded" if capped else "kept", CAPPED if capped else "")
            members[name] = MAX_TEMPERATURE if capped else value
        else:
            account.setting(setting, "degraded", foreign.LACKS.format(name))
    return members


def output_format(account: Account, conversation: Conversation, target: Target) -> Members:
    """The `format` member of `output_config`."""
    output = conversation.output
    if output is None:
        account.setting("output", "kept")
        return {}
    if target.capabilities is not None and "structured_output" not in target.capabilities:
        account.setting("output", "rejected", foreign.LACKS.format("output schema"))
        return {}
    if output.kind == "json_object" or not output.schema:
        account.setting("output", "degraded", foreign.LACKS.format("JSON mode without a schema"))
        return {}
    account.setting("output", "kept")
    if output.strict is False:
        account.setting("output", "moved", foreign.ALWAYS_STRICT)
    elif output.name or output.description:
        account.setting("output", "moved", foreign.SCHEMA_ALONE)
    return {"format": {"type": "json_schema", "schema": Raw(output.schema)}}


# --- tools -------------------------------------------------------------------------------------


def tools(account: Account, conversation: Conversation, blocks: Blocks) -> list[Members]:
    choice = conversation.tool_choice or ToolChoice()
    usable = [tool for tool in conversation.tools if tool.kind != "server"]
    found = []
    for tool in conversation.tools:
        if tool.kind == "server":
            needed = not usable or choice.name == tool.name
            account.tool(tool, "rejected" if needed else "degraded", foreign.SERVER_TOOL.format(conversation.dialect))
        elif choice.allowed and tool.name not in choice.allowed:
            account.tool(tool, "withheld", NOT_OFFERED)
        else:
            found.append(_tool(account, conversation, tool, blocks))
    return found or _tools_of_history(account, conversation)


def _tool(account: Account, conversation: Conversation, tool: ToolDefinition, blocks: Blocks) -> Members:
    foreign.note_extras(account, tool.path, tool.extra, conversation.dialect)
    member: Members = {"name": fit_name(tool.name, "anthropic")}
    if tool.description:
        member["description"] = tool.description
    if tool.kind == "custom":
        account.note(tool.path, "degraded", f"free text as a function with one argument, {FREE_TEXT!r}")
        return member | {"input_schema": Raw(free_text_schema())} | blocks.cache(tool.cache)
    renamed = member["name"] != tool.name
    account.note(tool.path, "moved" if renamed else "kept", "under a name that the target takes" if renamed else "")
    member["input_schema"] = _schema(account, tool)
    if tool.strict is not None:
        account.note(f"{tool.path}.strict", "kept")
        member["strict"] = tool.strict
    return member | blocks.cache(tool.cache)


class _Top(Struct, rename={"one": "oneOf", "any": "anyOf", "all": "allOf"}):
    """What of a schema decides whether the target takes it."""

    type: Raw = ABSENT
    one: Raw = ABSENT
    any: Raw = ABSENT
    all: Raw = ABSENT


_TOP = msgspec.json.Decoder(_Top)


def _schema(account: Account, tool: ToolDefinition) -> Raw | Members:
    """The caller's bytes where they do, else with what the target requires: an object at the top, no alternatives."""
    if not tool.schema:
        return {"type": "object", "properties": {}}
    try:
        top = _TOP.decode(tool.schema)
    except msgspec.ValidationError:
        account.note(tool.path, "degraded", "a schema that is not an object: any arguments are taken")
        return {"type": "object"}
    combined = [name for name in COMBINATORS if getattr(top, name.removesuffix("Of")) != ABSENT]
    if bytes(top.type) == b'"object"' and not combined:
        return Raw(tool.schema)
    if combined:
        account.note(tool.path, "degraded", COMBINED)
    schema = msgspec.json.decode(tool.schema, type=dict[str, Raw])
    return {"type": "object"} | {name: value for name, value in schema.items() if name not in {"type", *combined}}


def _tools_of_history(account: Account, conversation: Conversation) -> list[Members]:
    """The target refuses calls in the history of tools that the request does not define."""
    calls = (part for turn in conversation.turns for part in turn.parts if type(part) is ToolCallPart)
    names = dict.fromkeys(fit_name(call.name, "anthropic") for call in calls)
    if names:
        account.note("tools", "moved", FOR_HISTORY)
    return [{"name": name, "input_schema": {"type": "object"}} for name in names]


def choice(account: Account, conversation: Conversation, *, offered: bool) -> Members:
    """`offered`: the request defines tools. Without them a choice is refused."""
    asked = conversation.tool_choice
    if asked is None:
        return {}
    if not offered:
        account.setting("tool_choice", "withheld", "no tools are offered")
        account.setting("tool_choice.parallel", "withheld", "no tools are offered")
        return {}
    member: Members = {"type": CHOICE_WORDS[asked.mode]}
    account.setting(
        "tool_choice",
        "moved" if asked.allowed else "kept",
        "only the allowed tools are offered" if asked.allowed else "",
    )
    if asked.mode == "named":
        member["name"] = fit_name(asked.name, "anthropic")
    if asked.parallel is not None:
        account.setting("tool_choice.parallel", "kept")
        if asked.mode != "none":
            member["disable_parallel_tool_use"] = not asked.parallel
    return {"tool_choice": member}
