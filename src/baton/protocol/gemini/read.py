"""A `generateContent` request -> the canonical conversation."""

from collections.abc import Mapping

from msgspec import Raw
from msgspec.structs import replace

from baton.protocol.fields import body_members
from baton.protocol.gemini.names import Members, members_of
from baton.protocol.gemini.parts import PartList
from baton.protocol.gemini.settings import read_settings
from baton.protocol.private import stamp
from baton.protocol.tool_ids import made_up
from baton.types.conversation import Conversation, RawTurn, Role, Turn
from baton.types.errors import MalformedBody
from baton.types.parts import OpaquePart, Origin, Part, TextPart, ToolCallPart, ToolResultPart

UNKNOWN_ORIGIN = Origin()
ROLES: dict[str, Role] = {"": "user", "user": "user", "model": "assistant", "function": "user", "tool": "user"}


def read(body: bytes | Mapping[str, Raw], origin: Origin = UNKNOWN_ORIGIN) -> Conversation:
    """`origin` is presumed of thought signatures that bear no envelope. Raises MalformedBody."""
    members = body_members(body)
    fields = Members(dict(members))
    if not fields.has("contents"):
        raise MalformedBody("`contents` is missing: send the conversation as a list of contents", "contents")
    turns = _read_system(fields, origin)
    reader = _Contents(origin)
    for index, raw in enumerate(fields.items("contents")):
        reader.read(raw, f"contents[{index}]")
    settings = read_settings(fields)
    return replace(
        settings,
        turns=stamp((*turns, *reader.turns)),
        members={name: bytes(value) for name, value in members.items()},
    )


def _read_system(fields: Members, origin: Origin) -> list[Turn]:
    place = fields.place("systemInstruction")
    raw = fields.raw("systemInstruction")
    if not raw:
        return []
    kept = RawTurn("gemini", raw, origin)
    if raw[:1] == b'"':
        text = Members({"text": Raw(raw)}, place).text("text")
        return [Turn("system", (TextPart(text, place),), raw=kept, path=place, label="top")]
    inner = members_of(raw, place)
    inner.text("role")
    parts = _read_parts(inner, PartList(origin, join=False))
    # State is not made in a system instruction: what stands there is no one's.
    return [Turn("system", tuple(parts.parts), raw=kept, path=place, label="top", extra=inner.rest())]


def _read_parts(fields: Members, into: PartList) -> PartList:
    for index, part in enumerate(fields.items("parts")):
        into.read(part, f"{fields.place('parts')}[{index}]")
    return into


class _Contents:
    """Reads contents in order; keeps the calls that wait for a result, for results that do not name theirs."""

    def __init__(self, origin: Origin) -> None:
        self.turns: list[Turn] = []
        self._origin = origin
        self._waiting: list[ToolCallPart] = []
        self._open: PartList | None = None
        """Parts of the last turn, when it was the model's: the next content may go on with it."""

    def read(self, raw: bytes, path: str) -> None:
        fields = members_of(raw, path)
        label = fields.text("role")
        role = ROLES.get(label, "unknown")
        kept = RawTurn("gemini", raw, self._origin)
        if role == "unknown":
            part = OpaquePart(raw, "gemini", label, path=path)
            self.turns.append(Turn(role, (part,), raw=kept, path=path, label=label))
            self._open = None
            return
        goes_on = role == "assistant" and self._open is not None
        into = self._open if goes_on and self._open is not None else PartList(self._origin, join=role == "assistant")
        _read_parts(fields, into)
        into.parts = self._identified(into.parts)
        turn = Turn(role, raw=kept, path=path, label=label, extra=fields.rest())
        if goes_on:
            turn = _continued(self.turns.pop(), turn)
        self._open = into if role == "assistant" and not turn.extra else None
        self.turns.append(_filled(turn, into))

    def _identified(self, parts: list[Part]) -> list[Part]:
        """Calls without an id get one from their place; results without one get that of the call they answer."""
        found: list[Part] = []
        for part in parts:
            if type(part) is ToolCallPart:
                call = part if part.id else replace(part, id=made_up(part.path))
                if all(call.path != one.path for one in self._waiting):
                    self._waiting.append(call)
                found.append(call)
            elif type(part) is ToolResultPart:
                found.append(self._paired(part))
            else:
                found.append(part)
        return found

    def _paired(self, result: ToolResultPart) -> ToolResultPart:
        """By id, else the first open call of this name, else the first open call."""
        open_ = [call for call in self._waiting if call.id == result.call] if result.call else self._waiting
        call = next((one for one in open_ if one.name == result.name), next(iter(open_), None))
        if call is None:
            return result if result.call else replace(result, call=made_up(result.path))
        self._waiting.remove(call)
        return replace(result, call=call.id)


def _continued(before: Turn, more: Turn) -> Turn:
    """One turn of the model's that the client sends in several contents, as it came in pieces of a stream."""
    assert before.raw is not None
    assert more.raw is not None
    body = before.raw.body + b"," + more.raw.body
    return replace(before, raw=replace(before.raw, body=body), echo=(*before.echo, more.path), extra=more.extra)


def _filled(turn: Turn, parts: PartList) -> Turn:
    echo = tuple(dict.fromkeys((*turn.echo, *parts.echo))) if parts.echo or turn.echo else ()
    return replace(turn, parts=tuple(parts.parts), private=parts.closed(), echo=echo)
