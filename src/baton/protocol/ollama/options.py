"""Everything of a chat request but its messages, for a conversation of another dialect."""

from typing import Any

from msgspec import Raw

from baton.protocol import foreign
from baton.protocol.account import Account
from baton.protocol.arguments import FREE_TEXT, free_text_schema
from baton.protocol.ollama.settings import BESIDE_OPTIONS
from baton.protocol.ollama.tables import LEVELS
from baton.protocol.reasoning import clamp, effort_of
from baton.protocol.stop_cut import CUT_HERE
from baton.protocol.tool_ids import fit_name
from baton.protocol.weight import WITHOUT_WEIGHT
from baton.types.conversation import Conversation, Effort, Sampling, ToolChoice, ToolDefinition
from baton.types.handoff import Target

Members = dict[str, Any]

TAKEN = frozenset({
    "temperature", "top_p", "top_k", "seed", "frequency_penalty", "presence_penalty", "logprobs", "top_logprobs",
})  # fmt: skip
"""What the dialect takes where the target's card says nothing."""
STREAMS = "the target streams unless it is told otherwise"
NO_CONTROL = "the target takes no reasoning control"
ON_OR_OFF = "thinking is on or off: the card of the target names no steps"
NOT_FORCED = "the target cannot be made to call a tool"
NOT_OFFERED = "not among the tools that the choice allows"
BY_OFFER = "by offering no other tools"


def limits(account: Account, conversation: Conversation, target: Target) -> tuple[Members, Members]:
    """`stream`, and the options that bound the answer."""
    account.setting("stream", "kept")
    if "stream" not in conversation.paths:
        account.note("stream", "moved", STREAMS)
    if conversation.end_user:
        account.setting("end_user", "withheld", WITHOUT_WEIGHT.format(conversation.dialect))
    found: Members = {}
    limit = foreign.max_tokens(account, conversation, target)
    if limit is not None:
        found["num_predict"] = limit
    stop = conversation.stop if target.stop_limit is None else conversation.stop[: target.stop_limit]
    if conversation.stop:
        cut = len(stop) < len(conversation.stop)
        account.setting("stop", "moved" if cut else "kept", CUT_HERE.format(f"more than {len(stop)}") if cut else "")
    if stop:
        found["stop"] = list(stop)
    return {"stream": conversation.stream if target.stream is None else target.stream}, found


def sampling(account: Account, conversation: Conversation, target: Target) -> tuple[Members, Members]:
    """Members of the body, and options."""
    taken = TAKEN if target.sampling is None else TAKEN & target.sampling
    members: Members = {}
    options: Members = {}
    for name in Sampling.__struct_fields__:
        value = getattr(conversation.sampling, name)
        setting = f"sampling.{name}"
        if value is None:
            continue
        if name == "candidates":
            several = value != 1
            reason = "the target gives one answer" if several else ""
            account.setting(setting, "rejected" if several else "kept", reason)
        elif name in taken:
            account.setting(setting, "kept")
            (members if name in BESIDE_OPTIONS else options)[name] = value
        elif value is False:
            account.setting(setting, "withheld", "off, as it is without it")
        else:
            account.setting(setting, "degraded", foreign.LACKS.format(name))
    return members, options


def think(account: Account, conversation: Conversation, target: Target) -> bool | Effort | None:
    """A step only where the card names some: other models refuse all but yes and no."""
    control = conversation.reasoning
    if control is None:
        return None
    if target.efforts is not None and not target.efforts:
        for name in ("mode", "effort", "budget", "visible"):
            account.setting(f"reasoning.{name}", "degraded", NO_CONTROL)
        return None
    account.setting("reasoning.visible", "withheld", "the target shows its thinking in its own way")
    if control.mode == "off" or control.effort == "none":
        for name in ("mode", "effort", "budget"):
            account.setting(f"reasoning.{name}", "kept")
        return False
    exact = control.mode in {None, "on"}
    account.setting("reasoning.mode", "kept" if exact else "moved", "" if exact else "as thinking that is on")
    wanted = control.effort or (None if control.budget is None else effort_of(control.budget))
    if wanted is None:
        return True
    step = clamp(wanted, [level for level in LEVELS if level in (target.efforts or ())])
    said = ON_OR_OFF if step is None else f"{step!r} is the nearest step"
    account.setting("reasoning.effort", "kept" if step == wanted else "degraded", "" if step == wanted else said)
    account.setting(
        "reasoning.budget", "moved" if step == wanted else "degraded", f"as {step!r}" if step == wanted else said
    )
    return True if step is None else step


