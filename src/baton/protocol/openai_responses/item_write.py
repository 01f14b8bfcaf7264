"""One output item of a Responses answer as it is written: the events that tell it, and what it is in the end."""

from collections.abc import Iterator
from typing import Any, Literal

import msgspec
from msgspec import Raw, Struct

from baton.protocol.openai_responses.items import DIALECT, MADE_UP_THOUGHTS, NAMESPACE_MARK
from baton.types.parts import PrivateEntry

Wire = dict[str, Any]

ItemKind = Literal["message", "reasoning", "function_call", "custom_tool_call"]
PREFIXES: dict[ItemKind, str] = {
    "message": "msg_",
    "reasoning": MADE_UP_THOUGHTS,
    "function_call": "fc_",
    "custom_tool_call": "ctc_",
}
ARGUMENTS: dict[ItemKind, tuple[str, str]] = {
    "function_call": ("arguments", "function_call_arguments"),
    "custom_tool_call": ("input", "custom_tool_call_input"),
}
"""The member that holds what a call was given, and the events that tell it."""


class Draft(Struct):
    """An item that has begun. `index` is its place in the output, -1 until it is shown."""

    kind: ItemKind
    id: str = ""
    index: int = -1
    text: str = ""
    refusal: bool = False
    phase: str = ""
    annotations: list[Raw] = []
    call_id: str = ""
    name: str = ""
    entry: PrivateEntry | None = None
    sealed: str = ""
    """The entry, packed for a caller who is not of its dialect."""

    @property
    def shown(self) -> bool:
        return self.index >= 0

    def begin(self) -> Iterator[Wire]:
        yield {"type": "response.output_item.added", "output_index": self.index, "item": self._item("in_progress")}
        if self.kind == "message":
            yield self._at("response.content_part.added") | {"part": self._content("")}

    def say(self, text: str) -> Iterator[Wire]:
        if self.refusal:
            yield self._at("response.refusal.delta") | {"delta": text}
        else:
            yield self._at("response.output_text.delta") | {"delta": text, "logprobs": []}
        self.text += text

    def annotate(self, annotation: Raw) -> Wire:
        event = self._at("response.output_text.annotation.added") | {"annotation_index": len(self.annotations)}
        self.annotations.append(annotation)
        return event | {"annotation": annotation}

    def think(self, text: str) -> Iterator[Wire]:
        if not self.text:
            yield self._thought("response.reasoning_summary_part.added") | {"part": _summary("")}
        yield self._thought("response.reasoning_summary_text.delta") | {"delta": text}
        self.text += text

    def argue(self, text: str) -> Wire:
        self.text += text
        return self._of(f"response.{ARGUMENTS[self.kind][1]}.delta") | {"delta": text}

    def end(self) -> Iterator[Wire]:
        if self.kind == "message":
            yield from self._end_message()
        elif self.kind == "reasoning" and self.text:
            yield self._thought("response.reasoning_summary_text.done") | {"text": self.text}
            yield self._thought("response.reasoning_summary_part.done") | {"part": _summary(self.text)}
        elif self.kind in ARGUMENTS:
            member, event = ARGUMENTS[self.kind]
            yield self._of(f"response.{event}.done") | {member: self.text}
        yield {"type": "response.output_item.done", "output_index": self.index, "item": self.item()}

    def item(self) -> Wire | Raw:
        """The finished item; the caller's own provider gets its reasoning back byte for byte."""
        if self.kind == "reasoning" and self.entry is not None and not self.sealed:
            return Raw(self.entry.payload) if self.text else _hidden(self.entry.payload)
        return self._item("completed")

    def _end_message(self) -> Iterator[Wire]:
        if self.refusal:
            yield self._at("response.refusal.done") | {"refusal": self.text}
        else:
            yield self._at("response.output_text.done") | {"text": self.text, "logprobs": []}
        yield self._at("response.content_part.done") | {"part": self._content(self.text)}

    # --- shapes --------------------------------------------------------------------------------

    def _item(self, status: str) -> Wire:
        done = status == "completed"
        item: Wire = {"id": self.id, "type": self.kind}
        if self.kind == "message":
            item |= {"role": "assistant", "status": status, "content": [self._content(self.text)] if done else []}
            return item | ({"phase": self.phase} if self.phase else {})
        if self.kind == "reasoning":
            item["summary"] = [_summary(self.text)] if done and self.text else []
            return item | ({"encrypted_content": self.sealed} if done and self.sealed else {})
        namespace, _, name = self.name.rpartition(NAMESPACE_MARK)
        item |= {"call_id": self.call_id, "name": name} | ({"namespace": namespace} if namespace else {})
        item[ARGUMENTS[self.kind][0]] = self.text if done else ""
        return item | {"status": status}

    def _content(self, text: str) -> Wire:
        if self.refusal:
            return {"type": "refusal", "refusal": text}
        return {"type": "output_text", "text": text, "annotations": list(self.annotations) if text else []}

    def _of(self, kind: str) -> Wire:
        return {"type": kind, "item_id": self.id, "output_index": self.index}

    def _at(self, kind: str) -> Wire:
        return self._of(kind) | {"content_index": 0}

    def _thought(self, kind: str) -> Wire:
        return self._of(kind) | {"summary_index": 0}


def own_reasoning(entry: PrivateEntry) -> bool:
    return entry.dialect == DIALECT and entry.kind == "encrypted"


def _summary(text: str) -> Wire:
    return {"type": "summary_text", "text": text}


def _hidden(payload: bytes) -> Raw:
    """The item without what of it can be read, where nothing of it was shown."""
    members = msgspec.json.decode(payload, type=dict[str, Raw])
    if not any(bytes(members.get(name, b"[]")) not in {b"[]", b"null"} for name in ("summary", "content")):
        return Raw(payload)
    members.pop("content", None)
    return Raw(msgspec.json.encode(members | {"summary": []}))
