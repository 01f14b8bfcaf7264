"""The same dialect in and out: the caller's own bytes, but for what may not go or what the target does not take."""

from collections.abc import Callable, Mapping
from typing import Protocol

import msgspec

from baton.protocol.account import Account
from baton.protocol.foreign import release
from baton.protocol.splice import splice
from baton.types.conversation import Conversation, Turn
from baton.types.handoff import Rendered, Target
from baton.types.parts import PrivateEntry, ReasoningPart

Released = Mapping[int, list[PrivateEntry]]


class Rebuild(Protocol):
    """Writes one message anew, in the dialect's own way; None leaves it out. Notes what it leaves out of it."""

    def __call__(self, turn: Turn, released: Released) -> bytes | None: ...


def messages(
    conversation: Conversation,
    target: Target,
    account: Account,
    rebuild: Rebuild,
    refuses: Callable[[PrivateEntry], str] = lambda _entry: "",
) -> list[bytes]:
    """Each message as it was sent, or written anew where private state may not go or the target takes no such role."""
    released = release(account, conversation, target, refuses)
    found = []
    for turn in conversation.turns:
        if turn.label == "top":
            account.turn(turn, "kept")
            continue
        mine = released.get(turn.path, {})
        if turn.raw is not None and _goes_whole(turn, mine) and _fits(turn, target):
            account.turn(turn, "kept")
            found.append(turn.raw.body)
        else:
            message = rebuild(turn, mine)
            if message is not None:
                found.append(message)
    return found


def assemble(
    conversation: Conversation,
    target: Target,
    account: Account,
    rendered: list[bytes],
    changed: Mapping[str, bytes | None],
    member: str = "messages",
) -> Rendered:
    """`changed` are top-level members that differ for this target, None takes one out; they are noted already.

    Everything that is not noted goes as it is. `member` is where the dialect keeps its turns. Where model and stream
    stand in the address of the request, `changed` takes them out.
    """
    replace: dict[str, bytes | None] = {
        member: b"[" + b",".join(rendered) + b"]",
        "model": msgspec.json.encode(target.model),
        **changed,
    }
    if "stream" not in changed and target.stream is not None and target.stream != conversation.stream:
        replace["stream"] = b"true" if target.stream else b"false"
        account.note("stream", "moved", "as the gateway needs it")
    for path in (*conversation.paths.values(), *conversation.unmodelled):
        account.note(path, "kept")
    for tool in conversation.tools:
        account.tool(tool, "kept")
    return Rendered(splice(conversation.members, replace), account.report())


def _goes_whole(turn: Turn, released: Released) -> bool:
    if not turn.private and not any(type(part) is ReasoningPart for part in turn.parts):
        return True
    entries = sum(len(found) for found in released.values())
    bound = all(place in released for place, part in enumerate(turn.parts) if type(part) is ReasoningPart)
    return bound and entries == len(turn.private)


def _fits(turn: Turn, target: Target) -> bool:
    if turn.role != "system":
        return True
    return target.mid_system and target.system_role in {None, turn.label}
