"""Turns -> Gemini contents: results together in one content of their own, directly after their calls.

Contents of one role that follow each other are joined, because the API wants calls directly after a turn of the
user's, and roles that alternate. But results stay by themselves: words in one content with them are read as a part of
the results, and models stop after them.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from msgspec import Raw

from baton.protocol import foreign
from baton.protocol.account import Account
from baton.protocol.gemini.render import Piece, Pieces, Released
from baton.protocol.gemini.results import response_of
from baton.protocol.pairing import Step
from baton.protocol.tool_ids import fit_name
from baton.protocol.weight import NO_PLACE
from baton.types.conversation import Conversation, Turn
from baton.types.parts import ToolCallPart, ToolResultPart

Content = dict[str, Any]

ROLES = {"user": "user", "assistant": "model", "system": "user"}
TEXT_ONLY = "the target's system instruction holds text only"


class Contents:
    def __init__(self, account: Account, conversation: Conversation, pieces: Pieces) -> None:
        self._account = account
        self._conversation = conversation
        self._pieces = pieces

    def system(self, steps: Iterable[Step]) -> list[Piece]:
        """The parts of the system instruction, from the leading system turns."""
        found: list[Piece] = []
        for step in steps:
            self._note(step)
            for part in step.parts:
                pieces = self._pieces.of(part, self._conversation.dialect)
                if all("text" in piece for piece in pieces):
                    found.extend(pieces)
                else:
                    self._account.part(part, "degraded", TEXT_ONLY)
        return found

    def of_steps(self, steps: Iterable[Step], released: dict[str, dict[int, Any]]) -> list[Content]:
        contents: list[Content] = []
        for step in steps:
            for content in self._of_step(step, released.get(step.turn.path, {})):
                if contents and contents[-1]["role"] == content["role"] and not _holds_results(contents[-1], content):
                    contents[-1]["parts"].extend(content["parts"])
                else:
                    contents.append(content)
        return contents

    def again(self, turn: Turn, released: Released) -> Content | None:
        """A content of this dialect, written anew from its parts."""
        account = self._account
        account.note(turn.path, "kept")
        for path in turn.echo:
            account.note(path, "kept", "put back as it was made")
        for name in turn.extra:
            account.note(f"{turn.path}.{name}", "kept")
        if turn.role == "unknown":
            for part in turn.parts:
                account.part(part, "kept")
            return None
        parts = self._pieces.of_turn(turn, turn.parts, released)
        if not parts:
            return None
        role = turn.label or ROLES[turn.role]
        return {"role": role, "parts": parts} | {name: Raw(value) for name, value in turn.extra.items()}

    def _of_step(self, step: Step, released: Released) -> Iterator[Content]:
        """The contents of one step: its own, and the results of its calls."""
        self._note(step)
        turn = step.turn
        if turn.role == "unknown":
            for part in step.parts:
                self._account.part(part, "degraded", foreign.UNKNOWN_ROLE)
            return
        if turn.role == "assistant":
            parts = self._pieces.of_turn(turn, step.parts, released)
        else:
            parts = [piece for part in step.parts for piece in self._words(part)]
        if parts and turn.role == "system":
            parts = self._folded(step, parts)
        if parts:
            yield {"role": ROLES[turn.role], "parts": parts}
        results = self._results(step)
        if results:
            yield {"role": "user", "parts": results}

    def _note(self, step: Step) -> None:
        turn = step.turn
        foreign.note_turn(self._account, turn, self._conversation, moved=step.moved)
        if turn.name:
            self._account.note(f"{turn.path}.name", "degraded", NO_PLACE.format("the target"))

    def _words(self, part: Any) -> list[Piece]:
        """A result that is still here answers no call: it would be refused as a result, and is shown as text."""
        dialect = self._conversation.dialect
        if type(part) is not ToolResultPart:
            return self._pieces.of(part, dialect)
        shown = [piece for one in part.content for piece in self._pieces.of(one, dialect)]
        self._account.part(part, "degraded", foreign.ORPHAN)
        return [{"text": foreign.ORPHAN_TEXT}, *shown]

    def _folded(self, step: Step, parts: list[Piece]) -> list[Piece]:
        for part in step.parts:
            self._account.part(part, "degraded", foreign.FOLDED)
        text = "\n".join(str(piece["text"]) for piece in parts if "text" in piece)
        return [{"text": foreign.tagged("system", text)}, *(piece for piece in parts if "text" not in piece)]

    def _results(self, step: Step) -> list[Piece]:
        found: list[Piece] = []
        for answer in step.answers:
            if answer.result is not None:
                found.extend(self._pieces.of(answer.result, self._conversation.dialect))
                if answer.moved:
                    self._account.note(answer.result.path, "moved", foreign.MOVED_RESULT)
            elif not step.awaited:
                self._account.note(f"{answer.call.path}.result", "degraded", foreign.NO_RESULT)
                found.append(self._missing(answer.call))
        return found

    def _missing(self, call: ToolCallPart) -> Piece:
        response = Raw(response_of(foreign.MISSING_RESULT_TEXT, is_error=True))
        name = fit_name(call.name, "gemini")
        return {"functionResponse": {"name": name, "response": response, "id": self._pieces.id(call.id)}}


def _holds_results(*contents: Content) -> bool:
    return any("functionResponse" in part for content in contents for part in content["parts"])
