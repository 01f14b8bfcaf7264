"""Calls and their results, arranged as every dialect wants them: all results of a turn directly after it.

Results are found wherever they stand later in the conversation; what stood between comes after them. A call that was
never answered although the conversation went on gets no result here: the writer says so on its wire. A result of no
call stays where it is, for the writer to show as text.
"""

from collections import deque
from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from baton.protocol.tool_ids import made_up
from baton.types.card import Dialect
from baton.types.conversation import Turn
from baton.types.parts import Part, ToolCallPart, ToolResultPart

UNIQUE_IDS = frozenset[Dialect]({"anthropic", "openai-responses"})
"""No two calls of a conversation may bear the same id there."""


class Answered(Struct, frozen=True):
    """`result` None: never answered. `moved`: the result stood elsewhere, or in another order."""

    call: ToolCallPart
    result: ToolResultPart | None
    moved: bool = False


class Step(Struct, frozen=True):
    """One turn, or what is left of it without the results that belong to the turn before.

    `answers` are those of the turn's own calls; `awaited` is True when the conversation ends with the calls, so that
    their results are still to come. `moved`: results that it stood before come first now.
    """

    turn: Turn
    parts: tuple[Part, ...]
    answers: tuple[Answered, ...] = ()
    awaited: bool = False
    moved: bool = False


class _Found(Struct):
    result: ToolResultPart
    turn: int
    place: int
    taken: bool = False


def arrange(turns: Sequence[Turn], target: Dialect) -> list[Step]:
    """One step for every turn, also for one of which nothing is left."""
    if target in UNIQUE_IDS:
        turns = _told_apart(turns, target)
    by_turn, by_call = _results(turns)
    steps: list[Step] = []
    furthest = -1
    for index, turn in enumerate(turns):
        moved = index < furthest
        if turn.role == "assistant":
            answers, last = _answer(turn, index, by_call)
            furthest = max(furthest, last)
            steps.append(Step(turn, turn.parts, answers, bool(answers) and _is_last(turns, index), moved))
            continue
        taken = {found.place for found in by_turn.get(index, ()) if found.taken}
        parts = tuple(part for place, part in enumerate(turn.parts) if place not in taken) if taken else turn.parts
        steps.append(Step(turn, parts, moved=moved and bool(parts)))
    return steps


def _told_apart(turns: Sequence[Turn], target: Dialect) -> Sequence[Turn]:
    """Servers that count their calls anew in every answer give one id twice, which these vendors refuse.

    What was made in the target's own dialect goes back as it was made.
    The new id depends on what stands before the call only, so that a longer history begins with the same bytes.
    """
    ids = [part.id for turn in turns for part in turn.parts if type(part) is ToolCallPart]
    if len(set(ids)) == len(ids):
        return turns
    given: dict[str, int] = {}
    waiting: dict[str, list[str]] = {}
    apart: list[Turn] = []
    for turn in turns:
        waiting |= {part.id: [] for part in turn.parts if type(part) is ToolCallPart}  # an older call was given up
        own = turn.made_in == target
        parts = tuple(_told_apart_part(part, given, waiting, own=own) for part in turn.parts)
        apart.append(replace(turn, parts=parts))
    return apart


def _told_apart_part(part: Part, given: dict[str, int], waiting: dict[str, list[str]], *, own: bool) -> Part:
    if type(part) is ToolCallPart:
        again = given[part.id] = given.get(part.id, -1) + 1
        call = replace(part, id=made_up(part.id, again)) if again and not own else part
        waiting[part.id].append(call.id)
        return call
    if type(part) is ToolResultPart and waiting.get(part.call):
        return replace(part, call=waiting[part.call].pop(0))
    return part


def _results(turns: Sequence[Turn]) -> tuple[dict[int, list[_Found]], dict[str, deque[_Found]]]:
    by_turn: dict[int, list[_Found]] = {}
    by_call: dict[str, deque[_Found]] = {}
    for index, turn in enumerate(turns):
        for place, part in enumerate(turn.parts):
            if type(part) is ToolResultPart:
                found = _Found(part, index, place)
                by_turn.setdefault(index, []).append(found)
                by_call.setdefault(part.call, deque()).append(found)
    return by_turn, by_call


def _answer(turn: Turn, index: int, by_call: dict[str, deque[_Found]]) -> tuple[tuple[Answered, ...], int]:
    """The turn's calls with the first free result of each, and the last turn that a result came from."""
    answers: list[Answered] = []
    before = (index, -1)
    furthest = -1
    for call in turn.parts:
        if type(call) is not ToolCallPart:
            continue
        queue = by_call.get(call.id)
        while queue and queue[0].turn <= index:  # a result before its call answers nothing
            queue.popleft()
        if not queue:
            answers.append(Answered(call, None))
            continue
        found = queue.popleft()
        found.taken = True
        place = (found.turn, found.place)
        answers.append(Answered(call, found.result, moved=place < before or found.turn > before[0] + 1))
        before = place
        furthest = max(furthest, found.turn)
    return tuple(answers), furthest


def _is_last(turns: Sequence[Turn], index: int) -> bool:
    return all(turn.role == "system" for turn in turns[index + 1 :])
