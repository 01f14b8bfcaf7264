"""What Anthropic's messages refuse: members, roles, settings, tools, caching. `anthropic_blocks.py` has the content."""

import re
from collections.abc import Iterator
from typing import Any

from baton.simulate.strict.posed import Object, Posed, Rule, below, listed, objects, refuse

MEMBERS = frozenset({
    "cache_control", "container", "diagnostics", "inference_geo", "max_tokens", "messages", "metadata", "model",
    "output_config", "service_tier", "speed", "stop_sequences", "stream", "system", "thinking", "tool_choice", "tools",
    "user_profile_id", "workspace_id",
})  # fmt: skip
SAMPLING = ("temperature", "top_p", "top_k")
BETA_MEMBERS = frozenset({
    "billing_policy", "compaction", "context_management", "fallback_credit_token", "fallbacks", "mcp_servers",
    "output_format", "thread",
})  # fmt: skip
"""Only with an `anthropic-beta` header."""

THINKING_TYPES = ("enabled", "adaptive", "between_tools", "disabled")
EFFORTS = ("low", "medium", "high", "xhigh", "max")
MOST_MARKERS = 4
LEAST_BUDGET = 1_024
TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}")


def known_members(posed: Posed) -> None:
    beta = BETA_MEMBERS if "anthropic-beta" in posed.headers else frozenset()
    for name in posed.body:
        if name not in MEMBERS and name not in beta and name not in SAMPLING:
            refuse(f"{name}: Extra inputs are not permitted", name)


def required_members(posed: Posed) -> None:
    for name in ("model", "max_tokens", "messages"):
        if name not in posed.body:
            refuse(f"{name}: Field required", name)
    whole_number(posed.body["max_tokens"], "max_tokens", "max_tokens")


def whole_number(value: object, place: str, name: str) -> None:
    if not isinstance(value, int) or isinstance(value, bool):
        refuse(f"{place}: Input should be a valid integer", name)


def roles(posed: Posed) -> None:
    for place, message in objects(posed.body["messages"]):
        role = message.get("role")
        if role == "system" and posed.has("refuses_inner_system"):
            told = 'The Messages API accepts a top-level `system` parameter, not "system" as an input message role.'
            refuse(f'messages: Unexpected role "system". {told}', "messages")
        if role not in ("user", "assistant", "system"):
            told = f"Input should be 'user', 'assistant' or 'system', not {role!r}"
            refuse(f"messages.{place}.role: {told}", "messages")
        for name in message:
            if name not in ("role", "content"):
                refuse(f"messages.{place}.{name}: Extra inputs are not permitted", "messages")


def begins_with_user(posed: Posed) -> None:
    spoken = [message for _, message in objects(posed.body["messages"]) if message.get("role") != "system"]
    if spoken and spoken[0].get("role") != "user":
        refuse('messages: first message must use the "user" role', "messages")


def no_prefill(posed: Posed) -> None:
    messages = [message for _, message in objects(posed.body["messages"])]
    if not messages or messages[-1].get("role") != "assistant":
        return
    if posed.has("refuses_prefill") or thinking_type(posed) in ("enabled", "adaptive"):
        told = "This model does not support assistant message prefill. The conversation must end with a user message."
        refuse(told, "messages")
    content = messages[-1].get("content")
    last = content[-1].get("text") if isinstance(content, list) and content else content
    if isinstance(last, str) and last != last.rstrip():
        refuse("messages: final assistant content cannot end with trailing whitespace", "messages")


# --- settings --------------------------------------------------------------------------------------


def sampling(posed: Posed) -> None:
    for name in SAMPLING:
        value = posed.body.get(name)
        if value is None:
            continue
        if posed.has("refuses_sampling"):
            refuse(f"`{name}` is deprecated for this model.", name)
        if name == "temperature" and value != 1 and thinking_type(posed) in ("enabled", "adaptive"):
            refuse("`temperature` may only be set to 1 when thinking is enabled or in adaptive mode.", name)
        if isinstance(value, int | float) and name != "top_k" and not 0 <= value <= 1:
            refuse(f"{name}: range: 0..1", name)


def thinking_settings(posed: Posed) -> None:
    thinking = posed.body.get("thinking")
    if thinking is None:
        return
    kind = thinking_type(posed)
    if kind not in THINKING_TYPES:
        expected = ", ".join(f"'{each}'" for each in THINKING_TYPES)
        told = f"Input tag {kind!r} found using 'type' does not match any of the expected tags: {expected}"
        refuse(f"thinking: {told}", "thinking")
    if kind != "enabled":
        return
    budget = below(thinking, "budget_tokens")
    if budget is None:
        refuse("thinking.enabled.budget_tokens: Field required", "thinking")
    whole_number(budget, "thinking.enabled.budget_tokens", "thinking")
    if budget < LEAST_BUDGET:
        told = f"Input should be greater than or equal to {LEAST_BUDGET}"
        refuse(f"thinking.enabled.budget_tokens: {told}", "thinking")
    if budget >= posed.body["max_tokens"]:
        refuse("`max_tokens` must be greater than `thinking.budget_tokens`.", "max_tokens")


