"""Turns -> items of a Responses request, in their order; results directly after the calls they answer.

Every turn becomes items of its own: a longer history begins with the bytes of the shorter one.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import Raw, Struct

from baton.protocol import foreign
from baton.protocol.account import Account
from baton.protocol.arguments import mark_error
from baton.protocol.openai_responses.items import DIALECT
from baton.protocol.openai_responses.render import Piece, Pieces
from baton.protocol.openai_responses.tables import CALLER_ITEMS
from baton.protocol.pairing import Answered, Step
from baton.protocol.weight import NO_PLACE
from baton.types.card import Dialect
from baton.types.conversation import Conversation, Turn
from baton.types.handoff import Target
from baton.types.parts import (
    OpaquePart,
    Part,
    PrivateEntry,
    ReasoningPart,
    ServerToolPart,
    TextPart,
    ToolCallPart,
    ToolResultPart,
)

Item = dict[str, Any] | Raw
Released = Mapping[int, Sequence[PrivateEntry]]

SYSTEM_LABELS = frozenset({"system", "developer"})
TRAILING_REASONING = "thinking with nothing after it, which the target refuses"
ID_ALONE = "the id of an item goes only together with the reasoning before it"
ID_CHARS = 32


class _Message(Struct):
    """The assistant's message that is being put together."""

    path: str
    id: str = ""
    phase: str = ""
    content: list[Piece | Raw] = []
    around: Piece = {}


