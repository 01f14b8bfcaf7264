"""The canonical conversation -> a Messages request."""

from typing import Any

import msgspec
from msgspec import Raw

from baton.protocol import foreign, native
from baton.protocol.account import Account
from baton.protocol.anthropic import options
from baton.protocol.anthropic.messages import Messages
from baton.protocol.anthropic.render import Blocks
from baton.protocol.anthropic.thinking import UNSIGNED, thinking
from baton.protocol.pairing import Step, arrange
from baton.types.conversation import Conversation, Turn
from baton.types.handoff import Rendered, Target
from baton.types.parts import ReasoningPart, ToolCallPart

NO_PREFILL = "the target does not continue the assistant's last words"
AUTOMATIC_CACHE = "added: the provider caches up to the last block by itself"
NO_TURNS = "nothing is left to send"
OPENED = "a user turn was put before it: the target's conversations begin with one"
OPENING_TEXT = "[the conversation begins with what the assistant said]"
TOOL_LOOP_END = 4
"""Messages at the end among which the open tool loop's last call is found: call, results, system, words."""

_VALUES = msgspec.json.Decoder(float_hook=float)
"""Also numbers that no float holds: they are the caller's."""
_CONFIG = msgspec.json.Decoder(dict[str, Raw] | None)


def write(conversation: Conversation, target: Target) -> Rendered:
    """Every element of the input is in the report; a body with rejections must not be sent."""
    account = Account(conversation)
    blocks = Blocks(account, conversation, target)
    messages = Messages(account, conversation, target, blocks)
    if conversation.dialect == target.dialect:
        return _write_native(conversation, target, account, messages)
    released = foreign.release(account, conversation, target)
    steps = arrange(conversation.turns, target.dialect)
    leading = _leading(steps)
    system = messages.system(steps[:leading])
    rendered = [
        message for step in steps[leading:] for message in messages.of_step(step, released.get(step.turn.path, {}))
    ]
    _check_ends(account, conversation, target, rendered)
    if rendered and rendered[0]["role"] == "assistant":
        account.note(steps[leading].turn.path, "degraded", OPENED)
        rendered.insert(0, {"role": "user", "content": OPENING_TEXT})
    body: dict[str, Any] = {"model": target.model}
    account.setting("model", "kept")
    body |= options.limits(account, conversation, target)
    if system:
        body["system"] = system
    tools = options.tools(account, conversation, blocks)
    if tools:
        body["tools"] = tools
    body |= options.choice(account, conversation, offered=bool(tools))
    body |= options.sampling(account, conversation, target)
    mode, effort = thinking(account, conversation, target, body["max_tokens"], rendered)
    if mode:
        body["thinking"] = mode
    config = ({"effort": effort} if effort else {}) | options.output_format(account, conversation, target)
    if config:
        body["output_config"] = config
    foreign.note_unmodelled(account, conversation)
    if target.cache_markers and not blocks.marks:
        body["cache_control"] = {"type": "ephemeral"}
        account.note("cache_control", "moved", AUTOMATIC_CACHE)
    body["messages"] = rendered
    return Rendered(msgspec.json.encode(body), account.report())


def _leading(steps: list[Step]) -> int:
    """How many steps at the beginning are system turns."""
    return next((index for index, step in enumerate(steps) if step.turn.role != "system"), len(steps))


def _check_ends(account: Account, conversation: Conversation, target: Target, messages: list[Any]) -> None:
    if not messages:
        path = conversation.turns[-1].path if conversation.turns else "messages"
        account.note(path, "rejected", NO_TURNS)
    elif messages[-1]["role"] == "assistant" and not target.prefill:
        account.note(conversation.turns[-1].path, "rejected", NO_PREFILL)


# --- the same dialect --------------------------------------------------------------------------


def _write_native(conversation: Conversation, target: Target, account: Account, messages: Messages) -> Rendered:
    def rebuild(turn: Turn, released: native.Released) -> bytes | None:
        message = messages.again(turn, released)
        return None if message is None else msgspec.json.encode(message)

    rendered = native.messages(conversation, target, account, rebuild)
    changed: dict[str, bytes | None] = {}
    limit = conversation.max_tokens
    if limit is None or (target.max_output is not None and limit > target.max_output):
        limit = options.max_tokens(account, conversation, target)
        changed["max_tokens"] = msgspec.json.encode(limit)
    if target.sampling is not None:
        for name in ("temperature", "top_p", "top_k"):
            if getattr(conversation.sampling, name) is not None and name not in target.sampling:
                account.setting(f"sampling.{name}", "degraded", foreign.LACKS.format(name))
                changed[name] = None
    changed |= _settled_thinking(conversation, target, account, limit, rendered)
    return native.assemble(conversation, target, account, rendered, changed)


def _settled_thinking(
    conversation: Conversation, target: Target, account: Account, limit: int, rendered: list[bytes]
) -> dict[str, bytes | None]:
    """`thinking` and `output_config` as this model takes them; left alone where nothing is known."""
    control = conversation.reasoning
    if control is None:
        return {}
    if target.efforts is None:
        if control.mode != "on" or not _lost_thinking(conversation, account):
            return {}
        account.setting("reasoning.mode", "degraded", UNSIGNED)
        return {"thinking": None}
    ending = [_VALUES.decode(message) for message in rendered[-TOOL_LOOP_END:]]
    mode, effort = thinking(account, conversation, target, limit, ending)
    changed: dict[str, bytes | None] = {}
    members = conversation.members
    if "thinking" in members and _VALUES.decode(members["thinking"]) != mode:
        changed["thinking"] = msgspec.json.encode(mode) if mode else None
    config = _CONFIG.decode(members.get("output_config", b"null")) or {}
    before = dict(config)
    config.pop("effort", None)
    if effort:
        config["effort"] = Raw(msgspec.json.encode(effort))
    if config != before:
        changed["output_config"] = msgspec.json.encode(config) if config else None
    return changed


def _lost_thinking(conversation: Conversation, account: Account) -> bool:
    """The tool loop that is open began with thinking that may not go."""
    last = next((turn for turn in reversed(conversation.turns) if turn.role == "assistant"), None)
    if last is None or not any(type(part) is ToolCallPart for part in last.parts):
        return False
    first = last.parts[0]
    return type(first) is ReasoningPart and account.action(first.path) == "withheld"