def output_format(account: Account, conversation: Conversation, target: Target) -> Members:
    output = conversation.output
    account.setting("output", "kept")
    if output is None:
        return {}
    if target.capabilities is not None and "structured_output" not in target.capabilities:
        account.setting("output", "rejected", foreign.LACKS.format("output schema"))
        return {}
    if output.kind == "json_object" or not output.schema:
        return {"format": "json"}
    if output.strict is False:
        account.setting("output", "moved", foreign.ALWAYS_STRICT)
    elif output.name or output.description:
        account.setting("output", "moved", foreign.SCHEMA_ALONE)
    return {"format": Raw(output.schema)}


# --- tools -------------------------------------------------------------------------------------


def tools(account: Account, conversation: Conversation) -> list[Members]:
    """There is no choice of tools: what may not be called is not offered."""
    choice = conversation.tool_choice or ToolChoice()
    usable = [tool for tool in conversation.tools if tool.kind != "server"]
    found = []
    for tool in conversation.tools:
        if tool.kind == "server":
            needed = choice.mode != "none" and (not usable or choice.name == tool.name)
            account.tool(tool, "rejected" if needed else "degraded", foreign.SERVER_TOOL.format(conversation.dialect))
        elif _is_allowed(tool, choice):
            found.append(_tool(account, conversation, tool))
        else:
            account.tool(tool, "withheld", NOT_OFFERED)
    _note_choice(account, conversation, offered=bool(found))
    return found


def _is_allowed(tool: ToolDefinition, choice: ToolChoice) -> bool:
    if choice.mode == "none":
        return False
    if choice.mode == "named":
        return tool.name == choice.name
    return not choice.allowed or tool.name in choice.allowed


def _note_choice(account: Account, conversation: Conversation, *, offered: bool) -> None:
    choice = conversation.tool_choice
    if choice is None:
        return
    if choice.mode in {"required", "named"} and offered:
        account.setting("tool_choice", "degraded", NOT_FORCED)
    elif choice.mode == "auto" and not choice.allowed:
        account.setting("tool_choice", "kept")
    else:
        account.setting("tool_choice", "moved", BY_OFFER)
    single = choice.parallel is False and offered
    reason = foreign.LACKS.format("limit of one call at a time") if single else ""
    account.setting("tool_choice.parallel", "degraded" if single else "kept", reason)


def _tool(account: Account, conversation: Conversation, tool: ToolDefinition) -> Members:
    foreign.note_tool_extras(account, tool, conversation)
    function: Members = {"name": fit_name(tool.name, "ollama")}
    if tool.description:
        function["description"] = tool.description
    if tool.kind == "custom":
        account.note(tool.path, "degraded", f"free text as a function with one argument, {FREE_TEXT!r}")
        return {"type": "function", "function": function | {"parameters": Raw(free_text_schema())}}
    renamed = function["name"] != tool.name
    account.note(tool.path, "moved" if renamed else "kept", "under a name that the target takes" if renamed else "")
    if tool.strict is not None:
        reason = foreign.LACKS.format("strict tools") if tool.strict else "off, as it is without it"
        account.note(f"{tool.path}.strict", "degraded" if tool.strict else "withheld", reason)
    function["parameters"] = Raw(tool.schema) if tool.schema else {"type": "object", "properties": {}}
    return {"type": "function", "function": function}
