"""Answers of Anthropic's messages: the message object, and the events that build it up."""

from typing import Any

from baton.simulate.answer import SimAnswer, Thought
from baton.simulate.conversation import ToolUse
from baton.simulate.tokens import pieces
from baton.simulate.wire.grammar import encode, json_object

_WHERE = {"cache_creation": None, "inference_geo": "global", "service_tier": "standard"}
_STOP_REASONS = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use", "stop_sequence": "stop_sequence"}


def whole(answer: SimAnswer, identity: str) -> bytes:
    content = [_thinking(answer.thought)] if answer.thought else []
    if answer.text:
        content.append({"type": "text", "text": answer.text, "citations": []})
    for use in answer.uses:
        arguments = json_object(use.arguments)
        if arguments is not None:
            content.append({**_use(use), "input": arguments})
    return encode({
        **_opened(answer, identity),
        "content": content,
        "stop_reason": _STOP_REASONS[answer.finish],
        "stop_sequence": answer.stop_sequence,
        "stop_details": None,
        "usage": {**_WHERE, **_input_usage(answer), **_output_usage(answer)},
    })  # fmt: skip


def events(answer: SimAnswer, identity: str, _include_usage: bool) -> list[bytes]:
    start = {
        **_opened(answer, identity),
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "stop_details": None,
        "usage": {**_WHERE, **_input_usage(answer), "output_tokens": 1},
    }
    frames = [frame("message_start", message=start)]
    blocks = [_thinking_block(answer.thought)] if answer.thought else []
    if answer.text:
        deltas = [{"type": "text_delta", "text": piece} for piece in pieces(answer.text)]
        blocks.append(({"type": "text", "text": "", "citations": []}, deltas))
    for use in answer.uses:
        opened = {**_use(use), "input": {}}
        deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in pieces(use.arguments)]
        blocks.append((opened, deltas))
    for index, (opened, deltas) in enumerate(blocks):
        frames.append(frame("content_block_start", index=index, content_block=opened))
        if index == 0:
            frames.append(frame("ping"))
        frames += [frame("content_block_delta", index=index, delta=delta) for delta in deltas]
        frames.append(frame("content_block_stop", index=index))
    reason = {"stop_reason": _STOP_REASONS[answer.finish], "stop_sequence": answer.stop_sequence}
    ended = {**reason, "stop_details": None, "container": None}
    used = {**_input_usage(answer), **_output_usage(answer)}
    return [*frames, frame("message_delta", delta=ended, usage=used), frame("message_stop")]


def _thinking(thought: Thought) -> dict[str, Any]:
    if thought.redacted:
        return {"type": "redacted_thinking", "data": thought.seal}
    return {"type": "thinking", "thinking": thought.text, "signature": thought.seal}


def _thinking_block(thought: Thought) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """How it opens, and its deltas: the signature comes last, and alone where the text is not shown."""
    if thought.redacted:
        return _thinking(thought), []
    deltas: list[dict[str, Any]] = [
        {"type": "thinking_delta", "thinking": piece} for piece in pieces(thought.text) if piece
    ]
    opened = {"type": "thinking", "thinking": "", "signature": ""}
    return opened, [*deltas, {"type": "signature_delta", "signature": thought.seal}]


def _opened(answer: SimAnswer, identity: str) -> dict[str, Any]:
    return {"id": f"msg_{identity}", "type": "message", "role": "assistant", "model": answer.model, "container": None}


def frame(kind: str, **members: Any) -> bytes:
    return b"event: " + kind.encode() + b"\ndata: " + encode({"type": kind, **members}) + b"\n\n"


def _use(use: ToolUse) -> dict[str, Any]:
    return {"type": "tool_use", "id": f"toolu_{use.id}", "name": use.name, "caller": {"type": "direct"}}


def _input_usage(answer: SimAnswer) -> dict[str, Any]:
    """Input comes without its cached part in this dialect."""
    used = answer.usage
    return {
        "input_tokens": used.input - used.cache_read - used.cache_write,
        "cache_creation_input_tokens": used.cache_write,
        "cache_read_input_tokens": used.cache_read,
        "server_tool_use": None,
    }


def _output_usage(answer: SimAnswer) -> dict[str, Any]:
    used = answer.usage
    return {"output_tokens": used.output, "output_tokens_details": {"thinking_tokens": used.reasoning}}
