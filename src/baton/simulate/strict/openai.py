"""The words in which both of OpenAI's dialects refuse, and what they refuse alike."""

import re
from collections.abc import Iterable
from typing import Any, NoReturn

from baton.simulate.strict.posed import Posed, objects, refuse

EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
TIERS = ("auto", "default", "flex", "scale", "priority", "fast")
LONGEST_ID = 64
NAME = re.compile(r"[a-zA-Z0-9_-]+")


def unknown(param: str) -> NoReturn:
    refuse(f"Unknown parameter: '{param}'.", param, "unknown_parameter")


def missing(param: str) -> NoReturn:
    refuse(f"Missing required parameter: '{param}'.", param, "missing_required_parameter")


def wrong_value(value: Any, supported: Iterable[str], param: str) -> NoReturn:
    *most, last = (f"'{each}'" for each in supported)
    told = f"{', '.join(most)}, and {last}" if most else last
    refuse(f"Invalid value: '{value}'. Supported values are: {told}.", param, "invalid_value")


def wrong_type(param: str, expected: str, value: Any) -> NoReturn:
    kinds = {"dict": "an object", "list": "an array", "NoneType": "null", "str": "a string", "bool": "a boolean"}
    got = kinds.get(type(value).__name__, "a number")
    refuse(f"Invalid type for '{param}': expected {expected}, but got {got} instead.", param, "invalid_type")


def unsupported(param: str, hint: str = "") -> NoReturn:
    told = f"Unsupported parameter: '{param}' is not supported with this model.{hint}"
    refuse(told, param, "unsupported_parameter")


def only_members(value: Any, known: Iterable[str], at: str = "") -> None:
    if not isinstance(value, dict):
        wrong_type(at, "an object", value)
    for name in value:
        if name not in known:
            unknown(f"{at}.{name}" if at else name)


def check_length(text: str, param: str, longest: int = LONGEST_ID) -> None:
    if len(text) > longest:
        told = f"Expected a string with maximum length {longest}, but got a string with length {len(text)} instead."
        refuse(f"Invalid '{param}': string too long. {told}", param, "string_above_max_length")


def check_name(name: Any, param: str) -> None:
    if name is None:
        missing(param)
    if not isinstance(name, str):
        wrong_type(param, "a string", name)
    if not NAME.fullmatch(name):
        told = "Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'."
        refuse(f"Invalid '{param}': string does not match pattern. {told}", param, "invalid_value")
    check_length(name, param)


def not_empty(value: Any, param: str) -> None:
    if value == []:
        told = "Expected an array with minimum length 1, but got an empty array instead."
        refuse(f"Invalid '{param}': empty array. {told}", param, "empty_array")


def sampling_settings(posed: Posed, names: Iterable[str]) -> None:
    """Models that refuse sampling take its defaults and nothing else."""
    if not posed.has("refuses_sampling"):
        return
    for name in names:
        value = posed.body.get(name)
        default = 1 if name in ("temperature", "top_p") else 0
        if name in ("logprobs", "top_logprobs", "logit_bias") and value:
            unsupported(name)
        if value not in (None, default, False) and name not in ("logprobs", "top_logprobs", "logit_bias"):
            told = (
                f"'{name}' does not support {value} with this model. Only the default ({default}) value is supported."
            )
            refuse(f"Unsupported value: {told}", name, "unsupported_value")


def settings_that_need_tools(posed: Posed) -> None:
    not_empty(posed.body.get("tools"), "tools")
    if posed.body.get("tools"):
        return
    for name in ("tool_choice", "parallel_tool_calls"):
        if posed.body.get(name) is not None and posed.body[name] != "none" and posed.dialect == "openai-chat":
            refuse(f"Invalid value for '{name}': '{name}' is only allowed when 'tools' are specified.", name)


def service_tier(posed: Posed) -> None:
    tier = posed.body.get("service_tier")
    if tier is not None and tier not in TIERS:
        wrong_value(tier, TIERS, "service_tier")


def metadata(posed: Posed) -> None:
    given = posed.body.get("metadata")
    if given is None:
        return
    if not isinstance(given, dict):
        wrong_type("metadata", "an object", given)
    for name, value in given.items():
        if not isinstance(value, str):
            wrong_type(f"metadata.{name}", "a string", value)


def named_choice(posed: Posed, name: Any) -> None:
    names = set()
    for _, tool in objects(posed.body.get("tools")):
        inner = tool.get(str(tool.get("type")))
        names.add(inner.get("name") if isinstance(inner, dict) else tool.get("name"))
    if name not in names:
        refuse(f"Tool choice '{name}' not found in 'tools' parameter.", "tool_choice")
