"""Items of a Responses request -> turns. What the assistant said and called in a row is one turn."""

from collections.abc import Callable, Sequence

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from baton.protocol.arguments import unmark_error
from baton.protocol.fields import Fields, decode, fields_of
from baton.protocol.inband import is_envelope
from baton.protocol.openai_responses.content import read_content
from baton.protocol.openai_responses.tables import CALLER_ITEMS, RESULT_ITEMS, SERVER_ITEMS, SETTING_ITEMS
from baton.protocol.tool_ids import made_up
from baton.types.card import Dialect
from baton.types.conversation import RawTurn, Role, Turn
from baton.types.parts import (
    OpaquePart,
    Origin,
    Part,
    PrivateEntry,
    PrivateKind,
    ReasoningPart,
    ServerToolPart,
    TextPart,
    ToolCallPart,
    ToolResultPart,
)

DIALECT: Dialect = "openai-responses"
ROLES: dict[str, Role] = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant"}
BETWEEN_THOUGHTS = "\n\n"
MADE_UP_THOUGHTS = "rs_baton_"
"""How ids of reasoning items begin that Baton makes up: without encrypted content they stand for nothing."""
NAMESPACE_MARK = "."
"""Between namespace and name of a tool: no vendor's tool names hold it, so that both can be told apart again."""

_OF_A_MESSAGE: tuple[tuple[str, PrivateKind], ...] = (("id", "item_id"), ("phase", "phase"))


def read_items(raws: Sequence[bytes], origin: Origin) -> list[Turn]:
    reader = _Items(origin)
    for index, raw in enumerate(raws):
        reader.read(raw, f"input[{index}]")
    return reader.finish()


def qualified(namespace: str, name: str) -> str:
    return f"{namespace}{NAMESPACE_MARK}{name}" if namespace else name


class _Run(Struct):
    """The assistant's items in a row, so far."""

    path: str
    parts: list[Part] = []
    private: list[PrivateEntry] = []
    raws: list[bytes] = []


