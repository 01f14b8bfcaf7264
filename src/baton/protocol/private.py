"""Which private state may go to whom, and how an answer is remembered and put back when its origin is asked again."""

import re
from collections.abc import Callable, Iterable, Sequence

from msgspec.structs import replace

from baton.protocol.account import turn_elements
from baton.protocol.prefix import prefix_hashes, turn_key
from baton.protocol.tool_ids import RULES, fit
from baton.types.card import Dialect
from baton.types.conversation import Conversation, Turn, TurnMemory
from baton.types.events import AnswerMessage
from baton.types.handoff import Target
from baton.types.parts import Origin, Part, PrivateEntry, TextPart, ToolCallPart, ToolResultPart

SEALED = "an envelope whose seal could not be opened"
FOREIGN_DIALECT = "private state of {0}: kept for its origin"
FOREIGN_ORIGIN = "private state of another {0}: kept for its origin"
UNMARKED = "private state of unknown origin"
PREFIX_CHANGED = "private state bound to turns that have changed since"

_OPAQUE = re.compile(rb'"(?:signature|encrypted_content|thoughtSignature|thought_signature|data)"\s*:\s*"([^"\\]+)"')
"""Private state as it stands on any wire. `data` is that of redacted thinking, and of media, which have no maker."""

_THINKING = re.compile(rb'"type"\s*:\s*"thinking"')
_SIGNED = re.compile(rb'"signature"\s*:\s*"[^"]')

_VERSION = re.compile(r"(-latest|-preview|-exp|[-@]\d{4}-?\d{2}-?\d{2}|-v\d+(:\d+)?|:\w+)$")


def refusal(entry: PrivateEntry, target: Target, prefix_hash: str) -> str:
    """Why the entry may not go to this target; empty when it may. `prefix_hash` is that of the turns before it now."""
    if entry.kind == "envelope":
        return SEALED
    if entry.dialect != target.dialect:
        return FOREIGN_DIALECT.format(entry.dialect)
    if entry.origin == Origin() and not target.trust_unmarked:
        return UNMARKED
    for field in Origin.__struct_fields__:
        mine, theirs = getattr(entry.origin, field), getattr(target.origin, field)
        if mine and theirs and mine != theirs:
            return FOREIGN_ORIGIN.format(field.replace("_", " "))
    if entry.prefix_hash and entry.prefix_hash != prefix_hash:
        return PREFIX_CHANGED
    return ""


def opaque_strings(body: bytes) -> list[bytes]:
    """The strings in a body that may be private state, each as the vendor wrote it."""
    return _OPAQUE.findall(body)


def lacks_signatures(body: bytes) -> bool:
    """Some thinking of a Messages body bears no signature; erring on the side of `lacks`."""
    return b'"thinking"' in body and len(_THINKING.findall(body)) > len(_SIGNED.findall(body))


def opaque_of(entry: PrivateEntry) -> bytes:
    """What `opaque_strings` finds of this entry; empty for state that has no such string."""
    if entry.kind in {"signature", "redacted", "thought_signature"}:
        return entry.payload
    if entry.kind in {"encrypted", "compaction"}:
        return next(iter(_OPAQUE.findall(entry.payload)), b"")
    return b""


def model_family(upstream: str) -> str:
    """The name that private state is bound to: without provider, date, version or variant.

    `us.anthropic.claude-sonnet-5-20260801-v1:0` and `claude-sonnet-5` are one family.
    """
    name = upstream.lower().rsplit("/", 1)[-1]
    if ".anthropic." in f".{name}":
        name = name.rsplit("anthropic.", 1)[-1]
    shorter = _VERSION.sub("", name)
    while shorter != name:
        name, shorter = shorter, _VERSION.sub("", shorter)
    return name


def remember(answer: AnswerMessage, prefix_hash: str, dialect: Dialect) -> TurnMemory | None:
    """What must be kept so that the answer can be put back; None when a foreign dialect can carry all of it.

    Calls are always kept: a client whose dialect carries arguments as an object writes their JSON anew, and an id that
    does not fit its dialect comes back as another. `dialect` is the one that the answer was read from. A cut answer is
    not remembered: its last signature may not cover its last words.
    """
    if answer.stop is None or answer.fault is not None:
        return None
    turn = Turn(role="assistant", parts=answer.parts, private=answer.private, made_in=dialect)
    if not turn.private and all(type(part) is TextPart for part in turn.parts):
        return None
    return TurnMemory(turn_key(turn), turn, prefix_hash)


