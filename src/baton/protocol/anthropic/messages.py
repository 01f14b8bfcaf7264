"""Turns -> Messages: results together in the next user message, system messages at their place.

Every turn becomes messages of its own, and consecutive messages of one role are left for the API to join: so a longer
history begins with the bytes of the shorter one.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec import Raw

from baton.protocol import foreign
from baton.protocol.account import Account
from baton.protocol.anthropic.render import Block, Blocks
from baton.protocol.pairing import Step
from baton.protocol.weight import NO_PLACE
from baton.types.conversation import Conversation, Turn
from baton.types.handoff import Target
from baton.types.parts import PrivateEntry, ToolResultPart

Released = Mapping[int, Sequence[PrivateEntry]]


class Messages:
    def __init__(self, account: Account, conversation: Conversation, target: Target, blocks: Blocks) -> None:
        self._account = account
        self._conversation = conversation
        self._target = target
        self._blocks = blocks

    def system(self, steps: Iterable[Step]) -> list[Block | Raw]:
        """The top-level system prompt of the leading system turns."""
        found: list[Block | Raw] = []
        for step in steps:
            self._note(step)
            found.extend(self._blocks.of_turn(step.turn, step.parts, {}))
        return found

    def of_step(self, step: Step, released: Released) -> Iterator[Block]:
        """The messages of one step: its own, and the results of its calls."""
        self._note(step)
        turn = step.turn
        if turn.role == "unknown":
            for part in step.parts:
                self._account.part(part, "degraded", foreign.UNKNOWN_ROLE)
            return
        message = self._message(turn, step, released)
        if message is not None:
            yield message
        results = self._results(step)
        if results:
            yield {"role": "user", "content": results}

    def again(self, turn: Turn, released: Released) -> Block | None:
        """A message of this dialect, written anew from its parts."""
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
        message = self._message(turn, Step(turn, turn.parts), released)
        return None if message is None else message | {name: Raw(value) for name, value in turn.extra.items()}

    def _note(self, step: Step) -> None:
        turn = step.turn
        foreign.note_turn(self._account, turn, self._conversation, moved=step.moved)
        if turn.name:
            self._account.note(f"{turn.path}.name", "degraded", NO_PLACE.format("the target"))

    def _message(self, turn: Turn, step: Step, released: Released) -> Block | None:
        if turn.role == "user" and self._conversation.dialect != "anthropic":
            blocks = list(self._with_orphans(step))
        else:
            blocks = self._blocks.of_turn(turn, step.parts, released)
        if not blocks:
            return None
        if turn.role == "system" and not self._target.mid_system:
            return self._folded(turn, blocks)
        return {"role": turn.role, "content": blocks}

    def _with_orphans(self, step: Step) -> Iterator[Block | Raw]:
        """A result that is still here answers no call: it would be refused as a result, and is shown as text."""
        for part in step.parts:
            if type(part) is ToolResultPart:
                yield {"type": "text", "text": foreign.ORPHAN_TEXT}
                yield from (
                    block
                    for piece in part.content
                    if (block := self._blocks.block(piece, self._conversation.dialect)) is not None
                )
                self._account.part(part, "degraded", foreign.ORPHAN)
            else:
                yield from self._blocks.of_turn(step.turn, (part,), {})

    def _folded(self, turn: Turn, blocks: Sequence[Block | Raw]) -> Block:
        for part in turn.parts:
            self._account.part(part, "degraded", foreign.FOLDED)
        text = "\n".join(str(block["text"]) for block in blocks if isinstance(block, dict) and "text" in block)
        return {"role": "user", "content": [{"type": "text", "text": foreign.tagged("system", text)}]}

    def _results(self, step: Step) -> list[Block]:
        found = []
        for answer in step.answers:
            if answer.result is not None:
                block = self._blocks.block(answer.result, self._conversation.dialect)
                if isinstance(block, dict):
                    found.append(block)
                if answer.moved:
                    self._account.note(answer.result.path, "moved", foreign.MOVED_RESULT)
            elif not step.awaited:
                self._account.note(f"{answer.call.path}.result", "degraded", foreign.NO_RESULT)
                found.append(self._missing(answer.call.id))
        return found

    def _missing(self, call: str) -> Block:
        return {
            "type": "tool_result",
            "tool_use_id": self._blocks.id(call),
            "content": foreign.MISSING_RESULT_TEXT,
            "is_error": True,
        }
