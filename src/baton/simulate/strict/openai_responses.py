"""What OpenAI's responses refuse: members, items, their ids and parts, tools, calls without outputs and the reverse."""

import re
from typing import Any

from baton.simulate.strict import openai
from baton.simulate.strict.posed import Object, Posed, Rule, below, objects, refuse

MEMBERS = frozenset({
    "access_programs", "background", "background_options", "client_metadata", "context_management", "conversation",
    "image", "include", "input", "instructions", "max_output_tokens", "max_tool_calls", "metadata", "model",
    "moderation", "parallel_tool_calls", "previous_response_id", "prompt", "prompt_cache_key", "prompt_cache_options",
    "prompt_cache_retention", "reasoning", "safety_identifier", "service_tier", "store", "stream", "stream_options",
    "temperature", "text", "tool_choice", "tools", "top_logprobs", "top_p", "truncation", "user",
})  # fmt: skip
_CALL = frozenset({"type", "id", "call_id", "name", "async", "caller", "namespace"})
ITEMS: dict[str, frozenset[str] | None] = {
    "message": frozenset({"type", "id", "role", "content", "status", "phase"}),
    "function_call": _CALL | {"arguments", "status"},
    "function_call_output": frozenset({"type", "id", "call_id", "output", "status", "caller", "name", "namespace"}),
    "custom_tool_call": _CALL | {"input", "status"},
    "custom_tool_call_output": frozenset({"type", "id", "call_id", "output", "caller"}),
    "reasoning": frozenset({"type", "id", "summary", "content", "encrypted_content", "status"}),
    "item_reference": frozenset({"type", "id"}),
    "compaction": frozenset({"type", "id", "encrypted_content"}),
    **dict.fromkeys((
        "file_search_call", "computer_call", "computer_call_output", "web_search_call", "tool_search_call",
        "tool_search_output", "additional_tools", "configuration_update", "image_generation_call",
        "code_interpreter_call", "local_shell_call", "local_shell_call_output", "shell_call", "shell_call_output",
        "apply_patch_call", "apply_patch_call_output", "mcp_list_tools", "mcp_approval_request",
        "mcp_approval_response", "mcp_call", "compaction_trigger", "program", "program_output",
    )),
}  # fmt: skip
"""Members by kind of item; None where they are not checked."""

ID_PREFIXES = {
    "message": "msg", "function_call": "fc", "function_call_output": "fc", "custom_tool_call": "ctc",
    "custom_tool_call_output": "ctc", "reasoning": "rs",
}  # fmt: skip
ID = re.compile(r"[a-zA-Z0-9_-]+")
_MARKED = frozenset({"type", "prompt_cache_breakpoint"})
INPUT_PARTS: dict[str, frozenset[str]] = {
    "input_text": _MARKED | {"text"},
    "input_image": _MARKED | {"image_url", "file_id", "detail"},
    "input_file": _MARKED | {"file_id", "filename", "file_data", "file_url", "detail"},
}
OUTPUT_PARTS: dict[str, frozenset[str]] = {
    "output_text": frozenset({"type", "text", "annotations", "logprobs"}),
    "refusal": frozenset({"type", "refusal"}),
}
ROLES = ("assistant", "system", "developer", "user")
LEAST_OUTPUT = 16


def known_members(posed: Posed) -> None:
    openai.only_members(posed.body, MEMBERS)
    for name in ("model", "input"):
        if name not in posed.body:
            openai.missing(name)


def items(posed: Posed) -> None:
    for place, item in objects(posed.body["input"]):
        at = f"input[{place}]"
        kind = item.get("type", "message")
        if kind not in ITEMS:
            openai.wrong_value(kind, ITEMS, at)
        known = ITEMS[kind]
        if known is not None:
            openai.only_members(item, known, at)


def ids(posed: Posed) -> None:
    for place, item in objects(posed.body["input"]):
        _check_id(item, f"input[{place}].id")
        if "call_id" in item:
            openai.check_length(str(item["call_id"]), f"input[{place}].call_id")
            if not item["call_id"]:
                openai.missing(f"input[{place}].call_id")


