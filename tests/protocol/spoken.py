"""One conversation, said in each dialect: `spoken(dialect, turns)` is the body of a request."""

from typing import Any

from baton.types.card import Dialect

Said = tuple[str, str]
"""(`user` | `assistant` | `call` | `result` | `failure`, text)"""


def spoken(dialect: Dialect, turns: list[Said], system: Any = "") -> dict[str, Any]:
    return {"model": "auto"} | _BODIES[dialect](turns, system)


def _chat(turns: list[Said], system: Any) -> dict[str, Any]:
    messages = [{"role": "system", "content": system}] if system else []
    return {"messages": messages + [_chat_message(*turn) for turn in turns]}


def _chat_message(who: str, text: str) -> dict[str, Any]:
    if who == "call":
        call = {"id": "c1", "type": "function", "function": {"name": "run", "arguments": "{}"}}
        return {"role": "assistant", "content": None, "tool_calls": [call]}
    if who in {"result", "failure"}:
        return {"role": "tool", "tool_call_id": "c1", "content": text}
    return {"role": who, "content": text}


def _ollama(turns: list[Said], system: Any) -> dict[str, Any]:
    body = _chat(turns, system)
    for message in body["messages"]:
        message["content"] = message["content"] or ""
        if calls := message.pop("tool_calls", None):
            message["tool_calls"] = [
                {"function": {"name": call["function"]["name"], "arguments": {}}} for call in calls
            ]
    return body


def _responses(turns: list[Said], system: Any) -> dict[str, Any]:
    return {"input": [_item(*turn) for turn in turns]} | ({"instructions": system} if system else {})


def _item(who: str, text: str) -> dict[str, Any]:
    if who == "call":
        return {"type": "function_call", "call_id": "c1", "name": "run", "arguments": "{}"}
    if who in {"result", "failure"}:
        return {"type": "function_call_output", "call_id": "c1", "output": text}
    part = "input_text" if who == "user" else "output_text"
    return {"role": who, "content": [{"type": part, "text": text}]}


def _anthropic(turns: list[Said], system: Any) -> dict[str, Any]:
    return {"max_tokens": 100, "messages": [_message(*turn) for turn in turns]} | ({"system": system} if system else {})


def _message(who: str, text: str) -> dict[str, Any]:
    if who == "call":
        return {"role": "assistant", "content": [{"type": "tool_use", "id": "c1", "name": "run", "input": {}}]}
    if who in {"result", "failure"}:
        result = {"type": "tool_result", "tool_use_id": "c1", "content": [{"type": "text", "text": text}]}
        return {"role": "user", "content": [result | ({"is_error": True} if who == "failure" else {})]}
    return {"role": who, "content": text}


def _gemini(turns: list[Said], system: Any) -> dict[str, Any]:
    instruction = {"systemInstruction": {"parts": [{"text": system}]}} if system else {}
    return {"contents": [_content(*turn) for turn in turns]} | instruction


def _content(who: str, text: str) -> dict[str, Any]:
    if who == "call":
        return {"role": "model", "parts": [{"functionCall": {"name": "run", "args": {}}}]}
    if who in {"result", "failure"}:
        return {"role": "user", "parts": [{"functionResponse": {"name": "run", "response": {"output": text}}}]}
    return {"role": "user" if who == "user" else "model", "parts": [{"text": text}]}


_BODIES = {
    "openai-chat": _chat,
    "openai-responses": _responses,
    "anthropic": _anthropic,
    "gemini": _gemini,
    "ollama": _ollama,
}
