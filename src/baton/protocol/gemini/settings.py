"""Everything of a `generateContent` request but its contents: tools, choice, format, thinking, sampling, limits."""

from collections.abc import Iterator

import msgspec

from baton.protocol.fields import SettingNotes
from baton.protocol.gemini.names import Members, members_of
from baton.protocol.gemini.schema import json_schema
from baton.types.conversation import (
    EFFORTS,
    ChoiceMode,
    Conversation,
    Effort,
    OutputFormat,
    ReasoningControl,
    Sampling,
    ThinkingMode,
    ToolChoice,
    ToolDefinition,
)

CHOICE_MODES: dict[str, ChoiceMode] = {
    "AUTO": "auto",
    "VALIDATED": "auto",
    "MODE_UNSPECIFIED": "auto",
    "ANY": "required",
    "NONE": "none",
}
JSON_TYPE = "application/json"
DYNAMIC_BUDGET = -1
SHOWN, HIDDEN = "auto", "omitted"


class Notes(SettingNotes):
    def left(self, fields: Members) -> None:
        """What was not read, but for what is null."""
        self.unmodelled.extend(fields.place(name) for name, value in fields.rest().items() if value != b"null")


def read_settings(fields: Members) -> Conversation:
    """A conversation without turns; every member that is left in `fields` is unmodelled."""
    notes = Notes()
    model, stream = fields.text("model"), fields.flag("stream")
    notes.given("model", "model", model or None)
    notes.given("stream", "stream", stream)
    tools = tuple(tool for index, raw in enumerate(fields.items("tools")) for tool in _tools(raw, f"tools[{index}]"))
    choice = _choice(fields, notes)
    config = fields.fields("generationConfig") or Members({}, fields.place("generationConfig"))
    reasoning = _thinking(config, notes)
    output = _output(config, notes)
    sampling = _sampling(config, notes)
    max_tokens, stop = config.count("maxOutputTokens"), config.texts("stopSequences")
    notes.given("max_tokens", config.place("maxOutputTokens"), max_tokens)
    notes.given("stop", config.place("stopSequences"), stop or None)
    _modalities(config, notes)
    notes.left(config)
    return Conversation(
        dialect="gemini",
        model=model,
        turns=(),
        tools=tools,
        tool_choice=choice,
        output=output,
        reasoning=reasoning,
        sampling=sampling,
        max_tokens=max_tokens,
        stop=stop,
        stream=stream or False,
        paths=notes.paths,
        unmodelled=(*notes.unmodelled, *fields.rest()),
    )


# --- tools -------------------------------------------------------------------------------------


def _tools(raw: bytes, path: str) -> Iterator[ToolDefinition]:
    """The functions of one tool object, and each server tool that stands beside them."""
    fields = members_of(raw, path)
    place = fields.place("functionDeclarations")
    for index, function in enumerate(fields.items("functionDeclarations")):
        yield _function(function, f"{place}[{index}]")
    for name, value in fields.rest().items():
        if value != b"null":
            json = b"{" + msgspec.json.encode(name) + b":" + value + b"}"
            yield ToolDefinition(name, "server", json=json, path=fields.place(name))


def _function(raw: bytes, path: str) -> ToolDefinition:
    fields = members_of(raw, path)
    name, description = fields.text("name"), fields.text("description")
    schema = fields.raw("parametersJsonSchema")
    if not schema and (own := fields.raw("parameters")):
        schema = json_schema(own)
    return ToolDefinition(name, description=description, schema=schema, json=raw, path=path, extra=fields.rest())


def _choice(fields: Members, notes: Notes) -> ToolChoice | None:
    config = fields.fields("toolConfig")
    if config is None:
        return None
    calling = config.fields("functionCallingConfig") or Members({}, config.place("functionCallingConfig"))
    place = calling.place("mode")
    word = calling.text("mode")
    mode = CHOICE_MODES.get(word)
    names = calling.texts("allowedFunctionNames")
    notes.given("tool_choice", calling.path, mode or names or None)
    if word and mode is None:
        notes.unmodelled.append(place)
    notes.left(calling)
    notes.left(config)
    if mode is None and not names:
        return None
    if mode == "required" and len(names) == 1:
        return ToolChoice("named", names[0])
    return ToolChoice(mode or "auto", allowed=names)


# --- generationConfig --------------------------------------------------------------------------


def _thinking(config: Members, notes: Notes) -> ReasoningControl | None:
    thinking = config.fields("thinkingConfig")
    if thinking is None:
        return None
    mode: ThinkingMode | None = None
    effort: Effort | None = None
    place = thinking.place("thinkingBudget")
    budget = thinking.count("thinkingBudget")
    if budget is not None and budget <= 0:
        mode, budget = ("adaptive" if budget == DYNAMIC_BUDGET else "off"), None
        notes.given("reasoning.mode", place, mode)
    notes.given("reasoning.budget", place, budget)
    level_place, word = thinking.place("thinkingLevel"), thinking.text("thinkingLevel")
    effort = next((step for step in EFFORTS if step == word.lower()), None)
    if word and effort is None:
        notes.unmodelled.append(level_place)
    notes.given("reasoning.effort", level_place, effort)
    shown_place, shown = thinking.place("includeThoughts"), thinking.flag("includeThoughts")
    notes.given("reasoning.visible", shown_place, shown)
    notes.left(thinking)
    visible = "" if shown is None else SHOWN if shown else HIDDEN
    return ReasoningControl(mode, effort, budget, visible) if mode or effort or budget or visible else None


def _output(config: Members, notes: Notes) -> OutputFormat | None:
    type_place, media_type = config.place("responseMimeType"), config.text("responseMimeType")
    place, schema = config.place("responseJsonSchema"), config.raw("responseJsonSchema")
    if not schema and (own := config.raw("responseSchema")):
        place, schema = config.place("responseSchema"), json_schema(own)
    if schema:
        notes.paths["output"] = place
    if media_type == "text/plain" or (media_type == JSON_TYPE and not schema):
        notes.paths["output"] = type_place
    elif media_type:
        notes.unmodelled.append(type_place)
    if schema and media_type in {"", JSON_TYPE}:
        return OutputFormat("json_schema", schema)
    return OutputFormat("json_object") if media_type == JSON_TYPE else None


SAMPLING = {
    "temperature": "temperature",
    "top_p": "topP",
    "top_k": "topK",
    "frequency_penalty": "frequencyPenalty",
    "presence_penalty": "presencePenalty",
    "seed": "seed",
    "candidates": "candidateCount",
    "logprobs": "responseLogprobs",
    "top_logprobs": "logprobs",
}
"""Canonical name -> member."""
_WHOLE = frozenset({"seed", "candidates", "top_logprobs"})


def _sampling(config: Members, notes: Notes) -> Sampling:
    found: dict[str, float | int | bool | None] = {}
    for name, member in SAMPLING.items():
        if name == "logprobs":
            found[name] = config.flag(member)
        elif name in _WHOLE:
            found[name] = config.count(member)
        else:
            number = config.number(member)
            found[name] = int(number) if name == "top_k" and number is not None and number == int(number) else number
        notes.given(f"sampling.{name}", config.place(member), found[name])
    return msgspec.convert(found, Sampling)


def _modalities(config: Members, notes: Notes) -> None:
    """Text is what every answer is; another modality is an element of its own."""
    place = config.place("responseModalities")
    wanted = config.texts("responseModalities")
    if wanted:
        notes.unmodelled.append(place)
        others = (f"{place}[{index}]" for index, word in enumerate(wanted) if word.upper() != "TEXT")
        notes.unmodelled.extend(others)