class _Items:
    def __init__(self, origin: Origin) -> None:
        self._origin = origin
        self._turns: list[Turn] = []
        self._run: _Run | None = None
        self._readers: dict[str, Callable[[Fields, bytes, _Run], None]] = {
            "reasoning": self._reasoning,
            "function_call": self._call,
            "custom_tool_call": self._custom_call,
            "compaction": self._compaction,
            **dict.fromkeys(SERVER_ITEMS, self._server_tool),
        }

    def read(self, raw: bytes, path: str) -> None:
        fields = fields_of(raw, path)
        kind = fields.text("type")
        if kind == "message" or (not kind and fields.has("role")):
            self._message(fields, raw)
        elif kind in self._readers:
            self._readers[kind](fields, raw, self._joined(raw, path))
        elif kind in RESULT_ITEMS:
            self._put("user", _result(fields), raw, kind)
        elif kind in CALLER_ITEMS:
            self._put("user", _server_part(fields, raw, kind), raw, kind)
        elif self._run is not None and kind not in SETTING_ITEMS:
            self._joined(raw, path).parts.append(OpaquePart(raw, DIALECT, kind, path=path))
        else:
            self._put("unknown", OpaquePart(raw, DIALECT, kind, path=path), raw, kind)

    def finish(self) -> list[Turn]:
        if self._run is not None:
            run, self._run = self._run, None
            kept = RawTurn(DIALECT, b",".join(run.raws), self._origin)
            self._turns.append(Turn("assistant", tuple(run.parts), tuple(run.private), kept, run.path, "assistant"))
        return self._turns

    def _joined(self, raw: bytes, path: str) -> _Run:
        """The assistant's turn that this item belongs to."""
        if self._run is None:
            self._run = _Run(path)
        self._run.raws.append(raw)
        return self._run

    def _put(self, role: Role, part: Part, raw: bytes, label: str) -> None:
        self.finish()
        kept = RawTurn(DIALECT, raw, self._origin)
        self._turns.append(Turn(role, (part,), raw=kept, path=part.path, label=label))

    # --- messages ------------------------------------------------------------------------------

    def _message(self, fields: Fields, raw: bytes) -> None:
        label = fields.text("role")
        role = ROLES.get(label, "unknown")
        if role == "unknown":
            self._put(role, OpaquePart(raw, DIALECT, label, path=fields.path), raw, label)
            return
        content = fields.raw("content")
        parts = read_content(content, fields.place("content"))
        if role == "assistant":
            self._said(fields, parts, listed=content[:1] == b"[", into=self._joined(raw, fields.path))
            return
        self.finish()
        kept = RawTurn(DIALECT, raw, self._origin)
        self._turns.append(Turn(role, tuple(parts), raw=kept, path=fields.path, label=label, extra=fields.rest()))

    def _said(self, fields: Fields, parts: Sequence[Part], *, listed: bool, into: _Run) -> None:
        """The first part of a message stands for the message itself, and bears what hangs on it."""
        place = len(into.parts)
        for name, kind in _OF_A_MESSAGE:
            value = fields.text(name)
            if value:
                into.private.append(self._entry(kind, value.encode(), place, fields.place(name)))
        first = parts[0] if parts else TextPart("")
        if type(first) is TextPart:
            inner = {f"content[0].{name}": value for name, value in first.extra.items()} if listed else first.extra
            first = replace(first, path=fields.path, extra=inner | fields.rest())
        into.parts.extend((first, *parts[1:]))

    # --- other items of the assistant's --------------------------------------------------------

    def _reasoning(self, fields: Fields, raw: bytes, into: _Run) -> None:
        encrypted = fields.text("encrypted_content")
        item = decode(raw, _REASONING, fields.path, "a reasoning item")
        anchor = len(into.parts)
        if is_envelope(encrypted):
            into.parts.append(ReasoningPart(item.text, fields.path))
            payload = encrypted.encode("utf-8", "surrogatepass")
            place = fields.place("encrypted_content")
            into.private.append(self._entry("envelope", payload, anchor, place, item.id or ""))
            return
        into.parts.append(ReasoningPart(item.text, fields.path, fields.rest()))
        if encrypted or not (item.id or "").startswith(MADE_UP_THOUGHTS):
            place = fields.place("encrypted_content" if encrypted else "id")
            into.private.append(self._entry("encrypted", raw, anchor, place, item.id or ""))

    def _call(self, fields: Fields, _raw: bytes, into: _Run) -> None:
        self._called(fields, fields.text("arguments"), into)

    def _custom_call(self, fields: Fields, _raw: bytes, into: _Run) -> None:
        self._called(fields, fields.text("input"), into, custom=True)

    def _called(self, fields: Fields, arguments: str, into: _Run, *, custom: bool = False) -> None:
        item_id = fields.text("id")
        if item_id:
            place = fields.place("id")
            into.private.append(self._entry("item_id", item_id.encode(), len(into.parts), place))
        into.parts.append(
            ToolCallPart(
                fields.text("call_id") or made_up(fields.path),
                qualified(fields.text("namespace"), fields.text("name")),
                arguments,
                "custom" if custom else "function",
                {"item": item_id} if item_id else {},
                fields.path,
                extra=fields.rest(),
            )
        )

    def _compaction(self, fields: Fields, raw: bytes, into: _Run) -> None:
        place = fields.place("encrypted_content")
        into.private.append(self._entry("compaction", raw, len(into.parts), place))
        into.parts.append(OpaquePart(raw, DIALECT, "compaction", path=fields.path))

    def _server_tool(self, fields: Fields, raw: bytes, into: _Run) -> None:
        kind = decode(raw, _KIND, fields.path, "an item").type
        into.parts.append(_server_part(fields, raw, kind))

    def _entry(self, kind: PrivateKind, payload: bytes, anchor: int, path: str, id_: str = "") -> PrivateEntry:
        return PrivateEntry(kind, payload, DIALECT, self._origin, "", anchor, path, id_)


class _Kind(Struct):
    type: str = ""


class _Thought(Struct):
    text: str | None = ""


class _Reasoning(Struct):
    id: str | None = ""
    summary: list[_Thought] | None = None
    content: list[_Thought] | None = None

    @property
    def text(self) -> str:
        """The summary; where there is none, the thoughts themselves."""
        return thoughts(self.summary) or thoughts(self.content)


def thoughts(pieces: Sequence[_Thought] | None) -> str:
    return BETWEEN_THOUGHTS.join(piece.text or "" for piece in pieces or ())


_KIND = msgspec.json.Decoder(_Kind)
_REASONING = msgspec.json.Decoder(_Reasoning)


def _result(fields: Fields) -> ToolResultPart:
    content = read_content(fields.raw("output"), fields.place("output"))
    is_error = False
    if content and isinstance(first := content[0], TextPart):
        text, is_error = unmark_error(first.text)
        if is_error:
            content[0] = replace(first, text=text)
    call, name = fields.text("call_id"), fields.text("name")
    return ToolResultPart(call, tuple(content), is_error, name, fields.path, extra=fields.rest())


def _server_part(fields: Fields, raw: bytes, kind: str) -> ServerToolPart:
    return ServerToolPart(raw, DIALECT, kind, fields.text("call_id") or fields.text("id"), fields.path)
