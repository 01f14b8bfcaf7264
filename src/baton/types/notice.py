"""What an operator wants to hear of at once: told to webhooks."""

from typing import Any, Literal

from msgspec import Struct, field

NoticeKind = Literal["budget", "breaker", "alarm"]


class Notice(Struct, frozen=True):
    """`name` says what happened (`budget_exceeded`, `breaker_opened`, ...), `detail` to whom and how much. No keys."""

    kind: NoticeKind
    name: str
    at: float
    """Unix time in seconds."""
    detail: dict[str, Any] = field(default_factory=dict)
