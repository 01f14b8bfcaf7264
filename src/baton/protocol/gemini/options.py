"""Everything of a `generateContent` request but its contents, for a conversation of another dialect."""

from typing import Any

from msgspec import Raw

from baton.protocol import foreign
from baton.protocol.account import Account
from baton.protocol.arguments import FREE_TEXT, free_text_schema
from baton.protocol.gemini.settings import DYNAMIC_BUDGET, JSON_TYPE, SAMPLING
from baton.protocol.reasoning import BUDGETS, clamp, effort_of
from baton.protocol.stop_cut import CUT_HERE
from baton.protocol.tool_ids import fit_name
from baton.protocol.weight import WITHOUT_WEIGHT
from baton.types.conversation import Conversation, Effort, ReasoningControl, Sampling, ToolChoice, ToolDefinition
from baton.types.handoff import Action, Target

Members = dict[str, Any]

MAX_STOPS = 5
MAX_TEMPERATURE = 2
LADDER: tuple[Effort, ...] = ("minimal", "low", "medium", "high", "xhigh")
"""The steps that `thinkingLevel` knows."""
SHOWN = frozenset({"auto", "concise", "detailed", "summarized"})
CHOICE_WORDS = {"auto": "AUTO", "required": "ANY", "named": "ANY", "none": "NONE"}
VALIDATED = "VALIDATED"
SETTINGS = ("reasoning.mode", "reasoning.effort", "reasoning.budget", "reasoning.visible")

NO_CONTROL = "the target takes no reasoning control"
NO_TOOLS = "no tools are offered"


def generation_config(account: Account, conversation: Conversation, target: Target) -> Members:
    config: Members = {}
    limit = foreign.max_tokens(account, conversation, target)
    if limit is not None:
        config["maxOutputTokens"] = limit
    most = MAX_STOPS if target.stop_limit is None else target.stop_limit
    if conversation.stop:
        cut = len(conversation.stop) > most
        account.setting("stop", "moved" if cut else "kept", CUT_HERE.format(f"more than {most}") if cut else "")
        if most:
            config["stopSequences"] = list(conversation.stop[:most])
    config |= sampling(account, conversation, target)
    config |= output_format(account, conversation, target)
    thought = thinking(account, conversation, target)
    return config | ({"thinkingConfig": thought} if thought else {})


def bookkeeping(account: Account, conversation: Conversation) -> None:
    """What stands in the address of the request, and what has no place in it."""
    account.setting("model", "kept")
    account.setting("stream", "kept")
    account.setting("end_user", "withheld", WITHOUT_WEIGHT.format(conversation.dialect))


def sampling(account: Account, conversation: Conversation, target: Target) -> Members:
    members: Members = {}
    for name in Sampling.__struct_fields__:
        value = getattr(conversation.sampling, name)
        if value is None:
            continue
        setting = f"sampling.{name}"
        if name not in SAMPLING or (target.sampling is not None and name not in target.sampling):
            account.setting(setting, "degraded", foreign.LACKS.format(name))
            continue
        capped = name == "temperature" and value > MAX_TEMPERATURE
        account.setting(setting, "degraded" if capped else "kept", foreign.CAPPED if capped else "")
        members[SAMPLING[name]] = MAX_TEMPERATURE if capped else value
    return members


def output_format(account: Account, conversation: Conversation, target: Target) -> Members:
    output = conversation.output
    account.setting("output", "kept")
    if output is None:
        return {}
    if target.capabilities is not None and "structured_output" not in target.capabilities:
        account.setting("output", "rejected", foreign.LACKS.format("output schema"))
        return {}
    if output.kind == "json_object" or not output.schema:
        return {"responseMimeType": JSON_TYPE}
    if output.strict is False:
        account.setting("output", "moved", foreign.ALWAYS_STRICT)
    elif output.name or output.description:
        account.setting("output", "moved", foreign.SCHEMA_ALONE)
    return {"responseMimeType": JSON_TYPE, "responseJsonSchema": Raw(output.schema)}


# --- thinking ----------------------------------------------------------------------------------


def thinking(account: Account, conversation: Conversation, target: Target) -> Members:
    """The `thinkingConfig`, empty for none."""
    control = conversation.reasoning
    if control is None:
        return {}
    if target.efforts is not None and not target.efforts:
        _note(account, "degraded", NO_CONTROL)
        return {}
    off = control.mode == "off" or control.effort == "none"
    config = (
        _budget(account, control, off=off) if target.reasoning_style == "budget" else _level(account, control, target)
    )
    thinks = not off and (control.mode is not None or control.visible in SHOWN)
    account.setting("reasoning.visible", "kept")
    if thinks and control.visible != "omitted":
        config["includeThoughts"] = True
    return config


