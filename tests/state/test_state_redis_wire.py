"""The words to Redis and its answers: however they are cut, whatever they are."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baton.state.redis_wire import Answers, Refused, packed, ready

WORDS = st.lists(st.one_of(st.text(), st.binary(), st.integers(), st.floats(allow_nan=False)), max_size=8)
TOLD = st.recursive(
    st.one_of(st.none(), st.binary(max_size=40), st.integers()), lambda one: st.lists(one, max_size=5), max_leaves=20
)


def on_the_wire(answer: Any) -> bytes:
    if answer is None:
        return b"$-1\r\n"
    if isinstance(answer, int):
        return b":%d\r\n" % answer
    if isinstance(answer, bytes):
        return b"$%d\r\n%b\r\n" % (len(answer), answer)
    return b"*%d\r\n%b" % (len(answer), b"".join(map(on_the_wire, answer)))


@given(st.lists(TOLD, max_size=6), st.integers(1, 7))
def test_answers_are_the_same_however_they_are_cut(told: list[Any], step: int) -> None:
    data = b"".join(map(on_the_wire, told))
    answers = Answers()
    for begin in range(0, len(data), step):
        answers.feed(data[begin : begin + step])
    assert answers.found == told
    assert answers.whole


@given(WORDS, WORDS, WORDS)
def test_words_that_were_packed_before_are_words_like_others(
    first: list[Any], said: list[Any], last: list[Any]
) -> None:
    command = packed([*first, ready(said), *last])
    assert command == packed([*first, *said, *last])
    answers = Answers()
    answers.feed(command)  # a command has the form of an answer
    assert answers.found == [[_raw(word) for word in (*first, *said, *last)]]


def _raw(word: Any) -> bytes:
    if isinstance(word, bytes):
        return word
    return word.encode() if isinstance(word, str) else repr(word).encode()


def test_an_error_is_an_answer_with_a_code() -> None:
    answers = Answers()
    answers.feed(b"-NOSCRIPT No matching script.\r\n*2\r\n+OK\r\n-ERR no\r\n*-1\r\n")
    first, [fine, second], nothing = answers.found
    assert isinstance(first, Refused)
    assert isinstance(second, Refused)
    assert (first.code, fine, second.code, nothing) == ("NOSCRIPT", b"OK", "ERR", None)


@pytest.mark.parametrize("data", [b"HTTP/1.1 200 OK\r\n", b"%1\r\n", b"$x\r\n", b"*1\r\n!2\r\n", b"\r\n"])
def test_what_is_no_answer_is_told(data: bytes) -> None:
    with pytest.raises(ValueError):
        Answers().feed(data)


def test_what_is_not_whole_waits() -> None:
    answers = Answers()
    answers.feed(b"*2\r\n$3\r\nab")
    assert (answers.found, answers.whole) == ([], False)
    answers.feed(b"c\r\n:7\r\n")
    assert (answers.found, answers.whole) == ([[b"abc", 7]], True)
