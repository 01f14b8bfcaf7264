"""Everything of a Responses request but its items, for a conversation of another dialect."""

from typing import Any

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import replace

from baton.protocol import foreign
from baton.protocol.account import Account
from baton.protocol.openai_responses.items import DIALECT
from baton.protocol.reasoning import clamp, effort_of
from baton.protocol.stop_cut import CUT_HERE
from baton.protocol.strict_schema import is_strict
from baton.protocol.tool_ids import fit_name
from baton.types.conversation import EFFORTS, Conversation, Effort, Sampling, ToolChoice, ToolDefinition
from baton.types.handoff import Target

Members = dict[str, Any]

TAKEN = frozenset({"temperature", "top_p", "top_logprobs"})
"""What the dialect takes at all, and where the target's card says nothing."""
LEAST_MAX_TOKENS = 16
SUMMARIES = {"auto": "auto", "concise": "concise", "detailed": "detailed", "summarized": "auto"}
SAME_IN_CHAT = (
    "metadata", "prompt_cache_key", "prompt_cache_options", "prompt_cache_retention", "service_tier",
)  # fmt: skip
"""Members that Chat Completions has under the same name and with the same meaning."""
ENCRYPTED_REASONING = "reasoning.encrypted_content"
SCHEMA_NAME = "answer"
CUSTOM_FORMAT = "custom.format"
CAPPED = "capped at the target's maximum"
RAISED = f"raised to {LEAST_MAX_TOKENS}, the least that the target takes"
NO_CONTROL = "the target takes no reasoning control"
OWN_DEFAULT = "left to the target's own default"


def limits(account: Account, conversation: Conversation, target: Target) -> Members:
    """Maximum of tokens, whom the caller asks for, streaming; stop sequences have no place here."""
    members: Members = {}
    limit = max_tokens(account, conversation, target)
    if limit is not None:
        members["max_output_tokens"] = limit
    account.setting("stop", "moved", CUT_HERE.format("stop sequences"))
    if conversation.end_user:
        account.setting("end_user", "kept")
        members["user"] = conversation.end_user
    stream = conversation.stream if target.stream is None else target.stream
    account.setting("stream", "kept")
    return members | ({"stream": True} if stream else {})


def max_tokens(account: Account, conversation: Conversation, target: Target) -> int | None:
    asked = conversation.max_tokens
    if asked is None:
        return None
    if target.max_output is not None and asked > target.max_output:
        account.setting("max_tokens", "degraded", CAPPED)
        return target.max_output
    if asked < LEAST_MAX_TOKENS:
        account.setting("max_tokens", "degraded", RAISED)
        return LEAST_MAX_TOKENS
    account.setting("max_tokens", "kept")
    return asked


def sampling(account: Account, conversation: Conversation, target: Target) -> Members:
    taken = TAKEN if target.sampling is None else target.sampling & TAKEN
    members: Members = {}
    for name in Sampling.__struct_fields__:
        value = getattr(conversation.sampling, name)
        setting = f"sampling.{name}"
        if value is None:
            continue
        if name == "candidates":
            several = value != 1
            reason = "the target gives one answer" if several else ""
            account.setting(setting, "rejected" if several else "kept", reason)
        elif name == "logprobs" and not value:
            account.setting(setting, "withheld", "off, as it is without it")
        elif name in taken:
            account.setting(setting, "kept")
            members[name] = value
        else:
            account.setting(setting, "degraded", foreign.LACKS.format(name))
    return members


def state(conversation: Conversation, target: Target) -> Members:
    """Nothing is kept at the provider; what it must see again comes back encrypted, where the model thinks."""
    members: Members = {"store": False}
    control = conversation.reasoning
    asked = control is not None and control.mode != "off" and control.effort != "none"
    able = bool(target.efforts) or (target.capabilities is not None and "reasoning" in target.capabilities)
    if target.efforts != () and (asked or able):
        members["include"] = [ENCRYPTED_REASONING]
    return members


def reasoning(account: Account, conversation: Conversation, target: Target) -> Members:
    control = conversation.reasoning
    if control is None:
        return {}
    if target.efforts is not None and not target.efforts:
        for name in ("mode", "effort", "budget", "visible"):
            account.setting(f"reasoning.{name}", "degraded", NO_CONTROL)
        return {}
    summary = SUMMARIES.get(control.visible)
    shown = "" if summary == control.visible else f"as {summary or 'no'} summary"
    account.setting("reasoning.visible", "moved" if shown else "kept", shown)
    step = _step(account, conversation, target)
    member = ({"effort": step} if step else {}) | ({"summary": summary} if summary else {})
    return {"reasoning": member} if member else {}


def _step(account: Account, conversation: Conversation, target: Target) -> Effort | None:
    control = conversation.reasoning
    assert control is not None
    wanted = control.effort
    if control.mode == "off":
        wanted = "none"
    elif wanted is None and control.budget is not None:
        wanted = effort_of(control.budget)
    step = None if wanted is None else clamp(wanted, EFFORTS if target.efforts is None else target.efforts)
    exact = step == wanted
    account.setting("reasoning.mode", "moved", OWN_DEFAULT if step is None else f"as effort {step!r}")
    account.setting("reasoning.budget", "moved" if exact else "degraded", f"as effort {step!r}")
    nearest = "" if exact else f"{step!r} is the nearest step"
    account.setting("reasoning.effort", "kept" if exact else "degraded", nearest)
    return step


