"""What is set aside, how streams are metered, and where days and months end."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baton.spend.estimate import Asked, cost_at_most, estimate
from baton.spend.meter import tokens_in
from baton.spend.periods import day_of, first_day, month_of, until_next_day, until_next_month
from baton.types.money import Price, Usage

PRICE = Price(input=1_000_000, output=5_000_000)  # nano-dollars per million tokens: 1 and 5 per token
WRITES_DEARER = Price(input=1_000_000, output=5_000_000, cache_read=100_000, cache_write=2_000_000)


def test_the_callers_own_limit_is_set_aside_as_it_is() -> None:
    wanted = estimate(Asked(PRICE, 100, 1_000, 50), 1.5, 3.0)
    assert (wanted.input_tokens, wanted.output_tokens, wanted.open_ended) == (150, 1_000, False)
    assert wanted.amount == 150 + 5_000
    assert wanted.tokens == 1_150


def test_without_a_limit_it_is_the_expected_length_with_a_factor() -> None:
    wanted = estimate(Asked(PRICE, 100, None, 50), 1.0, 3.0)
    assert (wanted.output_tokens, wanted.open_ended) == (150, True)


@pytest.mark.parametrize(
    ("most", "factor", "output", "open_ended"),
    [(None, 3.0, 150, True), (None, 100.0, 400, False), (None, 8.0, 400, False), (9_000, 1.0, 400, False), (7, 9.0, 7, False)],
)  # fmt: skip
def test_nothing_is_set_aside_beyond_what_the_model_can_write(
    most: int | None, factor: float, output: int, open_ended: bool
) -> None:
    wanted = estimate(Asked(PRICE, 100, most, 50, ceiling=400), 1.0, factor)
    assert (wanted.output_tokens, wanted.open_ended) == (output, open_ended)


@given(
    st.integers(0, 10**6),
    st.integers(0, 10**6),
    st.floats(0, 1),
    st.floats(0, 1),
    st.sampled_from([PRICE, WRITES_DEARER]),
)
def test_no_use_of_caches_costs_more_than_was_set_aside(
    read: int, written: int, cached: float, stored: float, price: Price
) -> None:
    hits = int(read * cached)
    usage = Usage(read, written, hits, int((read - hits) * stored))
    assert price.cost(usage) <= cost_at_most(price, read, written)


STREAMS = [
    {"choices": [{"delta": {"content": "{}"}}]},
    {"choices": [{"delta": {"tool_calls": [{"function": {"arguments": "{}"}}]}}]},
    {"type": "content_block_delta", "delta": {"type": "text_delta", "text": "{}"}},
    {"type": "content_block_delta", "delta": {"type": "input_json_delta", "partial_json": "{}"}},
    {"type": "content_block_delta", "delta": {"type": "thinking_delta", "thinking": "{}"}},
    {"type": "response.output_text.delta", "delta": "{}"},
    {"candidates": [{"content": {"parts": [{"text": "{}"}]}}]},
    {"message": {"role": "assistant", "content": "{}"}, "done": False},
]


@pytest.mark.parametrize("event", STREAMS)
@pytest.mark.parametrize("spaces", [True, False])
def test_the_words_of_every_dialect_are_metered(event: object, spaces: bool) -> None:
    separators = (", ", ": ") if spaces else (",", ":")
    words = 'say "so" \\ now ' * 10
    raw = json.dumps(event, separators=separators).replace("{}", json.dumps(words)[1:-1])
    assert 0.8 <= tokens_in(b"data: " + raw.encode() + b"\n\n") / (len(words) / 3) <= 1.5


def test_an_event_of_one_letter_is_a_token_and_one_without_words_is_none() -> None:
    assert tokens_in(b'data: {"choices":[{"delta":{"content":"a"}}]}\n\n' * 7) == 7
    assert tokens_in(b'event: ping\ndata: {"type": "ping"}\n\n') == 0


@given(st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1)))  # noqa: DTZ001 - zones are given below
def test_days_and_months_end_where_the_calendar_says(naive: datetime) -> None:
    moment = naive.replace(tzinfo=UTC, microsecond=0)
    now = moment.timestamp()
    midnight = moment.replace(hour=0, minute=0, second=0) + timedelta(days=1)
    assert until_next_day(now) == (midnight - moment).total_seconds()
    first = (moment.replace(day=1) + timedelta(days=32)).replace(day=1, hour=0, minute=0, second=0)
    assert until_next_month(now) == (first - moment).total_seconds()
    begun = moment.replace(day=1, hour=0, minute=0, second=0)
    assert first_day(month_of(day_of(now))) == day_of(begun.timestamp())
