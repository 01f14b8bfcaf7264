"""Final answers of two models are the same or not, and how much that says."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baton.check.verifiers.rederives import compared, final_of, groups_of, rederives
from baton.types.verdict import Answer, ToolCall

SAME = [
    ("42", "The answer is 42."),
    ("So 6 * 7 = 42\n#### 42", "First add.\nThen multiply.\nThe result is $\\boxed{42}$"),
    ("1,234.50", "1234.5"),
    ("We add both.\nThat makes 17 apples in total.", "17"),
    ("B", "The answer is (B)."),
    ("b)", "Final answer: B"),
    ("B. Paris", "**Answer:** B"),
    ("Die Antwort ist C", "C"),
    ("billing", "Category: Billing"),
    ('"Billing"', "billing."),
    ('{"a": 1, "b": ["x", "y"]}', '```json\n{"b": ["y", "x"], "a": 1.0}\n```'),
    ("答案：B", "B"),
]
DIFFERENT = [
    ("42", "43"),
    ("A", "B"),
    ("billing", "technical"),
    ('{"a": 1}', '{"a": 2}'),
    ('{"a": 1}', '{"a": 1, "b": 2}'),
    ("42", "forty-two"),
    ("5 km", "5 kg"),
    ("true", "1"),
]
PROSE = "The hero leaves his village.\nHe meets a stranger who tells him of the war.\nIn the end both return."


@pytest.mark.parametrize(("one", "two"), SAME)
def test_the_same_answer_in_other_words_agrees(one: str, two: str) -> None:
    verdict = compared(Answer(one), Answer(two))
    assert verdict.passed, verdict.reason


@pytest.mark.parametrize(("one", "two"), DIFFERENT)
def test_other_answers_do_not_agree(one: str, two: str) -> None:
    verdict = compared(Answer(one), Answer(two))
    assert not verdict.passed
    assert verdict.ran


def test_texts_without_a_final_answer_cannot_be_compared() -> None:
    verdict = compared(Answer(PROSE), Answer(PROSE))
    assert (verdict.passed, verdict.ran) == (False, False)


@pytest.mark.parametrize(
    ("text", "space"),
    [("B", "small"), ("yes", "small"), ("3", "small"), ("1297", "large"), ("12.5 km", "large"), ('{"a": 1}', "large")],
)
def test_small_answer_spaces_are_told_apart(text: str, space: str) -> None:
    assert final_of(Answer(text)).space == space
    assert compared(Answer(text), Answer(text)).level == space


def test_calls_of_tools_agree_by_name_and_arguments() -> None:
    one = Answer("", (ToolCall("search", '{"q": "x", "n": 1}'),))
    assert compared(one, Answer("I look it up", (ToolCall("search", '{"n":1.0,"q":"X"}'),))).passed
    assert not compared(one, Answer("", (ToolCall("search", '{"q": "y", "n": 1}'),))).passed
    assert not compared(one, Answer("", (ToolCall("find", '{"q": "x", "n": 1}'),))).passed


def test_another_model_is_asked_once() -> None:
    asked = []

    async def ask() -> Answer:
        asked.append(1)
        return Answer("It is 42")

    assert asyncio.run(rederives(Answer("42"), ask)).passed
    assert asked == [1]


@given(st.lists(st.sampled_from(["1", "2", "a b", "A", '{"x": 1}', PROSE, ""]) | st.text(max_size=40)))
def test_groups_are_those_of_agreement(texts: list[str]) -> None:
    answers = [Answer(text) for text in texts]
    groups = groups_of(answers)
    for one, group in zip(answers, groups, strict=True):
        if group in groups[: groups.index(group)]:
            assert compared(one, answers[groups.index(group)]).passed
        first = answers[groups.index(group)]
        assert first is one or compared(first, one).passed


@given(st.text(max_size=60), st.text(max_size=60))
def test_agreement_has_no_order(one: str, two: str) -> None:
    assert compared(Answer(one), Answer(two)).passed == compared(Answer(two), Answer(one)).passed


def test_what_does_not_count_agrees_with_nothing() -> None:
    assert groups_of([Answer("1"), None, Answer("1"), Answer("2")]) == [0, -1, 0, 1]
