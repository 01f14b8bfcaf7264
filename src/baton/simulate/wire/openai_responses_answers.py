"""Answers of OpenAI's responses: the response object, and the events that build it up."""

from typing import Any

from baton.simulate.answer import SimAnswer
from baton.simulate.conversation import ToolUse
from baton.simulate.tokens import pieces
from baton.simulate.wire.grammar import EPOCH_S, encode


def whole(answer: SimAnswer, identity: str) -> bytes:
    return encode(_response(answer, identity, _items(answer, identity)))


def _response(answer: SimAnswer, identity: str, items: list[dict[str, Any]]) -> dict[str, Any]:
    cut = answer.finish == "length"
    return {
        **_started(answer, identity),
        "status": "incomplete" if cut else "completed",
        "completed_at": EPOCH_S,
        "incomplete_details": {"reason": "max_output_tokens"} if cut else None,
        "output": items,
        "usage": _usage(answer),
    }


def _started(answer: SimAnswer, identity: str) -> dict[str, Any]:
    """As it is known before there is any output; settings of the request are repeated, the others stand at default."""
    return {
        "id": f"resp_{identity}",
        "object": "response",
        "created_at": EPOCH_S,
        "status": "in_progress",
        "background": False,
        "completed_at": None,
        "error": None,
        "frequency_penalty": 0.0,
        "incomplete_details": None,
        "instructions": None,
        "max_output_tokens": None,
        "max_tool_calls": None,
        "metadata": {},
        "model": answer.model,
        "output": [],
        "parallel_tool_calls": True,
        "presence_penalty": 0.0,
        "previous_response_id": None,
        "prompt_cache_key": None,
        "reasoning": {"effort": None, "summary": None},
        "safety_identifier": None,
        "service_tier": "default",
        "store": False,
        "temperature": 1.0,
        "text": {"format": {"type": "text"}, "verbosity": "medium"},
        "tool_choice": "auto",
        "tools": [],
        "top_logprobs": 0,
        "top_p": 1.0,
        "truncation": "disabled",
        "usage": None,
        "user": None,
        **answer.echoed,
    }


def _items(answer: SimAnswer, identity: str) -> list[dict[str, Any]]:
    items = []
    thought = answer.thought
    if thought is not None:
        summary = [{"type": "summary_text", "text": thought.text}] if thought.text else []
        sealed = {"encrypted_content": thought.seal} if thought.seal else {}
        items.append({"id": f"rs_{identity}", "type": "reasoning", "summary": summary, **sealed})
    status = "incomplete" if answer.finish == "length" else "completed"
    if answer.text or not answer.uses:
        part = {"type": "output_text", "text": answer.text, "annotations": [], "logprobs": []}
        opened = {"id": f"msg_{identity}", "type": "message", "role": "assistant", "status": status}
        phase = "commentary" if answer.uses else "final_answer"
        items.append({**opened, "phase": phase, "content": [part]})
    items += [{**_call(use), "status": status, "arguments": use.arguments} for use in answer.uses]
    return items


def _call(use: ToolUse) -> dict[str, Any]:
    return {"id": f"fc_{use.id}", "type": "function_call", "call_id": f"call_{use.id}", "name": use.name}


def _usage(answer: SimAnswer) -> dict[str, Any]:
    """Input includes what the cache gave and took, output includes reasoning."""
    used = answer.usage
    return {
        "input_tokens": used.input,
        "input_tokens_details": {"cached_tokens": used.cache_read, "cache_write_tokens": used.cache_write},
        "output_tokens": used.output,
        "output_tokens_details": {"reasoning_tokens": used.reasoning},
        "total_tokens": used.input + used.output,
    }


# --- events ----------------------------------------------------------------------------------------


class _Events(list[bytes]):
    """Frames, numbered in their order."""

    def add(self, kind: str, **members: Any) -> None:
        body = {"type": kind, "sequence_number": len(self), **members}
        self.append(_frame(kind, body))


def _frame(kind: str, body: dict[str, Any]) -> bytes:
    return b"event: " + kind.encode() + b"\ndata: " + encode(body) + b"\n\n"


def events(answer: SimAnswer, identity: str, _include_usage: bool) -> list[bytes]:
    """The encrypted reasoning of `output_item.added` is not the real one: that comes with `output_item.done`."""
    found = _Events()
    started = _started(answer, identity)
    found.add("response.created", response=started)
    found.add("response.in_progress", response=started)
    items = _items(answer, identity)
    for index, item in enumerate(items):
        _add_item(found, index, item)
    kind = "response.incomplete" if answer.finish == "length" else "response.completed"
    found.add(kind, response=_response(answer, identity, items))
    return found


def _add_item(found: _Events, index: int, item: dict[str, Any]) -> None:
    opened = dict(item)
    if item["type"] == "reasoning":
        opened["summary"] = []
        if "encrypted_content" in item:
            opened["encrypted_content"] = item["encrypted_content"][:16]
    elif item["type"] == "message":
        opened |= {"status": "in_progress", "content": []}
    else:
        opened |= {"status": "in_progress", "arguments": ""}
    found.add("response.output_item.added", output_index=index, item=opened)
    place = {"item_id": item["id"], "output_index": index}
    if item["type"] == "reasoning":
        _add_summary(found, place, item)
    elif item["type"] == "message":
        _add_text(found, place, item["content"][0])
    else:
        for piece in pieces(item["arguments"]):
            found.add("response.function_call_arguments.delta", **place, delta=piece)
        found.add("response.function_call_arguments.done", **place, arguments=item["arguments"], name=item["name"])
    found.add("response.output_item.done", output_index=index, item=item)


def _add_summary(found: _Events, place: dict[str, Any], item: dict[str, Any]) -> None:
    for number, part in enumerate(item["summary"]):
        here = {**place, "summary_index": number}
        found.add("response.reasoning_summary_part.added", **here, part={"type": "summary_text", "text": ""})
        for piece in pieces(part["text"]):
            found.add("response.reasoning_summary_text.delta", **here, delta=piece)
        found.add("response.reasoning_summary_text.done", **here, text=part["text"])
        found.add("response.reasoning_summary_part.done", **here, part=part)


def _add_text(found: _Events, place: dict[str, Any], part: dict[str, Any]) -> None:
    here = {**place, "content_index": 0}
    found.add("response.content_part.added", **here, part={**part, "text": ""})
    for piece in pieces(part["text"]):
        if piece:
            found.add("response.output_text.delta", **here, delta=piece, logprobs=[])
    found.add("response.output_text.done", **here, text=part["text"], logprobs=[])
    found.add("response.content_part.done", **here, part=part)


def error_event() -> bytes:
    """Its sequence number is not known here: the vendor's clients do not look at it."""
    told = {
        "type": "error",
        "code": "server_error",
        "message": "The server broke down while it was answering.",
        "param": None,
        "sequence_number": 0,
    }
    return _frame("error", told)
