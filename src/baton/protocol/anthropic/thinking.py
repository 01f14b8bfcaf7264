"""How a Claude model is told how much to think, and when it must not think at all."""

from collections.abc import Sequence
from typing import Any

from baton.protocol.account import Account
from baton.protocol.reasoning import BUDGETS, LEAST_BUDGET, clamp, effort_of
from baton.types.conversation import Conversation, Effort, ReasoningControl
from baton.types.handoff import Action, Target

LADDER: tuple[Effort, ...] = ("low", "medium", "high", "xhigh", "max")
"""The steps that `output_config.effort` knows."""
DISPLAYS = {
    "auto": "summarized",
    "concise": "summarized",
    "detailed": "summarized",
    "summarized": "summarized",
    "omitted": "omitted",
}
SETTINGS = ("reasoning.mode", "reasoning.effort", "reasoning.budget", "reasoning.visible")

NO_CONTROL = "the target takes no reasoning control"
FORCED = "a forced tool call excludes thinking"
UNSIGNED = "the tool loop was begun by another model: thinking can start again after it"
NO_ROOM = f"max_tokens leaves no room for the least budget of {LEAST_BUDGET}"
DISABLED = {"type": "disabled"}


def thinking(
    account: Account, conversation: Conversation, target: Target, limit: int, messages: Sequence[Any]
) -> tuple[dict[str, Any], Effort | None]:
    """The `thinking` member (empty: none), and the step for `output_config.effort`.

    `messages` are the rendered ones, `limit` is `max_tokens`.
    """
    control = conversation.reasoning
    if control is None:
        return {}, None
    if target.efforts is not None and not target.efforts:
        _note(account, "degraded", NO_CONTROL)
        return {}, None
    if control.mode == "off" or control.effort == "none":
        _note(account, "kept")
        return DISABLED, None
    asked = conversation.tool_choice
    if asked is not None and asked.mode in {"required", "named"}:
        _note(account, "degraded", FORCED)
        return DISABLED, None
    if target.reasoning_style == "budget":
        return _budget(account, control, target, limit, messages), None
    return _effort(account, control, target)


def begins_without_thinking(messages: Sequence[Any]) -> bool:
    """The assistant's last message calls tools and does not begin with thinking, which manual thinking refuses."""
    last = next((message for message in reversed(messages) if message.get("role") == "assistant"), None)
    content = None if last is None else last.get("content")
    if not isinstance(content, list):
        return False
    kinds = [block.get("type") for block in content if isinstance(block, dict)]
    return "tool_use" in kinds and kinds[0] not in {"thinking", "redacted_thinking"}


def _effort(account: Account, control: ReasoningControl, target: Target) -> tuple[dict[str, Any], Effort | None]:
    member: dict[str, Any] = {"type": "between_tools" if control.mode == "between_tools" else "adaptive"}
    if control.visible in DISPLAYS and member["type"] == "adaptive":
        member["display"] = DISPLAYS[control.visible]
        account.setting("reasoning.visible", "kept")
    else:
        account.setting("reasoning.visible", "withheld", "the target shows its thinking in its own way")
    account.setting(
        "reasoning.mode",
        "moved" if control.mode == "on" else "kept",
        "adaptive, the target's own mode" if control.mode == "on" else "",
    )
    step = _step(account, control, target)
    if control.budget is not None:
        account.setting("reasoning.budget", "moved", f"as effort {step!r}")
    return member, step


def _budget(
    account: Account, control: ReasoningControl, target: Target, limit: int, messages: Sequence[Any]
) -> dict[str, Any]:
    if begins_without_thinking(messages):
        _note(account, "degraded", UNSIGNED)
        return {}
    step = _step(account, control, target) or "medium"
    budget = max(BUDGETS[step] if control.budget is None else control.budget, LEAST_BUDGET)
    if limit <= LEAST_BUDGET:
        _note(account, "degraded", NO_ROOM)
        return {}
    capped = budget >= limit
    budget = min(budget, limit - 1)
    _note(account, "degraded" if capped else "moved", f"as a budget of {budget} tokens")
    return {"type": "enabled", "budget_tokens": budget}


def _step(account: Account, control: ReasoningControl, target: Target) -> Effort | None:
    """The asked step on the target's ladder."""
    wanted = control.effort or (effort_of(control.budget) if control.budget is not None else None)
    if wanted is None:
        return None
    ladder = LADDER if target.efforts is None else tuple(step for step in target.efforts if step in LADDER)
    step = clamp(wanted, ladder)
    if control.effort is not None:
        same = step == wanted
        account.setting(
            "reasoning.effort", "kept" if same else "degraded", "" if same else f"{step!r} is the nearest step"
        )
    return step


def _note(account: Account, action: Action, reason: str = "") -> None:
    for name in SETTINGS:
        account.setting(name, action, reason)
