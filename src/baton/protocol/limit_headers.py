"""How an account stands, and when to come back, in the headers that each vendor's clients read."""

from datetime import UTC, datetime
from math import ceil

from baton.types.card import Dialect
from baton.types.errors import LimitReached
from baton.types.spend import Room, Standing

MINUTE_S = 60
HOUR_S = 3_600


def limit_headers(dialect: Dialect, standing: Standing, now: float) -> dict[str, str]:
    """Empty where nothing is limited per minute, and in the dialects that have no such headers."""
    if dialect in {"gemini", "ollama"}:
        return {}
    headers: dict[str, str] = {}
    add = _add_anthropic if dialect == "anthropic" else _add_openai
    if standing.requests is not None:
        add(headers, "requests", standing.requests, now)
    if standing.tokens is not None:
        add(headers, "tokens", standing.tokens, now)
    return headers


def refusal_headers(dialect: Dialect, error: LimitReached, now: float) -> dict[str, str]:
    """Those of a refused request: with `retry-after` where waiting helps."""
    headers = limit_headers(dialect, error.standing, now)
    if error.retry_after_s is not None:
        headers["retry-after"] = str(max(1, ceil(error.retry_after_s)))
    return headers


def _add_openai(headers: dict[str, str], what: str, room: Room, _now: float) -> None:
    headers[f"x-ratelimit-limit-{what}"] = str(room.limit)
    headers[f"x-ratelimit-remaining-{what}"] = str(room.remaining)
    headers[f"x-ratelimit-reset-{what}"] = span_text(room.reset_s)


def _add_anthropic(headers: dict[str, str], what: str, room: Room, now: float) -> None:
    whole_at = datetime.fromtimestamp(ceil(now + room.reset_s), UTC)
    headers[f"anthropic-ratelimit-{what}-limit"] = str(room.limit)
    headers[f"anthropic-ratelimit-{what}-remaining"] = str(room.remaining)
    headers[f"anthropic-ratelimit-{what}-reset"] = whole_at.strftime("%Y-%m-%dT%H:%M:%SZ")


def span_text(seconds: float) -> str:
    """As OpenAI writes spans: `12ms`, `1.2s`, `6m0s`, `1h0m0s`."""
    if seconds < 1:
        return f"{ceil(seconds * 1_000)}ms"
    if seconds < MINUTE_S:
        return f"{seconds:.3f}".rstrip("0").rstrip(".") + "s"
    whole = ceil(seconds)
    minutes, rest = divmod(whole, MINUTE_S)
    return f"{minutes}m{rest}s" if whole < HOUR_S else f"{minutes // 60}h{minutes % 60}m{rest}s"
