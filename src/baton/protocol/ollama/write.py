"""The canonical conversation -> a chat request."""

from typing import Any

import msgspec
from msgspec import Raw

from baton.protocol import foreign, native
from baton.protocol.account import Account
from baton.protocol.ollama import options
from baton.protocol.ollama.messages import Messages
from baton.protocol.ollama.render import Pieces
from baton.protocol.ollama.settings import BESIDE_OPTIONS
from baton.protocol.pairing import arrange
from baton.types.conversation import Conversation, Turn
from baton.types.handoff import Rendered, Target

PREFILL = "the target answers it instead of continuing it"
NO_PREFILL = "the target does not take a last turn of the assistant's"
NOT_BACK = "the target does not take its thinking back"
NO_TURNS = "nothing is left to send"


def write(conversation: Conversation, target: Target) -> Rendered:
    """Every element of the input is in the report; a body with rejections must not be sent."""
    account = Account(conversation)
    messages = Messages(account, conversation, target, Pieces(account, conversation, target))
    if conversation.dialect == target.dialect:
        return _write_native(conversation, target, account, messages)
    released = foreign.release(
        account, conversation, target, lambda _entry: NOT_BACK if target.reasoning_member == "" else ""
    )
    rendered = [
        message
        for step in arrange(conversation.turns, target.dialect)
        for message in messages.of_step(step, released.get(step.turn.path, {}))
    ]
    _check_ends(account, conversation, target, rendered)
    account.setting("model", "kept")
    stream, bounds = options.limits(account, conversation, target)
    body: dict[str, Any] = {"model": target.model} | stream
    thinking = options.think(account, conversation, target)
    if thinking is not None:
        body["think"] = thinking
    beside, drawn = options.sampling(account, conversation, target)
    body |= beside | options.output_format(account, conversation, target)
    if bounds or drawn:
        body["options"] = bounds | drawn
    tools = options.tools(account, conversation)
    if tools:
        body["tools"] = tools
    foreign.note_unmodelled(account, conversation)
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
        message = messages.again(turn, released)
        return None if message is None else msgspec.json.encode(message)

    rendered = native.messages(
        conversation, target, account, rebuild, lambda _entry: NOT_BACK if target.reasoning_member == "" else ""
    )
    changed = _settled_options(conversation, target, account) | _settled_think(conversation, target, account)
    return native.assemble(conversation, target, account, rendered, changed)


def _settled_options(conversation: Conversation, target: Target, account: Account) -> dict[str, bytes | None]:
    """`options` as this model takes them; left alone where they are."""
    given = msgspec.json.decode(conversation.members.get("options", b"null"), type=dict[str, Raw] | None) or {}
    settled = dict(given)
    limit = foreign.max_tokens(account, conversation, target)
    if limit is not None and limit != conversation.max_tokens:
        settled["num_predict"] = Raw(msgspec.json.encode(limit))
    gone: dict[str, bytes | None] = {}
    if target.sampling is not None:
        for name, path in conversation.paths.items():
            field = name.removeprefix("sampling.")
            if field != name and field not in target.sampling:
                account.setting(name, "degraded", foreign.LACKS.format(field))
                if field in BESIDE_OPTIONS:
                    gone[path] = None
                else:
                    del settled[field]
    return gone if settled == given else gone | {"options": msgspec.json.encode(settled)}


def _settled_think(conversation: Conversation, target: Target, account: Account) -> dict[str, bytes | None]:
    if target.efforts is None or conversation.reasoning is None:
        return {}
    thinking = options.think(account, conversation, target)
    return {"think": None if thinking is None else msgspec.json.encode(thinking)}