def _check_id(item: Object, at: str) -> None:
    kind, value = item.get("type", "message"), item.get("id")
    if value is None:
        if kind == "reasoning":
            openai.missing(at)
        return
    if not isinstance(value, str):
        openai.wrong_type(at, "a string", value)
    openai.check_length(value, at)
    if not ID.fullmatch(value):
        told = (
            "Expected an ID that contains letters, numbers, underscores, or dashes, but this value contained additional"
        )
        refuse(f"Invalid '{at}': '{value}'. {told} characters.", at, "invalid_value")
    prefix = ID_PREFIXES.get(kind)
    if prefix is not None and not value.startswith(prefix):
        refuse(f"Invalid '{at}': '{value}'. Expected an ID that begins with '{prefix}'.", at, "invalid_value")


def messages(posed: Posed) -> None:
    for place, item in objects(posed.body["input"]):
        if item.get("type", "message") != "message":
            continue
        role, at = item.get("role"), f"input[{place}]"
        if role not in ROLES:
            openai.wrong_value(role, ROLES, f"{at}.role")
        if item.get("content") is None:
            openai.missing(f"{at}.content")
        known = OUTPUT_PARTS if role == "assistant" else INPUT_PARTS
        _check_parts(item["content"], known, f"{at}.content")
        phase = item.get("phase")
        if phase not in (None, "commentary", "final_answer"):
            openai.wrong_value(phase, ("commentary", "final_answer"), f"{at}.phase")
        if phase is not None and role != "assistant":
            openai.unknown(f"{at}.phase")


def _check_parts(content: Any, known: dict[str, frozenset[str]], at: str) -> None:
    for index, part in objects(content):
        kind = part.get("type")
        if kind not in known:
            openai.wrong_value(kind, known, f"{at}[{index}]")
        openai.only_members(part, known[kind], f"{at}[{index}]")
        if kind in ("input_text", "output_text") and not isinstance(part.get("text"), str):
            openai.missing(f"{at}[{index}].text")


def calls(posed: Posed) -> None:
    for place, item in objects(posed.body["input"]):
        kind, at = item.get("type"), f"input[{place}]"
        text = {"function_call": "arguments", "custom_tool_call": "input"}.get(str(kind))
        if text is None:
            continue
        for name in ("call_id", "name", text):
            if name not in item:
                openai.missing(f"{at}.{name}")
            if not isinstance(item[name], str):
                openai.wrong_type(f"{at}.{name}", "a string", item[name])
        openai.check_name(item["name"], f"{at}.name")


def outputs(posed: Posed) -> None:
    for place, item in objects(posed.body["input"]):
        if item.get("type") not in ("function_call_output", "custom_tool_call_output"):
            continue
        at = f"input[{place}]"
        for name in ("call_id", "output"):
            if item.get(name) is None:
                openai.missing(f"{at}.{name}")
        if not isinstance(item["output"], str | list):
            openai.wrong_type(f"{at}.output", "one of a string or array of objects", item["output"])
        _check_parts(item["output"], INPUT_PARTS, f"{at}.output")


def calls_and_outputs_match(posed: Posed) -> None:
    """In any order after the call, but none without the other."""
    called: set[Any] = set()
    answered: set[Any] = set()
    for _, item in objects(posed.body["input"]):
        kind, name = str(item.get("type")), item.get("call_id")
        if kind in ("function_call", "custom_tool_call"):
            called.add(name)
        elif kind in ("function_call_output", "custom_tool_call_output"):
            if name not in called:
                refuse(f"No tool call found for function call output with call_id {name}.", "input")
            if name in answered:
                refuse(f"Duplicate function call output for call_id {name}.", "input")
            answered.add(name)
    for name in sorted(map(str, called - answered)):
        refuse(f"No tool output found for function call {name}.", "input")


def reasoning_has_what_it_led_to(posed: Posed) -> None:
    """A reasoning item stands directly before a message or a call of the same turn, or another reasoning item."""
    given = [item for _, item in objects(posed.body["input"])]
    for place, item in enumerate(given):
        if item.get("type") != "reasoning":
            continue
        if not isinstance(item.get("summary"), list):
            openai.missing(f"input[{place}].summary")
        following = given[place + 1] if place + 1 < len(given) else {"type": "nothing"}
        kind = following.get("type", "message")
        if (
            kind == "nothing"
            or kind.endswith("_output")
            or (kind == "message" and following.get("role") != "assistant")
        ):
            told = "was provided without its required following item."
            refuse(f"Item '{item['id']}' of type 'reasoning' {told}", "input")


