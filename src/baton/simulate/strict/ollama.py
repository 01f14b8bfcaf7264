"""What Ollama's chat refuses, in the words of its server, which is written in Go.

Its server skips members that it does not know; here they are refused, because a gateway that sends them is wrong.
"""

from typing import Any

from baton.simulate.strict.posed import Object, Posed, Rule, is_base64, listed, objects, refuse, text_of

MEMBERS = frozenset({
    "model", "messages", "tools", "format", "options", "stream", "keep_alive", "think", "logprobs", "top_logprobs",
    "truncate", "shift",
})  # fmt: skip
MESSAGE_MEMBERS = frozenset({
    "role", "content", "thinking", "images", "tool_calls", "tool_name", "tool_call_id",
})  # fmt: skip
OPTIONS = frozenset({
    "num_keep", "seed", "num_predict", "top_k", "top_p", "min_p", "typical_p", "repeat_last_n", "temperature",
    "repeat_penalty", "presence_penalty", "frequency_penalty", "penalize_newline", "stop", "numa", "num_ctx",
    "num_batch", "num_gpu", "main_gpu", "use_mmap", "num_thread", "mirostat", "mirostat_tau", "mirostat_eta", "tfs_z",
})  # fmt: skip
ROLES = ("system", "user", "assistant", "tool")
LEVELS = ("high", "medium", "low", "max")
_GO_KINDS = {"dict": "object", "list": "array", "str": "string", "bool": "bool", "NoneType": "null"}


def _unmarshal(value: Any, member: str, kind: str) -> None:
    got = _GO_KINDS.get(type(value).__name__, "number")
    refuse(f"json: cannot unmarshal {got} into Go struct field ChatRequest.{member} of type {kind}")


def known_members(posed: Posed) -> None:
    _only(posed.body, MEMBERS, "ChatRequest")


def _only(value: Object, known: frozenset[str], kind: str) -> None:
    for name in value:
        if name not in known:
            refuse(f'json: unknown field "{name}" of {kind}')


def messages(posed: Posed) -> None:
    for _, message in objects(posed.body.get("messages")):
        _only(message, MESSAGE_MEMBERS, "messages")
        role = text_of(message, "role")
        if role not in ROLES:
            refuse(f"invalid role: {role!r}. Use one of {', '.join(ROLES)}.")
        if not isinstance(message.get("content", ""), str):
            _unmarshal(message["content"], "messages.content", "string")


def images(posed: Posed) -> None:
    for _, message in objects(posed.body.get("messages")):
        given = listed(message.get("images"))
        if given and "image" not in posed.model.capabilities:
            refuse(f'"{posed.model.id}" does not support images')
        for image in given:
            if not is_base64(image):
                refuse(
                    "illegal base64 data at input byte 0: images are base64, without a data URL and without an address"
                )


def calls(posed: Posed) -> None:
    for _, message in objects(posed.body.get("messages")):
        for _, call in objects(message.get("tool_calls")):
            _only(call, frozenset({"id", "type", "function"}), "messages.tool_calls")
            function = call.get("function")
            if not isinstance(function, dict):
                _unmarshal(function, "messages.tool_calls.function", "api.ToolCallFunction")
                continue
            _only(function, frozenset({"index", "name", "arguments"}), "messages.tool_calls.function")
            if not isinstance(function.get("arguments", {}), dict):
                kind = "map[string]interface {}"
                _unmarshal(function["arguments"], "messages.tool_calls.function.arguments", kind)


def tools(posed: Posed) -> None:
    for _, tool in objects(posed.body.get("tools")):
        _only(tool, frozenset({"type", "function", "items"}), "tools")
        function = tool.get("function")
        if isinstance(function, dict):
            _only(function, frozenset({"name", "description", "parameters", "strict"}), "tools.function")


def settings(posed: Posed) -> None:
    options = posed.body.get("options")
    if isinstance(options, dict):
        _only(options, OPTIONS, "options")
        if isinstance(options.get("stop"), str):
            _unmarshal(options["stop"], "options.stop", "[]string")
    think = posed.body.get("think")
    if isinstance(think, str) and think not in LEVELS:
        refuse(f'invalid think value: {think!r} (must be "high", "medium", "low", "max", true, or false)')
    if think and "reasoning" not in posed.model.capabilities:
        refuse(f'"{posed.model.id}" does not support thinking')


def wanted_format(posed: Posed) -> None:
    wanted = posed.body.get("format")
    if wanted not in (None, "", "json") and not isinstance(wanted, dict):
        refuse(f'invalid format: {wanted!r}; expected "json" or a valid JSON Schema object')


RULES: tuple[Rule, ...] = (known_members, messages, images, calls, tools, settings, wanted_format)
