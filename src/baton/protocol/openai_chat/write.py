"""The canonical conversation -> a Chat Completions request."""

from typing import Any

import msgspec
from msgspec import Raw

from baton.protocol import foreign, native
from baton.protocol.account import Account
from baton.protocol.openai_chat import options
from baton.protocol.openai_chat.messages import Messages
from baton.protocol.openai_chat.render import Pieces
from baton.protocol.pairing import arrange
from baton.protocol.reasoning import clamp
from baton.protocol.stop_cut import CUT_HERE
from baton.types.conversation import Conversation, Turn
from baton.types.handoff import Rendered, Target

PREFILL = "the target answers it instead of continuing it"
NO_PREFILL = "the target does not take a last turn of the assistant's"
NOT_BACK = "the target does not take its reasoning back"
NO_TURNS = "nothing is left to send"


def write(conversation: Conversation, target: Target) -> Rendered:
    """Every element of the input is in the report; a body with rejections must not be sent."""
    account = Account(conversation)
    pieces = Pieces(account, conversation, target)
    messages = Messages(account, conversation, target, pieces)
    if conversation.dialect == target.dialect:
        return _write_native(conversation, target, account, messages)
    released = foreign.release(
        account, conversation, target, lambda _entry: "" if target.reasoning_member else NOT_BACK
    )
    rendered = [
        message
        for step in arrange(conversation.turns, target.dialect)
        for message in messages.of_step(step, released.get(step.turn.path, {}))
    ]
    _check_ends(account, conversation, target, rendered)
    account.setting("model", "kept")
    body: dict[str, Any] = {"model": target.model}
    body |= options.limits(account, conversation, target)
    tools = options.tools(account, conversation)
    if tools:
        body["tools"] = tools
    body |= options.choice(account, conversation, offered=bool(tools))
    body |= options.sampling(account, conversation, target)
    effort = options.reasoning_effort(account, conversation, target)
    if effort is not None:
        body["reasoning_effort"] = effort
    body |= options.output_format(account, conversation, target)
    body |= options.same(conversation)
    foreign.note_unmodelled(account, conversation, options.taken(conversation))
    body["messages"] = rendered
    return Rendered(msgspec.json.encode(body), account.report())


def _check_ends(account: Account, conversation: Conversation, target: Target, messages: list[Any]) -> None:
    last = conversation.turns[-1] if conversation.turns else None
    if not messages:
        account.note(last.path if last else "messages", "rejected", NO_TURNS)
    elif messages[-1]["role"] == "assistant" and last is not None:
        account.note(last.path, "degraded" if target.prefill else "rejected", PREFILL if target.prefill else NO_PREFILL)


# --- the same dialect --------------------------------------------------------------------------


def _write_native(conversation: Conversation, target: Target, account: Account, messages: Messages) -> Rendered:
    def rebuild(turn: Turn, released: native.Released) -> bytes | None:
        if turn.raw is None or turn.role == "system":
            message = messages.again(turn, released)
            return None if message is None else msgspec.json.encode(message)
        return _without_reasoning(turn, released, account)

    rendered = native.messages(
        conversation, target, account, rebuild, lambda _entry: NOT_BACK if target.reasoning_member == "" else ""
    )
    return native.assemble(conversation, target, account, rendered, _changed(conversation, target, account))


def _changed(conversation: Conversation, target: Target, account: Account) -> dict[str, bytes | None]:
    """Members that this server takes otherwise than they were sent, or not at all."""
    changed: dict[str, bytes | None] = {}
    limit = foreign.max_tokens(account, conversation, target)
    if limit is not None:
        given = conversation.paths["max_tokens"]
        member = given if target.max_tokens_member is None else target.max_tokens_member
        if limit != conversation.max_tokens or member != given:
            changed |= {given: None, member: msgspec.json.encode(limit)}
    if target.stop_limit is not None and len(conversation.stop) > target.stop_limit:
        account.setting("stop", "moved", CUT_HERE.format(f"more than {target.stop_limit}"))
        kept = conversation.stop[: target.stop_limit]
        changed["stop"] = msgspec.json.encode(kept) if kept else None
    if target.sampling is not None:
        for name, path in conversation.paths.items():
            field = name.removeprefix("sampling.")
            if field != name and field not in target.sampling:
                account.setting(name, "degraded", foreign.LACKS.format(field))
                changed[path] = None
    if target.efforts is not None and conversation.reasoning is not None and conversation.reasoning.effort is not None:
        step = clamp(conversation.reasoning.effort, target.efforts)
        if step != conversation.reasoning.effort:
            account.setting("reasoning.effort", "degraded", f"{step!r} is the nearest step")
            changed["reasoning_effort"] = None if step is None else msgspec.json.encode(step)
    return changed


def _without_reasoning(turn: Turn, released: native.Released, account: Account) -> bytes:
    """The message as it was sent, without the reasoning that may not go to this server."""
    assert turn.raw is not None
    gone = {entry.path.rsplit(".", 1)[-1] for entry in turn.private} - {
        entry.path.rsplit(".", 1)[-1] for entries in released.values() for entry in entries
    }
    members = msgspec.json.decode(turn.raw.body, type=dict[str, Raw])
    account.turn(turn, "kept")
    return msgspec.json.encode({name: value for name, value in members.items() if name not in gone})
