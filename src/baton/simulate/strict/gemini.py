"""What Google's generateContent refuses. Members are looked at in camelCase: the vendor reads both spellings."""

import re
from typing import Any, NoReturn

from baton.simulate.strict.posed import Object, Posed, Rule, below, is_base64, listed, objects, refuse, text_of
from baton.simulate.wire.proto_json import camel

MEMBERS = frozenset({
    "contents", "systemInstruction", "tools", "toolConfig", "generationConfig", "safetySettings", "cachedContent",
    "labels", "model", "serviceTier", "store",
})  # fmt: skip
GENERATION_MEMBERS = frozenset({
    "audioTimestamp", "audioTranscriptionConfig", "candidateCount", "enableAffectiveDialog",
    "enableEnhancedCivicAnswers", "frequencyPenalty", "imageConfig", "logprobs", "maxOutputTokens", "mediaResolution",
    "modelSelectionConfig", "presencePenalty", "responseFormat", "responseJsonSchema", "responseLogprobs",
    "responseMimeType", "responseModalities", "responseSchema", "routingConfig", "seed", "speechConfig",
    "stopSequences", "temperature", "thinkingConfig", "topK", "topP", "translationConfig",
})  # fmt: skip
CONTENT_MEMBERS = frozenset({"parts", "role"})
DATA = frozenset({
    "text", "inlineData", "fileData", "functionCall", "functionResponse", "executableCode", "codeExecutionResult",
    "toolCall", "toolResponse",
})  # fmt: skip
"""A part has exactly one of these."""
PART_MEMBERS = DATA | {
    "thought", "thoughtSignature", "videoMetadata", "mediaResolution", "partMetadata", "audioMetadata",
    "audioTranscription", "documentMetadata", "mediaProcessing", "speechMetadata", "spreadsheetMetadata",
}  # fmt: skip
INNER_MEMBERS: dict[str, frozenset[str]] = {
    "inlineData": frozenset({"mimeType", "data", "displayName"}),
    "fileData": frozenset({"mimeType", "fileUri", "displayName"}),
    "functionCall": frozenset({"id", "name", "args", "partialArgs", "willContinue"}),
    "functionResponse": frozenset({"id", "name", "response", "parts", "scheduling", "willContinue"}),
}
TOOL_MEMBERS = frozenset({
    "codeExecution", "computerUse", "enterpriseWebSearch", "exaAiSearch", "fileSearch", "functionDeclarations",
    "googleMaps", "googleSearch", "googleSearchRetrieval", "mcpServers", "parallelAiSearch", "retrieval", "urlContext",
})  # fmt: skip
DECLARATION_MEMBERS = frozenset({
    "behavior", "description", "name", "parameters", "parametersJsonSchema", "response", "responseJsonSchema",
})  # fmt: skip
SCHEMA_MEMBERS = frozenset({
    "additionalProperties", "anyOf", "default", "defs", "description", "enum", "example", "format", "items", "maxItems",
    "maxLength", "maxProperties", "maximum", "minItems", "minLength", "minProperties", "minimum", "nullable", "pattern",
    "properties", "propertyOrdering", "ref", "required", "title", "type",
})  # fmt: skip
MODES = ("MODE_UNSPECIFIED", "AUTO", "ANY", "NONE", "VALIDATED")
LEVELS = ("THINKING_LEVEL_UNSPECIFIED", "MINIMAL", "LOW", "MEDIUM", "HIGH", "XHIGH")
MOST_STOPS = 5
FUNCTION_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_.:-]{0,127}")


def _unknown(name: str, at: str) -> NoReturn:
    place = f" at '{at}'" if at else ""
    refuse(f'Invalid JSON payload received. Unknown name "{name}"{place}: Cannot find field.')


def _only(value: Any, known: frozenset[str], at: str) -> None:
    if not isinstance(value, dict):
        refuse(f"Invalid value at '{at}' (type.googleapis.com): expected an object")
    for name in value:
        if camel(name) not in known:
            _unknown(name, at)


def _get(value: Any, *names: str) -> Any:
    """Below these names, each in either spelling."""
    for name in names:
        members = value.items() if isinstance(value, dict) else ()
        value = next((found for spelled, found in members if camel(spelled) == name), None)
    return value


def known_members(posed: Posed) -> None:
    _only(posed.body, MEMBERS, "")
    if not posed.body.get("contents"):
        refuse("* GenerateContentRequest.contents: contents is not specified")
    if not isinstance(posed.body["contents"], list):
        refuse("Invalid value at 'contents': expected a list")


def _contents(posed: Posed) -> list[tuple[str, Object]]:
    return [(f"contents[{place}]", content) for place, content in objects(posed.body["contents"])]


