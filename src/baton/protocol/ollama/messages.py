"""Turns -> chat messages: one text each, images beside it, words before calls, results directly after them.

Every turn becomes messages of its own: a longer history begins with the bytes of the shorter one.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import Raw

from baton.protocol import foreign
from baton.protocol.account import Account
from baton.protocol.arguments import mark_error
from baton.protocol.ollama.render import BESIDE, Content, Piece, Pieces
from baton.protocol.ollama.tables import THINKING
from baton.protocol.pairing import Step
from baton.protocol.tool_ids import fit_name
from baton.protocol.weight import NO_PLACE
from baton.types.conversation import Conversation, Turn
from baton.types.handoff import Target
from baton.types.parts import Part, PrivateEntry, ReasoningPart, ToolCallPart, ToolResultPart

Released = Mapping[int, Sequence[PrivateEntry]]

WORDS_FIRST = "words stand before calls in this dialect"
IMAGES_AFTER = "in a user message after the results: not every model is shown what is in theirs"
IMAGE_STUB = "[image of this result: see the next user message]"
IMAGES_HEAD = "[images of the result of tool {0}]"
GLUE = "\n\n"


class Messages:
    def __init__(self, account: Account, conversation: Conversation, target: Target, pieces: Pieces) -> None:
        self._account = account
        self._conversation = conversation
        self._target = target
        self._pieces = pieces

    def of_step(self, step: Step, released: Released) -> Iterator[Piece]:
        """The messages of one step: its own, and the results of its calls."""
        turn = step.turn
        foreign.note_turn(self._account, turn, self._conversation, moved=step.moved)
        if turn.name:
            self._account.note(f"{turn.path}.name", "degraded", NO_PLACE.format("the target"))
        message = self._message(turn, step.parts, released)
        if message is not None:
            yield message
        yield from self._results(step)

    def again(self, turn: Turn, released: Released) -> Piece | None:
        """A message of this dialect, written anew from its parts."""
        account = self._account
        account.note(turn.path, "kept")
        for path in turn.echo:
            account.note(path, "kept", "put back as it was made")
        for name in turn.extra:
            account.note(f"{turn.path}.{name}", "kept")
        results = [part for part in turn.parts if type(part) is ToolResultPart]
        message = self._result(results[0], results[0].name) if results else self._message(turn, turn.parts, released)
        return None if message is None else message | {name: Raw(value) for name, value in turn.extra.items()}

    def _message(self, turn: Turn, parts: Sequence[Part], released: Released) -> Piece | None:
        if turn.role == "unknown":
            for part in parts:
                self._account.part(part, "degraded", foreign.UNKNOWN_ROLE)
            return None
        if turn.role == "assistant":
            return self._assistant(turn, released)
        content = self._content(parts)
        if turn.parts and not content:
            return None
        if turn.role == "system" and turn.label != "top" and not self._target.mid_system:
            for part in turn.parts:
                self._account.part(part, "degraded", foreign.FOLDED)
            return {"role": "user", "content": foreign.tagged("system", GLUE.join(content.texts))}
        return {"role": turn.role} | content.members(GLUE)

    def _content(self, parts: Sequence[Part]) -> Content:
        content = Content([], [])
        for part in parts:
            if type(part) is ToolResultPart:  # still here: it answers no call
                content.texts.append(foreign.ORPHAN_TEXT)
                self._pieces.result(part, content)
                self._account.part(part, "degraded", foreign.ORPHAN)
            else:
                self._pieces.add(part, self._conversation.dialect, content)
        return content

    def _assistant(self, turn: Turn, released: Released) -> Piece | None:
        dialect = foreign.extras_dialect(turn, self._conversation)
        content = Content([], [])
        calls: list[Piece] = []
        for part in turn.parts:
            if type(part) is ToolCallPart:
                calls.append(self._pieces.call(part, dialect))
            elif type(part) is not ReasoningPart:
                self._pieces.add(part, dialect, content)
                if calls:
                    self._account.note(part.path, "moved", WORDS_FIRST)
        message: dict[str, Any] = {"role": "assistant"} | content.members("") | self._thinking(turn, released)
        if calls:
            message["tool_calls"] = calls
        return message if len(message) > 2 or content else None

    def _thinking(self, turn: Turn, released: Released) -> Piece:
        """The thinking that this very server gave out."""
        members: Piece = {}
        for place, entries in released.items():
            if 0 <= place < len(turn.parts):
                self._account.part(turn.parts[place], "kept")
            for entry in entries:
                if entry.kind == "reasoning_text":
                    members[THINKING] = entry.payload.decode("utf-8", "surrogatepass")
        return members

    # --- results -------------------------------------------------------------------------------

    def _results(self, step: Step) -> Iterator[Piece]:
        """Each result under the name of its tool, in the order of the calls: nothing else ties it to its call."""
        images: list[Piece] = []
        for answer in step.answers:
            call, result = answer.call, answer.result
            if result is not None:
                message = self._result(result, call.name)
                if answer.moved:
                    self._account.note(result.path, "moved", foreign.MOVED_RESULT)
                found = message.pop("images", [])
                yield message
                if found:
                    images.append({"role": "user", "content": IMAGES_HEAD.format(call.name), "images": found})
            elif not step.awaited:
                self._account.note(f"{call.path}.result", "degraded", foreign.NO_RESULT)
                yield _tool_message(call.name, mark_error(foreign.MISSING_RESULT_TEXT))
        yield from images

    def _result(self, result: ToolResultPart, tool: str) -> Piece:
        account = self._account
        content = Content([], [], BESIDE if self._conversation.dialect == "ollama" else IMAGES_AFTER)
        account.note(result.path, "kept")
        self._pieces.result(result, content)
        if self._conversation.dialect != "ollama":
            content.texts.extend([IMAGE_STUB] * len(content.images))
        text = GLUE.join(content.texts)
        if result.is_error:
            account.note(f"{result.path}.is_error", "moved", "as a mark before the text")
            text = mark_error(text)
        return _tool_message(tool, text) | ({"images": content.images} if content.images else {})


def _tool_message(tool: str, text: str) -> Piece:
    return {"role": "tool", "tool_name": fit_name(tool, "ollama"), "content": text}
