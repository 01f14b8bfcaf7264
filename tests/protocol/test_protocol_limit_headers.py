"""How an account stands in each vendor's headers, and what a refused caller is told in his dialect."""

import json
import re
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baton.protocol.limit_headers import limit_headers, refusal_headers, span_text
from baton.protocol.request import read_request
from baton.protocol.voice import voice_of
from baton.types.card import Dialect
from baton.types.errors import BudgetExceeded, LimitReached, MalformedBody, RateLimited
from baton.types.spend import NO_STANDING, Room, Standing

NOW = 1_770_000_000.0
STANDING = Standing(Room(60, 12, 48.0), Room(90_000, 0, 90.2))
DIALECTS: tuple[Dialect, ...] = ("openai-chat", "openai-responses", "anthropic", "gemini", "ollama")
SPAN = re.compile(r"(?:(\d+)h)?(?:(\d+)m(?!s))?(?:([\d.]+)s)?(?:(\d+)ms)?")


def limited(kind: type[LimitReached], retry_after_s: float | None) -> LimitReached:
    return kind("no", account="key:a", limit="requests", retry_after_s=retry_after_s, standing=STANDING)


def test_openai_clients_read_how_they_stand() -> None:
    assert limit_headers("openai-chat", STANDING, NOW) == {
        "x-ratelimit-limit-requests": "60",
        "x-ratelimit-remaining-requests": "12",
        "x-ratelimit-reset-requests": "48s",
        "x-ratelimit-limit-tokens": "90000",
        "x-ratelimit-remaining-tokens": "0",
        "x-ratelimit-reset-tokens": "1m31s",
    }
    assert limit_headers("openai-responses", STANDING, NOW) == limit_headers("openai-chat", STANDING, NOW)


def test_anthropic_clients_read_when_it_is_whole_again() -> None:
    headers = limit_headers("anthropic", STANDING, NOW)
    assert headers["anthropic-ratelimit-requests-limit"] == "60"
    assert headers["anthropic-ratelimit-tokens-remaining"] == "0"
    reset = datetime.fromisoformat(headers["anthropic-ratelimit-requests-reset"])
    assert reset.timestamp() == NOW + 48


@pytest.mark.parametrize("dialect", DIALECTS)
def test_nothing_is_told_where_nothing_is_limited(dialect: Dialect) -> None:
    assert limit_headers(dialect, NO_STANDING, NOW) == {}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_refusal_says_when_to_come_back_in_whole_seconds_rounded_up(dialect: Dialect) -> None:
    assert refusal_headers(dialect, limited(RateLimited, 0.2), NOW)["retry-after"] == "1"
    assert refusal_headers(dialect, limited(RateLimited, 12.1), NOW)["retry-after"] == "13"
    assert "retry-after" not in refusal_headers(dialect, limited(BudgetExceeded, None), NOW)


@given(st.floats(0, 200_000))
def test_a_span_reads_back_as_what_it_was_never_shorter(seconds: float) -> None:
    text = span_text(seconds)
    match = SPAN.fullmatch(text)
    assert match is not None, text
    hours, minutes, rest, thousandths = (float(part or 0) for part in match.groups())
    back = hours * 3_600 + minutes * 60 + rest + thousandths / 1_000
    assert seconds - 0.0006 <= back <= seconds + 1.0


@pytest.mark.parametrize(
    ("dialect", "kind"),
    [("openai-chat", "insufficient_quota"), ("openai-responses", "insufficient_quota"), ("anthropic", "billing_error")],
)
def test_a_spent_budget_is_a_matter_of_billing_in_every_dialect(dialect: Dialect, kind: str) -> None:
    told = json.loads(voice_of(dialect).write_error(limited(BudgetExceeded, None), "r"))["error"]
    assert (told["type"], told["code"]) == (kind, "budget_exceeded")


def test_gemini_is_told_when_to_retry_where_that_helps() -> None:
    def kinds(error: LimitReached) -> list[str]:
        told = json.loads(voice_of("gemini").write_error(error, "r"))["error"]
        return [detail["@type"].rpartition(".")[2] for detail in told["details"]]

    assert kinds(limited(RateLimited, 3.5)) == ["ErrorInfo", "RetryInfo"]
    assert kinds(limited(BudgetExceeded, None)) == ["ErrorInfo"]


@pytest.mark.parametrize("tags", [["x"] * 11, [""], ["y" * 65], "x", [1]])
def test_tags_that_are_too_many_or_too_long_are_refused(tags: object) -> None:
    body = {"model": "auto", "messages": [{"role": "user", "content": "hi"}], "baton": {"tags": tags}}
    with pytest.raises(MalformedBody, match="tags"):
        read_request("openai-chat", json.dumps(body).encode(), {})