def parts(posed: Posed) -> None:
    system = _get(posed.body, "systemInstruction")
    all_contents = _contents(posed) + ([("system_instruction", system)] if isinstance(system, dict) else [])
    for at, content in all_contents:
        _only(content, CONTENT_MEMBERS, at)
        given = content.get("parts")
        if not given:
            refuse(f"* GenerateContentRequest.{at}.parts: contents.parts must not be empty.")
        for index, part in objects(given):
            _check_part(part, f"{at}.parts[{index}]")


def _check_part(part: Object, at: str) -> None:
    _only(part, PART_MEMBERS, at)
    held = [name for name in part if camel(name) in DATA and part[name] is not None]
    if not held:
        refuse(f"* GenerateContentRequest.{at}.data: required oneof field 'data' must have one initialized field")
    if len(held) > 1:
        refuse(f"Invalid value at '{at}' (oneof), oneof field 'data' is already set. Cannot set '{held[1]}'")
    name, value = camel(held[0]), part[held[0]]
    if name == "text" and not isinstance(value, str):
        refuse(f"Invalid value at '{at}.text' (TYPE_STRING)")
    if name in INNER_MEMBERS:
        _only(value, INNER_MEMBERS[name], f"{at}.{held[0]}")
    if name == "inlineData" and not is_base64(value.get("data"), url_safe=True):
        refuse(f"Invalid value at '{at}.inline_data.data' (TYPE_BYTES), Base64 decoding failed")
    if name in ("functionCall", "functionResponse"):
        _check_function(value, at, "args" if name == "functionCall" else "response", held[0])


def _check_function(value: Object, at: str, member: str, spelled: str) -> None:
    if not value.get("name"):
        refuse(f"* GenerateContentRequest.{at}.{spelled}.name: Name cannot be empty.")
    given = value.get(member)
    if (given is None and member == "response") or (given is not None and not isinstance(given, dict)):
        refuse(f"Invalid value at '{at}.{spelled}.{member}' (type.googleapis.com/google.protobuf.Struct)")


# --- the order of turns ----------------------------------------------------------------------------


def roles(posed: Posed) -> None:
    """Results of functions are a turn of their own, which the user's words may follow."""
    before, answered = "", False
    for _, content in _contents(posed):
        role = text_of(content, "role") or "user"
        if role not in ("user", "model", "function"):
            refuse("Please use a valid role: user, model.")
        role = "user" if role == "function" else role
        if role == before and not answered:
            refuse("Please ensure that multiturn requests alternate between user and model.")
        before, answered = role, bool(_holding(content, "functionResponse"))
    if before != "user":
        refuse("Please ensure that multiturn requests end with a user role or a function response.")


def _holding(content: Object | None, name: str) -> list[Object]:
    return (
        [] if content is None else [part for _, part in objects(content.get("parts")) if _get(part, name) is not None]
    )


def calls_and_responses(posed: Posed) -> None:
    given = [content for _, content in _contents(posed)]
    for place, content in enumerate(given):
        called = _holding(content, "functionCall")
        answered = _holding(content, "functionResponse")
        following = given[place + 1] if place + 1 < len(given) else None
        if called and (not place or not _is_users(given[place - 1])):
            told = "function call turn comes immediately after a user turn or after a function response turn."
            refuse(f"Please ensure that {told}")
        if called and len(called) != len(_holding(following, "functionResponse")):
            told = "function response parts is equal to the number of function call parts of the function call turn."
            refuse(f"Please ensure that the number of {told}")
        if answered and not (place and _holding(given[place - 1], "functionCall")):
            refuse("Please ensure that function response turn comes immediately after a function call turn.")
        if called and following is not None:
            _check_names(called, _holding(following, "functionResponse"))


def _is_users(content: Object) -> bool:
    return content.get("role") != "model"


def _check_names(called: list[Object], answered: list[Object]) -> None:
    names = sorted(str(_get(part, "functionCall", "name")) for part in called)
    given = sorted(str(_get(part, "functionResponse", "name")) for part in answered)
    if names != given:
        told = f"expected responses of {', '.join(names)}, but got {', '.join(given)}"
        refuse(f"Please ensure that function response names match the function call names: {told}.")
    ids = {_get(part, "functionCall", "id") for part in called} - {None, ""}
    returned = {_get(part, "functionResponse", "id") for part in answered} - {None, ""}
    if ids and returned and ids != returned:
        refuse("Please ensure that function response ids match the function call ids.")


def signatures_are_there(posed: Posed) -> None:
    """In the current turn, which begins with the user's last own words, each step's first call carries one."""
    if not posed.has("signs_calls"):
        return
    given = [content for _, content in _contents(posed)]
    asked = max((place for place, each in enumerate(given) if _is_own(each)), default=0)
    for place in range(asked, len(given)):
        called = _holding(given[place], "functionCall")
        if called and not _get(called[0], "thoughtSignature"):
            name = _get(called[0], "functionCall", "name")
            refuse(_MISSING.format(name=name, place=place + 1))


_MISSING = (
    "Function call is missing a thought_signature in functionCall parts. This is required for tools to work correctly, "
    "and missing thought_signature may lead to degraded model performance. Additional data, function call "
    "`default_api:{name}` , position {place}. Please refer to the documentation of thought signatures for more details."
)


