"""What is wrapped around a task is told apart from the task."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baton.decide.wrapper import unwrapped

TASK = "Which enzyme unwinds the double helix?"


@pytest.mark.parametrize(
    "wrapped",
    [
        f"{TASK} Please think step by step.",
        f"Hi! {TASK}\nThis is a difficult problem, so reason through it step by step.",
        f"Answer the following question. {TASK} Just tell me yes or no if you can.",
        f"{TASK}\n\nThank you very much! Only the letter, please.\nAnswer:",
    ],
)
def test_sentences_about_the_answer_fall_off(wrapped: str) -> None:
    assert unwrapped(wrapped).strip() == TASK


@pytest.mark.parametrize(
    "task",
    [
        TASK,
        "What is the capital of France?",
        "Please explain the answer.",
        f"{TASK} Explain the role of ATP in muscle tissue.",
        "A) helicase B) ligase",
        "Which is NOT a prime?",
        "",
    ],
)
def test_a_task_stays_whole(task: str) -> None:
    assert unwrapped(task) == task


@given(st.text())
def test_what_is_left_is_a_part_of_the_text(text: str) -> None:
    left = unwrapped(text)
    assert left in text
    assert left or not text
