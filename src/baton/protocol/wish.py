"""Read what the caller asks of the router: the `baton` object of the body first, then `x-baton-*` headers."""

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Raw

from baton.types.errors import MalformedBody
from baton.types.request import Wish
from baton.types.verdict import Executes, Format

NO_WISH = Wish()
HEADER_PREFIX = "x-baton-"
WISH_HEADERS = {
    "x-baton-task-type": "task_type",
    "x-baton-audience": "audience",
    "x-baton-floor": "floor",
    "x-baton-min-quality": "min_quality",
    "x-baton-lambda": "lambda",
    "x-baton-models": "models",
    "x-baton-task-id": "task_id",
    "x-baton-session-id": "session_id",
    "x-baton-strict-handoff": "strict_handoff",
    "x-baton-priority": "priority",
    "x-baton-resume": "resume",
    "x-baton-show-cost": "show_cost",
    "x-baton-tags": "tags",
}
SWITCH = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}
MAX_ID_LENGTH = 200
MOST_PRIORITY = 10
MAX_TAGS = 10
MAX_TAG_LENGTH = 64
MAX_CHECKS = 16
LONGEST_RUN_S = 10.0
MOST_RUN_MIB = 512


def read_wish(member: Raw | None, headers: Mapping[str, str]) -> Wish:
    """Merge both sources; a value in the body wins. `headers` holds lower-case names.

    Raises MalformedBody for an unknown key, a wrong type or a value out of range, naming it.
    """
    values: dict[str, Any] = {}
    for header, name in WISH_HEADERS.items():
        if (text := headers.get(header)) is not None:
            values[name] = _from_text(name, text, header)
    if member is not None:
        try:
            body_values = msgspec.json.decode(member, type=dict[str, Any])
        except (ValueError, RecursionError) as error:
            raise MalformedBody(f"the `baton` member must be a JSON object of options: {error}", "baton") from error
        values |= body_values
    if not values:
        return NO_WISH
    try:
        wish = msgspec.convert(values, type=Wish)
    except msgspec.ValidationError as error:
        known = ", ".join((*WISH_HEADERS.values(), "checks"))
        raise MalformedBody(f"the `baton` options are wrong: {error}. Known options: {known}", "baton") from error
    _check_ranges(wish)
    return wish


def _from_text(name: str, text: str, header: str) -> Any:
    if name in {"floor", "min_quality", "lambda"}:
        try:
            return float(text)
        except ValueError as error:
            raise MalformedBody(f"header {header} must be a number, not {text!r}", header) from error
    if name == "priority":
        try:
            return int(text)
        except ValueError as error:
            raise MalformedBody(f"header {header} must be a whole number, not {text!r}", header) from error
    if name in {"models", "tags"}:
        return [part.strip() for part in text.split(",") if part.strip()]
    if name in {"show_cost", "strict_handoff"}:
        return _switch(text, header)
    return text


def _switch(text: str, header: str) -> bool:
    """A word that is not known is an error: a guard that was asked for must not stay off in silence."""
    on = SWITCH.get(text.strip().lower())
    if on is None:
        raise MalformedBody(f"header {header} must be 'true' or 'false', not {text!r}", header)
    return on


def _check_ranges(wish: Wish) -> None:
    for name, value in (("floor", wish.floor), ("min_quality", wish.min_quality)):
        if value is not None and not 0.0 <= value <= 1.0:
            raise MalformedBody(f"`baton.{name}` must lie between 0 and 1, not {value!r}", f"baton.{name}")
    if wish.lambda_ is not None and not 0.0 <= wish.lambda_ < float("inf"):
        raise MalformedBody(f"`baton.lambda` must be 0 or more, not {wish.lambda_!r}", "baton.lambda")
    if not -MOST_PRIORITY <= wish.priority <= MOST_PRIORITY:
        told = f"`baton.priority` must lie between {-MOST_PRIORITY} and {MOST_PRIORITY}, not {wish.priority}"
        raise MalformedBody(told, "baton.priority")
    for name, id_ in (("task_id", wish.task_id), ("session_id", wish.session_id)):
        if id_ is not None and not 0 < len(id_) <= MAX_ID_LENGTH:
            raise MalformedBody(f"`baton.{name}` must have 1 to {MAX_ID_LENGTH} characters", f"baton.{name}")
    if len(wish.tags) > MAX_TAGS or not all(0 < len(tag) <= MAX_TAG_LENGTH for tag in wish.tags):
        told = f"`baton.tags` must be at most {MAX_TAGS} names of 1 to {MAX_TAG_LENGTH} characters"
        raise MalformedBody(told, "baton.tags")
    _check_checks(wish)


def _check_checks(wish: Wish) -> None:
    """They run on the gateway: nothing in them may stall it."""
    if len(wish.checks) > MAX_CHECKS:
        raise MalformedBody(f"`baton.checks` must be at most {MAX_CHECKS}", "baton.checks")
    for index, check in enumerate(wish.checks):
        where = f"baton.checks[{index}]"
        if isinstance(check, Format) and check.pattern is not None:
            raise MalformedBody(f"`{where}.pattern` is not taken from requests: use must_include", where)
        bounded = isinstance(check, Executes) and (
            0 < check.timeout_s <= LONGEST_RUN_S and 0 < check.memory_mib <= MOST_RUN_MIB
        )
        if isinstance(check, Executes) and not bounded:
            told = f"`{where}` may run for {LONGEST_RUN_S:g} s and take {MOST_RUN_MIB} MiB at most"
            raise MalformedBody(told, where)