def effort_and_format(posed: Posed) -> None:
    config = posed.body.get("output_config")
    effort = below(config, "effort")
    if effort is not None and effort not in EFFORTS:
        expected = ", ".join(f"'{each}'" for each in EFFORTS)
        refuse(f"output_config.effort: Input should be {expected}", "output_config")
    for name in config if isinstance(config, dict) else ():
        if name not in ("effort", "format"):
            refuse(f"output_config.{name}: Extra inputs are not permitted", "output_config")
    wanted = below(config, "format")
    for name in wanted if isinstance(wanted, dict) else ():
        if name not in ("type", "schema"):
            refuse(f"output_config.format.{name}: Extra inputs are not permitted", "output_config")


def stop_sequences(posed: Posed) -> None:
    for stop in listed(posed.body.get("stop_sequences")):
        if isinstance(stop, str) and not stop.strip():
            refuse("stop_sequences: each stop sequence must contain non-whitespace", "stop_sequences")


# --- tools -----------------------------------------------------------------------------------------

TOOL_MEMBERS = frozenset({
    "allowed_callers", "cache_control", "defer_loading", "description", "eager_input_streaming", "input_examples",
    "input_schema", "name", "strict", "type",
})  # fmt: skip
CHOICES = ("auto", "any", "tool", "none")


def tool_definitions(posed: Posed) -> None:
    seen: set[Any] = set()
    for place, tool in objects(posed.body.get("tools")):
        name = tool.get("name")
        if name in seen:
            refuse("tools: Tool names must be unique.", "tools")
        seen.add(name)
        if tool.get("type") not in (None, "custom"):
            continue
        here = f"tools.{place}.custom"
        if not isinstance(name, str) or not TOOL_NAME.fullmatch(name):
            refuse(f"{here}.name: String should match pattern '^[a-zA-Z0-9_-]{{1,128}}$'", "tools")
        for member in tool:
            if member not in TOOL_MEMBERS:
                refuse(f"{here}.{member}: Extra inputs are not permitted", "tools")
        if below(tool, "input_schema", "type") != "object":
            refuse(f"{here}.input_schema.type: Input should be 'object'", "tools")


def tool_choice(posed: Posed) -> None:
    choice = posed.body.get("tool_choice")
    if choice is None:
        return
    kind = below(choice, "type")
    if kind not in CHOICES:
        expected = ", ".join(f"'{each}'" for each in CHOICES)
        told = f"Input tag {kind!r} found using 'type' does not match any of the expected tags: {expected}"
        refuse(f"tool_choice: {told}", "tool_choice")
    if not posed.body.get("tools") and kind != "none":
        refuse("tool_choice: `tool_choice` may only be specified while providing `tools`.", "tool_choice")
    names = {tool.get("name") for _, tool in objects(posed.body.get("tools"))}
    if kind == "tool" and choice.get("name") not in names:
        refuse(f"Tool '{choice.get('name')}' not found in provided tools", "tool_choice")
    if kind in ("any", "tool") and thinking_type(posed) in ("enabled", "adaptive"):
        refuse("Thinking may not be enabled when tool_choice forces tool use.", "tool_choice")


# --- caching ---------------------------------------------------------------------------------------


def cache_markers(posed: Posed) -> None:
    count = sum(1 for _ in _marked(posed.body))
    if count > MOST_MARKERS:
        refuse(f"A maximum of {MOST_MARKERS} blocks with cache_control may be provided. Found {count}.")
    for marked in _marked(posed.body):
        marker = marked["cache_control"]
        if below(marker, "type") != "ephemeral" or below(marker, "ttl") not in (None, "5m", "1h"):
            refuse("cache_control: Input should be {'type': 'ephemeral'} with a ttl of '5m' or '1h'", "cache_control")


def _marked(value: Any) -> Iterator[Object]:
    """Every object with a marker in system, tools, messages and the results in them; never inside a caller's schema."""
    if isinstance(value, dict):
        if value.get("cache_control") is not None:
            yield value
        for name in ("system", "tools", "messages", "content"):
            yield from _marked(value.get(name))
    elif isinstance(value, list):
        for each in value:
            yield from _marked(each)


def thinking_type(posed: Posed) -> Any:
    return below(posed.body, "thinking", "type")


RULES: tuple[Rule, ...] = (
    known_members,
    required_members,
    roles,
    begins_with_user,
    sampling,
    thinking_settings,
    effort_and_format,
    stop_sequences,
    tool_definitions,
    tool_choice,
    cache_markers,
)
LAST_RULES: tuple[Rule, ...] = (no_prefill,)
"""After those of the content."""