def _is_own(content: Object) -> bool:
    return _is_users(content) and not _holding(content, "functionResponse")


# --- settings and tools ----------------------------------------------------------------------------


def generation_config(posed: Posed) -> None:
    config = _get(posed.body, "generationConfig")
    if config is None:
        return
    _only(config, GENERATION_MEMBERS, "generation_config")
    stops = _get(config, "stopSequences")
    if isinstance(stops, list) and len(stops) > MOST_STOPS:
        at = "GenerateContentRequest.generation_config.stop_sequences"
        refuse(f"* {at}: the number of stop sequences must not exceed {MOST_STOPS}, but got {len(stops)}")
    if _get(config, "responseSchema") is not None and _get(config, "responseJsonSchema") is not None:
        refuse("Only one of response_schema and response_json_schema may be set.")
    for name in ("responseSchema", "responseJsonSchema"):
        if _get(config, name) is not None and _get(config, "responseMimeType") != "application/json":
            told = f"{name} is only supported with response mime type 'application/json'"
            refuse(f"* GenerateContentRequest.generation_config.{told}")
    if _get(config, "responseSchema") is not None:
        _check_schema(_get(config, "responseSchema"), "generation_config.response_schema")


def thinking_config(posed: Posed) -> None:
    config = _get(posed.body, "generationConfig", "thinkingConfig")
    if config is None:
        return
    _only(
        config, frozenset({"includeThoughts", "thinkingBudget", "thinkingLevel"}), "generation_config.thinking_config"
    )
    budget, level = _get(config, "thinkingBudget"), _get(config, "thinkingLevel")
    if budget is not None and level is not None:
        refuse("You can only set only one of thinking budget and thinking level.")
    if level is not None and str(level).upper() not in LEVELS:
        at = "generation_config.thinking_config.thinking_level"
        refuse(f"Invalid value at '{at}' (type.googleapis.com/google.ai.generativelanguage.ThinkingLevel), \"{level}\"")
    if level is not None and not posed.has("signs_calls"):
        refuse("Thinking level is not supported for this model.")


def tools(posed: Posed) -> None:
    for place, tool in objects(posed.body.get("tools")):
        _only(tool, TOOL_MEMBERS, f"tools[{place}]")
        for index, declared in objects(_get(tool, "functionDeclarations")):
            at = f"tools[{place}].function_declarations[{index}]"
            _only(declared, DECLARATION_MEMBERS, at)
            if not FUNCTION_NAME.fullmatch(text_of(declared, "name")):
                told = "Invalid function name. Must start with a letter or an underscore."
                refuse(f"* GenerateContentRequest.{at}.name: {told}")
            if _get(declared, "parameters") is not None and _get(declared, "parametersJsonSchema") is not None:
                refuse(f"* GenerateContentRequest.{at}: only one of parameters and parameters_json_schema may be set.")
            _check_schema(_get(declared, "parameters"), f"{at}.parameters")


def _check_schema(schema: Any, at: str) -> None:
    """The vendor's own subset of a schema; `parametersJsonSchema` takes a whole one."""
    if not isinstance(schema, dict):
        return
    for name in schema:
        if camel(name) not in SCHEMA_MEMBERS:
            _unknown(name, at)
    if isinstance(schema.get("type"), list):
        refuse(f"Invalid value at '{at}.type' (type.googleapis.com): Proto field is not repeating, cannot start list.")
    properties = schema.get("properties")
    for name, inner in properties.items() if isinstance(properties, dict) else ():
        _check_schema(inner, f"{at}.properties[{name}]")
    _check_schema(schema.get("items"), f"{at}.items")
    for place, inner in objects(_get(schema, "anyOf")):
        _check_schema(inner, f"{at}.any_of[{place}]")


def tool_config(posed: Posed) -> None:
    calling = _get(posed.body, "toolConfig", "functionCallingConfig")
    mode = _get(calling, "mode")
    if mode is not None and str(mode).upper() not in MODES:
        refuse(f"Invalid value at 'tool_config.function_calling_config.mode' (Mode), \"{mode}\"")
    allowed = listed(_get(calling, "allowedFunctionNames"))
    if not allowed:
        return
    if str(mode).upper() not in ("ANY", "VALIDATED"):
        refuse("Allowed function names should only be set when the function calling mode is ANY or VALIDATED.")
    declared = [
        below(one, "name")
        for _, tool in objects(posed.body.get("tools"))
        for _, one in objects(_get(tool, "functionDeclarations"))
    ]
    for name in allowed:
        if name not in declared:
            refuse(f"Allowed function name {name!r} is not among the declared functions.")


RULES: tuple[Rule, ...] = (
    known_members,
    parts,
    roles,
    calls_and_responses,
    generation_config,
    thinking_config,
    tools,
    tool_config,
    signatures_are_there,
)
