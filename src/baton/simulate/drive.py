"""The client's side: a conversation as keyword arguments of the vendors' SDKs, and their answers as checkable ones.

A driver of the workload uses these: `client.chat.completions.create(model=..., **openai_arguments(item.conversation))`.
"""

from typing import Any

import msgspec

from baton.simulate.conversation import Conversation, Turn
from baton.simulate.workload.item import WorkItem
from baton.types.verdict import Answer, ToolCall

DEFAULT_MAX_TOKENS = 4_096


def openai_arguments(conversation: Conversation) -> dict[str, Any]:
    messages: list[dict[str, Any]] = []
    if conversation.system:
        messages.append({"role": "system", "content": conversation.system})
    messages += [_openai_message(turn) for turn in conversation.turns]
    found: dict[str, Any] = {"messages": messages}
    if conversation.tools:
        found["tools"] = [
            {
                "type": "function",
                "function": {"name": tool.name, "description": tool.description, "parameters": tool.parameters},
            }
            for tool in conversation.tools
        ]
    if conversation.response_schema is not None:
        named = {"name": "answer", "schema": conversation.response_schema, "strict": True}
        found["response_format"] = {"type": "json_schema", "json_schema": named}
    return found


def anthropic_arguments(conversation: Conversation, max_tokens: int = DEFAULT_MAX_TOKENS) -> dict[str, Any]:
    """The response schema has no place in this dialect's plain messages; the prompt asks for JSON by itself."""
    found: dict[str, Any] = {"messages": _anthropic_messages(conversation.turns), "max_tokens": max_tokens}
    if conversation.system:
        found["system"] = conversation.system
    if conversation.tools:
        found["tools"] = [
            {"name": tool.name, "description": tool.description, "input_schema": tool.parameters}
            for tool in conversation.tools
        ]
    return found


def prompt_row(item: WorkItem) -> dict[str, Any]:
    """A line of a prompt set: what is asked, and what it is graded by."""
    check = msgspec.to_builtins(item.check)
    row = {"id": item.reference, "task_type": item.task_type, "body": openai_arguments(item.conversation)}
    return row | {"check": check} | ({"gold": item.right.text} if item.right.text else {})


def openai_answer(body: dict[str, Any]) -> Answer:
    """`body`: the completion as a mapping, such as `completion.model_dump()`."""
    message = body["choices"][0]["message"]
    functions = [call["function"] for call in message.get("tool_calls") or ()]
    calls = tuple(ToolCall(function["name"], function["arguments"]) for function in functions)
    return Answer(message.get("content") or "", calls)


def anthropic_answer(body: dict[str, Any]) -> Answer:
    """`body`: the message as a mapping, such as `message.model_dump()`."""
    blocks = body["content"]
    text = "".join(block["text"] for block in blocks if block["type"] == "text")
    uses = [block for block in blocks if block["type"] == "tool_use"]
    return Answer(text, tuple(ToolCall(use["name"], msgspec.json.encode(use["input"]).decode()) for use in uses))


def _openai_message(turn: Turn) -> dict[str, Any]:
    if turn.role == "tool":
        return {"role": "tool", "tool_call_id": turn.result_of, "content": turn.text}
    if not turn.uses:
        return {"role": turn.role, "content": turn.text}
    calls = [
        {"id": use.id, "type": "function", "function": {"name": use.name, "arguments": use.arguments}}
        for use in turn.uses
    ]
    return {"role": "assistant", "content": turn.text or None, "tool_calls": calls}


def _anthropic_messages(turns: tuple[Turn, ...]) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = []
    for turn in turns:
        role = "assistant" if turn.role == "assistant" else "user"
        blocks = _anthropic_blocks(turn)
        if messages and messages[-1]["role"] == role:  # results and text of one side share a message
            messages[-1]["content"] += blocks
        else:
            messages.append({"role": role, "content": blocks})
    return messages


def _anthropic_blocks(turn: Turn) -> list[dict[str, Any]]:
    if turn.role == "tool":
        return [{"type": "tool_result", "tool_use_id": turn.result_of, "content": turn.text}]
    blocks: list[dict[str, Any]] = [{"type": "text", "text": turn.text}] if turn.text else []
    for use in turn.uses:
        arguments = msgspec.json.decode(use.arguments)
        blocks.append({"type": "tool_use", "id": use.id, "name": use.name, "input": arguments})
    return blocks
