"""The canonical conversation -> a Responses request."""

from collections.abc import Sequence
from typing import Any

import msgspec

from baton.protocol import foreign, native
from baton.protocol.account import Account
from baton.protocol.openai_responses import options
from baton.protocol.openai_responses.messages import Items
from baton.protocol.openai_responses.render import Pieces
from baton.protocol.pairing import Step, arrange
from baton.protocol.reasoning import clamp
from baton.types.conversation import Conversation, Turn
from baton.types.handoff import Rendered, Target
from baton.types.parts import TextPart, ToolCallPart

PREFILL = "the target answers it instead of continuing it"
NO_PREFILL = "the target does not take a last turn of the assistant's"
NO_TURNS = "nothing is left to send"


def write(conversation: Conversation, target: Target) -> Rendered:
    """Every element of the input is in the report; a body with rejections must not be sent."""
    account = Account(conversation)
    items = Items(account, conversation, target, Pieces(account, conversation, target))
    if conversation.dialect == target.dialect:
        return _write_native(conversation, target, account, items)
    released = foreign.release(account, conversation, target)
    steps = arrange(conversation.turns, target.dialect)
    instructions = _instructions(account, conversation, steps)
    leading = True
    rendered: list[Any] = []
    for step in steps if instructions is None else steps[1:]:
        leading = leading and step.turn.role == "system"
        rendered.extend(items.of_step(step, released.get(step.turn.path, {}), leading=leading))
    _check_ends(account, conversation, target, rendered)
    account.setting("model", "kept")
    body: dict[str, Any] = {"model": target.model}
    if instructions is not None:
        body["instructions"] = instructions
    body |= options.limits(account, conversation, target)
    tools = options.tools(account, conversation)
    if tools:
        body["tools"] = tools
    body |= options.choice(account, conversation, offered=bool(tools))
    body |= options.sampling(account, conversation, target)
    body |= options.reasoning(account, conversation, target)
    body |= options.text(account, conversation, target)
    body |= options.state(conversation, target) | options.same(conversation)
    foreign.note_unmodelled(account, conversation, options.taken(conversation))
    body["input"] = rendered
    return Rendered(msgspec.json.encode(body), account.report())


def _instructions(account: Account, conversation: Conversation, steps: Sequence[Step]) -> str | None:
    """The top-level system prompt where it is one text; otherwise it becomes an item, which can hold its parts."""
    if not steps or steps[0].turn.label != "top" or len(steps[0].parts) != 1:
        return None
    turn, part = steps[0].turn, steps[0].parts[0]
    if type(part) is not TextPart or part.cache is not None:
        return None
    foreign.note_turn(account, turn, conversation, moved=False)
    foreign.note_part_extras(account, part, conversation)
    account.note(part.path, "kept")
    return part.text


def _check_ends(account: Account, conversation: Conversation, target: Target, items: list[Any]) -> None:
    last = conversation.turns[-1] if conversation.turns else None
    if not items:
        account.note(last.path if last else "input", "rejected", NO_TURNS)
    elif last is not None and last.role == "assistant" and not _calls(last):
        account.note(last.path, "degraded" if target.prefill else "rejected", PREFILL if target.prefill else NO_PREFILL)


def _calls(turn: Turn) -> bool:
    return any(type(part) is ToolCallPart for part in turn.parts)


# --- the same dialect --------------------------------------------------------------------------


def _write_native(conversation: Conversation, target: Target, account: Account, items: Items) -> Rendered:
    def rebuild(turn: Turn, released: native.Released) -> bytes | None:
        found = items.again(turn, released)
        return b",".join(msgspec.json.encode(item) for item in found) if found else None

    rendered = native.messages(conversation, target, account, rebuild)
    changed: dict[str, bytes | None] = {}
    limit = conversation.max_tokens
    if limit is not None and target.max_output is not None and limit > target.max_output:
        account.setting("max_tokens", "degraded", options.CAPPED)
        changed["max_output_tokens"] = msgspec.json.encode(target.max_output)
    changed |= _settled_sampling(conversation, target, account) | _settled_reasoning(conversation, target, account)
    given = conversation.members.get("input", b"")
    if (given[:1] == b'"' and len(rendered) == 1) or not given:
        changed["input"] = given or None
    return native.assemble(conversation, target, account, rendered, changed, "input")


def _settled_sampling(conversation: Conversation, target: Target, account: Account) -> dict[str, bytes | None]:
    changed: dict[str, bytes | None] = {}
    for name, path in conversation.paths.items():
        field = name.removeprefix("sampling.")
        if target.sampling is not None and field != name and field not in target.sampling:
            account.setting(name, "degraded", foreign.LACKS.format(field))
            changed[path] = None
    return changed


def _settled_reasoning(conversation: Conversation, target: Target, account: Account) -> dict[str, bytes | None]:
    """The effort as this model takes it; left alone where nothing is known."""
    control = conversation.reasoning
    if target.efforts is None or control is None or control.effort is None:
        return {}
    step = clamp(control.effort, target.efforts)
    if step == control.effort:
        return {}
    account.setting("reasoning.effort", "degraded", f"{step!r} is the nearest step")
    members = msgspec.json.decode(conversation.members["reasoning"], type=dict[str, msgspec.Raw])
    members.pop("effort")
    if step is not None:
        members["effort"] = msgspec.Raw(msgspec.json.encode(step))
    return {"reasoning": msgspec.json.encode(members) if members else None}
