"""What a fault says of the deployment that made it, and where else the call may go. Pure."""

import math
import re
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Literal

from msgspec import Struct

from baton.types.errors import (
    BatonError,
    Overloaded,
    Reason,
    ToolArgumentsInvalid,
    ToolCallNotOffered,
    UpstreamAway,
    UpstreamFault,
    UpstreamReported,
    UpstreamStatus,
    UsageFault,
)

Blame = Literal["none", "busy", "broken"]
"""`none`: the request's own matter. `busy`: it lives, and wants to be left alone. `broken`: its breaker counts it."""

Elsewhere = Literal["nowhere", "rungs", "deployments", "anywhere"]
"""Who else may be asked: nobody, another model, another deployment or model, or even the same one again."""

LONGEST_S = 24 * 3_600
SECONDS = re.compile(r"\d{1,15}(?:\.\d{1,15})?")


class Verdict(Struct, frozen=True):
    blame: Blame
    elsewhere: Elsewhere


REQUEST = Verdict("none", "nowhere")
BROKEN = Verdict("broken", "anywhere")
BUSY = Verdict("busy", "anywhere")
BY_REASON: dict[Reason, Verdict] = {
    "": REQUEST,
    "key": Verdict("broken", "deployments"),
    "quota": Verdict("broken", "deployments"),
    "rate_limit": BUSY,
    "overloaded": BROKEN,
    "context_length": Verdict("none", "rungs"),
    "content_filter": REQUEST,
    "model": Verdict("broken", "deployments"),
    "timeout": BROKEN,
    "provider": BROKEN,
}


def verdict_on(fault: BatonError) -> Verdict:
    if isinstance(fault, UpstreamAway):
        return Verdict("none", "rungs")
    if isinstance(fault, UsageFault | Overloaded) or not isinstance(fault, UpstreamFault):
        return REQUEST
    if isinstance(fault, ToolCallNotOffered | ToolArgumentsInvalid):
        return Verdict("none", "anywhere")  # the model's own mistake: where it runs is not to blame
    if isinstance(fault, UpstreamReported) and not fault.reason:
        return _by_status(fault.status)
    if isinstance(fault, UpstreamStatus):
        return BY_REASON[fault.reason]
    return BROKEN


def retry_after_s(text: str | None, now: float) -> float | None:
    """Seconds to wait by a Retry-After header (a number or a date); None where it says nothing that can be meant.

    `now` is Unix time. What lies in the past is 0, what lies beyond a day is a day.
    """
    if not text:
        return None
    text = text.strip()
    if SECONDS.fullmatch(text):
        return min(float(text), LONGEST_S)
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    at = date if date.tzinfo is not None else date.replace(tzinfo=UTC)
    try:
        return min(max(0.0, at.timestamp() - now), LONGEST_S)
    except OverflowError:
        return None


def whole_seconds(seconds: float | None) -> str | None:
    """As a Retry-After header of Baton's own: rounded up, so that nobody comes too early."""
    return None if seconds is None else str(math.ceil(seconds))


def _by_status(status: int) -> Verdict:
    if status == 429:
        return BUSY
    return BROKEN if status >= 500 else REQUEST