def attach(conversation: Conversation, find: Callable[[str, str], Sequence[TurnMemory]]) -> Conversation:
    """Put remembered answers in place of what the caller echoes of them; tool results follow the original call ids.

    `find(key, prefix_hash)` gives memories of one visible turn, those made after the same turns among them: such a one
    wins, else the newest whose calls bear the ids of the echo. None is put back twice.
    """
    chosen = _choose(conversation.turns, find)
    turns: list[Turn] = []
    renamed: dict[str, str] = {}
    for index, turn in enumerate(conversation.turns):
        memory = chosen.get(index)
        if memory is not None:
            renamed |= _renamed_calls(turn, memory.turn)
            turns.append(_put_back(turn, memory.turn))
        else:
            turns.append(_rename_results(turn, renamed) if renamed else turn)
    return replace(conversation, turns=tuple(turns))


def stamp(turns: Sequence[Turn]) -> tuple[Turn, ...]:
    """For readers: bind the private state that came in a request to the turns it came with."""
    if not any(turn.private for turn in turns):
        return tuple(turns)
    return tuple(
        replace(turn, private=tuple(replace(entry, prefix_hash=prefix_hash) for entry in turn.private))
        if turn.private
        else turn
        for turn, prefix_hash in zip(turns, prefix_hashes(turns), strict=False)
    )


def _choose(turns: Sequence[Turn], find: Callable[[str, str], Sequence[TurnMemory]]) -> dict[int, TurnMemory]:
    """Memories by index of the turn that they are put back for: first those that fit exactly, then the others."""
    found = {
        index: (prefix_hash, memories)
        for index, (turn, prefix_hash) in enumerate(zip(turns, prefix_hashes(turns), strict=False))
        if turn.role == "assistant" and (memories := find(turn_key(turn), prefix_hash))
    }
    chosen: dict[int, TurnMemory] = {}
    for index, (prefix_hash, memories) in found.items():
        exact = next((one for one in reversed(memories) if one.prefix_hash == prefix_hash), None)
        if exact is not None:
            chosen[index] = exact
    for index, (_, memories) in found.items():
        if index not in chosen:
            free = (
                one for one in reversed(memories) if one not in chosen.values() and _same_ids(turns[index], one.turn)
            )
            if (other := next(free, None)) is not None:
                chosen[index] = other
    return chosen


def _same_ids(echo: Turn, made: Turn) -> bool:
    """Whether the echo's calls may be those that were made, as far as their ids tell: an id may have been fitted."""
    pairs = zip(_calls(echo), _calls(made), strict=True)
    return all(
        shown.id in {original.id, *(fit(original.id, dialect) for dialect in RULES)} for shown, original in pairs
    )


def _put_back(echo: Turn, made: Turn) -> Turn:
    """The turn as it was made, at the place of its echo; what the echo held is accounted for through it."""
    parts = tuple(replace(part, path=f"{echo.path}#{index}") for index, part in enumerate(made.parts))
    private = tuple(replace(entry, path=f"{echo.path}#private[{index}]") for index, entry in enumerate(made.private))
    return replace(made, parts=parts, private=private, path=echo.path, echo=tuple(_echo_paths(echo)))


def _echo_paths(echo: Turn) -> Iterable[str]:
    return (path for path in turn_elements(echo) if path != echo.path)


def _calls(turn: Turn) -> list[ToolCallPart]:
    return [part for part in turn.parts if type(part) is ToolCallPart]


def _renamed_calls(echo: Turn, made: Turn) -> dict[str, str]:
    pairs = zip(_calls(echo), _calls(made), strict=True)
    return {shown.id: original.id for shown, original in pairs if shown.id != original.id}


def _rename_results(turn: Turn, renamed: dict[str, str]) -> Turn:
    parts: list[Part] = []
    changed = False
    for part in turn.parts:
        if type(part) is ToolResultPart and part.call in renamed:
            parts.append(replace(part, call=renamed[part.call]))
            changed = True
        else:
            parts.append(part)
    return replace(turn, parts=tuple(parts), raw=None) if changed else turn