# --- settings and tools ----------------------------------------------------------------------------


def output_limit(posed: Posed) -> None:
    limit = posed.body.get("max_output_tokens")
    if isinstance(limit, int) and limit < LEAST_OUTPUT:
        told = f"integer below minimum value. Expected a value >= {LEAST_OUTPUT}, but got {limit} instead."
        refuse(f"Invalid 'max_output_tokens': {told}", "max_output_tokens", "integer_below_min_value")


def sampling(posed: Posed) -> None:
    openai.sampling_settings(posed, ("temperature", "top_p", "top_logprobs"))


def reasoning_settings(posed: Posed) -> None:
    given = posed.body.get("reasoning")
    if given is None:
        return
    openai.only_members(given, ("context", "effort", "generate_summary", "mode", "summary"), "reasoning")
    effort, summary = given.get("effort"), given.get("summary")
    if effort is not None and "reasoning" not in posed.model.capabilities:
        openai.unsupported("reasoning.effort")
    if effort is not None and effort not in openai.EFFORTS:
        openai.wrong_value(effort, openai.EFFORTS, "reasoning.effort")
    if summary not in (None, "auto", "concise", "detailed"):
        openai.wrong_value(summary, ("concise", "detailed", "auto"), "reasoning.summary")


def text_format(posed: Posed) -> None:
    text = posed.body.get("text")
    if text is None:
        return
    openai.only_members(text, ("format", "verbosity"), "text")
    wanted = text.get("format")
    kind = below(wanted, "type")
    if wanted is None or kind in ("text", "json_object"):
        return
    if kind != "json_schema":
        openai.wrong_value(kind, ("json_object", "json_schema", "text"), "text.format.type")
    openai.only_members(wanted, ("type", "name", "schema", "strict", "description"), "text.format")
    openai.check_name(wanted.get("name"), "text.format.name")
    if not isinstance(wanted.get("schema"), dict):
        openai.missing("text.format.schema")


FUNCTION_MEMBERS = frozenset({
    "type", "name", "description", "parameters", "strict", "allowed_callers", "async", "defer_loading", "output_schema",
})  # fmt: skip
TOOLS = (
    "function", "custom", "namespace", "file_search", "computer", "computer_use_preview", "web_search",
    "web_search_2025_08_26", "web_search_preview", "web_search_preview_2025_03_11", "mcp", "code_interpreter",
    "programmatic_tool_calling", "image_generation", "local_shell", "shell", "tool_search", "apply_patch",
)  # fmt: skip


def definitions(posed: Posed) -> None:
    for place, tool in objects(posed.body.get("tools")):
        at, kind = f"tools[{place}]", tool.get("type")
        if kind not in TOOLS:
            openai.wrong_value(kind, TOOLS, f"{at}.type")
        if kind == "function":
            openai.check_name(tool.get("name"), f"{at}.name")
            openai.only_members(tool, FUNCTION_MEMBERS, at)


def choice(posed: Posed) -> None:
    given = posed.body.get("tool_choice")
    if isinstance(given, str) and given not in ("none", "auto", "required"):
        openai.wrong_value(given, ("none", "auto", "required"), "tool_choice")
    if isinstance(given, dict) and given.get("type") in ("function", "custom"):
        openai.only_members(given, ("type", "name"), "tool_choice")
        if given.get("name") is None:
            openai.missing("tool_choice.name")
        openai.named_choice(posed, given["name"])


RULES: tuple[Rule, ...] = (
    known_members,
    items,
    ids,
    messages,
    calls,
    outputs,
    calls_and_outputs_match,
    reasoning_has_what_it_led_to,
    output_limit,
    sampling,
    reasoning_settings,
    text_format,
    definitions,
    choice,
    openai.service_tier,
    openai.metadata,
)
