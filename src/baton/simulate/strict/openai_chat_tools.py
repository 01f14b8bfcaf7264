"""What OpenAI's chat completions refuse about tools: definitions, calls, results, and the order they stand in."""

from typing import Any

from baton.simulate.strict import openai
from baton.simulate.strict.posed import Object, Posed, Rule, below, objects, refuse

TOOL_MEMBERS = frozenset({"name", "description", "parameters", "strict"})
CALL_MEMBERS: dict[str, frozenset[str]] = {
    "function": frozenset({"name", "arguments"}),
    "custom": frozenset({"name", "input"}),
}


def definitions(posed: Posed) -> None:
    for place, tool in objects(posed.body.get("tools")):
        at = f"tools[{place}]"
        kind = tool.get("type")
        if kind is None:
            openai.missing(f"{at}.type")
        if kind not in CALL_MEMBERS:
            openai.wrong_value(kind, CALL_MEMBERS, f"{at}.type")
        openai.only_members(tool, ("type", kind), at)
        inner = tool.get(kind)
        if not isinstance(inner, dict):
            openai.missing(f"{at}.{kind}")
        openai.check_name(inner.get("name"), f"{at}.{kind}.name")
        if kind == "function":
            openai.only_members(inner, TOOL_MEMBERS, f"{at}.function")
            _check_schema(inner, at)


def _check_schema(function: Object, at: str) -> None:
    schema = function.get("parameters")
    if schema is not None and below(schema, "type") not in ("object", None):
        name, kind = function.get("name"), below(schema, "type")
        told = f"schema must be a JSON Schema of 'type: \"object\"', got 'type: \"{kind}\"'."
        refuse(
            f"Invalid schema for function '{name}': {told}", f"{at}.function.parameters", "invalid_function_parameters"
        )


def choice(posed: Posed) -> None:
    given = posed.body.get("tool_choice")
    if isinstance(given, str) and given not in ("none", "auto", "required"):
        openai.wrong_value(given, ("none", "auto", "required"), "tool_choice")
    if isinstance(given, dict):
        kind = given.get("type")
        if kind not in ("function", "custom", "allowed_tools"):
            openai.wrong_value(kind, ("function", "custom", "allowed_tools"), "tool_choice.type")
        if kind != "allowed_tools":
            name = below(given, str(kind), "name")
            if name is None:
                openai.missing(f"tool_choice.{kind}")
            openai.named_choice(posed, name)


def calls(posed: Posed) -> None:
    for place, message in objects(posed.body["messages"]):
        openai.not_empty(message.get("tool_calls"), f"messages[{place}].tool_calls")
        for index, call in objects(message.get("tool_calls")):
            _check_call(call, f"messages[{place}].tool_calls[{index}]")


def _check_call(call: Object, at: str) -> None:
    name, kind = call.get("id"), call.get("type")
    if not isinstance(name, str):
        openai.missing(f"{at}.id")
    openai.check_length(name, f"{at}.id")
    if kind is None:
        openai.missing(f"{at}.type")
    if kind not in CALL_MEMBERS:
        openai.wrong_value(kind, CALL_MEMBERS, f"{at}.type")
    openai.only_members(call, ("id", "type", kind), at)
    inner = call.get(kind)
    if not isinstance(inner, dict):
        openai.missing(f"{at}.{kind}")
    openai.only_members(inner, CALL_MEMBERS[kind], f"{at}.{kind}")
    openai.check_name(inner.get("name"), f"{at}.{kind}.name")
    text = "arguments" if kind == "function" else "input"
    if text not in inner:
        openai.missing(f"{at}.{kind}.{text}")
    if not isinstance(inner[text], str):
        openai.wrong_type(f"{at}.{kind}.{text}", "a string", inner[text])


def every_call_is_answered(posed: Posed) -> None:
    """Directly after the message that makes the calls, whatever their order."""
    messages = [message for _, message in objects(posed.body["messages"])]
    for place, message in enumerate(messages):
        called = [call.get("id") for _, call in objects(message.get("tool_calls"))]
        answered = _results_after(messages, place)
        left = [str(one) for one in called if one not in answered]
        if left:
            told = (
                "An assistant message with 'tool_calls' must be followed by tool messages responding to each "
                f"'tool_call_id'. The following tool_call_ids did not have response messages: {', '.join(left)}"
            )
            refuse(told, f"messages.[{place + 1}].role")


def every_result_has_a_call(posed: Posed) -> None:
    messages = [message for _, message in objects(posed.body["messages"])]
    open_calls: set[Any] = set()
    for place, message in enumerate(messages):
        if message.get("role") != "tool":
            open_calls = {call.get("id") for _, call in objects(message.get("tool_calls"))}
            continue
        name = message.get("tool_call_id")
        if name is None:
            openai.missing(f"messages[{place}].tool_call_id")
        if not open_calls:
            told = "messages with role 'tool' must be a response to a preceeding message with 'tool_calls'."
            refuse(f"Invalid parameter: {told}", f"messages.[{place}].role")
        if name not in open_calls:
            told = f"'tool_call_id' of '{name}' not found in 'tool_calls' of previous message."
            refuse(f"Invalid parameter: {told}", f"messages.[{place}].tool_call_id")


def _results_after(messages: list[Object], place: int) -> set[Any]:
    found = set()
    for message in messages[place + 1 :]:
        if message.get("role") != "tool":
            break
        found.add(message.get("tool_call_id"))
    return found


def reasoning_comes_back(posed: Posed) -> None:
    """While a tool loop is open, a model that needs its reasoning gets it back."""
    if not posed.has("needs_reasoning"):
        return
    messages = [message for _, message in objects(posed.body["messages"])]
    asked = max((place for place, message in enumerate(messages) if message.get("role") == "user"), default=-1)
    for place, message in enumerate(messages):
        if place > asked and message.get("tool_calls") and not message.get("reasoning_content"):
            told = f"Missing `reasoning_content` field in the assistant message at message index {place}."
            refuse(f"{told} For more information, see the guide of the thinking mode.", "messages")


RULES: tuple[Rule, ...] = (
    openai.settings_that_need_tools,
    definitions,
    choice,
    calls,
    every_call_is_answered,
    every_result_has_a_call,
    reasoning_comes_back,
)
