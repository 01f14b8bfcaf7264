"""What OpenAI's chat completions refuse: members, messages, settings. `openai_chat_tools.py` has the tools."""

import re
from typing import Any

from baton.simulate.strict import openai
from baton.simulate.strict.posed import Object, Posed, Rule, below, is_base64, objects, refuse

MEMBERS = frozenset({
    "audio", "frequency_penalty", "function_call", "functions", "logit_bias", "logprobs", "max_completion_tokens",
    "max_tokens", "messages", "metadata", "modalities", "model", "moderation", "n", "parallel_tool_calls", "prediction",
    "presence_penalty", "prompt_cache_key", "prompt_cache_options", "prompt_cache_retention", "reasoning_effort",
    "response_format", "safety_identifier", "seed", "service_tier", "stop", "store", "stream", "stream_options",
    "temperature", "tool_choice", "tools", "top_logprobs", "top_p", "user", "verbosity", "web_search_options",
})  # fmt: skip
MESSAGE_MEMBERS: dict[str, frozenset[str]] = {
    "system": frozenset({"role", "content", "name"}),
    "developer": frozenset({"role", "content", "name"}),
    "user": frozenset({"role", "content", "name"}),
    "assistant": frozenset({
        "role", "content", "name", "tool_calls", "refusal", "audio", "function_call", "annotations",
    }),
    "tool": frozenset({"role", "content", "tool_call_id"}),
    "function": frozenset({"role", "content", "name"}),
}  # fmt: skip
_MARKED = frozenset({"type", "prompt_cache_breakpoint"})
PARTS: dict[str, frozenset[str]] = {
    "text": _MARKED | {"text"},
    "image_url": _MARKED | {"image_url"},
    "input_audio": _MARKED | {"input_audio"},
    "file": _MARKED | {"file"},
    "refusal": frozenset({"type", "refusal"}),
}
PARTS_OF: dict[str, tuple[str, ...]] = {
    "user": ("text", "image_url", "input_audio", "file"),
    "assistant": ("text", "refusal"),
}
DETAILS = ("auto", "low", "high", "original")
MOST_STOPS = 4
DATA_URL = re.compile(r"data:[\w.+-]+/[\w.+-]+;base64,(.*)", re.DOTALL)


def known_members(posed: Posed) -> None:
    openai.only_members(posed.body, MEMBERS)


def required_members(posed: Posed) -> None:
    for name in ("model", "messages"):
        if name not in posed.body:
            openai.missing(name)
    openai.not_empty(posed.body["messages"], "messages")


def roles(posed: Posed) -> None:
    for place, message in objects(posed.body["messages"]):
        role = message.get("role")
        at = f"messages[{place}].role"
        if role is None:
            openai.missing(at)
        supported = [each for each in MESSAGE_MEMBERS if each != "developer" or not posed.has("refuses_developer")]
        if role not in supported:
            openai.wrong_value(role, supported, at)


def message_members(posed: Posed) -> None:
    for place, message in objects(posed.body["messages"]):
        known = MESSAGE_MEMBERS[message["role"]]
        if message["role"] == "assistant" and posed.has("tells_reasoning"):
            known |= {"reasoning_content"}
        openai.only_members(message, known, f"messages[{place}]")


def contents(posed: Posed) -> None:
    for place, message in objects(posed.body["messages"]):
        at = f"messages[{place}].content"
        content = message.get("content")
        if content is None:
            spoken = any(message.get(name) for name in ("tool_calls", "function_call", "refusal", "audio"))
            if message["role"] == "assistant" and spoken:
                continue
            if "content" not in message and message["role"] != "assistant":
                openai.missing(at)
            refuse("Invalid value for 'content': expected a string, got null.", f"messages.[{place}].content")
        if not isinstance(content, str | list):
            openai.wrong_type(at, "one of a string or array of objects", content)
        openai.not_empty(content, at)
        for index, part in objects(content):
            _check_part(message["role"], part, f"{at}[{index}]")


def _check_part(role: str, part: Object, at: str) -> None:
    kind = part.get("type")
    if kind is None:
        openai.missing(f"{at}.type")
    if kind == "image_url" and role != "user":
        told = (
            f"Image URLs are only allowed for messages with role 'user', but this message with role '{role}' contains"
        )
        refuse(f"Invalid 'messages'. {told} an image URL.", at.rsplit(".content", 1)[0], "invalid_value")
    supported = PARTS_OF.get(role, ("text",))
    if kind not in supported:
        openai.wrong_value(kind, supported, f"{at}.type")
    openai.only_members(part, PARTS[kind], at)
    if kind == "text" and not isinstance(part.get("text"), str):
        openai.missing(f"{at}.text")
    if kind == "image_url":
        _check_image(part, at)
    if kind == "file":
        _check_file(part, at)


