"""Turns -> Chat Completions messages: words before calls, one tool message per result directly after them.

Every turn becomes messages of its own: a longer history begins with the bytes of the shorter one.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import Raw

from baton.protocol import foreign
from baton.protocol.account import Account
from baton.protocol.arguments import mark_error
from baton.protocol.openai_chat.render import Piece, Pieces
from baton.protocol.pairing import Answered, Step
from baton.types.card import Dialect
from baton.types.conversation import Conversation, Turn
from baton.types.handoff import Target
from baton.types.parts import (
    AudioPart,
    DocumentPart,
    ImagePart,
    OpaquePart,
    Part,
    PrivateEntry,
    ReasoningPart,
    ServerToolPart,
    TextPart,
    ToolCallPart,
    ToolResultPart,
)

Message = dict[str, Any]
Released = Mapping[int, Sequence[PrivateEntry]]

WORDS_FIRST = "words stand before calls in this dialect"
MEDIA_AFTER = "in a user message after the results: tool messages hold text only"
MEDIA_STUB = "[{0} of this result: see the next user message]"
MEDIA_HEAD = "[{0} of the result of tool call {1}]"
EMPTY_RESULT = "[empty result]"
EMPTY_REASON = f"written as {EMPTY_RESULT!r}: some servers stop at an empty one"


class Messages:
    def __init__(self, account: Account, conversation: Conversation, target: Target, pieces: Pieces) -> None:
        self._account = account
        self._conversation = conversation
        self._target = target
        self._pieces = pieces

    def of_step(self, step: Step, released: Released) -> Iterator[Message]:
        """The messages of one step: its own, and the results of its calls."""
        turn = step.turn
        foreign.note_turn(self._account, turn, self._conversation, moved=step.moved)
        message = self._message(turn, step.parts, released)
        if message is not None:
            yield message
        yield from self._results(step)

    def again(self, turn: Turn, released: Released) -> Message | None:
        """A message of this dialect, written anew from its parts."""
        account = self._account
        account.note(turn.path, "kept")
        for path in turn.echo:
            account.note(path, "kept", "put back as it was made")
        message = self._message(turn, turn.parts, released)
        for name in turn.extra:
            account.note(f"{turn.path}.{name}", "kept")
        return None if message is None else message | {name: Raw(value) for name, value in turn.extra.items()}

    def _message(self, turn: Turn, parts: Sequence[Part], released: Released) -> Message | None:
        if turn.role == "unknown":
            for part in parts:
                self._account.part(part, "degraded", foreign.UNKNOWN_ROLE)
            return None
        if turn.role == "assistant":
            message = self._assistant(turn, released)
        elif turn.role == "system":
            message = self._system(turn)
        else:
            message = self._user(turn, parts)
        if message is not None and turn.name:
            self._account.note(f"{turn.path}.name", "kept")
            message["name"] = turn.name
        return message

    def _system(self, turn: Turn) -> Message | None:
        pieces = self._pieces.of(turn.parts, self._conversation.dialect)
        if not pieces:
            return None
        if turn.label != "top" and not self._target.mid_system:
            for part in turn.parts:
                self._account.part(part, "degraded", foreign.FOLDED)
            text = "\n".join(str(piece["text"]) for piece in pieces if isinstance(piece, dict))
            return {"role": "user", "content": foreign.tagged("system", text)}
        return {"role": self._target.system_role or "system", "content": self._pieces.content(pieces)}

    def _user(self, turn: Turn, parts: Sequence[Part]) -> Message | None:
        pieces: list[Piece | Raw] = []
        for part in parts:
            if type(part) is ToolResultPart:  # still here: it answers no call
                pieces.append({"type": "text", "text": foreign.ORPHAN_TEXT})
                pieces.extend(self._pieces.of(part.content, self._conversation.dialect))
                self._account.part(part, "degraded", foreign.ORPHAN)
            else:
                pieces.extend(self._pieces.of((part,), self._conversation.dialect))
        return {"role": "user", "content": self._pieces.content(pieces)} if pieces or not turn.parts else None

    def _assistant(self, turn: Turn, released: Released) -> Message | None:
        dialect = foreign.extras_dialect(turn, self._conversation)
        words: list[Piece | Raw] = []
        calls: list[Piece] = []
        refusals: list[str] = []
        for part in turn.parts:
            if type(part) is ToolCallPart:
                calls.append(self._pieces.call(part, dialect))
            elif type(part) is TextPart and part.refusal:
                self._account.part(part, "kept")
                refusals.append(part.text)
            elif type(part) is not ReasoningPart:
                words.extend(self._words(part, dialect))
                if calls:
                    self._account.note(part.path, "moved", WORDS_FIRST)
        message: Message = {"role": "assistant", "content": self._pieces.content(words, "") if words else None}
        message |= self._reasoning(turn, released)
        if refusals:
            message["refusal"] = "".join(refusals)
        if calls:
            message["tool_calls"] = calls
        return message if len(message) > 2 or words else None

    def _words(self, part: Part, dialect: Dialect) -> list[Piece | Raw]:
        """What an assistant may say in this dialect is text; a medium of its own cannot be said again."""
        if type(part) is TextPart or type(part) is OpaquePart or type(part) is ServerToolPart:
            piece = self._pieces.piece(part, dialect)
            return [] if piece is None else [piece]
        self._account.part(part, "degraded", foreign.LACKS.format("media in the assistant's words"))
        return []

    def _reasoning(self, turn: Turn, released: Released) -> Message:
        """The members in which this very server wants its reasoning back."""
        members: Message = {}
        for place, entries in released.items():
            if 0 <= place < len(turn.parts):
                self._account.part(turn.parts[place], "kept")
            for entry in entries:
                if entry.kind == "reasoning_text":
                    members[self._target.reasoning_member or entry.id] = entry.payload.decode("utf-8", "surrogatepass")
                elif entry.kind == "reasoning_details":
                    members["reasoning_details"] = Raw(entry.payload)
        return members

    # --- results -------------------------------------------------------------------------------

    def _results(self, step: Step) -> Iterator[Message]:
        media: list[Piece | Raw] = []
        for answer in step.answers:
            if answer.result is not None:
                yield self._result(answer, answer.result, media)
            elif not step.awaited:
                self._account.note(f"{answer.call.path}.result", "degraded", foreign.NO_RESULT)
                text = mark_error(foreign.MISSING_RESULT_TEXT)
                yield {"role": "tool", "tool_call_id": self._pieces.id(answer.call.id), "content": text}
        if media:
            yield {"role": "user", "content": media}

    def _result(self, answer: Answered, result: ToolResultPart, media: list[Piece | Raw]) -> Message:
        """The tool message; what it cannot hold is added to `media`."""
        account, dialect, id_ = self._account, self._conversation.dialect, self._pieces.id(result.call)
        account.note(result.path, "moved" if answer.moved else "kept", foreign.MOVED_RESULT if answer.moved else "")
        foreign.note_part_extras(account, result, self._conversation)
        pieces: list[Piece | Raw] = []
        for part in result.content:
            piece = self._pieces.piece(part, dialect)
            if piece is None:
                continue
            if (type(part) is ImagePart or type(part) is AudioPart) or (type(part) is DocumentPart and not part.text):
                kind = type(part).__name__.removesuffix("Part").lower()
                account.note(part.path, "moved", MEDIA_AFTER)
                media.extend([{"type": "text", "text": MEDIA_HEAD.format(kind, id_)}, piece])
                piece = {"type": "text", "text": MEDIA_STUB.format(kind)}
            pieces.append(piece)
        content = self._pieces.content(pieces, "\n")
        if content in ("", []):
            account.note(result.path, "moved", EMPTY_REASON)
            content = EMPTY_RESULT
        if result.is_error:
            account.note(f"{result.path}.is_error", "moved", "as a mark before the text")
            content = _marked(content)
        return {"role": "tool", "tool_call_id": id_, "content": content}


def _marked(content: str | list[Piece | Raw]) -> str | list[Piece | Raw]:
    if isinstance(content, str):
        return mark_error(content)
    first = content[0]
    if isinstance(first, dict):
        return [first | {"text": mark_error(str(first.get("text", "")))}, *content[1:]]
    return [{"type": "text", "text": mark_error("")}, *content]