def _level(account: Account, control: ReasoningControl, target: Target) -> Members:
    wanted = control.effort
    if control.mode == "off":
        wanted = "none"
    elif wanted is None and control.budget is not None:
        wanted = effort_of(control.budget)
    if wanted is None:
        account.setting("reasoning.mode", "kept" if control.mode == "adaptive" else "moved", "left to the model")
        return {}
    ladder = LADDER if target.efforts is None else tuple(step for step in target.efforts if step in LADDER)
    step = clamp(wanted, ladder)
    exact = step == wanted
    reason = f"{step!r} is the nearest step"
    account.setting("reasoning.effort", "kept" if exact else "degraded", "" if exact else reason)
    account.setting("reasoning.mode", "degraded" if wanted == "none" and not exact else "moved", f"as level {step!r}")
    account.setting("reasoning.budget", "moved", f"as level {step!r}")
    return {} if step is None else {"thinkingLevel": step.upper()}


def _budget(account: Account, control: ReasoningControl, *, off: bool) -> Members:
    if off:
        budget = 0
    elif control.budget is not None:
        budget = control.budget
    else:
        budget = DYNAMIC_BUDGET if control.effort is None else BUDGETS[control.effort]
    if control.budget is None and control.effort is None and control.mode is None:
        return {}
    kept = control.budget is not None
    account.setting("reasoning.budget", "kept")
    account.setting("reasoning.effort", "moved", f"as a budget of {budget} tokens")
    account.setting("reasoning.mode", "moved" if kept else "kept", "as a budget" if kept else "")
    return {"thinkingBudget": budget}


def _note(account: Account, action: Action, reason: str = "") -> None:
    for name in SETTINGS:
        account.setting(name, action, reason)


# --- tools -------------------------------------------------------------------------------------


def tools(account: Account, conversation: Conversation) -> list[Members]:
    named = "" if conversation.tool_choice is None else conversation.tool_choice.name
    usable = [tool for tool in conversation.tools if tool.kind != "server"]
    functions = []
    for tool in conversation.tools:
        if tool.kind == "server":
            needed = not usable or named == tool.name
            account.tool(tool, "rejected" if needed else "degraded", foreign.SERVER_TOOL.format(conversation.dialect))
        else:
            functions.append(_function(account, conversation, tool))
    return [{"functionDeclarations": functions}] if functions else []


def _function(account: Account, conversation: Conversation, tool: ToolDefinition) -> Members:
    foreign.note_tool_extras(account, tool, conversation)
    function: Members = {"name": fit_name(tool.name, "gemini")}
    renamed = function["name"] != tool.name
    account.note(tool.path, "moved" if renamed else "kept", "under a name that the target takes" if renamed else "")
    if tool.description:
        function["description"] = tool.description
    if tool.kind == "custom":
        account.note(tool.path, "degraded", f"free text as a function with one argument, {FREE_TEXT!r}")
        return function | {"parametersJsonSchema": Raw(free_text_schema())}
    if tool.strict is not None:
        path = f"{tool.path}.strict"
        account.note(path, "moved" if tool.strict else "kept", "for all tools together" if tool.strict else "")
    return function | ({"parametersJsonSchema": Raw(tool.schema)} if tool.schema else {})


def choice(account: Account, conversation: Conversation, *, offered: bool) -> Members:
    """`offered`: the request defines tools. Arguments are held to their schemas where a tool asks for it."""
    asked = conversation.tool_choice
    strict = any(tool.strict for tool in conversation.tools if tool.kind == "function")
    if asked is None:
        return _calling(VALIDATED) if offered and strict else {}
    if not offered:
        account.setting("tool_choice", "withheld", NO_TOOLS)
        account.setting("tool_choice.parallel", "withheld", NO_TOOLS)
        return {}
    account.setting("tool_choice", "kept")
    alone = asked.parallel is False
    reason = foreign.LACKS.format("limit of one call at a time") if alone else ""
    account.setting("tool_choice.parallel", "degraded" if alone else "kept", reason)
    word = CHOICE_WORDS[asked.mode]
    if word == "AUTO" and (strict or asked.allowed):
        word = VALIDATED
    return _calling(word) if asked.mode == "none" else _calling(word, _allowed(asked))


def _allowed(asked: ToolChoice) -> list[str]:
    names = (asked.name,) if asked.mode == "named" else asked.allowed
    return [fit_name(name, "gemini") for name in names]


def _calling(mode: str, names: list[str] | None = None) -> Members:
    calling: Members = {"mode": mode} | ({"allowedFunctionNames": names} if names else {})
    return {"toolConfig": {"functionCallingConfig": calling}}
