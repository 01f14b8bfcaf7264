"""Everything of a Chat Completions request but its messages, for a conversation of another dialect."""

from typing import Any

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import replace

from baton.protocol import foreign
from baton.protocol.account import Account
from baton.protocol.reasoning import clamp, effort_of
from baton.protocol.stop_cut import CUT_HERE
from baton.protocol.strict_schema import is_strict
from baton.protocol.tool_ids import fit_name
from baton.protocol.weight import is_null
from baton.types.conversation import EFFORTS, Conversation, Effort, Sampling, ToolChoice, ToolDefinition
from baton.types.handoff import Target

Members = dict[str, Any]

NULL = b"null"
MAX_STOPS = 4
TAKEN = frozenset({
    "temperature", "top_p", "seed", "frequency_penalty", "presence_penalty", "candidates", "logprobs",
    "top_logprobs", "logit_bias",
})  # fmt: skip
"""What the dialect takes where the target's card says nothing."""
SAME_IN_RESPONSES = (
    "metadata", "prompt_cache_key", "prompt_cache_options", "prompt_cache_retention", "service_tier",
)  # fmt: skip
"""Members that Responses has under the same name and with the same meaning."""
SCHEMA_NAME = "answer"
NO_CONTROL = "the target takes no reasoning control"
OWN_DEFAULT = "left to the target's own default"


def limits(account: Account, conversation: Conversation, target: Target) -> Members:
    """Maximum of tokens, stop sequences, whom the caller asks for, streaming."""
    members: Members = {}
    limit = foreign.max_tokens(account, conversation, target)
    if limit is not None:
        members[target.max_tokens_member or "max_completion_tokens"] = limit
    most = MAX_STOPS if target.stop_limit is None else target.stop_limit
    if conversation.stop:
        cut = len(conversation.stop) > most
        account.setting("stop", "moved" if cut else "kept", CUT_HERE.format(f"more than {most}") if cut else "")
        if most:
            members["stop"] = list(conversation.stop[:most])
    if conversation.end_user:
        account.setting("end_user", "kept")
        members["user"] = conversation.end_user
    stream = conversation.stream if target.stream is None else target.stream
    account.setting("stream", "kept")
    return members | ({"stream": True, "stream_options": {"include_usage": True}} if stream else {})


def sampling(account: Account, conversation: Conversation, target: Target) -> Members:
    taken = TAKEN if target.sampling is None else target.sampling
    members: Members = {}
    for name in Sampling.__struct_fields__:
        value = getattr(conversation.sampling, name)
        if value is None:
            continue
        if name in taken:
            account.setting(f"sampling.{name}", "kept")
            members["n" if name == "candidates" else name] = value
        else:
            account.setting(f"sampling.{name}", "degraded", foreign.LACKS.format(name))
    return members


def reasoning_effort(account: Account, conversation: Conversation, target: Target) -> Effort | None:
    control = conversation.reasoning
    if control is None:
        return None
    if target.efforts is not None and not target.efforts:
        for name in ("mode", "effort", "budget", "visible"):
            account.setting(f"reasoning.{name}", "degraded", NO_CONTROL)
        return None
    account.setting("reasoning.visible", "withheld", "the target shows its thinking in its own way")
    wanted = control.effort
    if control.mode == "off":
        wanted = "none"
    elif wanted is None and control.budget is not None:
        wanted = effort_of(control.budget)
    step = None if wanted is None else clamp(wanted, EFFORTS if target.efforts is None else target.efforts)
    exact = step == wanted
    account.setting("reasoning.mode", "moved", OWN_DEFAULT if step is None else f"as effort {step!r}")
    account.setting("reasoning.budget", "moved" if exact else "degraded", f"as effort {step!r}")
    account.setting(
        "reasoning.effort", "kept" if exact else "degraded", "" if exact else f"{step!r} is the nearest step"
    )
    return step


