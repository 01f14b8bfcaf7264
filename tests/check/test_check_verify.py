"""What the verifiers let through and what they stop: looks right but is wrong, looks odd but is right."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from baton.check.verify import verify
from baton.types.verdict import Answer, Check, Exact, Executes, Fields, Format, Numeric, Shape, ToolCall, ToolCalled

PERSON = Shape(
    {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}, "additionalProperties": False}
)


def said(text: str) -> Answer:
    return Answer(text)


@pytest.mark.parametrize(
    ("check", "text"),
    [
        (Exact(("refund",)), " Refund. "),
        (Exact(("refund",)), "**REFUND**"),
        (Exact(("\ufb01ne",)), "fine"),
        (Exact(("yes", "ja")), "Ja!"),
        (Exact(("B",), last_line=True), "Let me see.\n\nB\n"),
        (Exact(("a b",), verbatim=True), "a b"),
        (Numeric(42), "The answer is 42."),
        (Numeric(42), "First 10, then 32, so $42$"),
        (Numeric(1234.5), "1,234.5"),
        (Numeric(1234.5), "1.234,5"),
        (Numeric(12345), "12 345"),
        (Numeric(1234), "1,234"),
        (Numeric(-3), "\u22123"),
        (Numeric(0.75), "so 3/4"),
        (Numeric(18), "It takes 7 days. #### 18"),
        (Numeric(7), "we get \\boxed{7}, since 3 + 4"),
        (Numeric(1.5, unit="km"), "1500 m"),
        (Numeric(90, unit="s"), "1.5 minutes"),
        (Numeric(12.5, unit="$"), "It costs $12.50"),
        (Numeric(5, unit="km"), "5"),
        (Numeric(6.02e23, rel_tol=0.01), "6.0e23"),
        (PERSON, '{"name": "Ada"}'),
        (PERSON, 'Here it is:\n```json\n{"name": "Ada"}\n```'),
        (Fields({"a": 1, "b": {"c": ["x", "y"]}}), '{"b": {"c": ["Y", "x"]}, "a": 1.0}'),
        (Fields({"a": 1, "b": 2}, threshold=0.5), '{"a": 1, "b": 3}'),
        (Format(max_words=3, must_include=("Hi",), bullets=0), "hi there"),
        (Format(bullets=2, lines=3), "Why:\n- a\n- b"),
        (Format(pattern=r"[A-Z]{2}-\d+"), "AB-12"),
    ],
)
def test_what_is_right_passes_also_where_it_looks_odd(check: Check, text: str) -> None:
    verdict = verify(check, said(text))
    assert verdict.passed, verdict.reason
    assert verdict.ran


@pytest.mark.parametrize(
    ("check", "text"),
    [
        (Exact(("refund",)), "no refund"),
        (Exact(("refund",)), ""),
        (Exact(("a b",), verbatim=True), "A b"),
        (Exact(("B",), last_line=True), "B\nor rather C"),
        (Numeric(42), "42, no: 43"),
        (Numeric(42), "forty-two"),
        (Numeric(1234), "1.234"),
        (Numeric(1.5, unit="km"), "1.5 kg"),
        (Numeric(1.5, unit="km"), "1.5 m"),
        (Numeric(42), "420"),
        (PERSON, '{"name": 7}'),
        (PERSON, '{"name": "Ada", "age": 3}'),
        (PERSON, '{"name": "Ada"'),
        (PERSON, '{"name": "Ada", "name": "Bob"}'),
        (PERSON, '```\n{"name": "Ada"}\n```\n```\n{"name": "Bob"}\n```'),
        (PERSON, "[" * 100_000),
        (Fields({"a": 1}), '{"a": true}'),
        (Fields({"a": 1}), '{"a": 1, "b": 2}'),
        (Fields({"a": 1}), '{"a": NaN}'),
        (Fields({"a": 1}), "[1]"),
        (Fields({"a": ["x", "x"]}), '{"a": ["x"]}'),
        (Format(max_words=3), "one two three four"),
        (Format(must_avoid=("cheap",)), "Cheaper!"),
        (Format(ends_with="."), "no stop"),
        (Format(pattern=r"[A-Z]+"), "AB c"),
    ],
)
def test_what_is_wrong_is_stopped_also_where_it_looks_right(check: Check, text: str) -> None:
    verdict = verify(check, said(text))
    assert not verdict.passed, verdict.reason
    assert verdict.ran
    assert verdict.reason


@pytest.mark.parametrize(
    ("calls", "passed"),
    [
        ((ToolCall("find", '{"city": "Bern", "days": 2}'),), True),
        ((ToolCall("find", '{"days": 2.0, "city": "bern"}'),), True),
        ((ToolCall("find", '{"city": "Bern"}'),), False),
        ((ToolCall("find", '{"city": "Bern", "days": 2'),), False),
        ((ToolCall("seek", '{"city": "Bern", "days": 2}'),), False),
        ((ToolCall("find", '{"city": "Bern", "days": 2}'),) * 2, False),
        ((), False),
    ],
)
def test_a_tool_is_called_once_with_the_right_arguments(calls: tuple[ToolCall, ...], passed: bool) -> None:
    check = ToolCalled("find", {"city": "Bern", "days": 2})
    assert verify(check, Answer("", calls)).passed is passed


@pytest.mark.parametrize(
    ("check", "says"),
    [
        (Shape({"type": 7}), "schema is not valid"),
        (Shape({"$ref": "https://example.org/schema.json"}), "not part of it"),
        (Numeric(1, unit="parsec"), "unit 'parsec' is not known"),
        (Format(pattern="("), "could not be checked"),
        (Executes(()), "no tests"),
    ],
)
def test_a_wrong_check_is_a_refusal_and_says_so(check: Check, says: str) -> None:
    verdict = verify(check, said("{}"))
    assert (verdict.passed, verdict.ran) == (False, False)
    assert says in verdict.reason


def test_the_score_of_fields_and_format_is_partial() -> None:
    assert verify(Fields({"a": 1, "b": 2}), said('{"a": 1, "b": 3}')).score == pytest.approx(0.5)
    assert verify(Format(max_words=1, must_include=("x",)), said("x y")).score == pytest.approx(0.5)


ANY_CHECK: list[Check] = [
    Exact(("x",)), Numeric(1.0, unit="km"), PERSON, Fields({"a": 1}), Format(max_words=2, pattern="a+"), ToolCalled("f"),
]  # fmt: skip


@given(text=st.text(max_size=200), arguments=st.text(max_size=50))
def test_no_answer_makes_a_verifier_raise(text: str, arguments: str) -> None:
    for check in ANY_CHECK:
        verdict = verify(check, Answer(text, (ToolCall("f", arguments),)))
        assert 0.0 <= verdict.score <= 1.0
        assert verdict.ran or not verdict.passed


leaves = st.none() | st.booleans() | st.integers(-(10**6), 10**6) | st.text(max_size=10)
objects: st.SearchStrategy[dict[str, Any]] = st.dictionaries(
    st.text(min_size=1, max_size=5),
    leaves | st.lists(leaves, max_size=3) | st.dictionaries(st.text(max_size=3), leaves, max_size=2),
    max_size=4,
)


@given(gold=objects)
def test_gold_passes_its_own_check(gold: dict[str, Any]) -> None:
    text = msgspec.json.encode(gold).decode()
    assert verify(Fields(gold), said(text)).passed
    assert verify(ToolCalled("f", gold), Answer("", (ToolCall("f", text),))).passed


@given(number=st.floats(-1e12, 1e12, allow_nan=False), places=st.integers(0, 4))
def test_a_number_is_read_as_it_is_written(number: float, places: int) -> None:
    written = f"{number:,.{places}f}"
    assert verify(Numeric(float(f"{number:.{places}f}")), said(f"The result is {written}.")).passed