def _check_image(part: Object, at: str) -> None:
    url = below(part, "image_url", "url")
    if not isinstance(url, str):
        openai.missing(f"{at}.image_url.url")
    detail = below(part, "image_url", "detail")
    if detail is not None and detail not in DETAILS:
        openai.wrong_value(detail, DETAILS, f"{at}.image_url.detail")
    openai.only_members(part["image_url"], ("url", "detail"), f"{at}.image_url")
    encoded = DATA_URL.fullmatch(url)
    if not url.startswith(("http://", "https://")) and (encoded is None or not is_base64(encoded[1])):
        told = "Expected a base64-encoded data URL with an image MIME type (e.g. 'data:image/png;base64,aW1nIGJ5dGVz"
        refuse(f"Invalid '{at}.image_url.url'. {told}'), or an http(s) URL.", f"{at}.image_url.url", "invalid_value")


def _check_file(part: Object, at: str) -> None:
    data, held = below(part, "file", "file_data"), below(part, "file", "file_id")
    if (data is None) == (held is None):
        openai.missing(f"{at}.file.file_id")
    encoded = DATA_URL.fullmatch(data) if isinstance(data, str) else None
    if data is not None and (encoded is None or not is_base64(encoded[1])):
        told = "Expected a base64-encoded data URL with an application/pdf MIME type"
        refuse(f"Invalid '{at}.file.file_data'. {told}, but got none.", f"{at}.file.file_data", "invalid_value")
    if data is not None and not below(part, "file", "filename"):
        openai.missing(f"{at}.file.filename")


# --- settings --------------------------------------------------------------------------------------


def stop(posed: Posed) -> None:
    given = posed.body.get("stop")
    if given is None:
        return
    if posed.has("refuses_stop"):
        openai.unsupported("stop")
    if isinstance(given, list) and len(given) > MOST_STOPS:
        told = f"Expected an array with maximum length {MOST_STOPS}, but got an array with length {len(given)} instead."
        refuse(f"Invalid 'stop': array too long. {told}", "stop", "array_above_max_length")


def output_limit(posed: Posed) -> None:
    if posed.body.get("max_tokens") is None:
        return
    if posed.has("refuses_max_tokens"):
        openai.unsupported("max_tokens", " Use 'max_completion_tokens' instead.")
    if posed.body.get("max_completion_tokens") is not None:
        told = "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported."
        refuse(told, "max_tokens", "invalid_parameter_combination")


def sampling(posed: Posed) -> None:
    names = ("temperature", "top_p", "presence_penalty", "frequency_penalty", "logprobs", "top_logprobs", "logit_bias")
    openai.sampling_settings(posed, names)
    for name, low, high in (("temperature", 0, 2), ("top_p", 0, 1), ("presence_penalty", -2, 2)):
        value: Any = posed.body.get(name)
        if isinstance(value, int | float) and value > high:
            told = f"decimal above maximum value. Expected a value <= {high}, but got {value} instead."
            refuse(f"Invalid '{name}': {told}", name, "decimal_above_max_value")
        if isinstance(value, int | float) and value < low:
            told = f"decimal below minimum value. Expected a value >= {low}, but got {value} instead."
            refuse(f"Invalid '{name}': {told}", name, "decimal_below_min_value")


def reasoning_effort(posed: Posed) -> None:
    effort = posed.body.get("reasoning_effort")
    if effort is None:
        return
    if "reasoning" not in posed.model.capabilities:
        refuse("Unrecognized request argument supplied: reasoning_effort")
    if effort not in openai.EFFORTS:
        openai.wrong_value(effort, openai.EFFORTS, "reasoning_effort")


def response_format(posed: Posed) -> None:
    wanted = posed.body.get("response_format")
    if wanted is None:
        return
    kinds = ("json_object", "json_schema", "text")
    kind = below(wanted, "type")
    if kind not in kinds:
        openai.wrong_value(kind, kinds, "response_format.type")
    openai.only_members(wanted, ("type", "json_schema"), "response_format")
    if kind == "json_schema":
        at = "response_format.json_schema"
        inner = wanted.get("json_schema")
        if not isinstance(inner, dict):
            openai.missing(at)
        openai.check_name(inner.get("name"), f"{at}.name")
        openai.only_members(inner, ("name", "description", "schema", "strict"), at)


def stream_options(posed: Posed) -> None:
    given = posed.body.get("stream_options")
    if given is None:
        return
    if not posed.body.get("stream"):
        told = "The 'stream_options' parameter is only allowed when 'stream' is enabled."
        refuse(f"Invalid value for 'stream_options': {told}", "stream_options")
    openai.only_members(given, ("include_usage", "include_obfuscation"), "stream_options")


RULES: tuple[Rule, ...] = (
    known_members,
    required_members,
    roles,
    message_members,
    contents,
    stop,
    output_limit,
    sampling,
    reasoning_effort,
    response_format,
    stream_options,
    openai.service_tier,
    openai.metadata,
)
