"""The canonical conversation -> a `generateContent` request."""

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Raw

from baton.protocol import foreign, native
from baton.protocol.account import Account
from baton.protocol.gemini import options
from baton.protocol.gemini.contents import Contents
from baton.protocol.gemini.render import Pieces
from baton.protocol.pairing import Step, arrange
from baton.protocol.reasoning import clamp
from baton.types.conversation import Conversation, Turn
from baton.types.handoff import Rendered, Target

PREFILL = "the target answers it instead of continuing it"
NO_PREFILL = "the target does not take a last turn of the assistant's"
NO_TURNS = "nothing is left to send"
IN_ADDRESS: dict[str, bytes | None] = {"model": None, "stream": None}
"""What stands in the address of the request: no body has it."""


def write(conversation: Conversation, target: Target) -> Rendered:
    """Every element of the input is in the report; a body with rejections must not be sent."""
    account = Account(conversation)
    contents = Contents(account, conversation, Pieces(account, conversation, target))
    if conversation.dialect == target.dialect:
        return _write_native(conversation, target, account, contents)
    released = foreign.release(account, conversation, target)
    steps = arrange(conversation.turns, target.dialect)
    leading = _leading(steps)
    body: dict[str, Any] = {}
    system = contents.system(steps[:leading])
    if system:
        body["systemInstruction"] = {"parts": system}
    tools = options.tools(account, conversation)
    if tools:
        body["tools"] = tools
    body |= options.choice(account, conversation, offered=bool(tools))
    config = options.generation_config(account, conversation, target)
    if config:
        body["generationConfig"] = config
    options.bookkeeping(account, conversation)
    foreign.note_unmodelled(account, conversation)
    rendered = contents.of_steps(steps[leading:], released)
    _check_ends(account, conversation, target, rendered)
    body["contents"] = rendered
    return Rendered(msgspec.json.encode(body), account.report())


def _leading(steps: list[Step]) -> int:
    """How many steps at the beginning are system turns."""
    return next((index for index, step in enumerate(steps) if step.turn.role != "system"), len(steps))


def _check_ends(account: Account, conversation: Conversation, target: Target, contents: list[Any]) -> None:
    last = conversation.turns[-1] if conversation.turns else None
    if not contents:
        account.note(last.path if last else "contents", "rejected", NO_TURNS)
    elif contents[-1]["role"] == "model" and last is not None:
        account.note(last.path, "degraded" if target.prefill else "rejected", PREFILL if target.prefill else NO_PREFILL)


# --- the same dialect --------------------------------------------------------------------------


def _write_native(conversation: Conversation, target: Target, account: Account, contents: Contents) -> Rendered:
    def rebuild(turn: Turn, released: native.Released) -> bytes | None:
        content = contents.again(turn, released)
        return None if content is None else msgspec.json.encode(content)

    rendered = native.messages(conversation, target, account, rebuild)
    changed = _changed(conversation.members, _settled(conversation, target, account))
    return native.assemble(conversation, target, account, rendered, changed | IN_ADDRESS, "contents")


def _settled(conversation: Conversation, target: Target, account: Account) -> dict[str, bytes | None]:
    """Settings that differ for this target, by their path; None takes one out."""
    changed: dict[str, bytes | None] = {}
    limit = foreign.max_tokens(account, conversation, target)
    if limit != conversation.max_tokens:
        changed[conversation.paths["max_tokens"]] = msgspec.json.encode(limit)
    if target.sampling is not None:
        for name, path in conversation.paths.items():
            field = name.removeprefix("sampling.")
            if field != name and field not in target.sampling:
                account.setting(name, "degraded", foreign.LACKS.format(field))
                changed[path] = None
    control = conversation.reasoning
    if target.efforts is not None and control is not None and control.effort is not None:
        ladder = tuple(step for step in target.efforts if step in options.LADDER)
        step = clamp(control.effort, ladder)
        if step != control.effort:
            account.setting("reasoning.effort", "degraded", f"{step!r} is the nearest step")
            level = None if step is None else msgspec.json.encode(step.upper())
            changed[conversation.paths["reasoning.effort"]] = level
    return changed


def _changed(members: Mapping[str, bytes], changes: Mapping[str, bytes | None]) -> dict[str, bytes | None]:
    """The top-level members in which these paths lie, with the changes in them."""
    found: dict[str, bytes | None] = {}
    for path, value in changes.items():
        top, _, inner = path.partition(".")
        found[top] = _with(found.get(top) or members[top], inner, value)
    return found


def _with(json: bytes, path: str, value: bytes | None) -> bytes:
    members = msgspec.json.decode(json, type=dict[str, Raw])
    name, _, inner = path.partition(".")
    if inner:
        members[name] = Raw(_with(bytes(members[name]), inner, value))
    elif value is None:
        del members[name]
    else:
        members[name] = Raw(value)
    return msgspec.json.encode(members)