class Items:
    def __init__(self, account: Account, conversation: Conversation, target: Target, pieces: Pieces) -> None:
        self._account = account
        self._conversation = conversation
        self._target = target
        self._pieces = pieces

    def of_step(self, step: Step, released: Released, *, leading: bool) -> Iterator[Item]:
        """The items of one step: its own, and the results of its calls. `leading`: only system turns stand before."""
        turn = step.turn
        foreign.note_turn(self._account, turn, self._conversation, moved=step.moved)
        if turn.name:
            self._account.note(f"{turn.path}.name", "degraded", NO_PLACE.format("the target"))
        if turn.role == "unknown":
            for part in step.parts:
                self._account.part(part, "degraded", foreign.UNKNOWN_ROLE)
        elif turn.role == "assistant":
            yield from self._assistant(turn, released)
        elif turn.role == "system":
            yield from self._system(turn, leading=leading)
        else:
            yield from self._user(step.parts)
        for answer in step.answers:
            yield from self._answer(answer, awaited=step.awaited)

    def again(self, turn: Turn, released: Released) -> list[Item]:
        """The items of a turn of this dialect, written anew from its parts."""
        account = self._account
        account.note(turn.path, "kept")
        for path in turn.echo:
            account.note(path, "kept", "put back as it was made")
        if turn.role == "assistant":
            return list(self._assistant(turn, released))
        if turn.role == "unknown" or turn.label in CALLER_ITEMS:
            return [piece for part in turn.parts if (piece := self._pieces.piece(part, DIALECT)) is not None]
        found: list[Item] = []
        results = [part for part in turn.parts if type(part) is ToolResultPart]
        others = [part for part in turn.parts if type(part) is not ToolResultPart]
        found.extend(self._result(part, custom=turn.label.startswith("custom")) for part in results)
        if others:
            extras = self._pieces.extras(turn.path, turn.extra, DIALECT)
            role = turn.label or turn.role
            if turn.role == "system" and self._target.system_role is not None:
                role = self._target.system_role
            content = self._pieces.content(self._pieces.of(others, DIALECT))
            found.append({"type": "message", "role": role, "content": content} | extras)
        return found

    # --- system and user -----------------------------------------------------------------------

    def _system(self, turn: Turn, *, leading: bool) -> Iterator[Item]:
        pieces = self._pieces.of(turn.parts, self._conversation.dialect)
        if not pieces:
            return
        if not leading and not self._target.mid_system:
            for part in turn.parts:
                self._account.part(part, "degraded", foreign.FOLDED)
            text = "\n".join(str(piece.get("text", "")) for piece in pieces if isinstance(piece, dict))
            yield {"role": "user", "content": foreign.tagged("system", text)}
            return
        role = self._target.system_role or (turn.label if turn.label in SYSTEM_LABELS else "developer")
        yield {"role": role, "content": self._pieces.content(pieces)}

    def _user(self, parts: Sequence[Part]) -> Iterator[Item]:
        pieces: list[Piece | Raw] = []
        for part in parts:
            if type(part) is ToolResultPart:  # still here: it answers no call
                pieces.append({"type": "input_text", "text": foreign.ORPHAN_TEXT})
                pieces.extend(self._pieces.of(part.content, self._conversation.dialect))
                self._account.part(part, "degraded", foreign.ORPHAN)
            else:
                pieces.extend(self._pieces.of((part,), self._conversation.dialect))
        if pieces:
            yield {"role": "user", "content": self._pieces.content(pieces)}

    # --- assistant -----------------------------------------------------------------------------

    def _assistant(self, turn: Turn, released: Released) -> Iterator[Item]:
        dialect = foreign.extras_dialect(turn, self._conversation)
        with_ids = all(place in released for place, part in enumerate(turn.parts) if type(part) is ReasoningPart)
        message: _Message | None = None
        for place in self._places(turn, released):
            part, entries = turn.parts[place], released.get(place, ())
            said = type(part) is TextPart or _is_content(part)
            if message is not None and (not said or entries or dialect != DIALECT):
                yield self._closed(message)
                message = None
            if said:
                message = message or _Message(part.path, self._item_id(entries, with_ids=with_ids), _phase(entries))
                self._say(message, part, dialect)
            else:
                item = self._item(part, entries, dialect, self._item_id(entries, with_ids=with_ids))
                if item is not None:
                    yield item
        if message is not None:
            yield self._closed(message)

    def _places(self, turn: Turn, released: Released) -> list[int]:
        """The parts that are written: no thinking at the end, which happens to answers that were cut."""
        own = foreign.extras_dialect(turn, self._conversation) == DIALECT
        places = []
        for place, part in enumerate(turn.parts):
            if type(part) is ReasoningPart and place not in released:
                continue  # noted when it was not released
            if type(part) is TextPart and not part.text and not own:
                self._account.part(part, "withheld", foreign.EMPTY_TEXT)
            elif type(part) is OpaquePart and part.block == "compaction" and place not in released:
                self._account.part(part, "withheld", foreign.REASONING)
            else:
                places.append(place)
        while places and isinstance(turn.parts[places[-1]], ReasoningPart):
            self._account.part(turn.parts[places.pop()], "withheld", TRAILING_REASONING)
        return places

    def _item_id(self, entries: Sequence[PrivateEntry], *, with_ids: bool) -> str:
        found = next((entry for entry in entries if entry.kind == "item_id"), None)
        if found is None:
            return ""
        if not with_ids:
            self._account.note(found.path, "withheld", ID_ALONE)
            return ""
        return found.payload.decode()

    def _item(self, part: Part, entries: Sequence[PrivateEntry], dialect: Dialect, item_id: str) -> Item | None:
        if type(part) is ToolCallPart:
            return self._pieces.call(part, dialect, item_id)
        if type(part) is ReasoningPart:
            self._account.part(part, "kept")
            return next((Raw(entry.payload) for entry in entries if entry.kind == "encrypted"), None)
        if type(part) is OpaquePart or type(part) is ServerToolPart:
            piece = self._pieces.foreign_part(part, "output_text")
            return {"role": "assistant", "content": piece["text"]} if isinstance(piece, dict) else piece
        self._account.part(part, "degraded", foreign.LACKS.format("media in the assistant's words"))
        return None

    def _say(self, message: _Message, part: Part, dialect: Dialect) -> None:
        if type(part) is TextPart:
            piece, around = self._pieces.said(part, dialect)
            message.content.append(piece)
            message.around |= around
        elif type(part) is OpaquePart:
            self._account.part(part, "kept")
            message.content.append(Raw(part.json))

    def _closed(self, message: _Message) -> Item:
        """The short form for a plain text of no id, which every server takes; else the whole message."""
        phase = {"phase": message.phase} if message.phase else {}
        first = message.content[0]
        plain = isinstance(first, dict) and first.keys() == {"type", "text", "annotations"} and not message.around
        if plain and isinstance(first, dict) and len(message.content) == 1 and not message.id:
            return {"role": "assistant", "content": first["text"]} | phase
        item: Piece = {"type": "message", "id": message.id or _made_up_id(message.path), "role": "assistant"}
        return item | {"status": "completed", "content": message.content} | phase | message.around

    # --- results -------------------------------------------------------------------------------

    def _answer(self, answer: Answered, *, awaited: bool) -> Iterator[Item]:
        custom = answer.call.kind == "custom"
        if answer.result is not None:
            yield self._result(answer.result, custom=custom)
            if answer.moved:
                self._account.note(answer.result.path, "moved", foreign.MOVED_RESULT)
        elif not awaited:
            self._account.note(f"{answer.call.path}.result", "degraded", foreign.NO_RESULT)
            yield self._output(answer.call.id, mark_error(foreign.MISSING_RESULT_TEXT), custom=custom)

    def _result(self, part: ToolResultPart, *, custom: bool) -> Item:
        dialect = self._conversation.dialect
        self._account.note(part.path, "kept")
        if part.cache is not None:
            self._account.note(part.cache.path, "withheld", foreign.CACHE.format(dialect))
        extras = self._pieces.extras(part.path, part.extra, dialect)
        pieces = self._pieces.of(part.content, dialect)
        if part.is_error:
            self._account.note(f"{part.path}.is_error", "moved", "as a mark before the text")
            pieces = _marked(pieces)
        return self._output(part.call, self._pieces.content(pieces), custom=custom) | extras

    def _output(self, call: str, output: str | list[Piece | Raw], *, custom: bool) -> Piece:
        kind = "custom_tool_call_output" if custom else "function_call_output"
        return {"type": kind, "call_id": self._pieces.id(call), "output": output}


def _is_content(part: Part) -> bool:
    """A part of a message whose type Baton does not know, and not an item of its own."""
    return type(part) is OpaquePart and part.dialect == DIALECT and ".content[" in part.path


def _phase(entries: Sequence[PrivateEntry]) -> str:
    return next((entry.payload.decode() for entry in entries if entry.kind == "phase"), "")


def _made_up_id(path: str) -> str:
    """A message with a refusal must have an id; it depends on nothing but the place, so that bytes stay the same."""
    return "msg_" + hashlib.sha256(path.encode()).hexdigest()[:ID_CHARS]


def _marked(pieces: list[Piece | Raw]) -> list[Piece | Raw]:
    first = pieces[0] if pieces else None
    if isinstance(first, dict) and first.get("type") == "input_text":
        return [first | {"text": mark_error(str(first["text"]))}, *pieces[1:]]
    return [{"type": "input_text", "text": mark_error("")}, *pieces]
