"""The label-free prior rises with what a prompt says, and hardly with how it is wrapped."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baton.decide.prior import hardness

EASY = "What is the capital of France?"
HARD = (
    "A merchant buys 40 barrels of oil at 12 dollars, sells a third of them in Genoa, loses two to a leak, pays a toll "
    "of 5 percent on the rest, and trades what remains in Tunis for silk, of which each bale weighs 30 kilograms and "
    "fetches 90 dollars in Venice. How much does he gain if a ship costs 150 dollars a month and he is away for three?"
)
WRAPPERS = [
    "Hello, please help me. {}",
    "{} Thank you very much!",
    "{} Let's think step by step.",
    "{} This is a difficult problem, so reason through it step by step.",
    "The following is a question. {} Answer:",
    "{} Just tell me yes or no if you can.",
    "{} Prove each step of your reasoning rigorously.",
    "{0}\n{0}",
]


def difficulty(text: str) -> float:
    found = hardness(text).difficulty
    assert found is not None
    return found


def test_what_says_more_is_harder() -> None:
    assert difficulty(EASY) < 0.2 < 0.6 < difficulty(HARD)


@pytest.mark.parametrize("wrapper", WRAPPERS)
@pytest.mark.parametrize("prompt", [EASY, HARD])
def test_a_wrapper_hardly_moves_it(wrapper: str, prompt: str) -> None:
    assert difficulty(wrapper.format(prompt)) == pytest.approx(difficulty(prompt), abs=0.1)


@given(st.text(), st.text())
def test_adding_text_never_makes_a_prompt_look_easier(prompt: str, more: str) -> None:
    before, after = hardness(prompt).difficulty, hardness(f"{prompt}\n{more}").difficulty
    assert before is None or after is None or after >= before


@pytest.mark.parametrize(
    "code",
    [
        "Write a python function to get the difference between two lists.",
        "Fix this:\n```\nx = \n```",
        "from typing import List\n\ndef has_close(numbers):\n    pass",
    ],
)
def test_of_code_it_says_nothing(code: str) -> None:
    found = hardness(code)
    assert found.difficulty is None
    assert "code" in found.why


def test_of_solved_examples_it_says_nothing() -> None:
    few_shot = "Which is a mammal?\nA) trout\nB) cow\nAnswer:\nB\n\nWhich is a bird?\nA) owl\nB) cat\nAnswer:"
    found = hardness(few_shot)
    assert found.difficulty is None
    assert "examples" in found.why
    assert hardness("Which is a bird?\nA) owl\nB) cat\nAnswer:").difficulty is not None


@given(st.text())
def test_it_says_something_between_0_and_1_or_why_not(text: str) -> None:
    found = hardness(text)
    assert found.gains is None
    assert found.why
    assert found.difficulty is None or 0 < found.difficulty < 1
