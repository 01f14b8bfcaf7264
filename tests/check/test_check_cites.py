"""Quotes, numbers, dates, names and addresses are traced to sources by their value."""

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from baton.check.claims import Evidence, claims_of, untraced
from baton.check.verifiers.cites import cites

CONTRACT = (
    "This agreement of 31 January 2026 is made between Acme Corporation and Miller & Sons. The notice period is\n"
    "thirty (30) days. Either party may terminate “for good cause” without notice. The fee is $1,200.50 a month, "
    "payable to https://acme.example/pay within 14 days; late fees are 2.5 %."
)
SOURCES = {"contract.txt": CONTRACT}


class Period(Struct):
    days: int
    quote: str


@pytest.mark.parametrize(
    "text",
    [
        "The notice period is 30 days.",
        "It runs from 2026-01-31, and the fee is 1.200,50 dollars.",
        'The contract says "for good cause", and Acme Corporation is bound by it.',
        "It was signed on January 31, 2026. Pay at https://acme.example/pay.",
        "The period is thirty days.\n1. It holds for both.\n2. The fee is due within 14 days.",
        "Die Frist beträgt 30 Tage, und Verzugszinsen sind 2,5 % der Summe.",
    ],
)
def test_what_stands_in_the_source_in_another_form_is_traced(text: str) -> None:
    assert untraced(text, Evidence([CONTRACT])) == ()
    assert cites(text, SOURCES).passed


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("The notice period is 60 days.", "number"),
        ("The notice period is sixty days.", "number"),
        ("The fee is 1,200.05 dollars.", "number"),
        ("The late fee is -2.5 %.", "number"),
        ("It runs from 2026-01-30.", "date"),
        ("It was signed on 1 February 2026.", "date"),
        ('The contract says "for any cause", so it can.', "quote"),
        ("It binds the Zenith Corporation as well.", "name"),
        ("The fee is paid to https://acme.example.evil/pay today.", "address"),
    ],
)
def test_what_stands_nowhere_is_named(text: str, kind: str) -> None:
    assert [claim.kind for claim in untraced(text, Evidence([CONTRACT]))] == [kind]
    verdict = cites(text, SOURCES)
    assert not verdict.passed
    assert kind in verdict.reason


@pytest.mark.parametrize(
    ("value", "right"),
    [
        (Period(30, "The notice period is thirty (30) days"), True),
        (Period(30, 'may terminate "for good cause" without'), True),
        (Period(31, "The notice period is thirty (30) days"), False),
        (Period(30, "The notice period is thirty (30) weeks"), False),
        (Period(30, "notice per"), False),
        (Period(30, ""), False),
        ({"date": "2026-01-31", "parties": ["Acme Corporation", "Miller & Sons"]}, True),
        ({"date": "2026-01-31", "parties": ["Acme Corporation", "Miller & Son"]}, False),
        ({}, False),
        ([], False),
        ("No claim is made here at all.", False),
    ],
)
def test_every_leaf_of_a_value_must_stand_in_a_source(value: Any, right: bool) -> None:
    assert cites(value, SOURCES).passed is right


def test_spans_say_where_it_stands() -> None:
    verdict = cites(Period(30, "thirty (30) days"), {"other.txt": "nothing", **SOURCES})
    span = next(one for one in verdict.spans if one.path == "quote")
    assert span.source == "contract.txt"
    assert CONTRACT[span.start : span.end] == "thirty (30) days."


def test_only_the_named_fields_are_looked_at() -> None:
    value = {"summary": "free words", "items": [{"quote": "for good cause"}, {"quote": "a month"}]}
    assert not cites(value, SOURCES).passed
    assert cites(value, SOURCES, ["items[].quote"]).passed


def test_without_a_source_nothing_is_grounded() -> None:
    for sources in ({}, {"empty.txt": ""}):
        verdict = cites(Period(30, "thirty"), sources)
        assert (verdict.passed, verdict.ran) == (False, False)


@given(st.text(max_size=200), st.text(max_size=200))
def test_no_text_breaks_it(text: str, source: str) -> None:
    claims = claims_of(text)
    assert all(claim.start < claim.end for claim in claims)
    cites(text, {"a": source})
    cites({"a": [text]}, {"a": source})


@given(st.text(min_size=1, max_size=60))
def test_a_text_is_traced_to_itself(text: str) -> None:
    assert untraced(text, Evidence([text])) == ()


WORDS = [
    "river",
    "stone",
    "cloud",
    "amber",
    "violet",
    "seven",
    "market",
    "hollow",
    "winter",
    "paper",
    "signal",
    "copper",
]


@given(st.integers(0, 10_000))
def test_a_quote_with_one_word_changed_is_refused(seed: int) -> None:
    draw = random.Random(seed)
    source = " ".join(draw.choices(WORDS, k=60))
    words = source.split()
    start = draw.randrange(50)
    quote = words[start : start + 6]
    assert cites({"quote": " ".join(quote)}, {"s": source}).passed
    quote[draw.randrange(6)] += "s"
    assert not cites({"quote": " ".join(quote)}, {"s": source}).passed


@given(st.decimals(min_value=-(10**6), max_value=10**6, places=2), st.integers(1, 99))
def test_a_number_that_is_off_by_a_cent_is_refused(value: Any, cents: int) -> None:
    source = f"the sum of it all is {value:,} and no more"
    assert cites({"sum": float(value)}, {"s": source}).passed
    assert not cites({"sum": round(float(value) + cents / 100, 2)}, {"s": source}).passed