def text(account: Account, conversation: Conversation, target: Target) -> Members:
    """The `text` member: format, and how wordy a chat caller wants the answer."""
    members = _output_format(account, conversation, target)
    verbosity = _of_chat(conversation, "verbosity")
    if verbosity is not None:
        members["verbosity"] = verbosity
    return {"text": members} if members else {}


def _output_format(account: Account, conversation: Conversation, target: Target) -> Members:
    output = conversation.output
    account.setting("output", "kept")
    if output is None:
        return {}
    if target.capabilities is not None and "structured_output" not in target.capabilities:
        account.setting("output", "rejected", foreign.LACKS.format("output schema"))
        return {}
    if output.kind == "json_object" or not output.schema:
        return {"format": {"type": "json_object"}}
    strict = output.strict
    if strict is None:
        strict = is_strict(output.schema)
        if not strict:
            account.setting(
                "output", "degraded", "not strict: the schema leaves members open, which strict mode refuses"
            )
    format_: Members = {"type": "json_schema", "name": output.name or SCHEMA_NAME, "schema": Raw(output.schema)}
    format_["strict"] = strict
    return {"format": format_ | ({"description": output.description} if output.description else {})}


# --- members that Chat Completions has too -----------------------------------------------------


def same(conversation: Conversation) -> Members:
    return {name: value for name in SAME_IN_CHAT if (value := _of_chat(conversation, name)) is not None}


def taken(conversation: Conversation) -> frozenset[str]:
    """Unmodelled members of the caller's that go out all the same."""
    names = (*SAME_IN_CHAT, "verbosity")
    return frozenset(name for name in names if _of_chat(conversation, name) is not None)


def _of_chat(conversation: Conversation, name: str) -> Raw | None:
    value = conversation.members.get(name) if conversation.dialect == "openai-chat" else None
    return None if value is None or value == b"null" else Raw(value)


# --- tools -------------------------------------------------------------------------------------


def tools(account: Account, conversation: Conversation) -> list[Members]:
    return [_tool(account, conversation, tool) for tool in foreign.usable_tools(account, conversation)]


def _tool(account: Account, conversation: Conversation, tool: ToolDefinition) -> Members:
    format_ = _custom_format(tool) if conversation.dialect == "openai-chat" else None
    if format_ is not None:
        account.note(f"{tool.path}.{CUSTOM_FORMAT}", "kept")
        tool = replace(tool, extra={name: value for name, value in tool.extra.items() if name != CUSTOM_FORMAT})
    foreign.note_tool_extras(account, tool, conversation)
    name = fit_name(tool.name, DIALECT)
    renamed = name != tool.name
    account.note(tool.path, "moved" if renamed else "kept", "under a name that the target takes" if renamed else "")
    member: Members = {"type": tool.kind, "name": name}
    if tool.description:
        member["description"] = tool.description
    if tool.kind == "custom":
        return member | ({"format": format_} if format_ is not None else {})
    if tool.strict is not None:
        account.note(f"{tool.path}.strict", "kept")
    schema: Raw | Members = Raw(tool.schema) if tool.schema else {"type": "object", "properties": {}}
    # Left out, strict would be on: other dialects mean off.
    return member | {"parameters": schema, "strict": tool.strict or False}


class _Format(Struct):
    type: str = ""
    grammar: dict[str, Raw] | None = None


def _custom_format(tool: ToolDefinition) -> Members | None:
    """What a free-text tool takes, as chat says it: there the grammar is one level deeper."""
    try:
        given = msgspec.json.decode(tool.extra.get(CUSTOM_FORMAT, b""), type=_Format)
    except (ValueError, RecursionError):
        return None
    return {"type": given.type} | (given.grammar or {})


def choice(account: Account, conversation: Conversation, *, offered: bool) -> Members:
    """`offered`: the request defines tools. Without them a choice is refused."""
    asked = conversation.tool_choice
    if asked is None:
        return {}
    for name in ("tool_choice", "tool_choice.parallel"):
        account.setting(name, "kept" if offered else "withheld", "" if offered else "no tools are offered")
    if not offered:
        return {}
    kinds = {tool.name: tool.kind for tool in conversation.tools}
    members: Members = {"tool_choice": _choice(asked, kinds)}
    if asked.parallel is not None:
        members["parallel_tool_calls"] = asked.parallel
    return members


def _choice(asked: ToolChoice, kinds: dict[str, Any]) -> str | Members:
    def named(name: str) -> Members:
        return {"type": kinds.get(name, "function"), "name": fit_name(name, DIALECT)}

    if asked.allowed:
        mode = "required" if asked.mode == "required" else "auto"
        return {"type": "allowed_tools", "mode": mode, "tools": [named(name) for name in asked.allowed]}
    return named(asked.name) if asked.mode == "named" else asked.mode
