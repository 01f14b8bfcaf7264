"""What is read of a prompt is the same everywhere, bounded, and blind to what does not matter."""

import subprocess
import sys

from hypothesis import given
from hypothesis import strategies as st

from baton.decide.features import BITS, HEAD_CHARS, HEAD_WORDS, SURFACE, TAIL_CHARS, TAIL_WORDS, read

PROMPT = "Which is NOT a prime?\nA. 2\nB. 9 (nine)\nC. 13"


def surface(text: str) -> dict[str, float]:
    return dict(zip(SURFACE, read(text).surface, strict=True))


def test_another_process_reads_the_same() -> None:
    program = f"from baton.decide.features import read; print(sorted(read({PROMPT!r}).buckets))"
    for seed in ("1", "2"):
        printed = subprocess.run(
            [sys.executable, "-c", program],
            check=True, capture_output=True, text=True, env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
        ).stdout  # fmt: skip
        assert printed.strip() == str(sorted(read(PROMPT).buckets))


def test_words_and_pairs_of_words_are_buckets() -> None:
    one, two, pair = read("solar").buckets, read("panel").buckets, read("solar panel").buckets
    assert len(one) == len(two) == 1
    assert one | two < pair
    assert len(pair) == 3
    assert read("panel solar").buckets != pair


def test_case_punctuation_and_the_digits_of_a_number_do_not_change_its_buckets() -> None:
    assert read("It costs 12 dollars!").buckets == read("it COSTS -- 97 Dollars").buckets
    assert read("it costs 12").buckets != read("it costs 120").buckets


def test_what_is_wrapped_around_a_task_is_not_read() -> None:
    task = "Which mountain did Hillary and Norgay climb first?"
    wrapped = f"Hello! Please help me. {task} Think step by step. Just give me the answer, thanks."
    assert read(wrapped).buckets == read(task).buckets
    assert read("Please think step by step.").buckets  # where nothing else is there, it is the task


def test_every_ideograph_is_a_word() -> None:
    assert read("安全").buckets < read("安全中心").buckets
    assert len(read("安全").buckets) == 3


def test_the_surface_counts_what_it_names() -> None:
    seen = surface(PROMPT)
    plain = surface("write to me")
    assert seen["options"] > 0 == plain["options"]
    assert seen["questions"] > 0 == plain["questions"]
    assert seen["negations"] > 0 == plain["negations"]
    assert seen["numbers"] > 0 == plain["numbers"]
    assert seen["lines"] > 0 == plain["lines"]
    assert surface("écrire")["foreign"] > 0 == plain["foreign"]
    assert surface("f(x) = {a: 1};")["code"] > 0 == plain["code"]


def test_of_a_long_text_head_and_tail_are_read_and_the_middle_costs_nothing() -> None:
    head, tail = "alpha " * HEAD_CHARS, "omega " * TAIL_CHARS
    long = read(head + "beta " * 100_000 + tail)
    assert read("alpha").buckets < long.buckets
    assert read("omega").buckets < long.buckets
    assert not read("beta").buckets <= long.buckets
    assert len(long.buckets) <= 2 * (HEAD_WORDS + TAIL_WORDS)
    assert long.length == len(head) + 500_000 + len(tail)


@given(st.text())
def test_any_text_can_be_read(text: str) -> None:
    found = read(text)
    assert found == read(text)
    assert all(0 <= bucket < 1 << BITS for bucket in found.buckets)
    assert len(found.surface) == len(SURFACE)
    assert len(found.buckets) <= 2 * (HEAD_WORDS + TAIL_WORDS)
    assert found.length == len(text)