def output_format(account: Account, conversation: Conversation, target: Target) -> Members:
    output = conversation.output
    account.setting("output", "kept")
    if output is None:
        return {}
    if target.capabilities is not None and "structured_output" not in target.capabilities:
        account.setting("output", "rejected", foreign.LACKS.format("output schema"))
        return {}
    if output.kind == "json_object" or not output.schema:
        return {"response_format": {"type": "json_object"}}
    strict = output.strict
    if strict is None:
        strict = is_strict(output.schema)
        if not strict:
            account.setting(
                "output", "degraded", "not strict: the schema leaves members open, which strict mode refuses"
            )
    schema: Members = {"name": output.name or SCHEMA_NAME, "schema": Raw(output.schema), "strict": strict}
    if output.description:
        schema["description"] = output.description
    return {"response_format": {"type": "json_schema", "json_schema": schema}}


# --- members that Responses has too ------------------------------------------------------------


def same(conversation: Conversation) -> Members:
    if conversation.dialect != "openai-responses":
        return {}
    members = conversation.members
    found: Members = {name: Raw(members[name]) for name in SAME_IN_RESPONSES if not is_null(members.get(name, NULL))}
    verbosity = _verbosity(members.get("text", NULL))
    return found | ({"verbosity": verbosity} if verbosity else {})


def taken(conversation: Conversation) -> frozenset[str]:
    """Where these members stand in the caller's body."""
    return frozenset("text.verbosity" if name == "verbosity" else name for name in same(conversation))


class _Text(Struct):
    verbosity: str | None = None


def _verbosity(text: bytes) -> str | None:
    try:
        return msgspec.json.decode(text, type=_Text).verbosity
    except msgspec.ValidationError:
        return None


# --- tools -------------------------------------------------------------------------------------


def tools(account: Account, conversation: Conversation) -> list[Members]:
    return [_tool(account, conversation, tool) for tool in foreign.usable_tools(account, conversation)]


def _tool(account: Account, conversation: Conversation, tool: ToolDefinition) -> Members:
    format_ = _custom_format(tool) if conversation.dialect == "openai-responses" else None
    if format_ is not None:
        account.note(f"{tool.path}.format", "kept")
        tool = replace(tool, extra={name: value for name, value in tool.extra.items() if name != "format"})
    foreign.note_tool_extras(account, tool, conversation)
    function: Members = {"name": fit_name(tool.name, "openai-chat")}
    renamed = function["name"] != tool.name
    account.note(tool.path, "moved" if renamed else "kept", "under a name that the target takes" if renamed else "")
    if tool.description:
        function["description"] = tool.description
    if tool.kind == "custom":
        return {"type": "custom", "custom": function | ({"format": format_} if format_ is not None else {})}
    if tool.schema:
        function["parameters"] = Raw(tool.schema)
    if tool.strict is not None:
        account.note(f"{tool.path}.strict", "kept")
        function["strict"] = tool.strict
    return {"type": "function", "function": function}


def _custom_format(tool: ToolDefinition) -> Members | None:
    """What a free-text tool takes, as Responses says it: there the grammar is one level flatter."""
    if tool.kind != "custom" or is_null(tool.extra.get("format", NULL)):
        return None
    given = msgspec.json.decode(tool.extra["format"])
    if not isinstance(given, dict):
        return None
    grammar = {name: value for name, value in given.items() if name != "type"}
    return {"type": given.get("type", "text")} | ({"grammar": grammar} if grammar else {})


def choice(account: Account, conversation: Conversation, *, offered: bool) -> Members:
    """`offered`: the request defines tools. Without them a choice is refused."""
    asked = conversation.tool_choice
    if asked is None:
        return {}
    for name in ("tool_choice", "tool_choice.parallel"):
        account.setting(name, "kept" if offered else "withheld", "" if offered else "no tools are offered")
    if not offered:
        return {}
    members: Members = {"tool_choice": _choice(asked)}
    if asked.parallel is not None:
        members["parallel_tool_calls"] = asked.parallel
    return members


def _choice(asked: ToolChoice) -> str | Members:
    if asked.allowed:
        names = [{"type": "function", "function": {"name": fit_name(name, "openai-chat")}} for name in asked.allowed]
        mode = "required" if asked.mode == "required" else "auto"
        return {"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": names}}
    if asked.mode == "named":
        return {"type": "function", "function": {"name": fit_name(asked.name, "openai-chat")}}
    return asked.mode
