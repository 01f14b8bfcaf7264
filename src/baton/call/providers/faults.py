"""What a provider's error says: status, codes and sentence -> one reason, and the status that the caller sees."""

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from baton.types.errors import Reason

CODE_MEMBERS = frozenset({"type", "code", "status", "reason", "__type", "errorCode"})
INNER_MEMBERS = frozenset({"error", "innererror", "details", "metadata", "errors"})
SENTENCE_MEMBERS = ("message", "Message", "detail", "error")
MAX_DEPTH = 6
MAX_DETAIL_CHARS = 500
RETRY_DELAY = re.compile(rb'"retryDelay"\s*:\s*"(\d+(?:\.\d+)?)s"')
NUMBER = re.compile(r"\d+(?:\.\d+)?")

NOWHERE = frozenset({404, 405})
OPENAI_PATHS = ("/chat/completions", "/responses")
VERSION = re.compile(r"/v\d|/deployments/")
DOUBLED = re.compile(r"(/v1|/chat/completions|/responses|(?:/v1)?/messages)\1(?:/|$)")


class FaultRow(Struct, frozen=True, kw_only=True):
    """Holds when the status is among `statuses` (empty: any) and a code, or the sentence, is one of these.

    A row with neither codes nor sentence holds for its statuses alone. `status` None: the provider's own is passed on.
    """

    reason: Reason
    status: int | None = None
    statuses: frozenset[int] = frozenset()
    codes: frozenset[str] = frozenset()
    """In lower case."""
    says: re.Pattern[str] | None = None


class Reading(Struct, frozen=True):
    """What became of an error answer."""

    reason: Reason
    status: int
    detail: str = ""
    retry_after: str | None = None


TOO_LONG = re.compile(
    r"prompt is too long|maximum context length|context[ _]length|context window|input is too long"
    r"|input token count .* exceeds|too many (?:input )?tokens|exceeds? the (?:model's )?(?:maximum|available) context",
    re.IGNORECASE,
)
NO_CREDIT = re.compile(r"credit balance is too low|insufficient (?:credit|balance|funds)", re.IGNORECASE)

SHARED: tuple[FaultRow, ...] = (
    FaultRow(
        reason="content_filter",
        status=400,
        statuses=frozenset({400, 403, 422}),
        codes=frozenset(
            {
                "content_filter", "content_policy_violation", "responsibleaipolicyviolation", "moderation_blocked",
                "content_filtered", "data_inspection_failed",
            }
        ),
    ),
    FaultRow(
        reason="context_length",
        status=400,
        statuses=frozenset({400, 413, 422, 500}),
        codes=frozenset({"context_length_exceeded", "exceed_context_size_error", "model_max_prompt_tokens_exceeded"}),
        says=TOO_LONG,
    ),
    FaultRow(
        reason="quota",
        status=502,
        codes=frozenset({"insufficient_quota", "billing_hard_limit_reached", "billing_error"}),
        says=NO_CREDIT,
    ),
    FaultRow(reason="quota", status=502, statuses=frozenset({402})),
    FaultRow(reason="key", status=502, codes=frozenset({"api_key_invalid", "invalid_api_key", "authentication_error"})),
    FaultRow(reason="key", status=502, statuses=frozenset({401, 403})),
    FaultRow(reason="overloaded", status=529, codes=frozenset({"overloaded_error"})),
    FaultRow(reason="overloaded", statuses=frozenset({503, 529})),
    FaultRow(
        reason="overloaded",
        status=503,
        codes=frozenset(
            {
                "unavailable", "serviceunavailableexception", "modelnotreadyexception", "engine_overloaded_error",
                "server_overloaded", "slow_down", "capacity_exceeded",
            }
        ),
    ),
    FaultRow(
        reason="rate_limit",
        status=429,
        codes=frozenset({"rate_limit_error", "rate_limit_exceeded", "resource_exhausted", "throttlingexception"}),
    ),
    FaultRow(reason="rate_limit", statuses=frozenset({429})),
    FaultRow(
        reason="timeout", status=504, codes=frozenset({"modeltimeoutexception", "deadline_exceeded", "timeout_error"})
    ),
    FaultRow(reason="timeout", status=504, statuses=frozenset({408, 504, 524})),
    FaultRow(reason="model", statuses=frozenset({404})),
    FaultRow(reason="provider", statuses=frozenset(range(500, 600))),
)  # fmt: skip


def address_hint(status: int, url: str, detail: str) -> str:
    """What may be wrong with a provider's base_url where nothing answers at an address; empty: it looks right."""
    if status not in NOWHERE or "model" in detail.lower():
        return ""
    path = urlsplit(url).path
    if doubled := DOUBLED.search(path):
        return f"base_url brings {doubled[1]} once too often ({url}): take it out there"
    if path.endswith(OPENAI_PATHS) and not VERSION.search(path):
        return f"base_url brings no /v1 ({url}): most servers want it there"
    return ""


def read_fault(status: int, headers: Mapping[str, str], body: bytes, rows: tuple[FaultRow, ...] = ()) -> Reading:
    """`headers` with lower-case names. A body that is no JSON says nothing; it is never an error of its own."""
    error = _decoded(body)
    codes = {code.lower() for code in _codes(error, 0)}
    if named := headers.get("x-amzn-errortype"):
        codes.add(named.partition(":")[0].rpartition("#")[2].lower())
    detail = _sentence(error)
    found = next((row for row in (*rows, *SHARED) if _holds(row, status, codes, detail)), None)
    if found is None:
        return Reading("", _passed_on(status), detail, _retry_after(headers, body))
    seen = found.status or _passed_on(status)
    return Reading(found.reason, seen, "" if found.reason == "key" else detail, _retry_after(headers, body))


def _holds(row: FaultRow, status: int, codes: set[str], detail: str) -> bool:
    if row.statuses and status not in row.statuses:
        return False
    if not row.codes and row.says is None:
        return True
    return bool(row.codes & codes) or (row.says is not None and row.says.search(detail) is not None)


def _passed_on(status: int) -> int:
    """What is no error status (a redirect) is the provider's fault."""
    return status if 400 <= status < 600 else 502


def _decoded(body: bytes) -> Any:
    try:
        found = msgspec.json.decode(body)
    except (ValueError, RecursionError):
        return None
    return found[0] if isinstance(found, list) and found else found


def _codes(value: Any, depth: int) -> Iterator[str]:
    if depth > MAX_DEPTH:
        return
    if isinstance(value, list):
        for item in value:
            yield from _codes(item, depth + 1)
    elif isinstance(value, dict):
        for name, inner in value.items():
            if name in CODE_MEMBERS and isinstance(inner, str):
                yield inner.rpartition("#")[2]
            elif name in INNER_MEMBERS:
                yield from _codes(inner, depth + 1)


def _sentence(value: Any) -> str:
    for _ in range(MAX_DEPTH):
        if isinstance(value, str):
            return value[:MAX_DETAIL_CHARS]
        if not isinstance(value, dict):
            return ""
        inner = value.get("error")
        value = inner if isinstance(inner, dict) else next((value[m] for m in SENTENCE_MEMBERS if value.get(m)), None)
    return ""


def _retry_after(headers: Mapping[str, str], body: bytes) -> str | None:
    """The header as it is, else milliseconds or a delay in the body as whole seconds, rounded up."""
    if given := headers.get("retry-after"):
        return given
    milliseconds = headers.get("retry-after-ms", "")
    if NUMBER.fullmatch(milliseconds):
        return str(math.ceil(float(milliseconds) / 1000))
    if delay := RETRY_DELAY.search(body):
        return str(math.ceil(float(delay.group(1))))
    return None
